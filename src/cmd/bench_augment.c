/* SPDX-License-Identifier: BSD-3-Clause */
/* bench augment: views of random images, made by all threads as the loader makes them. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/tensor.h"
#include "bench.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>

enum { POOL = 64 /* different images: more than the caches hold at common sizes */ };

typedef struct source_size {
    int height, width;
} source_size;

typedef struct settings {
    int size, channels;
    int64_t threads, images, steps;
    clr_augment_pair augment;
    source_size source;
} settings;

/* "N", "HxW". */
static clr_status parse_source(const char *text, void *field)
{
    source_size *size = field;
    char rest;
    int got = sscanf(text, "%5dx%5d%c", &size->height, &size->width, &rest);

    if (got == 1) {
        got = sscanf(text, "%5d%c", &size->height, &rest) + 1;
        size->width = size->height;
    }
    if (got != 2 || size->height < 1 || size->width < 1 || size->height > CLR_IMAGE_SIDE ||
        size->width > CLR_IMAGE_SIDE || (int64_t)size->height * size->width > CLR_IMAGE_PIXELS / POOL)
        return clr_fail(
            CLR_EUSAGE,
            "--source-size=%s: must be a side, or height and width, such as 32 or 375x500, of at most %d pixels", text,
            CLR_IMAGE_PIXELS / POOL);
    return CLR_OK;
}

#define AT(field) offsetof(settings, field)
static const clr_opt own[] = {
    {"size", CLR_OPT_INT, AT(size), "224", "PIXELS", 4, 1024, NULL, 0, "side of a view"},
    {"images", CLR_OPT_LONG, AT(images), "256", "N", 1, 1 << 24, NULL, 0, "two views of each"},
    {"source-size", CLR_OPT_PARSED, AT(source), "375x500", "N|HxW", 0, 0, NULL, 0, "height and width of the images",
     parse_source},
    {0}};
static const clr_opt_part options[] = {{own, 0, NULL},
                                       {clr_augment_options, AT(augment), NULL},
                                       {clr_channels_option, AT(channels), NULL},
                                       {clr_threads_option, AT(threads), NULL},
                                       {clr_steps_option, AT(steps), NULL},
                                       {0}};

/* Seconds for every view of a step; scratch and view of thread t lie at t times their floats. */
static double one_step(const settings *a, const clr_image *image, size_t floats, float *scratch, float *view)
{
    int64_t pixels = (int64_t)a->size * a->size * a->channels;
    double begin = clr_seconds();

#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < a->images; i++)
        for (uint32_t v = 0; v < CLR_VIEWS; v++)
            clr_augment_apply(&a->augment.view[v], &image[i % POOL], a->size, 1, 0, (uint64_t)i, v,
                              scratch + (size_t)omp_get_thread_num() * floats, view + omp_get_thread_num() * pixels);
    return clr_seconds() - begin;
}

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    const settings *a = config;
    clr_image image[POOL];
    int height = a->source.height, width = a->source.width, threads = clr_comm_threads(comm, a->threads);
    const char *source = clr_opt_value(set, "source-size");
    double best = 1e300;

    int64_t pixels_a_view = (int64_t)a->size * a->size * a->channels, bytes = (int64_t)height * width * a->channels;
    size_t floats = (clr_augment_floats((int64_t)height * width, width, a->channels, a->size) + 15) / 16 * 16;
    double need = (double)(POOL * bytes) + sizeof(float) * (double)threads * ((double)floats + (double)pixels_a_view);
    const clr_budget budget = clr_memory_budget(1);
    if (need > (double)budget.bytes)
        return clr_fail(
            CLR_EMEMORY,
            "--size=%d --source-size=%s --threads=%d: needs %.1f GB, and %.1f GB are there (%s); give smaller ones",
            a->size, source, threads, need * 1e-9, (double)budget.bytes * 1e-9, budget.by);
    uint8_t *pixels = clr_alloc(POOL, (size_t)bytes);
    float *scratch = CLR_NEW(float, floats *(size_t)threads), *view = CLR_NEW(float, pixels_a_view *threads);
    clr_rng rng = clr_rng_for(1, 0, 0, 0, CLR_RNG_BENCH);
    for (int64_t i = 0; i < POOL * bytes; i++)
        pixels[i] = (uint8_t)clr_rng_u32(&rng);
    for (int i = 0; i < POOL; i++)
        image[i] = (clr_image){height, width, a->channels, pixels + i * bytes};
    for (int64_t i = 0; i < a->steps; i++) {
        double seconds = one_step(a, image, floats, scratch, view);
        best = seconds < best ? seconds : best;
    }
    double views = (double)(CLR_VIEWS * a->images);
    printf("bench=augment size=%d threads=%d views_per_s=%.0f ms_per_view_and_thread=%.3f channels=%d source=%dx%d "
           "images=%" PRId64 " augment=%s\n",
           a->size, threads, views / best, best / views * threads * 1e3, a->channels, height, width, a->images,
           clr_opt_value(set, "augment"));
    clr_free(pixels);
    clr_free(scratch);
    clr_free(view);
    return CLR_OK;
}

const clr_command clr_command_bench_augment = {.name = "bench augment",
                                               .arguments = "",
                                               .help = "times the augmentation of random images",
                                               .example = "simclr bench augment --size=224",
                                               .options = options,
                                               .config_bytes = sizeof(settings),
                                               .alone = true,
                                               .run = run};
