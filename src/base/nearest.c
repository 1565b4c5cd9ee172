/* SPDX-License-Identifier: BSD-3-Clause */
/* What somebody may have meant. */
#include "clr/opt.h"

#include <string.h>

/* Edits (insert, delete, replace, swap neighbours) from a to b. */
static int distance(const char *a, const char *b)
{
    enum { MOST = 48 };
    int rows[3][MOST + 1], n = (int)strlen(b), *before = rows[0], *last = rows[1], *now = rows[2];

    if (n > MOST || strlen(a) > MOST)
        return MOST;
    for (int j = 0; j <= n; j++)
        last[j] = before[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        now[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *oldest = before;
        before = last, last = now, now = oldest;
    }
    return last[n];
}

const char *clr_opt_nearest(const char *word, const char *const *words, int n)
{
    const char *found = NULL;
    int best = 3 + (int)strlen(word) / 8;

    for (int i = 0; i < n; i++) {
        int d = distance(word, words[i]);
        if (strlen(word) >= 3 && !strncmp(word, words[i], strlen(word)))
            d = 1;
        if (d < best && d < (int)strlen(words[i]))
            best = d, found = words[i];
    }
    return found;
}

static const struct {
    const char *there, *here;
} synonyms[] = {
    {"batch-size", "batch"},
    {"batchsize", "batch"},
    {"global-batch-size", "batch"},
    {"learning-rate", "lr"},
    {"base-lr", "lr"},
    {"wd", "weight-decay"},
    {"model", "arch"},
    {"backbone", "arch"},
    {"encoder", "arch"},
    {"network", "arch"},
    {"img-size", "image-size"},
    {"input-size", "image-size"},
    {"resolution", "image-size"},
    {"crop-size", "image-size"},
    {"temp", "temperature"},
    {"tau", "temperature"},
    {"proj-dim", "head-dim"},
    {"projection-dim", "head-dim"},
    {"out-dim", "head-dim"},
    {"feature-dim", "head-dim"},
    {"num-workers", "threads"},
    {"workers", "threads"},
    {"num-threads", "threads"},
    {"nthreads", "threads"},
    {"dataset", "data"},
    {"data-dir", "data"},
    {"data-path", "data"},
    {"train-data", "data"},
    {"output-dir", "run-dir"},
    {"out-dir", "run-dir"},
    {"log-dir", "run-dir"},
    {"save-dir", "run-dir"},
    {"experiment", "run-dir"},
    {"max-steps", "steps"},
    {"iterations", "steps"},
    {"num-epochs", "epochs"},
    {"max-epochs", "epochs"},
    {"opt", "optimizer"},
    {"warmup", "warmup-epochs"},
    {"augmentation", "augment"},
    {"transforms", "augment"},
    {"precision", "dtype"},
    {"amp", "dtype"},
    {"save-every", "checkpoint-every"},
    {"save-freq", "checkpoint-every"},
    {"ckpt", "checkpoint"},
    {"resume", "run-dir"},
    {"knn-k", "k"},
    {"accumulate", "microbatch"},
    {"grad-accum", "microbatch"},
    {"sync-bn", "bn"},
    {"grad-checkpointing", "recompute"},
    {"checkpointing", "recompute"},
};

const char *clr_opt_synonym(const char *word)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        if (!strcmp(synonyms[i].there, word))
            return synonyms[i].here;
    return NULL;
}
