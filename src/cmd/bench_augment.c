/* SPDX-License-Identifier: BSD-3-Clause */
/* bench augment: views of random images, made by all threads as the loader makes them. */
#include "clr/augment.h"
#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/tensor.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>

enum { POOL = 64 /* different images: more than the caches hold at common sizes */ };

typedef struct settings {
    int64_t size, threads, images, channels, steps;
    const char *augment, *source;
} settings;

#define AT(field) offsetof(settings, field)
static const clr_opt options[] = {
    {"size", CLR_OPT_INT, AT(size), "224", "PIXELS", 4, 1024, NULL, 0, "side of a view"},
    {"threads", CLR_OPT_INT, AT(threads), "0", "N", 0, 4096, NULL, 0, "0: the cores it may use"},
    {"augment", CLR_OPT_TEXT, AT(augment), "crop:0.08-1,flip,color:1.0,gray:0.2,blur", "LIST", 0, 0, NULL, 0,
     "operators"},
    {"images", CLR_OPT_INT, AT(images), "256", "N", 1, 1 << 24, NULL, 0, "two views of each"},
    {"channels", CLR_OPT_INT, AT(channels), "3", "1|3", 1, 3, NULL, 0, "of the images"},
    {"source-size", CLR_OPT_TEXT, AT(source), "375x500", "N|HxW", 0, 0, NULL, 0, "height and width of the images"},
    {"steps", CLR_OPT_INT, AT(steps), "3", "N", 1, 1000, NULL, 0, "the best counts"},
    {0}};

static clr_status source_of(const settings *a, int *height, int *width)
{
    char rest;
    int got = sscanf(a->source, "%5dx%5d%c", height, width, &rest);

    if (got == 1) {
        *width = *height;
        got = sscanf(a->source, "%5d%c", height, &rest) + 1;
    }
    if (got != 2 || *height < 1 || *width < 1 || *height > CLR_IMAGE_SIDE || *width > CLR_IMAGE_SIDE ||
        (int64_t)*height * *width > CLR_IMAGE_PIXELS / POOL)
        return clr_fail(
            CLR_EUSAGE,
            "--source-size=%s: must be a side, or height and width, such as 32 or 375x500, of at most %d pixels",
            a->source, CLR_IMAGE_PIXELS / POOL);
    return CLR_OK;
}

/* Seconds for every view of a step; scratch and view of thread t lie at t times their floats. */
static double one_step(const settings *a, const clr_augment *augment, const clr_image *image, size_t floats,
                       float *scratch, float *view)
{
    int64_t pixels = a->size * a->size * a->channels;
    double begin = clr_seconds();

#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < a->images; i++)
        for (uint32_t v = 0; v < CLR_VIEWS; v++)
            clr_augment_apply(augment, &image[i % POOL], (int)a->size, 1, 0, (uint64_t)i, v,
                              scratch + (size_t)omp_get_thread_num() * floats, view + omp_get_thread_num() * pixels);
    return clr_seconds() - begin;
}

static clr_status run(clr_comm *comm, void *config, const clr_opt_set *set)
{
    const settings *a = config;
    clr_augment augment;
    clr_image image[POOL];
    int height, width, threads;
    double best = 1e300;

    (void)set;
    if (a->channels == 2)
        return clr_fail(CLR_EUSAGE, "--channels=2: must be 1 or 3");
    clr_status st = source_of(a, &height, &width);
    if (st == CLR_OK)
        st = clr_augment_parse(a->augment, &augment);
    if (st != CLR_OK)
        return st;
    threads = clr_comm_threads(comm, a->threads);
    int64_t bytes = (int64_t)height * width * a->channels;
    size_t floats = (clr_augment_floats((int64_t)height * width, width, (int)a->channels, (int)a->size) + 15) / 16 * 16;
    double need = (double)(POOL * bytes) +
                  sizeof(float) * (double)threads * ((double)floats + (double)(a->size * a->size * a->channels));
    const clr_budget budget = clr_memory_budget(1);
    if (need > (double)budget.bytes)
        return clr_fail(CLR_EMEMORY,
                        "--size=%" PRId64
                        " --source-size=%s --threads=%d: needs %.1f GB, and %.1f GB are there (%s); give smaller ones",
                        a->size, a->source, threads, need * 1e-9, (double)budget.bytes * 1e-9, budget.by);
    uint8_t *pixels = clr_alloc(POOL, (size_t)bytes);
    float *scratch = CLR_NEW(float, floats *(size_t)threads),
          *view = CLR_NEW(float, a->size * a->size * a->channels * threads);
    clr_rng rng = clr_rng_for(1, 0, 0, 0, CLR_RNG_BENCH);
    for (int64_t i = 0; i < POOL * bytes; i++)
        pixels[i] = (uint8_t)clr_rng_u32(&rng);
    for (int i = 0; i < POOL; i++)
        image[i] = (clr_image){height, width, (int)a->channels, pixels + i * bytes};
    for (int64_t i = 0; i < a->steps; i++) {
        double seconds = one_step(a, &augment, image, floats, scratch, view);
        best = seconds < best ? seconds : best;
    }
    double views = (double)(CLR_VIEWS * a->images);
    printf("bench=augment size=%" PRId64 " threads=%d views_per_s=%.0f ms_per_view_and_thread=%.3f channels=%" PRId64
           " source=%dx%d images=%" PRId64 " augment=%s\n",
           a->size, threads, views / best, best / views * threads * 1e3, a->channels, height, width, a->images,
           a->augment);
    clr_free(pixels);
    clr_free(scratch);
    clr_free(view);
    return CLR_OK;
}

const clr_command clr_command_bench_augment = {.name = "bench augment",
                                               .arguments = "",
                                               .help = "times the augmentation of random images",
                                               .options = options,
                                               .config_bytes = sizeof(settings),
                                               .alone = true,
                                               .run = run};
