/* SPDX-License-Identifier: BSD-3-Clause */
/* The body of winograd2_kernel.c and winograd4_kernel.c, which define before it TILE (m), KERNEL (the name of the
   table) and the transforms of a vector of values in one dimension, where a = m + 2:

     transform_input     B^T d   a -> a        transform_weight   G g     3 -> a
     transform_output    A^T m   a -> m        collect_weight     G^T z   a -> 3
     transform_gradient  A dy    m -> a

   In two dimensions each is done along the columns, then along the rows. Here are the weight and the products;
   winograd_tiles.h has what goes from images to planes and back. */

#include "bn_backward.h"
#include "winograd.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum {
    A = TILE + 2,
    VECTORS = CLR_WINOGRAD_PANEL / CLR_LANES,
    PANEL = CLR_WINOGRAD_PANEL,
    CHUNK = CLR_WINOGRAD_CHUNK,
    AHEAD = 4, /* rows of a weight that are fetched before they are needed */
    GO = 64,   /* slots that are summed before the sum is added to others: for the sake of rounding */
};

/* ---- the weight ---- */

/* The taps of a panel of inputs of a rotated filter: block[tap][input][output]. */
static void bn_backward(const clr_winograd_filter *f, const float *weight, int c, float *block)
{
    size_t K = (size_t)f->K;

    for (int tap = 0; tap < 9; tap++)
        for (int in = 0; in < PANEL; in += CLR_LANES)
            for (int b = 0; b < f->width; b += CLR_LANES) {
                size_t at = ((size_t)(8 - tap) * (size_t)f->C + (size_t)(f->k + b)) * K + (size_t)(c + in);
                const float *from = weight + at;
                for (int l = 0; l < CLR_LANES; l++)
                    __builtin_prefetch(from + (size_t)l * K + PANEL); /* the next panel's */
                clr_transpose(CLR_LANES, CLR_LANES, 1, from, (int64_t)K, block + (tap * PANEL + in) * CHUNK + b, CHUNK);
            }
}

/* G g G^T for one vector of outputs, where tap (r, s) is at g + (3 r + s) * tap. */
INLINE void weight_vector(const float *g, size_t tap, float *u, size_t u_plane)
{
    clr_vec half[A][3];

    UNROLL_FOR (int s = 0; s < 3; s++) {
        clr_vec in[3], out[A];
        UNROLL_FOR (int r = 0; r < 3; r++)
            in[r] = clr_load(g + (size_t)(3 * r + s) * tap);
        transform_weight(in, out);
        UNROLL_FOR (int r = 0; r < A; r++)
            half[r][s] = out[r];
    }
    UNROLL_FOR (int i = 0; i < A; i++) {
        clr_vec out[A];
        transform_weight(half[i], out);
        UNROLL_FOR (int j = 0; j < A; j++)
            clr_store_vec(u + (size_t)(i * A + j) * u_plane, out[j]);
    }
}

static void weight(const clr_winograd_filter *f, const float *weight, float *u, size_t u_plane)
{
    float block[9 * PANEL * CHUNK] __attribute__((aligned(64)));

    for (int in = 0; in < f->inputs; in += PANEL) {
        const float *g = weight + (size_t)(f->c + in) * (size_t)f->K + (size_t)f->k;
        size_t tap = (size_t)f->C * (size_t)f->K, step = (size_t)f->K;
        if (f->rotated) {
            bn_backward(f, weight, f->c + in, block);
            g = block, tap = PANEL * CHUNK, step = CHUNK;
        }
        for (int row = 0; row < PANEL; row++)
            for (int b = 0; b < f->width; b += CLR_LANES) {
                const float *at = g + (size_t)row * step + (size_t)b;
                if (!f->rotated)
                    UNROLL_FOR (int t = 0; t < 9; t++)
                        __builtin_prefetch(at + (size_t)t * tap + AHEAD * step);
                weight_vector(at, tap, u + (size_t)((in + row) * f->width + b), u_plane);
            }
    }
}

static void weight_gradient(const clr_winograd_filter *f, const float *z, size_t z_plane, bool add, float *dw)
{
    size_t K = (size_t)f->K, tap = (size_t)f->C * K;

    for (int in = 0; in < f->inputs; in++)
        for (int b = 0; b < f->width; b += CLR_LANES) {
            clr_vec half[3][A];
            float *to = dw + (size_t)(f->c + in) * K + (size_t)(f->k + b);
            UNROLL_FOR (int t = 0; t < 9; t++)
                __builtin_prefetch(to + (size_t)t * tap + AHEAD * K, 1);
            UNROLL_FOR (int j = 0; j < A; j++) {
                clr_vec column[A], out[3];
                UNROLL_FOR (int i = 0; i < A; i++)
                    column[i] = clr_load(z + (size_t)(i * A + j) * z_plane + (size_t)(in * f->width + b));
                collect_weight(column, out);
                UNROLL_FOR (int r = 0; r < 3; r++)
                    half[r][j] = out[r];
            }
            UNROLL_FOR (int r = 0; r < 3; r++) {
                clr_vec out[3];
                collect_weight(half[r], out);
                UNROLL_FOR (int s = 0; s < 3; s++) {
                    float *one = to + (size_t)(3 * r + s) * tap;
                    clr_store_vec(one, add ? clr_load(one) + out[s] : out[s]);
                }
            }
        }
}

/* ---- products ---- */

/* `rows` slots from v on by `vecs` vectors of outputs: the sums stay in registers. */
INLINE void multiply_registers(int rows, int vecs, const clr_winograd_product *p, const float *v, const float *u,
                               float *m)
{
    clr_vec sum[8][4];

    UNROLL_FOR (int r = 0; r < rows; r++)
        UNROLL_FOR (int b = 0; b < vecs; b++)
            sum[r][b] = (clr_vec){0};
    for (int c = 0; c < p->inputs; c += PANEL, v += (size_t)p->slots * PANEL) {
        UNROLL_FOR (int r = 0; r < rows; r++)
            __builtin_prefetch(v + (rows + r) * PANEL); /* the next rows */
        for (int l = 0; l < PANEL; l++, u += p->width) {
            clr_vec right[4];
            UNROLL_FOR (int b = 0; b < vecs; b++)
                right[b] = clr_load(u + b * CLR_LANES);
            UNROLL_FOR (int r = 0; r < rows; r++) {
                clr_vec left = clr_broadcast(v[r * PANEL + l]);
                UNROLL_FOR (int b = 0; b < vecs; b++)
                    sum[r][b] += left * right[b];
            }
        }
    }
    UNROLL_FOR (int r = 0; r < rows; r++)
        UNROLL_FOR (int b = 0; b < vecs; b++) {
            float *to = m + r * p->width + b * CLR_LANES;
            clr_store_vec(to, p->add ? clr_load(to) + sum[r][b] : sum[r][b]);
        }
}

/* `rows` inputs from v on by `vecs` vectors of outputs; v and m advance by a slot. */
INLINE void gradient_registers(int rows, int vecs, const clr_winograd_product *p, const float *v, const float *m,
                               float *z)
{
    for (int done = 0; done == 0 || done < p->count; done += GO) {
        clr_vec sum[8][4];
        UNROLL_FOR (int r = 0; r < rows; r++)
            UNROLL_FOR (int b = 0; b < vecs; b++)
                sum[r][b] = (clr_vec){0};
        int end = (int)clr_min64(done + GO, p->count);
        for (int slot = done; slot < end; slot++, v += PANEL, m += p->width) {
            clr_vec right[4];
            UNROLL_FOR (int b = 0; b < vecs; b++)
                right[b] = clr_load(m + b * CLR_LANES);
            UNROLL_FOR (int r = 0; r < rows; r++) {
                clr_vec left = clr_broadcast(v[r]);
                UNROLL_FOR (int b = 0; b < vecs; b++)
                    sum[r][b] += left * right[b];
            }
        }
        UNROLL_FOR (int r = 0; r < rows; r++)
            UNROLL_FOR (int b = 0; b < vecs; b++) {
                float *to = z + r * p->width + b * CLR_LANES;
                clr_store_vec(to, p->add || done > 0 ? clr_load(to) + sum[r][b] : sum[r][b]);
            }
    }
}

/* The blocks of registers, rows x vectors: with 512 bits a whole chunk of up to four vectors, of four rows, or of eight
   where it is narrow; else six rows by two vectors, with four where sixes would leave a rest. */
#if defined(__AVX512F__)
#define BLOCKS(block, more, width) \
    switch ((width) / CLR_LANES) { \
    case 4: block(4, 4, 0); break; \
    case 3: block(4, 3, 0); break; \
    case 2:                        \
        if ((more) > 4)            \
            block(8, 2, 0);        \
        else                       \
            block(4, 2, 0);        \
        break;                     \
    default:                       \
        if ((more) > 4)            \
            block(8, 1, 0);        \
        else                       \
            block(4, 1, 0);        \
    }                              \
    row += (width) / CLR_LANES < 3 ? 8 : 4
#else
#define BLOCKS(block, more, width)                       \
    if ((more) == 4 || (more) == 8) {                    \
        for (int b = 0; b < (width); b += 2 * CLR_LANES) \
            block(4, 2, b);                              \
        row += 4;                                        \
    } else {                                             \
        for (int b = 0; b < (width); b += 2 * CLR_LANES) \
            block(6, 2, b);                              \
        row += 6;                                        \
    }
#endif

static void multiply(const clr_winograd_product *p, const float *v, const float *u, float *m)
{
#define BLOCK(rows, vecs, b) \
    multiply_registers(rows, vecs, p, v + row * PANEL, u + (b), m + (size_t)(row * p->width + (b)))
    for (int row = 0, count = (p->count + 3) / 4 * 4; row < count;) {
        BLOCKS(BLOCK, count - row, p->width);
    }
#undef BLOCK
}

static void multiply_gradient(const clr_winograd_product *p, const float *v, const float *m, float *z)
{
#define BLOCK(rows, vecs, b) \
    gradient_registers(rows, vecs, p, v + row, m + (b), z + (size_t)((c + row) * p->width + (b)))
    for (int c = 0; c < p->inputs; c += PANEL, v += (size_t)p->slots * PANEL)
        for (int row = 0; row < PANEL;) {
            BLOCKS(BLOCK, PANEL - row, p->width);
        }
#undef BLOCK
}

#include "winograd_tiles.h"

extern const clr_winograd_kernel KERNEL;
const clr_winograd_kernel KERNEL = {.lanes = CLR_LANES,
                                    .weight = weight,
                                    .weight_gradient = weight_gradient,
                                    .input = input,
                                    .gradient = gradient,
                                    .output = output,
                                    .multiply = multiply,
                                    .multiply_gradient = multiply_gradient};
