/* The engine of the losses. With z^ the rows of all ranks, scaled to unit length (or not), s_ij = z^_i . z^_j / T, and L the mean of the
   anchors' losses l_i over all 2G,

     dL/dz^_i = 1 / (2G T) sum_j (dl_i/ds_ij + dl_j/ds_ij) z^_j ,

   because s is symmetric: a rank finds the gradient of its own rows from gathered z^ and a few gathered numbers an anchor, and nothing is
   reduced. Then through the scaling: dz = (g - (g . z^) z^) / |z|. Similarities exist as tiles of ROWS x SIDE, made twice, from gathered rows
   arranged as panels once. exp is kept in range by a bound: 1 / T for unit rows, or, where that leaves too little room, the largest
   similarity of each row, found first.

   A lone rank owns both sides of every pair: for ntxent each tile of the upper triangle then serves its rows and its columns, at half the
   arithmetic; every thread adds to sums of its own, which are joined in the order of threads. */
#include "clr/gemm.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "ops.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#define DECLARE(name) CLR_KERNEL_DECLARE(const clr_loss_op, clr_loss_##name);
CLR_LOSS_OPS(DECLARE)
CLR_KERNEL_DECLARE(const clr_loss_both, clr_loss_both);

enum { ROWS = 48, SIDE = 192, LD = SIDE + 16, TILE = SIDE * LD, BOTH_THREADS = 16 }; /* LD: a column's places differ in the cache */
static const double NORM_FLOOR = 1e-12; /* of a row's squared length, as the paper's code has it */

typedef struct clr_loss {
    clr_objective objective;
    clr_comm *comm;
    clr_loss_config config;
    const clr_loss_op *op;
    const clr_loss_both *both;
    const clr_panel_op *panel;
    int64_t images, all, first; /* G; 2G; where this rank's rows begin */
    int mine, dim, threads;     /* 2B; D */
    bool bounded, shared;       /* 1 / T bounds well enough; the triangle */
    float scale;                /* 1 / T */
    int64_t *counts;            /* of each rank, in whatever is gathered */
    float *z, *gathered, *inverse; /* z^ of this rank, of all; 1 / |z| */
    float *across, *along;      /* for each SIDE gathered rows: panels of their transpose over T (D, SIDE), of themselves (SIDE, D) */
    int64_t across_step, along_step;
    float *facts, *all_facts;   /* positive, p, q of each anchor */
    clr_loss_anchor *anchor;
    int32_t *above, *least;     /* negatives of each anchor above its high, at its low or above; shared: of each thread */
    float *tile, *weights;      /* one a thread: (ROWS, LD), or (SIDE, LD) */
    double *sums;               /* shared: 2 a row and thread */
    float *parts;               /* shared: dz of all rows, one a thread but the first */
    double *negative;           /* sum of similarities, one a thread */
    double *mean;               /* (D) */
} clr_loss;

static int64_t rows_of(const clr_loss *loss, int rank)
{
    int ranks = clr_comm_size(loss->comm);
    return 2 * (clr_share(loss->images, ranks, rank + 1) - clr_share(loss->images, ranks, rank));
}

static int64_t blocks_of(int64_t rows)
{
    return (rows + SIDE - 1) / SIDE;
}

int64_t clr_loss_bytes(int64_t images, int64_t mine, int dim)
{
    int threads = omp_get_max_threads();
    int64_t both = mine == images ? (threads < BOTH_THREADS ? threads : BOTH_THREADS) : 0;
    int64_t panels = blocks_of(2 * images) * (clr_panel_current()->floats(dim, SIDE) + clr_panel_current()->floats(SIDE, dim));

    return (int64_t)sizeof(float) * (panels + 2 * images * (dim + 3) + 2 * mine * (dim + 6 + (int64_t)sizeof(clr_loss_anchor) / 4) +
                                     2 * threads * TILE + both * 2 * images * (dim + 6) + 2 * dim);
}

static clr_status apply(clr_objective *objective, const clr_objective_rows *rows, float *dz, clr_objective_result *result);
static void close_(clr_objective *objective);
static const clr_objective_op contrastive = {.name = "contrastive", .whole = true, .apply = apply, .close = close_};

clr_status clr_loss_new(clr_comm *comm, const clr_loss_config *config, int64_t images, int dim, clr_objective **out)
{
    int ranks = clr_comm_size(comm), rank = clr_comm_rank(comm);

    *out = NULL;
    if (images < 2)
        return clr_fail(CLR_EUSAGE, "a batch of one image has no negatives: --batch must be at least 2");
    if (images < ranks)
        return clr_fail(CLR_EUSAGE, "%lld images for %d ranks: each needs one", (long long)images, ranks);
    clr_loss *loss = CLR_NEW(clr_loss, 1);
#define PICK(name) CLR_KERNEL_PICK(clr_loss_##name),
    const clr_loss_op *const ops[] = {CLR_LOSS_OPS(PICK)};
    *loss = (clr_loss){.objective = {&contrastive, dim}, .comm = comm, .config = *config, .op = ops[config->kind], .both = CLR_KERNEL_PICK(clr_loss_both),
                       .panel = clr_panel_current(), .images = images, .all = 2 * images, .dim = dim, .threads = omp_get_max_threads()};
    loss->scale = config->kind == 2 ? 1 : (float)(1 / config->temperature);
    loss->bounded = config->l2norm && loss->scale <= 40; /* exp(-2 / T) stays a normal number */
    loss->shared = ranks == 1 && config->kind == 0 && loss->bounded && !config->one_view && loss->threads <= BOTH_THREADS;
    loss->counts = CLR_NEW(int64_t, ranks);
    loss->mine = (int)rows_of(loss, rank);
    for (int r = 0; r < rank; r++)
        loss->first += rows_of(loss, r);
    loss->gathered = CLR_NEW(float, loss->all * dim);
    loss->across_step = loss->panel->floats(dim, SIDE);
    loss->along_step = loss->panel->floats(SIDE, dim);
    loss->across = CLR_NEW(float, blocks_of(loss->all) * loss->across_step);
    loss->along = CLR_NEW(float, blocks_of(loss->all) * loss->along_step);
    loss->z = CLR_NEW(float, (int64_t)loss->mine * dim);
    loss->inverse = CLR_NEW(float, loss->mine);
    loss->facts = CLR_NEW(float, 3 * (int64_t)loss->mine);
    loss->all_facts = CLR_NEW(float, 3 * loss->all);
    loss->anchor = CLR_NEW(clr_loss_anchor, loss->mine);
    int64_t places = (int64_t)loss->mine * (loss->shared ? loss->threads : 1) + 64;
    loss->above = CLR_NEW(int32_t, places);
    loss->least = CLR_NEW(int32_t, places);
    loss->tile = CLR_NEW(float, (int64_t)loss->threads * TILE);
    loss->weights = CLR_NEW(float, (int64_t)loss->threads * TILE);
    loss->negative = CLR_NEW(double, loss->threads);
    loss->mean = CLR_NEW(double, dim);
    if (loss->shared) {
        loss->sums = CLR_NEW(double, 2 * loss->all * loss->threads);
        loss->parts = CLR_NEW(float, loss->all * dim * (loss->threads - 1) + 1);
    }
    *out = &loss->objective;
    return CLR_OK;
}

static void close_(clr_objective *objective)
{
    clr_loss *loss = (clr_loss *)objective;
    void *all[] = {loss->counts, loss->gathered, loss->z,    loss->inverse, loss->facts, loss->all_facts, loss->anchor,
                   loss->above,  loss->least,    loss->tile, loss->weights, loss->sums,  loss->parts,     loss->negative, loss->mean,
                   loss->across, loss->along};
    for (size_t i = 0; i < CLR_COUNT(all); i++)
        clr_free(all[i]);
    clr_free(loss);
}

double clr_loss_chance(const clr_loss_config *config, int64_t images)
{
    if (config->kind != 0)
        return NAN;
    return log(config->one_view ? (double)images : 2 * (double)images - 1);
}

/* The rank that holds a gathered row begins at *first with *rows rows: first views, then second. */
static void block_of(const clr_loss *loss, int64_t row, int64_t *first, int64_t *rows)
{
    *first = 0;
    for (int r = 0;; r++, *first += *rows) {
        *rows = rows_of(loss, r);
        if (row < *first + *rows)
            return;
    }
}

static int64_t partner(const clr_loss *loss, int64_t row)
{
    int64_t first, rows;

    block_of(loss, row, &first, &rows);
    return first + (row - first + rows / 2) % rows;
}

static float dot(const float *a, const float *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return (float)sum;
}

/* z -> z^ of this rank, gathered, and as panels. Returns the seconds of gathering. */
static double gather_rows(clr_loss *loss, const float *z)
{
    int dim = loss->dim;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < loss->mine; i++) {
        const float *row = z + (int64_t)i * dim;
        double square = 0;
        for (int d = 0; d < dim; d++)
            square += (double)row[d] * row[d];
        loss->inverse[i] = loss->config.l2norm ? (float)(1 / sqrt(square > NORM_FLOOR ? square : NORM_FLOOR)) : 1;
        for (int d = 0; d < dim; d++)
            loss->z[(int64_t)i * dim + d] = row[d] * loss->inverse[i];
    }
    double begin = clr_seconds();
    for (int r = 0; r < clr_comm_size(loss->comm); r++)
        loss->counts[r] = rows_of(loss, r) * dim;
    clr_comm_gather_all(loss->comm, loss->z, loss->gathered, loss->counts);
    double seconds = clr_seconds() - begin;
#pragma omp parallel for schedule(static)
    for (int64_t block = 0; block < blocks_of(loss->all); block++) {
        const float *from = loss->gathered + block * SIDE * dim;
        int rows = (int)clr_min64(SIDE, loss->all - block * SIDE);
        loss->panel->pack(true, dim, rows, loss->scale, from, dim, loss->across + block * loss->across_step);
        loss->panel->pack(false, rows, dim, 1, from, dim, loss->along + block * loss->along_step);
    }
    return seconds;
}

static double gather_facts(clr_loss *loss)
{
    double begin = clr_seconds();

    for (int i = 0; i < loss->mine; i++) {
        const clr_loss_anchor *a = &loss->anchor[i];
        float *to = loss->facts + 3 * (int64_t)i;
        to[0] = a->positive, to[1] = a->p, to[2] = a->q;
    }
    for (int r = 0; r < clr_comm_size(loss->comm); r++)
        loss->counts[r] = rows_of(loss, r) * 3;
    clr_comm_gather_all(loss->comm, loss->facts, loss->all_facts, loss->counts);
    return clr_seconds() - begin;
}

/* Masks what is no negative of gathered row `row` in its similarities s to columns c0 .. c0+n-1. */
static void mask(const clr_loss *loss, int64_t row, int64_t c0, int n, float *s)
{
    int64_t other = partner(loss, row);

    if (row >= c0 && row < c0 + n)
        s[row - c0] = CLR_MASKED;
    if (other >= c0 && other < c0 + n)
        s[other - c0] = CLR_MASKED;
    if (!loss->config.one_view)
        return;
    int64_t first, rows;
    block_of(loss, row, &first, &rows);
    bool second = row - first >= rows / 2;
    for (int64_t column = c0; column < c0 + n;) { /* stretches of one view */
        block_of(loss, column, &first, &rows);
        int64_t middle = first + rows / 2, end = column < middle ? middle : first + rows;
        bool same = (column >= middle) == second;
        end = end < c0 + n ? end : c0 + n;
        for (int64_t j = column; j < end && same; j++)
            s[j - c0] = CLR_MASKED;
        column = end;
    }
}

static void similarities(const clr_loss *loss, int64_t row, int rows, int64_t block, int columns, float *s)
{
    loss->panel->multiply(rows, columns, loss->dim, loss->gathered + row * loss->dim, loss->dim, 1, loss->across + block * loss->across_step,
                          false, s, LD, NULL);
}

/* dz (rows, D) = [dz +] w (rows, columns) . z^ of a block; or of w's transpose, which lies with rows and columns exchanged. */
static void weighted(const clr_loss *loss, bool transposed, const float *w, int rows, int64_t block, int columns, bool add, float *dz)
{
    loss->panel->multiply(rows, loss->dim, columns, w, transposed ? 1 : LD, transposed ? LD : 1, loss->along + block * loss->along_step, add, dz,
                          loss->dim, NULL);
}

/* ---- any loss, any number of ranks: this rank's rows against all columns ---- */

static void rows_gather(clr_loss *loss)
{
#pragma omp parallel num_threads(loss->threads)
    {
        float *s = loss->tile + (int64_t)omp_get_thread_num() * TILE;
        double negative = 0;
#pragma omp for schedule(static)
        for (int i0 = 0; i0 < loss->mine; i0 += ROWS) {
            int rows = (int)clr_min64(ROWS, loss->mine - i0);
            for (int pass = loss->bounded ? 1 : 0; pass < 2; pass++)
                for (int64_t c0 = 0; c0 < loss->all; c0 += SIDE) {
                    int columns = (int)clr_min64(SIDE, loss->all - c0);
                    similarities(loss, loss->first + i0, rows, c0 / SIDE, columns, s);
                    for (int i = 0; i < rows; i++) {
                        clr_loss_anchor *a = &loss->anchor[i0 + i];
                        float *row = s + (int64_t)i * LD;
                        mask(loss, loss->first + i0 + i, c0, columns, row);
                        if (pass == 0) {
                            for (int j = 0; j < columns; j++)
                                a->shift = row[j] > a->shift ? row[j] : a->shift;
                            continue;
                        }
                        loss->op->gather(&loss->config, row, columns, a);
                        loss->both->place(row, columns, a->high, a->low, &loss->above[i0 + i], &loss->least[i0 + i], &negative);
                    }
                }
        }
        loss->negative[omp_get_thread_num()] = negative;
    }
}

/* s -> dl_i/ds + dl_j/ds of ntxent, whose both sides differ by a factor: exp(s - lse) = exp(s - shift) / sum. */
static void both_sides(const clr_loss *loss, int i0, int rows, int64_t c0, int columns, float *s)
{
    float row_inverse[SIDE], column_inverse[SIDE];

    for (int i = 0; i < rows; i++)
        row_inverse[i] = expf(loss->scale - loss->anchor[i0 + i].p);
    for (int j = 0; j < columns; j++)
        column_inverse[j] = expf(loss->scale - loss->all_facts[3 * (c0 + j) + 1]);
    for (int i = 0; i < rows; i++)
        for (int j = columns; j < SIDE; j++)
            s[(int64_t)i * LD + j] = CLR_MASKED;
    memset(column_inverse + columns, 0, (size_t)(SIDE - columns) * sizeof *column_inverse);
    loss->both->weigh(s, rows, SIDE, LD, loss->scale, row_inverse, column_inverse);
}

/* The same of any loss, into w. */
static void each_side(const clr_loss *loss, int i0, int rows, int64_t c0, int columns, const float *s, float *w)
{
    for (int i = 0; i < rows; i++) {
        const clr_loss_anchor *a = &loss->anchor[i0 + i];
        const float *row = s + (int64_t)i * LD;
        float *weight = w + (int64_t)i * LD;
        memset(weight, 0, (size_t)columns * sizeof *weight);
        loss->op->weigh(&loss->config, row, columns, a->positive, a->p, a->q, weight);
        for (int j = 0; j < columns; j++) {
            const float *facts = loss->all_facts + 3 * (c0 + j);
            if (loss->config.kind == 0) /* exp(s - lse): a call for each would take longer than the products */
                weight[j] += row[j] > CLR_MASKED / 2 ? expf(row[j] - facts[1]) : 0;
            else
                loss->op->weigh(&loss->config, row + j, 1, facts[0], facts[1], facts[2], weight + j);
        }
    }
}

static void rows_weigh(clr_loss *loss, float *dz)
{
    int dim = loss->dim;
    bool factor = loss->config.kind == 0 && loss->bounded; /* between the two sides */

#pragma omp parallel num_threads(loss->threads)
    {
        float *s = loss->tile + (int64_t)omp_get_thread_num() * TILE, *w = loss->weights + (int64_t)omp_get_thread_num() * TILE;
#pragma omp for schedule(static)
        for (int i0 = 0; i0 < loss->mine; i0 += ROWS) {
            int rows = (int)clr_min64(ROWS, loss->mine - i0);
            for (int64_t c0 = 0; c0 < loss->all; c0 += SIDE) {
                int columns = (int)clr_min64(SIDE, loss->all - c0);
                similarities(loss, loss->first + i0, rows, c0 / SIDE, columns, s);
                for (int i = 0; i < rows; i++)
                    mask(loss, loss->first + i0 + i, c0, columns, s + (int64_t)i * LD);
                if (factor)
                    both_sides(loss, i0, rows, c0, columns, s);
                else
                    each_side(loss, i0, rows, c0, columns, s, w);
                weighted(loss, false, factor ? s : w, rows, c0 / SIDE, columns, c0 > 0, dz + (int64_t)i0 * dim);
            }
        }
    }
}

/* ---- ntxent on a lone rank: the triangle ---- */

/* Tile number t of the triangle: row block i <= column block j. */
static void corner(int64_t t, int64_t blocks, int64_t *i, int64_t *j)
{
    for (*i = 0; t >= blocks - *i; ++*i)
        t -= blocks - *i;
    *j = *i + t;
}

/* The tile with what is no negative masked, its columns padded to whole SIDE. */
static void triangle_tile(const clr_loss *loss, int64_t r0, int64_t c0, float *s, int *rows, int *columns)
{
    *rows = (int)clr_min64(SIDE, loss->all - r0);
    *columns = (int)clr_min64(SIDE, loss->all - c0);
    similarities(loss, r0, *rows, c0 / SIDE, *columns, s);
    for (int i = 0; i < *rows; i++) {
        int64_t row = r0 + i, other = row < loss->images ? row + loss->images : row - loss->images;
        float *at = s + (int64_t)i * LD;
        if (row >= c0 && row < c0 + *columns)
            at[row - c0] = CLR_MASKED;
        if (other >= c0 && other < c0 + *columns)
            at[other - c0] = CLR_MASKED;
        for (int j = *columns; j < SIDE; j++)
            at[j] = CLR_MASKED;
    }
}

static void edges_of(const clr_loss *loss, int64_t first, int n, float *high, float *low)
{
    for (int k = 0; k < SIDE; k++) {
        high[k] = k < n ? loss->anchor[first + k].high : 0;
        low[k] = k < n ? loss->anchor[first + k].low : 0;
    }
}

static void triangle_gather(clr_loss *loss)
{
    int64_t n = loss->all, blocks = blocks_of(n), tiles = blocks * (blocks + 1) / 2;

#pragma omp parallel num_threads(loss->threads)
    {
        int thread = omp_get_thread_num();
        float *s = loss->tile + (int64_t)thread * TILE;
        double *a = loss->sums + 2 * n * thread, *b = a + n;
        int32_t *above = loss->above + n * thread, *least = loss->least + n * thread, counts[2][SIDE];
        float ca[SIDE], cb[SIDE], edges[4][SIDE];
        memset(a, 0, 2 * (size_t)n * sizeof *a);
        memset(above, 0, (size_t)n * sizeof *above);
        memset(least, 0, (size_t)n * sizeof *least);
        for (int64_t t = thread; t < tiles; t += loss->threads) {
            int64_t i, j;
            int rows, columns;
            corner(t, blocks, &i, &j);
            triangle_tile(loss, i * SIDE, j * SIDE, s, &rows, &columns);
            edges_of(loss, i * SIDE, rows, edges[0], edges[1]);
            edges_of(loss, j * SIDE, columns, edges[2], edges[3]);
            memset(ca, 0, sizeof ca);
            memset(cb, 0, sizeof cb);
            memset(counts, 0, sizeof counts);
            const clr_loss_places row = {edges[0], edges[1], above + i * SIDE, least + i * SIDE}, column = {edges[2], edges[3], counts[0], counts[1]};
            loss->both->gather(s, rows, SIDE, LD, loss->scale, a + i * SIDE, b + i * SIDE, &row, i < j ? ca : NULL, cb, &column);
            for (int k = 0; k < columns && i < j; k++) {
                a[j * SIDE + k] += ca[k];
                b[j * SIDE + k] += cb[k];
                above[j * SIDE + k] += counts[0][k];
                least[j * SIDE + k] += counts[1][k];
            }
        }
    }
    for (int64_t i = 0; i < n; i++)
        for (int thread = 0; thread < loss->threads; thread++) {
            loss->anchor[i].a += loss->sums[2 * n * thread + i];
            loss->anchor[i].b += loss->sums[2 * n * thread + n + i];
            loss->above[i] += thread ? loss->above[n * thread + i] : 0;
            loss->least[i] += thread ? loss->least[n * thread + i] : 0;
        }
}

static void triangle_weigh(clr_loss *loss, float *dz)
{
    int64_t n = loss->all, blocks = blocks_of(n), tiles = blocks * (blocks + 1) / 2;
    int dim = loss->dim;

#pragma omp parallel num_threads(loss->threads)
    {
        int thread = omp_get_thread_num();
        float *s = loss->tile + (int64_t)thread * TILE, *out = thread ? loss->parts + n * dim * (thread - 1) : dz;
        memset(out, 0, (size_t)(n * dim) * sizeof *out);
        for (int64_t t = thread; t < tiles; t += loss->threads) {
            int64_t i, j;
            int rows, columns;
            corner(t, blocks, &i, &j);
            triangle_tile(loss, i * SIDE, j * SIDE, s, &rows, &columns);
            both_sides(loss, (int)(i * SIDE), rows, j * SIDE, columns, s);
            weighted(loss, false, s, rows, j, columns, true, out + i * SIDE * dim);
            if (i < j)
                weighted(loss, true, s, columns, i, rows, true, out + j * SIDE * dim);
        }
#pragma omp barrier
#pragma omp for schedule(static)
        for (int64_t k = 0; k < n * dim; k++)
            for (int other = 0; other < loss->threads - 1; other++)
                dz[k] += loss->parts[n * dim * other + k];
    }
}

/* sum over j of z^_i . z^_j without i and its partner, from the sum of all rows: what the triangle does not count. */
static double negative_sum(const clr_loss *loss)
{
    double total = 0;

    for (int d = 0; d < loss->dim; d++) {
        double sum = 0;
        for (int64_t i = 0; i < loss->all; i++)
            sum += loss->gathered[i * loss->dim + d];
        total += sum * sum;
    }
    for (int i = 0; i < loss->mine; i++)
        total -= dot(loss->z + (int64_t)i * loss->dim, loss->z + (int64_t)i * loss->dim, loss->dim) + loss->anchor[i].positive / loss->scale;
    return total * loss->scale;
}

/* Equal rows have sums of D products that are one number but for rounding: the positive's is made in double, the others' in float, where
   D equal terms, each rounded the same way, are off by D / 4 eps. */
static void start(clr_loss *loss)
{
    const float near = ((float)loss->dim / 4 + 2) * FLT_EPSILON;

    for (int i = 0; i < loss->mine; i++) {
        int64_t other = partner(loss, loss->first + i);
        float s = loss->scale * dot(loss->z + (int64_t)i * loss->dim, loss->gathered + other * loss->dim, loss->dim), slack = fabsf(s) * near;
        loss->anchor[i] = (clr_loss_anchor){.positive = s, .high = s + slack, .low = s - slack, .shift = loss->bounded ? loss->scale : s,
                                            .negatives = (float)(loss->config.one_view ? loss->images - 1 : loss->all - 2)};
        loss->above[i] = loss->least[i] = 0;
    }
}

/* g = dL/dz^ times 2G T in dz -> dz. */
static void finish(clr_loss *loss, float *dz)
{
    int dim = loss->dim;
    float share = loss->scale / (float)loss->all;

#pragma omp parallel for schedule(static)
    for (int i = 0; i < loss->mine; i++) {
        int64_t other = partner(loss, loss->first + i);
        float *g = dz + (int64_t)i * dim;
        const float *z = loss->z + (int64_t)i * dim, *positive = loss->gathered + other * dim;
        float weight = loss->anchor[i].weight + loss->anchor[other - loss->first].weight;
        for (int d = 0; d < dim; d++)
            g[d] = share * (g[d] + weight * positive[d]);
        if (!loss->config.l2norm)
            continue;
        bool floored = loss->inverse[i] >= (float)(1 / sqrt(NORM_FLOOR)); /* then the length is a constant */
        float along = floored ? 0 : dot(g, z, dim);
        for (int d = 0; d < dim; d++)
            g[d] = (g[d] - along * z[d]) * loss->inverse[i];
    }
}

/* The probability that the positive of anchor i is among the most similar `places`, where negatives as similar as it come in random order. */
static double among(const clr_loss *loss, int i, int places)
{
    int left = places - loss->above[i], level = loss->least[i] - loss->above[i];

    return left <= 0 ? 0 : left > level ? 1 : left / (level + 1.0);
}

/* 1 - |mean of rows|^2 / mean of |row|^2. */
static double spread(clr_loss *loss)
{
    double squares = 0, mean = 0;

    memset(loss->mean, 0, (size_t)loss->dim * sizeof *loss->mean);
    for (int64_t i = 0; i < loss->all; i++)
        for (int d = 0; d < loss->dim; d++) {
            double x = loss->gathered[i * loss->dim + d];
            loss->mean[d] += x;
            squares += x * x;
        }
    for (int d = 0; d < loss->dim; d++)
        mean += loss->mean[d] * loss->mean[d];
    return squares > 0 ? fmax(0, 1 - mean / ((double)loss->all * squares)) : 0;
}

static clr_status apply(clr_objective *objective, const clr_objective_rows *rows, float *dz, clr_objective_result *result)
{
    clr_loss *loss = (clr_loss *)objective;
    const float *z = rows->x;
    double sums[8] = {0}, pairs = (double)loss->all * (loss->config.one_view ? (double)loss->images - 1 : (double)loss->all - 2);
    double seconds = gather_rows(loss, z);

    start(loss);
    loss->shared ? triangle_gather(loss) : rows_gather(loss);
    for (int i = 0; i < loss->mine; i++) {
        clr_loss_anchor *a = &loss->anchor[i];
        loss->op->settle(&loss->config, a);
        sums[0] += a->loss;
        sums[1] += among(loss, i, 1);
        sums[2] += among(loss, i, 5);
        sums[3] += a->entropy;
        sums[4] += a->positive / loss->scale;
    }
    if (loss->shared)
        sums[5] = negative_sum(loss);
    for (int thread = 0; thread < loss->threads && !loss->shared; thread++)
        sums[5] += loss->negative[thread];
    for (int i = 0; i < loss->mine; i++)
        sums[6] += !isfinite(loss->anchor[i].loss);
    double begin = clr_seconds();
    clr_comm_sum_double(loss->comm, sums, 8);
    seconds += clr_seconds() - begin + gather_facts(loss);
    loss->shared ? triangle_weigh(loss, dz) : rows_weigh(loss, dz);
    finish(loss, dz);
    *result = (clr_objective_result){.loss = sums[0] / (double)loss->all,
                                .top1 = sums[1] / (double)loss->all,
                                .top5 = sums[2] / (double)loss->all,
                                .entropy = sums[3] / (double)loss->all,
                                .positive = sums[4] / (double)loss->all,
                                .negative = pairs > 0 ? sums[5] / loss->scale / pairs : 0,
                                .spread = spread(loss),
                                .gather_seconds = seconds};
    for (int64_t i = 0; i < (int64_t)loss->mine * loss->dim; i++)
        if (!isfinite(z[i]))
            return clr_fail(CLR_ENUMERIC, "the embedding of view %lld of this rank is not finite", (long long)(i / loss->dim));
    if (!isfinite(result->loss))
        return clr_fail(CLR_ENUMERIC, "the loss is not finite");
    return CLR_OK;
}
