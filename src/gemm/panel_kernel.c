/* SPDX-License-Identifier: BSD-3-Clause */
/* c (m, n) = [c +] a (m, k) . b (k, n) with b in panels of WIDTH columns, each k after k: a block of ROWS x WIDTH
   sums stays in registers while k runs, at two loads of b and ROWS broadcasts of a for 2 ROWS multiply-adds. */
#include "clr/gemm.h"

#include "clr/isa.h"

extern const clr_panel_op CLR_KERNEL(clr_panel);

enum { VECTORS = 2, WIDTH = VECTORS * CLR_LANES, ROWS = CLR_REGISTERS >= 32 ? 12 : 6 };

static int64_t floats(int k, int n)
{
    return (int64_t)(n + WIDTH - 1) / WIDTH * WIDTH * k;
}

static void pack(bool transposed, int k, int n, float alpha, const float *b, int64_t ldb, float *panels)
{
    int whole = n / WIDTH * WIDTH;

    for (int l = 0; l < k && !transposed; l++, b += ldb) {
        float *to = panels + l * WIDTH;
        for (int j = 0; j < whole; j += WIDTH, to += (int64_t)k * WIDTH)
            for (int v = 0; v < VECTORS; v++)
                clr_store_vec(to + v * CLR_LANES, clr_broadcast(alpha) * clr_load(b + j + v * CLR_LANES));
        for (int j = whole; j < n; j++)
            to[j - whole] = alpha * b[j];
    }
    for (int j = 0; j < n && transposed; j += CLR_LANES, b += CLR_LANES * ldb)
        clr_transpose(n - j < CLR_LANES ? n - j : CLR_LANES, k, alpha, b, ldb,
                      panels + (int64_t)(j / WIDTH) * k * WIDTH + j % WIDTH, WIDTH);
    for (int l = 0; l < k && whole < n; l++)
        for (int j = n - whole; j < WIDTH; j++)
            panels[(int64_t)whole * k + l * WIDTH + j] = 0;
}

/* rows is a constant wherever this is called, so that sum lies in registers. */
INLINE void block(int rows, int k, const float *a, int64_t row_step, int64_t k_step, const float *panel, bool add,
                  float *c, int64_t ldc, int columns, clr_prefetch *prefetch)
{
    clr_vec sum[ROWS][VECTORS];

    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++)
            sum[i][v] = clr_broadcast(0);
    for (int i = 0; i < rows && add; i++)
        for (int j = 0; j < columns; j += CLR_LINE)
            __builtin_prefetch(c + i * ldc + j, 1);
    for (int l = 0; l < k;) {
        int end = k - l < CLR_LINE ? k : l + CLR_LINE;
        clr_prefetch_next(prefetch);
        for (; l < end; l++, a += k_step, panel += WIDTH) {
            clr_vec b[VECTORS];
            for (int v = 0; v < VECTORS; v++)
                b[v] = clr_load(panel + v * CLR_LANES);
            for (int i = 0; i < rows; i++)
                for (int v = 0; v < VECTORS; v++)
                    sum[i][v] += clr_broadcast(a[i * row_step]) * b[v];
        }
    }
    for (int i = 0; i < rows; i++, c += ldc)
        if (columns == WIDTH) {
            for (int v = 0; v < VECTORS; v++)
                clr_store_vec(c + v * CLR_LANES, add ? clr_load(c + v * CLR_LANES) + sum[i][v] : sum[i][v]);
        } else {
            float edge[WIDTH];
            for (int v = 0; v < VECTORS; v++)
                clr_store_vec(edge + v * CLR_LANES, sum[i][v]);
            for (int j = 0; j < columns; j++)
                c[j] = (add ? c[j] : 0) + edge[j];
        }
}

/* A panel stays in the first cache while rows of a pass. */
static void multiply(int m, int n, int k, const float *a, int64_t row_step, int64_t k_step, const float *panels,
                     bool add, float *c, int64_t ldc, clr_prefetch *prefetch)
{
    clr_prefetch nothing = {0};

    prefetch = prefetch ? prefetch : &nothing;
    for (int j = 0; j < n; j += WIDTH, panels += (int64_t)k * WIDTH) {
        int columns = n - j < WIDTH ? n - j : WIDTH;
        for (int i = 0, rows; i < m; i += rows) {
            const float *at = a + i * row_step;
            float *to = c + i * ldc + j;
            rows = m - i >= ROWS ? ROWS : m - i >= 4 ? 4 : m - i >= 2 ? 2 : 1;
            switch (rows) {
            case ROWS: block(ROWS, k, at, row_step, k_step, panels, add, to, ldc, columns, prefetch); break;
            case 4: block(4, k, at, row_step, k_step, panels, add, to, ldc, columns, prefetch); break;
            case 2: block(2, k, at, row_step, k_step, panels, add, to, ldc, columns, prefetch); break;
            default: block(1, k, at, row_step, k_step, panels, add, to, ldc, columns, prefetch); break;
            }
        }
    }
}

const clr_panel_op CLR_KERNEL(clr_panel) = {floats, pack, multiply};
