/* SPDX-License-Identifier: BSD-3-Clause */
/* pack SRC OUT.h5: images into one dataset. Several are decoded at once, in the order of the source. */
#include "clr/cmd.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/plain.h"
#include "clr/read.h"
#include "clr/store.h"
#include "clr/tensor.h"
#include "found.h"
#include "refused.h"

#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    AHEAD = 16,       /* examples in memory */
    SAMPLED = 16,     /* examples that tell what the others will be like */
    LONG_WORK = 1000, /* images: what the sample shows is said before these are packed */
};

typedef enum labels { LABELS_SOURCE, LABELS_NONE } labels;
typedef enum kept { KEPT_PIXELS, KEPT_ENCODED } kept;
typedef enum on_bad { BAD_FAILS, BAD_SKIPPED } on_bad;
typedef enum orientation { ORIENTATION_IGNORED, ORIENTATION_APPLIED } orientation;

typedef struct config {
    const char *split;
    clr_image_rules rules; /* but for upright, which orientation says */
    labels labels;
    kept store;
    on_bad on_bad;
    orientation orientation;
    int64_t shorter;
    int64_t threads;
    bool force;
} config;

static clr_status parse_range(const char *text, void *field)
{
    return clr_image_range_parse(text, field);
}

static const clr_opt own[] = {
    {.name = "split",
     .kind = CLR_OPT_TEXT,
     .offset = offsetof(config, split),
     .values = "PART",
     .help = "which part, in any spelling (train, Training, val, test, unlabeled; of IDX, CIFAR, STL-10: train where "
             "not given); of a tree of "
             "images also any folder below SRC, or . for all of it with every folder a class"},
    {.name = "labels",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(config, labels),
     .initial = "source",
     .values = "source|none",
     .help = "labels from the dataset or from the names of folders; none: without, and all parts of a tree of images "
             "together"},
    {.name = "resize-shorter",
     .kind = CLR_OPT_LONG,
     .offset = offsetof(config, shorter),
     .initial = "0",
     .values = "N",
     .low = 0,
     .high = CLR_IMAGE_SIDE,
     .only = "store=pixels",
     .help = "shrink images whose shorter side is longer than N pixels (0: never)"},
    {.name = "orientation",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(config, orientation),
     .initial = "ignore",
     .values = "ignore|apply",
     .help = "what EXIF says of it: ignore packs images as they are stored (as torchvision reads them), apply turns "
             "them upright"},
    {.name = "range",
     .kind = CLR_OPT_PARSED,
     .parse = parse_range,
     .offset = offsetof(config, rules),
     .initial = "full",
     .values = "full|image|MIN-MAX",
     .help = "16-bit PNG: the samples that become black and white: 0 and 65535, each image's own least and largest, or "
             "these two"},
    {.name = "store",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(config, store),
     .initial = "pixels",
     .values = "pixels|encoded",
     .help = "decoded pixels (fast to read), or the files' own bytes (small, decoded in every epoch)"},
    {.name = "on-bad-image",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(config, on_bad),
     .initial = "fail",
     .values = "fail|skip",
     .help = "what to do about images that cannot be decoded; skip lists them with the reasons in OUT.bad.tsv"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL},
                                       {clr_threads_option, offsetof(config, threads), NULL},
                                       {clr_force_option, offsetof(config, force), NULL},
                                       {0}};

typedef struct packing {
    const config *config;
    clr_source source;
    clr_store_writer *writer;
    clr_refused refused;
    clr_found found;
    int64_t packed, bytes;
    double next_word; /* seconds: when progress is said again */
} packing;

/* One example and what became of it, with the sentence that its thread left. */
typedef struct outcome {
    clr_example example;
    clr_status st;
    char why[1024];
} outcome;

static void read_one(packing *p, int64_t i, outcome *o)
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

static clr_status refuse(packing *p, const char *name, const char *why)
{
    if (p->config->on_bad == BAD_SKIPPED)
        return clr_refused_add(&p->refused, name, why);
    return clr_fail(CLR_EINPUT, "%s/%s: %s (--on-bad-image=skip packs the others and lists it)", p->source.folder, name,
                    why);
}

static int64_t stored(const packing *p, const clr_example *e)
{
    return p->config->store == KEPT_ENCODED ? e->encoded_bytes
                                            : (int64_t)e->image.height * e->image.width * e->image.channels;
}

static clr_status keep(packing *p, outcome *o)
{
    const clr_example *e = &o->example;

    if (o->st == CLR_EINPUT)
        return refuse(p, e->name, o->why);
    if (o->st == CLR_EMEMORY)
        return clr_fail(o->st, "%s/%s: %s", p->source.folder, e->name, o->why);
    if (o->st != CLR_OK)
        return clr_fail(o->st, "%s", o->why);
    if (p->config->store == KEPT_ENCODED && !e->encoded)
        return clr_fail(CLR_EUSAGE,
                        "--store=encoded: %s is no image file; only folder trees of PNG or JPEG have bytes of their "
                        "own to keep",
                        e->name);
    clr_found_add(&p->found, &p->source.rules, e);
    clr_status st = clr_store_append(p->writer, &e->image, e->encoded, e->encoded_bytes, e->label, e->name);
    p->packed += st == CLR_OK;
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

static clr_status pack_all(packing *p)
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
            if (st == CLR_OK && done[k].st == CLR_EMEMORY) { /* too large for a thread's share of the memory: alone */
                forget(&done[k]);
                read_one(p, first + k, &done[k]);
            }
            if (st == CLR_OK)
                st = keep(p, &done[k]);
            forget(&done[k]);
        }
        if (clr_seconds() >= p->next_word) {
            clr_progress("packed %lld of %lld images, %.1f MB, %lld bad", (long long)p->packed, (long long)n,
                         (double)p->bytes / 1e6, (long long)p->refused.images);
            p->next_word = clr_seconds() + (clr_log_rewrites() ? 0.5 : 30);
        }
    }
    return st;
}

/* Reads a few images spread over the source, or the first of those that are all alike (IDX, CIFAR, STL-10), and says
   what can be known from them: what pixels will not keep, and whether there is room. */
static clr_status look_ahead(packing *p, const char *from)
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
        if (done[k].st == CLR_OK) { /* what is wrong with others is told when they are packed */
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

static clr_status summary(const packing *p, const char *out, double seconds)
{
    clr_store *store = NULL;
    char range[CLR_IMAGE_RANGE];
    clr_status st = clr_store_open(out, &store);

    if (st != CLR_OK)
        return st;
    const clr_store_info *f = clr_store_info_of(store);
    clr_found_say(&p->found, &p->source.rules, p->source.folder, false);
    clr_image_range_text(&p->config->rules, range);
    if (p->found.deep == 0 && strcmp(range, "full"))
        clr_warn("--range=%s: no image has 16 bits a sample, so that it changes nothing", range);
    if (p->refused.images)
        clr_warn("%lld of %lld images were refused; %s lists them with the reasons", (long long)p->refused.images,
                 (long long)p->source.examples, p->refused.path);
    printf("pack images=%lld refused=%lld classes=%d height=%d width=%d channels=%d max_height=%d max_width=%d "
           "store=%s mb=%.1f "
           "deep=%lld oriented=%lld seconds=%.1f out=%s%s%s\n",
           (long long)f->images, (long long)p->refused.images, f->classes, f->height, f->width, f->channels,
           f->max_height, f->max_width, p->config->store == KEPT_ENCODED ? "encoded" : "pixels", (double)p->bytes / 1e6,
           (long long)p->found.deep, (long long)p->found.turned.files, seconds, out,
           p->refused.images ? " refused_list=" : "", p->refused.images ? p->refused.path : "");
    clr_store_close(store);
    return CLR_OK;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const config *c = settings;
    const char *from = set->argument[0], *out = set->argument[1];
    packing p = {.config = c, .refused = clr_refused_open(out)};
    double start = clr_seconds();
    clr_status st = clr_output_check(out, c->force);

    clr_comm_threads(comm, c->threads);
    clr_image_rules rules = c->rules;
    rules.upright = c->orientation == ORIENTATION_APPLIED;
    if (st == CLR_OK)
        st = clr_read_open_how(from, &(clr_read_how){.split = c->split, .unlabelled = c->labels == LABELS_NONE},
                               &p.source);
    if (st != CLR_OK)
        goto out;
    p.source.rules = rules;
    clr_read_say(&p.source, from);
    clr_store_layout layout = {c->store == KEPT_ENCODED, (const char *const *)p.source.classes, p.source.class_count,
                               rules};
    if ((st = clr_store_create(out, &layout, &p.writer)) != CLR_OK)
        goto out;
    if ((st = look_ahead(&p, from)) != CLR_OK)
        goto out;
    p.next_word = start + 1;
    st = pack_all(&p);
    if (st == CLR_OK && !p.packed)
        st = clr_fail(CLR_EINPUT, "%s: none of its %lld images can be decoded; %s says why", from,
                      (long long)p.refused.images, p.refused.path);
    if (st == CLR_OK)
        st = clr_refused_end(&p.refused);
    if (st == CLR_OK) {
        st = clr_store_commit(p.writer);
        p.writer = NULL;
    }
    if (st == CLR_OK)
        clr_refused_none(&p.refused);
    if (st == CLR_OK)
        st = summary(&p, out, clr_seconds() - start);
out:
    clr_store_abandon(p.writer);
    clr_read_close(&p.source);
    clr_found_close(&p.found);
    clr_refused_close(&p.refused);
    return st;
}

const clr_command clr_command_pack = {.name = "pack",
                                      .arguments = "SRC OUT.h5",
                                      .help = "images (a folder tree, IDX, CIFAR, STL-10) -> one HDF5 dataset",
                                      .example = "simclr pack --split=train photos/ train.h5",
                                      .options = options,
                                      .config_bytes = sizeof(config),
                                      .least = 2,
                                      .most = 2,
                                      .alone = true,
                                      .run = run};
