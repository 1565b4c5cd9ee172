/* Convolutions with 3x3 taps, stride 1 and a border of one pixel by Winograd's minimal filtering (Winograd 1980, chapter V;
   Lavin and Gray, arXiv 1509.09308), in fp32.

   One dimension. Let a = m + 2. A product of polynomials, s = y g with m and 3 coefficients, is known from its values at the a - 1
   points p_i and its leading coefficient (the point at infinity):
     s(x) = sum_i s(p_i) L_i(x) / N_i + s_inf M(x),   L_i = prod_{j != i} (x - p_j),  N_i = L_i(p_i),  M = prod_j (x - p_j).
   With the rows
     A_i = (1, p_i, ..., p_i^(m-1))   G_i = (1, p_i, p_i^2) / N_i   B_i = the a coefficients of L_i,
   and for infinity A = (0, ..., 0, 1), G = (0, 0, 1), B = the coefficients of M, this is s = B^T-transposed((A y) . (G g)), and
   its transposed form, in which d takes the place of s, gives the m outputs of a filter and both of its gradients:
     y  = A^T ((G g) . (B^T d))       y_j = sum_r d_(j+r) g_r
     dg = G^T ((A dy) . (B^T d))      dg_r = sum_j dy_j d_(j+r)
   and dd is again a filter: of dy, with g reversed. a products replace 3 m. In two dimensions the transforms act on columns and
   rows, and a^2 products replace 9 m^2: 36 for 144 with m = 4, 16 for 36 with m = 2. The products of all channels are, at each of
   the a^2 planes, one matrix product: tiles x C by C x K, or for the weight C x tiles by tiles x K.

   m = 4 uses the points 0, +-5/8, +-3/2 and infinity. Rounding grows with the spread of the points' powers; against the usual 0, +-1,
   +-2 these halve it, and being binary fractions they leave A and B exact. m = 2 uses 0, +-1 and infinity.

   How the work is cut. In the first two directions every thread takes its own tiles, a block at a time that its second-level cache
   holds: transform in, for every chunk of outputs multiply and transform out (`blocked`). Where the channels coming in are too many
   for that, all threads transform a large block, share out its planes, and transform back (`phased`); a plane's weight is then
   transformed by whoever uses it. For the weight's gradient, either every thread sums the planes of its own tiles (`own`), or gangs
   of threads share a block of tiles and part the channels between them (`gangs`). All by index: the same number of threads gives
   the same bits. */

#include "winograd.h"

#include "clr/isa.h"
#include "clr/mem.h"

#include <omp.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

CLR_KERNEL_DECLARE(const clr_winograd_kernel, clr_winograd4_kernel);
CLR_KERNEL_DECLARE(const clr_winograd_kernel, clr_winograd2_kernel);

enum {
    CHUNK = CLR_WINOGRAD_CHUNK,
    PANEL = CLR_WINOGRAD_PANEL,
    ROWS = 4, /* slots are multiplied by so many at once */
    SECOND_LEVEL = 1 << 20, /* bytes of cache that a thread has to itself: a constant, so that the bits are the same everywhere */
};

/* The cutting of one problem, a function of its arguments alone. Offsets are bytes in the workspace. */
typedef struct layout {
    clr_winograd_grid grid;
    int tile, area;      /* m, a^2 */
    int C, K;            /* the weight's */
    int inputs, outputs; /* channels in and out of the filter: C and K, or for the gradient of x the other way round */
    int threads, slots, chunk, gangs;
    bool shared; /* phased, or gangs */
    size_t v, v_step, m, m_step, u, u_step, staging, staging_step, sums, sums_step, total; /* steps: from thread or gang to the next */
} layout;

static size_t reserve(layout *plan, int count, size_t bytes, size_t *step)
{
    size_t at = plan->total;
    *step = (bytes + CLR_ALIGN - 1) / CLR_ALIGN * CLR_ALIGN;
    plan->total += *step * (size_t)count;
    return at;
}

static int clamp(int64_t value, int low, int high)
{
    return (int)(value < low ? low : value > high ? high : value);
}

static int parts(int count, int size)
{
    return (count + size - 1) / size;
}

/* Threads are divided evenly into gangs, as large as they can be while a gang's blocks of channels divide well among its threads. */
static int gangs_of(int threads, int blocks)
{
    for (int size = threads; size > 1; size--)
        if (threads % size == 0 && (blocks % size == 0 || blocks >= 8 * size)) return threads / size;
    return threads;
}

static layout plan_for(const clr_conv_problem *p, clr_direction direction, int threads, int tile)
{
    bool turned = direction == CLR_BACKWARD_DATA;
    layout plan = {.grid = {p->h, p->w, parts(p->h, tile), parts(p->w, tile)}, .tile = tile, .area = (tile + 2) * (tile + 2),
                 .C = p->c, .K = p->k, .inputs = turned ? p->k : p->c, .outputs = turned ? p->c : p->k,
                 .threads = threads, .chunk = CHUNK, .gangs = 1};
    int64_t tiles = (int64_t)p->n * plan.grid.tile_rows * plan.grid.tile_columns;
    bool weight = direction == CLR_BACKWARD_WEIGHT;
    int area = plan.area, widest = p->c > p->k ? p->c : p->k, users = threads;
    size_t pair = sizeof(float) * clr_winograd_chunks(area, plan.inputs, plan.outputs, CHUNK), ignored;
    if (weight) {
        plan.shared = pair > SECOND_LEVEL * 5 / 8;
        if (plan.shared) users = plan.gangs = gangs_of(threads, parts(p->c, CHUNK) * parts(p->k, CHUNK));
        plan.slots = plan.shared ? 128 : clamp(2048 / widest, 32, 128);
    } else {
        plan.shared = sizeof(float) * (size_t)(area * 16 * plan.inputs) > SECOND_LEVEL * 3 / 4;
        if (plan.shared) users = 1, plan.chunk = PANEL;
        plan.slots = plan.shared ? 128 : clamp(1024 / widest, 16, 64);
    }
    plan.slots = parts(clamp(tiles, 1, plan.slots), ROWS) * ROWS;
    int a = tile + 2, across = clamp(plan.slots, 1, plan.grid.tile_columns) * tile + 3;
    plan.staging = reserve(&plan, threads, sizeof(float) * (size_t)(a * across) * (weight ? widest : plan.inputs), &plan.staging_step);
    plan.v = reserve(&plan, users, sizeof(float) * (size_t)area * clr_winograd_plane(plan.slots, plan.inputs), &plan.v_step);
    plan.m = reserve(&plan, users, sizeof(float) * clr_winograd_chunks(area, plan.slots, weight || plan.shared ? plan.outputs : CHUNK, plan.chunk),
                     &plan.m_step);
    if (weight) {
        plan.u = reserve(&plan, threads, plan.shared ? sizeof(float) * clr_winograd_chunks(area, CHUNK, CHUNK, CHUNK) : pair, &plan.u_step);
        plan.sums = reserve(&plan, plan.gangs - 1, 9 * sizeof(float) * p->c * p->k, &plan.sums_step);
    } else {
        plan.u = plan.shared ? reserve(&plan, threads, sizeof(float) * clr_winograd_chunks(area, plan.inputs, PANEL, PANEL), &plan.u_step)
                             : reserve(&plan, 1, pair, &ignored);
        plan.sums = reserve(&plan, threads, 2 * sizeof(double) * plan.outputs, &plan.sums_step);
    }
    return plan;
}

/* Room for any team up to `threads`: a smaller one may need more of one piece. */
static size_t room(const clr_conv_problem *problem, clr_direction direction, int threads, int tile)
{
    size_t most = 0;
    for (int t = 1; t <= threads; t++) {
        size_t bytes = plan_for(problem, direction, t, tile).total;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* What the threads of one call have in common. */
typedef struct call {
    layout plan;
    const clr_winograd_kernel *kernel;
    const clr_conv_args *args;
    clr_direction direction;
    int64_t tiles;
} call;

static float *at(const call *job, size_t offset, size_t step, int user)
{
    return (float *)((char *)job->args->workspace + offset + step * (size_t)user);
}

/* Part i of n of `count` tiles; parts begin at multiples of ROWS. */
static int64_t share(int64_t count, int n, int i)
{
    int64_t first = clr_share((count + ROWS - 1) / ROWS, n, i) * ROWS;
    return first < count ? first : count;
}

static int width_of(const layout *plan, int channels, int k)
{
    return channels - k < plan->chunk ? channels - k : plan->chunk;
}

/* The chunk of channels k on of a block of U or M, and its plane i. */
static float *plane_of(const call *job, float *block, int rows, int channels, int k, int i)
{
    return block + clr_winograd_chunks(job->plan.area, rows, k, job->plan.chunk) + (size_t)i * clr_winograd_plane(rows, width_of(&job->plan, channels, k));
}

/* The plane i of V, from channel c on. */
static float *inputs_of(const call *job, float *v, int i, int c)
{
    return v + (size_t)i * clr_winograd_plane(job->plan.slots, job->plan.inputs) + (size_t)c * (size_t)job->plan.slots;
}

/* The products work on whole ROWS of slots: those past `count` are zero. */
static void pad(const call *job, float *v, int count)
{
    int rest = (ROWS - count % ROWS) % ROWS;
    for (int i = 0; i < job->plan.area && rest > 0; i++)
        for (int c = 0; c < job->plan.inputs; c += PANEL)
            memset(inputs_of(job, v, i, c) + count * PANEL, 0, sizeof(float) * (size_t)(PANEL * rest));
}

static void load_tiles(const call *job, int thread, clr_winograd_span span, float *v)
{
    const clr_conv_args *args = job->args;
    const layout *p = &job->plan;
    bool turned = job->direction == CLR_BACKWARD_DATA;
    job->kernel->input(&p->grid, turned ? args->dy : args->x, p->inputs, turned ? (clr_lens){0} : args->lens, span, v,
                       at(job, p->staging, p->staging_step, thread));
}

static clr_winograd_output output_of(const call *job, int thread)
{
    const clr_conv_args *args = job->args;
    const layout *p = &job->plan;
    clr_winograd_output o = {.channels = p->outputs, .x = args->x, .lens = args->lens, .mean = args->mean};
    if (args->moments) o.moments = (double *)at(job, p->sums, p->sums_step, thread);
    if (job->direction == CLR_FORWARD) {
        o.out = args->y;
        o.finish = args->moments ? CLR_WINOGRAD_MOMENTS : CLR_WINOGRAD_STORE;
    } else {
        o.out = args->dx;
        o.finish = args->seen ? CLR_WINOGRAD_SEEN : args->accumulate ? CLR_WINOGRAD_ADD : CLR_WINOGRAD_STORE;
    }
    return o;
}

/* ---- y, and the gradient of x ---- */

static void blocked(const call *job, int thread, int threads, const clr_winograd_output *output)
{
    const layout *p = &job->plan;
    const clr_winograd_kernel *kernel = job->kernel;
    bool turned = job->direction == CLR_BACKWARD_DATA;
    float *u = at(job, p->u, 0, 0), *v = at(job, p->v, p->v_step, thread), *m = at(job, p->m, p->m_step, thread);
    int panels = p->inputs / PANEL, pieces = parts(p->outputs, CHUNK) * panels;
    for (int piece = (int)clr_share(pieces, threads, thread); piece < clr_share(pieces, threads, thread + 1); piece++) {
        int c = piece % panels * PANEL, k = piece / panels * CHUNK, width = width_of(p, p->outputs, k);
        kernel->weight(job->args->weight, p->C, p->K, turned, c, PANEL, k, width,
                       plane_of(job, u, p->inputs, p->outputs, k, 0) + c * width, clr_winograd_plane(p->inputs, width));
    }
#pragma omp barrier
    int64_t end = share(job->tiles, threads, thread + 1);
    for (int64_t first = share(job->tiles, threads, thread); first < end; first += p->slots) {
        clr_winograd_span span = {first, (int)clr_min64(p->slots, end - first), 0, p->slots};
        load_tiles(job, thread, span, v);
        pad(job, v, span.count);
        for (int k = 0; k < p->outputs; k += CHUNK) {
            int width = width_of(p, p->outputs, k);
            for (int i = 0; i < p->area; i++) {
                kernel->multiply(inputs_of(job, v, i, 0), p->slots, span.count, p->inputs,
                                 plane_of(job, u, p->inputs, p->outputs, k, i), width, m + (size_t)i * clr_winograd_plane(p->slots, width));
            }
            kernel->output(&p->grid, output, span, m, k, width);
        }
    }
}

/* One chunk of M, weight and all. */
static void multiply_chunk(const call *job, int count, int k, float *v, float *u, float *m)
{
    const layout *p = &job->plan;
    int width = width_of(p, p->outputs, k);
    size_t u_plane = clr_winograd_plane(p->inputs, width);
    job->kernel->weight(job->args->weight, p->C, p->K, job->direction == CLR_BACKWARD_DATA, 0, p->inputs, k, width, u, u_plane);
    for (int i = 0; i < p->area; i++)
        job->kernel->multiply(inputs_of(job, v, i, 0), p->slots, count, p->inputs, u + (size_t)i * u_plane, width,
                              plane_of(job, m, p->slots, p->outputs, k, i));
}

static void phased(const call *job, int thread, int threads, const clr_winograd_output *output)
{
    const layout *p = &job->plan;
    float *u = at(job, p->u, p->u_step, thread), *v = at(job, p->v, 0, 0), *m = at(job, p->m, 0, 0);
    int items = p->outputs / p->chunk;
    for (int64_t first = 0; first < job->tiles; first += p->slots) {
        int count = (int)clr_min64(p->slots, job->tiles - first);
        int slot = (int)share(count, threads, thread), mine = (int)share(count, threads, thread + 1) - slot;
        clr_winograd_span span = {first + slot, mine, slot, p->slots};
        load_tiles(job, thread, span, v);
        if (thread == 0) pad(job, v, count);
#pragma omp barrier
        for (int item = (int)clr_share(items, threads, thread); item < clr_share(items, threads, thread + 1); item++)
            multiply_chunk(job, count, item * p->chunk, v, u, m);
#pragma omp barrier
        for (int k = 0; k < p->outputs && mine > 0; k += p->chunk)
            job->kernel->output(&p->grid, output, span, plane_of(job, m, p->slots, p->outputs, k, 0), k, width_of(p, p->outputs, k));
    }
}

static void filter(const call *job, int thread, int threads)
{
    const layout *p = &job->plan;
    double *moments = job->args->moments;
    clr_winograd_output output = output_of(job, thread);
    if (moments) memset(output.moments, 0, 2 * sizeof(double) * (size_t)p->outputs);
    (p->shared ? phased : blocked)(job, thread, threads, &output);
#if defined(__x86_64__)
    _mm_sfence(); /* the outputs were streamed */
#endif
    if (!moments) return;
#pragma omp barrier
    for (int i = (int)clr_share(2 * p->outputs, threads, thread); i < clr_share(2 * p->outputs, threads, thread + 1); i++) {
        moments[i] = 0.0;
        for (int t = 0; t < threads; t++) moments[i] += ((const double *)at(job, p->sums, p->sums_step, t))[i];
    }
}

/* ---- the gradient of the weight ---- */

static void own(const call *job, int thread, int threads)
{
    const layout *p = &job->plan;
    const clr_winograd_kernel *kernel = job->kernel;
    float *v = at(job, p->v, p->v_step, thread), *m = at(job, p->m, p->m_step, thread), *z = at(job, p->u, p->u_step, thread);
    memset(z, 0, p->u_step);
    int64_t end = share(job->tiles, threads, thread + 1);
    for (int64_t first = share(job->tiles, threads, thread); first < end; first += p->slots) {
        clr_winograd_span span = {first, (int)clr_min64(p->slots, end - first), 0, p->slots};
        load_tiles(job, thread, span, v);
        kernel->gradient(&p->grid, job->args->dy, p->K, span, m, at(job, p->staging, p->staging_step, thread));
        for (int k = 0; k < p->K; k += CHUNK)
            for (int i = 0; i < p->area; i++) {
                kernel->multiply_gradient(inputs_of(job, v, i, 0), p->slots, span.count, p->C, plane_of(job, m, p->slots, p->K, k, i),
                                          width_of(p, p->K, k), true, plane_of(job, z, p->C, p->K, k, i));
            }
    }
#pragma omp barrier
    float *all = at(job, p->u, 0, 0);
    int panels = p->C / PANEL, pieces = parts(p->K, CHUNK) * panels;
    for (int piece = (int)clr_share(pieces, threads, thread); piece < clr_share(pieces, threads, thread + 1); piece++) {
        int c = piece % panels * PANEL, k = piece / panels * CHUNK, width = width_of(p, p->K, k);
        kernel->weight_gradient(plane_of(job, all, p->C, p->K, k, 0) + c * width, threads, p->u_step / sizeof(float),
                                clr_winograd_plane(p->C, width), p->C, p->K, c, PANEL, k, width, job->args->accumulate, job->args->dw);
    }
}

/* One block of channels of the gradient, from `count` tiles. */
static void gradient_block(const call *job, int count, int item, float *v, float *m, float *z, bool add, float *dw)
{
    const layout *p = &job->plan;
    int blocks = parts(p->C, CHUNK), c = item % blocks * CHUNK, inputs = width_of(p, p->C, c);
    int k = item / blocks * CHUNK, width = width_of(p, p->K, k);
    size_t z_plane = clr_winograd_plane(inputs, width);
    for (int i = 0; i < p->area; i++)
        job->kernel->multiply_gradient(inputs_of(job, v, i, c), p->slots, count, inputs, plane_of(job, m, p->slots, p->K, k, i), width,
                                       false, z + (size_t)i * z_plane);
    job->kernel->weight_gradient(z, 1, 0, z_plane, p->C, p->K, c, inputs, k, width, add, dw);
}

/* The first gang writes dw itself, the others sums that are added to it in order. Every gang does its first block, if only to
   write zeros, and every thread meets every barrier. */
static void gangs(const call *job, int thread, int threads)
{
    const layout *p = &job->plan;
    int size = threads / p->gangs, gang = thread / size, place = thread % size;
    int items = parts(p->C, CHUNK) * parts(p->K, CHUNK);
    float *v = at(job, p->v, p->v_step, gang), *m = at(job, p->m, p->m_step, gang), *z = at(job, p->u, p->u_step, thread);
    float *dw = gang == 0 ? job->args->dw : at(job, p->sums, p->sums_step, gang - 1);
    int64_t begin = share(job->tiles, p->gangs, gang), end = share(job->tiles, p->gangs, gang + 1);
    int64_t longest = parts(parts((int)job->tiles, ROWS), p->gangs) * ROWS;
    for (int64_t done = 0; done == 0 || done < longest; done += p->slots) {
        int count = (int)clr_max64(0, clr_min64(p->slots, end - begin - done));
        int slot = (int)share(count, size, place), mine = (int)share(count, size, place + 1) - slot;
        clr_winograd_span span = {begin + done + slot, mine, slot, p->slots};
        load_tiles(job, thread, span, v);
        job->kernel->gradient(&p->grid, job->args->dy, p->K, span, m, at(job, p->staging, p->staging_step, thread));
#pragma omp barrier
        for (int item = (int)clr_share(items, size, place); item < clr_share(items, size, place + 1); item++)
            if (done == 0 || count > 0)
                gradient_block(job, count, item, v, m, z, done > 0 || (gang == 0 && job->args->accumulate), dw);
#pragma omp barrier
    }
    int64_t weights = (int64_t)9 * p->C * p->K;
    for (int64_t i = clr_share(weights, threads, thread); i < clr_share(weights, threads, thread + 1); i++)
        for (int other = 1; other < p->gangs; other++) job->args->dw[i] += at(job, p->sums, p->sums_step, other - 1)[i];
}

static void apply(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args, int tile,
                  const clr_winograd_kernel *kernel)
{
#pragma omp parallel num_threads(omp_get_max_threads())
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        call job = {plan_for(problem, direction, threads, tile), kernel, args, direction, args->images};
        job.tiles *= job.plan.grid.tile_rows * job.plan.grid.tile_columns;
        if (direction != CLR_BACKWARD_WEIGHT) filter(&job, thread, threads);
        else if (job.plan.shared) gangs(&job, thread, threads);
        else own(&job, thread, threads);
    }
}

static bool applicable(const clr_conv_problem *p, clr_direction direction)
{
    (void)direction;
    return p->dtype == CLR_FP32 && p->r == 3 && p->s == 3 && p->stride == 1 && p->pad == 1 && p->c % PANEL == 0 && p->k % PANEL == 0;
}

/* The products, the transforms of every tile and channel, and of the weight, at the pace of one core's multiply-adds. */
static double seconds(const clr_conv_problem *p, int threads, int tile)
{
    double area = (tile + 2) * (tile + 2), tiles = (double)p->n * parts(p->h, tile) * parts(p->w, tile);
    double work = area * (2.0 * tiles * p->c * p->k + 12.0 * tiles * (p->c + p->k) + 20.0 * p->c * p->k);
    return work / (1e11 * threads);
}

#define SOLVER(m, text)                                                                                                  \
    static double estimate##m(const clr_conv_problem *problem, clr_direction direction, int threads) {                   \
        (void)direction;                                                                                                 \
        return seconds(problem, threads, m);                                                                             \
    }                                                                                                                    \
    static size_t workspace##m(const clr_conv_problem *problem, clr_direction direction, int threads) {                  \
        return room(problem, direction, threads, m);                                                                     \
    }                                                                                                                    \
    static void apply##m(const clr_conv_problem *problem, clr_direction direction, const clr_conv_args *args) {          \
        apply(problem, direction, args, m, CLR_KERNEL_PICK(clr_winograd##m##_kernel));                                   \
    }                                                                                                                    \
    extern const clr_conv_solver clr_conv_winograd##m;                                                                   \
    const clr_conv_solver clr_conv_winograd##m = {.name = "winograd" #m,                                                 \
                                                  .help = text,                                                          \
                                                  .directions = 1 << CLR_FORWARD | 1 << CLR_BACKWARD_DATA | 1 << CLR_BACKWARD_WEIGHT, \
                                                  .gathers_moments = true,                                               \
                                                  .applicable = applicable,                                              \
                                                  .estimate = estimate##m,                                               \
                                                  .workspace = workspace##m,                                             \
                                                  .apply = apply##m};

SOLVER(4, "3x3, stride 1, by tiles of 4x4 outputs: a quarter of the arithmetic")
SOLVER(2, "3x3, stride 1, by tiles of 2x2 outputs: 4/9 of the arithmetic, smaller rounding errors")
