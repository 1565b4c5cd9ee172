/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.tsv. The input: the step that a run resumes from (a byte), the file. What is kept is kept when it is read
   again, and a row can be added. */
#include "fuzz.h"

#include "clr/mem.h"
#include "clr/metrics.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clr_metrics metrics;
    clr_metrics_row last, again;
    char path[128];

    if (!size)
        return 0;
    fuzz_begin(size);
    fuzz_folder_empty(); /* of what earlier ones set aside */
    fuzz_file(path, "metrics.tsv", data + 1, size - 1);
    if (clr_metrics_open(path, data[0], &metrics, &last) == CLR_OK) {
        FUZZ_CHECK(last.step >= 0 && last.step <= data[0]);
        clr_metrics_row row = {.step = data[0] + 1, .loss = 1.5};
        FUZZ_CHECK(clr_metrics_add(&metrics, &row) == CLR_OK && clr_metrics_sync(&metrics) == CLR_OK);
        clr_metrics_close(&metrics);
        FUZZ_CHECK(clr_metrics_open(path, data[0] + 1, &metrics, &again) == CLR_OK && again.step == row.step &&
                   again.loss == row.loss);
        clr_metrics_close(&metrics);
        FUZZ_CHECK(clr_metrics_open(path, data[0], &metrics, &again) == CLR_OK && again.step == last.step);
        clr_metrics_close(&metrics);
        fuzz_accept();
    }
    return 0;
}

void fuzz_seeds(void)
{
    char path[128];
    clr_metrics metrics;

    for (int rows = 0; rows < 4; rows++) {
        unlink(fuzz_path(path, "seed"));
        FUZZ_CHECK(clr_metrics_open(path, 0, &metrics, NULL) == CLR_OK);
        for (int i = 0; i < rows; i++) {
            clr_metrics_row row = {.step = i + 1,
                                   .loss = 0.1 * i,
                                   .lr = 1e-3,
                                   .online_top1 = i ? 12.5 : NAN,
                                   .grad_norm = i > 1 ? INFINITY : 1};
            FUZZ_CHECK(clr_metrics_add(&metrics, &row) == CLR_OK);
        }
        FUZZ_CHECK(clr_metrics_sync(&metrics) == CLR_OK);
        clr_metrics_close(&metrics);
        FILE *file = fopen(path, "re");
        char text[4096] = {(char)(rows > 1 ? rows - 1 : 1)};
        size_t n = fread(text + 1, 1, sizeof text - 1, file);
        fclose(file);
        fuzz_seed(text, n + 1);
    }
}
