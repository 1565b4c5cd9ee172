/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.tsv. The input: the step that a run resumes from (a byte), the file. What is kept is kept when it is read
   again, and a row can be added. */
#include "fuzz.h"

#include "clr/mem.h"
#include "clr/metrics.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { STEP, LOSS, LR, PROBE, NORM, COLUMNS };
static const char *const column[COLUMNS] = {"step", "loss", "lr", "online_top1", "grad_norm"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clr_metrics metrics;
    double last[COLUMNS], again[COLUMNS];
    char path[128];

    if (!size)
        return 0;
    fuzz_begin(size);
    fuzz_folder_empty(); /* of what earlier ones set aside */
    fuzz_file(path, "metrics.tsv", data + 1, size - 1);
    if (clr_metrics_open(path, column, COLUMNS, data[0], &metrics, last) == CLR_OK) {
        FUZZ_CHECK(last[STEP] >= 0 && last[STEP] <= data[0]);
        double row[COLUMNS] = {data[0] + 1, 1.5};
        FUZZ_CHECK(clr_metrics_add(&metrics, row) == CLR_OK && clr_metrics_sync(&metrics) == CLR_OK);
        clr_metrics_close(&metrics);
        FUZZ_CHECK(clr_metrics_open(path, column, COLUMNS, data[0] + 1, &metrics, again) == CLR_OK &&
                   again[STEP] == row[STEP] && again[LOSS] == row[LOSS]);
        clr_metrics_close(&metrics);
        FUZZ_CHECK(clr_metrics_open(path, column, COLUMNS, data[0], &metrics, again) == CLR_OK &&
                   again[STEP] == last[STEP]);
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
        FUZZ_CHECK(clr_metrics_open(path, column, COLUMNS, 0, &metrics, NULL) == CLR_OK);
        for (int i = 0; i < rows; i++) {
            double row[COLUMNS] = {i + 1, 0.1 * i, 1e-3, i ? 12.5 : NAN, i > 1 ? INFINITY : 1};
            FUZZ_CHECK(clr_metrics_add(&metrics, row) == CLR_OK);
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
