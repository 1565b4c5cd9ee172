/* SPDX-License-Identifier: BSD-3-Clause */
/* pack SRC OUT.h5: images into one dataset. */
#include "clr/cmd.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/rng.h"
#include "clr/tensor.h"
#include "clr/read.h"
#include "clr/store.h"
#include "packing.h"

#include <stdio.h>
#include <string.h>

static clr_status parse_range(const char *text, void *field)
{
    return clr_image_range_parse(text, field);
}

static const clr_opt own[] = {
    {.name = "split",
     .kind = CLR_OPT_TEXT,
     .offset = offsetof(clr_pack_config, split),
     .values = "PART",
     .help = "which part, in any spelling (train, Training, val, test, unlabeled; of IDX, CIFAR, STL-10: train where "
             "not given); of a tree of "
             "images also any folder below SRC, or . for all of it with every folder a class"},
    {.name = "labels",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(clr_pack_config, labels),
     .initial = "source",
     .values = "source|none",
     .help = "labels from the dataset or from the names of folders; none: without, and all parts of a tree of images "
             "together"},
    {.name = "resize-shorter",
     .kind = CLR_OPT_LONG,
     .offset = offsetof(clr_pack_config, shorter),
     .initial = "0",
     .values = "N",
     .low = 0,
     .high = CLR_IMAGE_SIDE,
     .only = "store=pixels",
     .help = "shrink images whose shorter side is longer than N pixels (0: never)"},
    {.name = "orientation",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(clr_pack_config, orientation),
     .initial = "ignore",
     .values = "ignore|apply",
     .help = "what EXIF says of it: ignore packs images as they are stored (as torchvision reads them), apply turns "
             "them upright"},
    {.name = "range",
     .kind = CLR_OPT_PARSED,
     .parse = parse_range,
     .offset = offsetof(clr_pack_config, rules),
     .initial = "full",
     .values = "full|image|MIN-MAX",
     .help = "16-bit PNG: the samples that become black and white: 0 and 65535, each image's own least and largest, or "
             "these two"},
    {.name = "store",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(clr_pack_config, store),
     .initial = "pixels",
     .values = "pixels|encoded",
     .help = "decoded pixels (fast to read), or the files' own bytes (small, decoded in every epoch)"},
    {.name = "on-bad-image",
     .kind = CLR_OPT_WORD,
     .offset = offsetof(clr_pack_config, on_bad),
     .initial = "fail",
     .values = "fail|skip",
     .help = "what to do about images that cannot be decoded; skip lists them with the reasons in OUT.bad.tsv"},
    {.name = "test-share",
     .kind = CLR_OPT_REAL,
     .offset = offsetof(clr_pack_config, test_share),
     .initial = "0",
     .values = "X",
     .low = 0,
     .high = 0.9,
     .help = "this share of each class becomes a dataset of its own, OUT-test.h5, by which an encoder can be judged; "
             "--seed chooses which images"},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL},
                                       {clr_seed_option, offsetof(clr_pack_config, seed), NULL},
                                       {clr_threads_option, offsetof(clr_pack_config, threads), NULL},
                                       {clr_force_option, offsetof(clr_pack_config, force), NULL},
                                       {0}};

static clr_status summary(const clr_packing *p, const char *out, const char *test, double seconds)
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
           "deep=%lld oriented=%lld seconds=%.1f out=%s%s%s%s%s\n",
           (long long)f->images, (long long)p->refused.images, f->classes, f->height, f->width, f->channels,
           f->max_height, f->max_width, p->config->store == CLR_KEPT_ENCODED ? "encoded" : "pixels",
           (double)p->bytes / 1e6, (long long)p->found.deep, (long long)p->found.turned.files, seconds, out,
           test ? " test=" : "", test ? test : "", p->refused.images ? " refused_list=" : "",
           p->refused.images ? p->refused.path : "");
    clr_store_close(store);
    return CLR_OK;
}

/* OUT-test.h5 for OUT.h5; freed by clr_free. */
static char *test_path(const char *out)
{
    const char *dot = strrchr(out, '.'), *slash = strrchr(out, '/');
    int stem = dot && (!slash || dot > slash + 1) ? (int)(dot - out) : (int)strlen(out);

    return clr_text("%.*s-test%s", stem, out, out + stem);
}

static clr_status open_outputs(clr_packing *p, const char *out, const char *test)
{
    clr_store_layout layout = {p->config->store == CLR_KEPT_ENCODED, (const char *const *)p->source.classes,
                               p->source.class_count, p->source.rules};
    clr_status st = clr_store_create(out, &layout, &p->writer);

    if (st == CLR_OK && test) {
        p->seen = CLR_NEW(int64_t, clr_max64(1, p->source.class_count));
        st = clr_store_create(test, &layout, &p->test);
    }
    return st;
}

/* The test file first, so that OUT.h5 is never there without it. */
static clr_status commit(clr_packing *p, const char *from)
{
    if (!p->packed && p->tested)
        return clr_fail(CLR_EINPUT, "--test-share=%g takes all %lld images of %s; give a smaller share",
                        p->config->test_share, (long long)p->tested, from);
    if (!p->packed)
        return clr_fail(CLR_EINPUT, "%s: none of its %lld images can be decoded; %s says why", from,
                        (long long)p->refused.images, p->refused.path);
    if (p->test && !p->tested)
        return clr_fail(CLR_EINPUT, "--test-share=%g of the %lld images of %s is no image; give a larger share",
                        p->config->test_share, (long long)p->packed, from);
    clr_status st = clr_refused_end(&p->refused);
    if (st == CLR_OK && p->test) {
        st = clr_store_commit(p->test);
        p->test = NULL;
    }
    if (st == CLR_OK) {
        st = clr_store_commit(p->writer);
        p->writer = NULL;
    }
    if (st == CLR_OK)
        clr_refused_none(&p->refused);
    return st;
}

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const clr_pack_config *c = settings;
    const char *from = set->argument[0], *out = set->argument[1];
    char *test = c->test_share > 0 ? test_path(out) : NULL;
    clr_packing p = {.config = c, .refused = clr_refused_open(out)};
    double start = clr_seconds();
    clr_status st = clr_output_check(out, c->force);

    clr_comm_threads(comm, c->threads);
    if (st == CLR_OK && test)
        st = clr_output_check(test, c->force);
    if (st == CLR_OK)
        st = clr_read_open_how(from, &(clr_read_how){.split = c->split, .unlabelled = c->labels == CLR_LABELS_NONE},
                               &p.source);
    if (st == CLR_OK) {
        p.source.rules = c->rules;
        p.source.rules.upright = c->orientation == CLR_ORIENTATION_APPLIED;
        clr_read_say(&p.source, from);
        st = open_outputs(&p, out, test);
    }
    if (st == CLR_OK)
        st = clr_pack_look_ahead(&p, from);
    p.next_word = start + 1;
    if (st == CLR_OK)
        st = clr_pack_all(&p);
    if (st == CLR_OK)
        st = commit(&p, from);
    if (st == CLR_OK)
        st = summary(&p, out, test, clr_seconds() - start);
    clr_store_abandon(p.writer);
    clr_store_abandon(p.test);
    clr_free(p.seen);
    clr_read_close(&p.source);
    clr_found_close(&p.found);
    clr_refused_close(&p.refused);
    clr_free(test);
    return st;
}

const clr_command clr_command_pack = {.name = "pack",
                                      .arguments = "SRC OUT.h5",
                                      .help = "images (a folder tree, IDX, CIFAR, STL-10) -> one HDF5 dataset",
                                      .example = "simclr pack --split=train photos/ train.h5",
                                      .options = options,
                                      .config_bytes = sizeof(clr_pack_config),
                                      .least = 2,
                                      .most = 2,
                                      .alone = true,
                                      .run = run};
