/* SPDX-License-Identifier: BSD-3-Clause */
/* Convolutions with 3x3 taps, stride 1 and a border of one pixel by Winograd's minimal filtering (Winograd 1980,
   chapter V; Lavin and Gray, arXiv 1509.09308), in fp32.

   One dimension. Let a = m + 2. A product of polynomials s = y g, of m and 3 coefficients, is known from its values at
   a - 1 points p_i and its leading coefficient, its value at infinity:
     s(x) = sum_i s(p_i) L_i(x) / N_i + s_inf M(x),   L_i = prod_(j != i) (x - p_j),   N_i = L_i(p_i),
                                                      M = prod_j (x - p_j).
   Take matrices with a row for each point,
     A_i = (1, p_i, ..., p_i^(m-1))   G_i = (1, p_i, p_i^2) / N_i   B^T_i = the a coefficients of L_i,
   and for infinity A = (0, ..., 0, 1), G = (0, 0, 1), B^T = the coefficients of M. Then s = B ((A y) . (G g)), and as
   <s, d> is linear in each of the three, its derivatives are the m outputs of a filter and the gradient of its taps:
     y  = A^T ((G g) . (B^T d))       y_j  = sum_r d_(j+r) g_r
     dg = G^T ((A dy) . (B^T d))      dg_r = sum_j dy_j d_(j+r)
   The gradient of d is again a filter, of dy, with the taps rotated by 180 degrees. a products replace 3 m. In two
   dimensions the transforms act along columns, then rows, and a^2 products replace 9 m^2: 36 for 144 with m = 4, 16 for
   36 with m = 2. Over all channels the products at each of the a^2 planes are a product of matrices: (tiles, C) (C, K)
   for y, (C, tiles) (tiles, K) for dg.

   m = 4 uses the points 0, +-5/8, +-3/2 and infinity: rounding errors grow with the spread of the points' powers, and
   against the usual 0, +-1, +-2 these more than halve them; as binary fractions they leave A and B exact. m = 2 uses 0,
   +-1 and infinity.

   How the work is cut. A filter: every thread takes its own tiles, a block at a time that its second-level cache holds:
   transform in, then for every chunk of outputs multiply and transform out (blocked). Where too many channels come in
   for that, teams of threads, each with its own tiles, transform one large block, share out the chunks, and transform
   back (phased); a chunk's weight is then transformed by whoever uses it. The weight's gradient: teams transform a
   block, and split the channels among themselves. A team passes its blocks from core to core, which is slow where the
   cores share no cache: it is one thread where there are tiles and memory enough for a large block each. Long sums are
   cut and added up in stages, for the sake of rounding. All goes by index: the same number of threads gives the same
   bits. */

#include "winograd.h"

#include "clr/isa.h"
#include "clr/mem.h"

#include <omp.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

CLR_STORED_DECLARE(const clr_winograd_kernel, clr_winograd4_kernel);
CLR_STORED_DECLARE(const clr_winograd_kernel, clr_winograd2_kernel);

enum {
    CHUNK = CLR_WINOGRAD_CHUNK,
    PANEL = CLR_WINOGRAD_PANEL,
    ROWS = 4,        /* slots are multiplied by so many at once */
    INPUTS = 256,    /* a sum over channels in one go */
    ROUND = 512,     /* tiles whose transformed gradients are summed before these are transformed back */
    CACHE = 1 << 19, /* bytes that a thread has to itself: a constant, so that every machine gives the same bits */
    SLOTS = 128,     /* of a large block */
    TEAM_BYTES = 64 << 20, /* bytes that all teams' blocks may take, and gradients of the weight beside the first */
};

/* A region of the workspace, in bytes: where the first thread's or team's part begins, and the distance to the next
   one's. */
typedef struct region {
    size_t at, step;
} region;

/* The cutting of one problem, a function of its arguments alone. */
typedef struct layout {
    clr_winograd_grid grid;
    int tile, area;      /* m, a^2 */
    int C, K;            /* the weight's */
    int inputs, outputs; /* of the filter: C and K, or for the gradient of x the other way round */
    int threads, slots, chunk, teams;
    bool wide; /* channels enough to be shared out among threads */
    region staging, v, m, u, z, sums, dw;
    size_t total;
} layout;

static region reserve(layout *plan, int count, size_t floats)
{
    region new = {plan->total, (floats * sizeof(float) + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN};
    plan->total += new.step *(size_t)count;
    return new;
}

static int least(int64_t a, int64_t b)
{
    return (int)clr_min64(a, b);
}

static int parts(int count, int size)
{
    return (count + size - 1) / size;
}

/* Threads fall into equal teams, among which `blocks` of channels divide well: as small as `tiles` fill a block of
   `bytes` for each, else as large as can be. */
static int teams_of(int threads, int blocks, int64_t tiles, size_t bytes)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 1; i <= threads; i++) {
            int size = pass ? threads + 1 - i : i, teams = threads / size;
            bool divides = threads % size == 0 && (blocks % size == 0 || blocks >= 8 * size);
            if (divides && (pass || (tiles >= (int64_t)teams * SLOTS && (size_t)teams * bytes <= TEAM_BYTES)))
                return teams;
        }
    return threads;
}

static layout plan_for(const clr_conv_problem *p, clr_direction direction, int threads, int tile)
{
    bool rotated = direction == CLR_BACKWARD_DATA, weight = direction == CLR_BACKWARD_WEIGHT;
    layout plan = {.grid = {p->h, p->w, parts(p->h, tile), parts(p->w, tile)},
                   .tile = tile,
                   .area = (tile + 2) * (tile + 2),
                   .C = p->c,
                   .K = p->k,
                   .inputs = rotated ? p->k : p->c,
                   .outputs = rotated ? p->c : p->k,
                   .threads = threads,
                   .chunk = CHUNK,
                   .teams = threads};
    int64_t tiles = (int64_t)p->n * plan.grid.tile_rows * plan.grid.tile_columns;
    int area = plan.area, widest = p->c > p->k ? p->c : p->k, blocks = parts(p->c, CHUNK) * parts(p->k, CHUNK);
    size_t block = clr_winograd_chunks(area, CHUNK, CHUNK, CHUNK);
    size_t large = sizeof(float) * ((size_t)area * SLOTS * (size_t)(p->c + p->k) +
                                    (weight ? (size_t)9 * (size_t)p->c * (size_t)p->k : 0));

    if (weight) {
        plan.wide = blocks > 1;
        plan.teams = plan.wide ? teams_of(threads, blocks, tiles, large) : threads;
        plan.slots = plan.wide ? SLOTS : least(2048 / widest, SLOTS);
    } else {
        plan.wide = sizeof(float) * (size_t)(area * 16 * plan.inputs) > CACHE * 3 / 4;
        plan.teams = plan.wide ? teams_of(threads, plan.outputs / PANEL, tiles, large) : threads;
        plan.chunk = plan.wide ? PANEL : CHUNK;
        plan.slots = plan.wide ? SLOTS : least(clr_max64(1024 / widest, 16), 64);
    }
    plan.slots = parts(least(plan.slots, clr_max64(tiles, 1)), ROWS) * ROWS;
    plan.staging =
        reserve(&plan, threads,
                clr_winograd_staging(tile, least(plan.slots, plan.grid.tile_columns), weight ? widest : plan.inputs));
    plan.v = reserve(&plan, plan.teams, (size_t)area * clr_winograd_plane(plan.slots, plan.inputs));
    plan.m = reserve(&plan, plan.teams,
                     clr_winograd_chunks(area, plan.slots, weight || plan.wide ? plan.outputs : CHUNK, plan.chunk));
    if (weight) {
        plan.z = reserve(&plan, threads, block);
        plan.dw = reserve(&plan, plan.teams - 1, (size_t)9 * (size_t)p->c * (size_t)p->k);
    } else {
        plan.u = plan.wide ? reserve(&plan, threads, clr_winograd_chunks(area, plan.inputs, plan.chunk, plan.chunk))
                           : reserve(&plan, 1, clr_winograd_chunks(area, plan.inputs, plan.outputs, plan.chunk));
        plan.sums = reserve(&plan, threads, sizeof(double) / sizeof(float) * 2 * (size_t)plan.outputs);
    }
    return plan;
}

/* Enough for any number of threads up to `threads`: a smaller number may need more of one region. */
static size_t workspace_bytes(const clr_conv_problem *problem, clr_direction direction, int threads, int tile)
{
    size_t most = 0;

    for (int t = 1; t <= threads; t++)
        most = (size_t)clr_max64((int64_t)most, (int64_t)plan_for(problem, direction, t, tile).total);
    return most;
}

/* What a thread knows of the call it serves. */
typedef struct job {
    layout plan;
    const clr_winograd_kernel *kernel;
    const clr_conv_args *args;
    clr_direction direction;
    int64_t tiles;
    int thread, threads;
} job_of_thread;

typedef const job_of_thread *task;

static float *at(task job, region p, int user)
{
    return (float *)((char *)job->args->workspace + p.at + p.step * (size_t)user);
}

/* Part i of n of `count` tiles; parts begin at multiples of ROWS. */
static int64_t share(int64_t count, int n, int i)
{
    return clr_min64(clr_share((count + ROWS - 1) / ROWS, n, i) * ROWS, count);
}

/* The most tiles of a team. */
static int64_t longest_share(task job)
{
    return parts((int)((job->tiles + ROWS - 1) / ROWS), job->plan.teams) * (int64_t)ROWS;
}

typedef struct range {
    int first, end;
} range;

static range part_of(int count, int n, int i)
{
    return (range){(int)clr_share(count, n, i), (int)clr_share(count, n, i + 1)};
}

static int width_of(task job, int channels, int k)
{
    return least(channels - k, job->plan.chunk);
}

/* Plane i of the chunk of channels k on, of a block of U or M. */
static float *plane_of(task job, float *block, int rows, int channels, int k, int i)
{
    return block + clr_winograd_chunks(job->plan.area, rows, k, job->plan.chunk) +
           (size_t)i * clr_winograd_plane(rows, width_of(job, channels, k));
}

/* Plane i of V, from channel c on. */
static float *inputs_of(task job, float *v, int i, int c)
{
    const layout *p = &job->plan;

    return v + (size_t)i * clr_winograd_plane(p->slots, p->inputs) + (size_t)c * (size_t)p->slots;
}

static void load_tiles(task job, clr_winograd_span span, float *v)
{
    const clr_conv_args *args = job->args;
    clr_winograd_source source = {.x = args->x, .channels = job->plan.inputs, .prologue = args->prologue};

    if (job->direction == CLR_BACKWARD_DATA)
        source = (clr_winograd_source){.x = args->dy, .channels = job->plan.inputs};
    job->kernel->input(&job->plan.grid, &source, span, v, at(job, job->plan.staging, job->thread));
}

/* ---- the filter: y, or the gradient of x ---- */

/* Products work on whole ROWS of slots: those past `count` are zero. */
static void pad(task job, float *v, int count)
{
    int rest = (ROWS - count % ROWS) % ROWS;

    for (int i = 0; i < job->plan.area && rest > 0; i++)
        for (int c = 0; c < job->plan.inputs; c += PANEL)
            memset(inputs_of(job, v, i, c) + count * PANEL, 0, sizeof(float) * (size_t)(PANEL * rest));
}

/* U of `inputs` channels from c on, of the chunk of channels k on. */
static void load_weight(task job, int c, int inputs, int k, float *u)
{
    const layout *p = &job->plan;
    bool rotated = job->direction == CLR_BACKWARD_DATA;
    clr_winograd_filter filter = {p->C, p->K, rotated, c, inputs, k, width_of(job, p->outputs, k)};

    job->kernel->weight(&filter, job->args->weight, u, clr_winograd_plane(p->inputs, filter.width));
}

/* One chunk of M; u and m are its first planes. */
static void multiply(task job, float *v, int count, const float *u, int width, float *m)
{
    const layout *p = &job->plan;
    size_t u_plane = clr_winograd_plane(p->inputs, width), m_plane = clr_winograd_plane(p->slots, width);

    for (int i = 0; i < p->area; i++)
        for (int c = 0; c < p->inputs; c += INPUTS) {
            clr_winograd_product product = {p->slots, count, least(p->inputs - c, INPUTS), width, c > 0};
            job->kernel->multiply(&product, inputs_of(job, v, i, c), u + (size_t)i * u_plane + (size_t)(c * width),
                                  m + (size_t)i * m_plane);
        }
}

static void blocked(task job, const clr_winograd_output *output)
{
    const layout *p = &job->plan;
    float *u = at(job, p->u, 0), *v = at(job, p->v, job->thread), *m = at(job, p->m, job->thread);
    int panels = p->inputs / PANEL;
    range chunks = part_of(parts(p->outputs, CHUNK) * panels, job->threads, job->thread);
    int64_t end = share(job->tiles, job->threads, job->thread + 1);

    for (int i = chunks.first; i < chunks.end; i++) {
        int c = i % panels * PANEL, k = i / panels * CHUNK;
        load_weight(job, c, PANEL, k, plane_of(job, u, p->inputs, p->outputs, k, 0) + c * width_of(job, p->outputs, k));
    }
#pragma omp barrier
    for (int64_t first = share(job->tiles, job->threads, job->thread); first < end; first += p->slots) {
        clr_winograd_span span = {first, least(p->slots, end - first), 0, p->slots};
        load_tiles(job, span, v);
        pad(job, v, span.count);
        for (int k = 0; k < p->outputs; k += CHUNK) {
            int width = width_of(job, p->outputs, k);
            multiply(job, v, span.count, plane_of(job, u, p->inputs, p->outputs, k, 0), width, m);
            job->kernel->output(&p->grid, output, span, m, k, width);
        }
    }
}

/* Every thread reaches every barrier, also those of a team that has no more tiles. */
static void phased(task job, const clr_winograd_output *output)
{
    const layout *p = &job->plan;
    int size = job->threads / p->teams, team = job->thread / size, place = job->thread % size;
    float *u = at(job, p->u, job->thread), *v = at(job, p->v, team), *m = at(job, p->m, team);
    int64_t begin = share(job->tiles, p->teams, team), mine = share(job->tiles, p->teams, team + 1) - begin;
    range chunks = part_of(p->outputs / p->chunk, size, place);

    for (int64_t done = 0; done < longest_share(job); done += p->slots) {
        int count = (int)clr_max64(0, clr_min64(p->slots, mine - done));
        int slot = (int)share(count, size, place), own = (int)share(count, size, place + 1) - slot;
        clr_winograd_span span = {begin + done + slot, own, slot, p->slots};
        load_tiles(job, span, v);
        if (place == 0)
            pad(job, v, count);
        if (size > 1) {
#pragma omp barrier
        }
        for (int i = chunks.first; i < chunks.end && count > 0; i++) {
            int k = i * p->chunk;
            load_weight(job, 0, p->inputs, k, u);
            multiply(job, v, count, u, p->chunk, plane_of(job, m, p->slots, p->outputs, k, 0));
        }
        if (size > 1) {
#pragma omp barrier
        }
        for (int k = 0; k < p->outputs && own > 0; k += p->chunk)
            job->kernel->output(&p->grid, output, span, plane_of(job, m, p->slots, p->outputs, k, 0), k, p->chunk);
    }
}

static void filter(task job)
{
    const layout *p = &job->plan;
    const clr_conv_args *args = job->args;
    bool forward = job->direction == CLR_FORWARD;
    range sums = part_of(2 * p->outputs, job->threads, job->thread);
    double *moments = args->moments ? (double *)at(job, p->sums, job->thread) : NULL;
    clr_winograd_output output = {.out = forward ? args->y : args->dx,
                                  .channels = p->outputs,
                                  .x = args->x,
                                  .bn_input = args->bn_input ? args->bn_input : args->x,
                                  .prologue = args->prologue,
                                  .mean = args->mean,
                                  .moments = moments};

    if (forward)
        output.finish = moments ? CLR_WINOGRAD_MOMENTS : CLR_WINOGRAD_STORE;
    else
        output.finish = args->relu_backward
                            ? (args->accumulate ? CLR_WINOGRAD_ADD_RELU_BACKWARD : CLR_WINOGRAD_RELU_BACKWARD)
                        : args->accumulate ? CLR_WINOGRAD_ADD
                                           : CLR_WINOGRAD_STORE;
    if (moments)
        memset(moments, 0, 2 * (size_t)p->outputs * sizeof *moments);
    (p->wide ? phased : blocked)(job, &output);
#if defined(__x86_64__)
    _mm_sfence(); /* outputs were streamed */
#endif
    if (!moments)
        return;
#pragma omp barrier
    for (int i = sums.first; i < sums.end; i++) {
        args->moments[i] = 0;
        for (int t = 0; t < job->threads; t++)
            args->moments[i] += ((const double *)at(job, p->sums, t))[i];
    }
}

/* ---- the gradient of the weight ---- */

/* A block of tiles, transformed, and what is to become of it. */
typedef struct load {
    float *v, *m, *dw;
    int count;
    bool fresh, last, add; /* z has nothing yet; z is transformed back into dw; and added to it */
} load;

/* Block `item` of channels of the gradient. */
static void gradient_block(task job, int item, load tiles)
{
    const layout *p = &job->plan;
    int across = parts(p->C, CHUNK), c = item % across * CHUNK, k = item / across * CHUNK;
    clr_winograd_filter filter = {p->C, p->K, false, c, least(p->C - c, CHUNK), k, width_of(job, p->K, k)};
    clr_winograd_product product = {p->slots, tiles.count, filter.inputs, filter.width, !tiles.fresh};
    size_t z_plane = clr_winograd_plane(filter.inputs, filter.width);
    float *z = at(job, p->z, job->thread);

    for (int i = 0; i < p->area; i++)
        job->kernel->multiply_gradient(&product, inputs_of(job, tiles.v, i, c),
                                       plane_of(job, tiles.m, p->slots, p->K, k, i), z + (size_t)i * z_plane);
    if (tiles.last)
        job->kernel->weight_gradient(&filter, z, z_plane, tiles.add, tiles.dw);
}

/* The first team adds up in dw itself, the others in the workspace. Every team computes its first block, if only to
   write zeros, and every thread reaches every barrier. A team of one thread keeps z over the blocks of a round. */
static void gradient(task job)
{
    const layout *p = &job->plan;
    int size = job->threads / p->teams, team = job->thread / size, place = job->thread % size;
    int round = p->wide ? p->slots : ROUND / p->slots * p->slots;
    range items = part_of(parts(p->C, CHUNK) * parts(p->K, CHUNK), size, place);
    bool accumulate = job->args->accumulate && team == 0;
    clr_winograd_source dy = {
        .x = job->args->dy, .channels = p->K, .bn_backward = job->args->bn_backward, .dy = job->args->y};
    load tiles = {.v = at(job, p->v, team), .m = at(job, p->m, team), .dw = job->args->dw};
    int64_t begin = share(job->tiles, p->teams, team), mine = share(job->tiles, p->teams, team + 1) - begin;
    int64_t longest = longest_share(job);

    if (team > 0)
        tiles.dw = at(job, p->dw, team - 1);
    for (int64_t done = 0; done == 0 || done < longest; done += p->slots) {
        tiles.count = (int)clr_max64(0, clr_min64(p->slots, mine - done));
        tiles.fresh = done % round == 0;
        tiles.last = done % round + p->slots == round || done + p->slots >= mine;
        tiles.add = accumulate || done >= round;
        int slot = (int)share(tiles.count, size, place);
        clr_winograd_span span = {begin + done + slot, (int)share(tiles.count, size, place + 1) - slot, slot, p->slots};
        load_tiles(job, span, tiles.v);
        job->kernel->gradient(&p->grid, &dy, span, tiles.m, at(job, p->staging, job->thread));
        if (size > 1) {
#pragma omp barrier
        }
        for (int i = items.first; i < items.end && (done == 0 || tiles.count > 0); i++)
            gradient_block(job, i, tiles);
        if (size > 1) {
#pragma omp barrier
        }
    }
    if (p->teams == 1)
        return;
#pragma omp barrier
    range weights = part_of(9 * p->C * p->K, job->threads, job->thread);
    for (int other = 1; other < p->teams; other++)
        for (int i = weights.first; i < weights.end; i++)
            job->args->dw[i] += at(job, p->dw, other - 1)[i];
}

/* ---- the members ---- */

static void apply(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args, int tile,
                  const clr_winograd_kernel *kernel)
{
#pragma omp parallel num_threads(omp_get_max_threads())
    {
        int threads = omp_get_num_threads();
        job_of_thread job = {.plan = plan_for(problem, direction, threads, tile),
                             .kernel = kernel,
                             .args = args,
                             .direction = direction,
                             .thread = omp_get_thread_num(),
                             .threads = threads};
        job.tiles = (int64_t)args->images * job.plan.grid.tile_rows * job.plan.grid.tile_columns;
        (direction == CLR_BACKWARD_WEIGHT ? gradient : filter)(&job);
    }
}

static bool applicable(const clr_conv_problem *p, clr_direction direction)
{
    (void)direction;
    return p->r == 3 && p->s == 3 && p->stride == 1 && p->pad == 1 && p->c % PANEL == 0 && p->k % PANEL == 0;
}

/* The products, the transforms of every tile and channel, and those of the weight, at the pace that implicit.c expects
   of a lane: 6e9 operations a second. */
static double seconds(const clr_conv_problem *p, int threads, int tile, int lanes)
{
    double area = (tile + 2) * (tile + 2), tiles = (double)p->n * parts(p->h, tile) * parts(p->w, tile);
    double work = area * (2.0 * tiles * p->c * p->k + 12.0 * tiles * (p->c + p->k) + 20.0 * p->c * p->k);

    return work / (6e9 * lanes * threads) + 2e-6;
}

#define MEMBER(m, text)                                                                                        \
    static double estimate##m(const clr_conv_problem *problem, clr_direction direction, int threads)           \
    {                                                                                                          \
        (void)direction;                                                                                       \
        return seconds(problem, threads, m, CLR_STORED_PICK(clr_winograd##m##_kernel, problem->dtype)->lanes); \
    }                                                                                                          \
    static size_t workspace##m(const clr_conv_problem *problem, clr_direction direction, int threads)          \
    {                                                                                                          \
        return workspace_bytes(problem, direction, threads, m);                                                \
    }                                                                                                          \
    static void apply##m(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args)  \
    {                                                                                                          \
        apply(problem, direction, args, m, CLR_STORED_PICK(clr_winograd##m##_kernel, problem->dtype));         \
    }                                                                                                          \
    const clr_conv_solver clr_conv_winograd##m = {.name = "winograd" #m,                                       \
                                                  .help = text,                                                \
                                                  .dtypes = 1 << CLR_FP32 | 1 << CLR_BF16,                     \
                                                  .directions = 1 << CLR_FORWARD | 1 << CLR_BACKWARD_DATA |    \
                                                                1 << CLR_BACKWARD_WEIGHT,                      \
                                                  .fuses = true,                                               \
                                                  .applicable = applicable,                                    \
                                                  .estimate = estimate##m,                                     \
                                                  .workspace = workspace##m,                                   \
                                                  .apply = apply##m};

MEMBER(4, "3x3, stride 1, by tiles of 4x4 outputs: a quarter of the multiplications")
MEMBER(2, "3x3, stride 1, by tiles of 2x2 outputs: 4/9 of the multiplications, smaller rounding errors")
