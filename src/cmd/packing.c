/* SPDX-License-Identifier: BSD-3-Clause */
/* The work of pack: several images are decoded at once, and stored in the order of the source. */
#include "packing.h"

#include "clr/comm.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/tensor.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

enum {
    AHEAD = 16,       /* examples in memory */
    SAMPLED = 16,     /* examples from which the others are judged */
    LONG_WORK = 1000, /* images: from this number on the findings of the sample are printed before packing */
};

/* One example, its status, and the message of the thread that read it. */
typedef struct outcome {
    clr_example example;
    clr_status st;
    char why[1024];
} outcome;

static void read_one(clr_packing *p, int64_t i, outcome *o)
{
    o->st = p->source.reader->read(&p->source, i, &o->example);
    if (o->st != CLR_OK) {
        snprintf(o->why, sizeof o->why, "%s", clr_message());
    } else if (p->config->shorter) {
        clr_image small;
        clr_image_shrink(&o->example.image, (int)p->config->shorter, &small);
        clr_image_free(&o->example.image);
        o->example.image = small;
    }
}

static clr_status refuse(clr_packing *p, const char *name, const char *why)
{
    if (p->config->on_bad == CLR_BAD_SKIPPED)
        return clr_refused_add(&p->refused, name, why);
    return clr_fail(CLR_EINPUT, "%s/%s: %s (--on-bad-image=skip packs the others and lists it)", p->source.folder, name,
                    why);
}

static int64_t stored(const clr_packing *p, const clr_example *e)
{
    return p->config->store == CLR_KEPT_ENCODED ? e->encoded_bytes
                                                : (int64_t)e->image.height * e->image.width * e->image.channels;
}

/* Whether the next image of this class is a test image: of each class's images, in the order of the source, the share
   is taken at equal distances from a random start, so that every class gives its share but for one image. */
static bool is_test(clr_packing *p, int label)
{
    double share = p->config->test_share;

    if (!p->test)
        return false;
    int class = label < 0 ? 0 : label;
    clr_rng rng = clr_rng_for((uint64_t)p->config->seed, 0, (uint64_t) class, 0, CLR_RNG_SPLIT);
    double start = clr_rng_uniform(&rng), n = (double)p->seen[class]++;
    return floor((n + 1) * share + start) > floor(n * share + start);
}

static clr_status keep(clr_packing *p, outcome *o)
{
    const clr_example *e = &o->example;

    if (o->st == CLR_EINPUT)
        return refuse(p, e->name, o->why);
    if (o->st == CLR_EMEMORY)
        return clr_fail(o->st, "%s/%s: %s", p->source.folder, e->name, o->why);
    if (o->st != CLR_OK)
        return clr_fail(o->st, "%s", o->why);
    if (p->config->store == CLR_KEPT_ENCODED && !e->encoded)
        return clr_fail(CLR_EUSAGE,
                        "--store=encoded: %s is no image file; only folder trees of PNG or JPEG have bytes of their "
                        "own to keep",
                        e->name);
    clr_found_add(&p->found, &p->source.rules, e);
    bool test = is_test(p, e->label);
    clr_status st =
        clr_store_append(test ? p->test : p->writer, &e->image, e->encoded, e->encoded_bytes, e->label, e->name);
    p->packed += st == CLR_OK && !test;
    p->tested += st == CLR_OK && test;
    p->bytes += stored(p, e);
    return st;
}

static void forget(outcome *o)
{
    clr_image_free(&o->example.image);
    clr_free(o->example.name);
    clr_free(o->example.encoded);
    *o = (outcome){.st = CLR_OK};
}

clr_status clr_pack_all(clr_packing *p)
{
    int64_t n = p->source.examples;
    bool parallel = p->source.reader->parallel;
    int ahead = 2 * omp_get_max_threads() < AHEAD ? 2 * omp_get_max_threads() : AHEAD;
    outcome done[AHEAD] = {0};
    clr_status st = CLR_OK;

    for (int64_t first = 0; st == CLR_OK && first < n; first += ahead) {
        int count = n - first < ahead ? (int)(n - first) : ahead;
#pragma omp parallel for schedule(dynamic) if (parallel)
        for (int k = 0; k < count; k++)
            read_one(p, first + k, &done[k]);
        for (int k = 0; k < count; k++) {
            if (st == CLR_OK && done[k].st == CLR_EMEMORY) { /* too large beside other images: read it alone */
                forget(&done[k]);
                read_one(p, first + k, &done[k]);
            }
            if (st == CLR_OK)
                st = keep(p, &done[k]);
            forget(&done[k]);
        }
        if (clr_seconds() >= p->next_word) {
            clr_progress("packed %lld of %lld images, %.1f MB, %lld bad", (long long)(p->packed + p->tested),
                         (long long)n, (double)p->bytes / 1e6, (long long)p->refused.images);
            p->next_word = clr_seconds() + (clr_log_rewrites() ? 0.5 : 30);
        }
    }
    return st;
}

clr_status clr_pack_look_ahead(clr_packing *p, const char *from)
{
    bool alike = !p->source.reader->parallel;
    int64_t n = p->source.examples, count = alike ? 1 : clr_max64(1, clr_min64(SAMPLED, n / 8)), good = 0;
    outcome done[SAMPLED] = {0};
    clr_found found = {0};
    clr_status st = CLR_OK;
    double bytes = 0;

#pragma omp parallel for schedule(dynamic) if (!alike)
    for (int k = 0; k < (int)count; k++)
        read_one(p, k * n / count, &done[k]);
    for (int k = 0; k < (int)count; k++) {
        if (done[k].st != CLR_OK && done[k].st != CLR_EINPUT && done[k].st != CLR_EMEMORY && st == CLR_OK)
            st = clr_fail(done[k].st, "%s", done[k].why);
        if (done[k].st == CLR_OK) { /* the faults of the others are reported when they are packed */
            clr_found_add(&found, &p->source.rules, &done[k].example);
            bytes += (double)stored(p, &done[k].example);
            good++;
        }
        forget(&done[k]);
    }
    if (n >= LONG_WORK)
        clr_found_say(&found, &p->source.rules, from, true);
    clr_found_close(&found);
    return good && st == CLR_OK ? clr_store_room(p->writer, bytes / (double)good * (double)n, alike) : st;
}
