/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of an epoch is a permutation cut the same for any ranks; the loader's views are those of
   clr_augment_apply bit for bit, on any number of threads and in any order of steps; damage is told and hangs nothing.
   ThreadSanitizer does not know libgomp: with OMP_NUM_THREADS=1 the loader's own threads are left, and no test asks for
   more. */
#include "clr/loader.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/test.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

START_TEST(an_epoch_is_a_permutation)
{
    static const int sizes[] = {1, 2, 3, 4, 5, 1000, 4096, 60000};
    int n = sizes[_i], other_epoch = 0, other_seed = 0;
    char *seen = clr_alloc((size_t)n, 1);
    clr_sampler one = {7, n, 1}, two = {8, n, 1};

    for (int64_t i = 0; i < n; i++) {
        int64_t at = clr_sampler_at(&one, 3, i);
        ck_assert(at >= 0 && at < n && !seen[at]);
        seen[at] = 1;
        other_epoch += at == clr_sampler_at(&one, 4, i);
        other_seed += at == clr_sampler_at(&two, 3, i);
    }
    if (n >= 1000) { /* of random permutations about one place agrees */
        ck_assert_int_le(other_epoch, 8);
        ck_assert_int_le(other_seed, 8);
    }
    clr_free(seen);
}
END_TEST

/* Over many epochs each image is as often at each place as at another, and each pair of neighbours as often. */
START_TEST(orders_are_fair)
{
    enum { MOST = 7, EPOCHS = 6000 };
    int n = _i, place[MOST][MOST] = {0}, pair[MOST][MOST] = {0};
    clr_sampler s = {5, n, 1};

    for (int64_t e = 0; e < EPOCHS; e++)
        for (int i = 0; i < n; i++) {
            int64_t at = clr_sampler_at(&s, e, i);
            place[i][at]++;
            if (i)
                pair[clr_sampler_at(&s, e, i - 1)][at]++;
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double p = 1.0 / n;
            ck_assert_msg(fabs(place[i][j] - EPOCHS * p) <= 4 * sqrt(EPOCHS * p * (1 - p)), "%d at %d: %d times", j, i,
                          place[i][j]);
            ck_assert_msg(i == j ? pair[i][j] == 0 : fabs(pair[i][j] - EPOCHS * p) <= 4 * sqrt(EPOCHS * p * (1 - p)),
                          "%d after %d: %d times", j, i, pair[i][j]);
        }
}
END_TEST

START_TEST(ranks_share_one_batch)
{
    enum { BATCH = 24, STEPS = 13 };
    clr_sampler s = {1, 100, BATCH};
    int64_t whole[BATCH], part[BATCH];

    ck_assert_int_eq(clr_sampler_steps(&s), 4); /* four images are dropped */
    for (int64_t step = 0; step < STEPS; step++) {
        clr_sampler_batch(&s, step, 0, BATCH, whole);
        for (int i = 0; i < BATCH; i++)
            ck_assert_int_eq(whole[i], clr_sampler_at(&s, step / 4, step % 4 * BATCH + i));
        for (int ranks = 2; ranks <= 5; ranks++) {
            for (int r = 0; r < ranks; r++) {
                int first = BATCH * r / ranks;
                clr_sampler_batch(&s, step, first, BATCH * (r + 1) / ranks - first, part + first);
            }
            ck_assert_mem_eq(whole, part, sizeof whole);
        }
    }
}
END_TEST

static char top[CLR_TEST_FOLDER], path[64];

static void setup(void)
{
    clr_test_folder_begin(top);
    snprintf(path, sizeof path, "%s/x.h5", top);
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

enum { IMAGES = 22, BATCH = 8, FIRST = 2, COUNT = 5, SIZE = 12 };

typedef enum layout { GRAY, RGB, RAGGED, MIXED, ENCODED, LAYOUTS } layout;

/* Image i; the first of ENCODED is plain and takes few bytes. To be freed. */
static clr_image image_of(layout l, int i)
{
    bool ragged = l == RAGGED || l == MIXED;
    clr_image image = {ragged ? 3 + i % 5 * 7 : 20, ragged ? 40 - i : 30,
                       l == GRAY || (l == MIXED && i % 3 == 0) ? 1 : 3, NULL};
    int n = image.height * image.width * image.channels;

    image.pixels = clr_alloc((size_t)n, 1);
    for (int p = 0; p < n && (l != ENCODED || i); p++)
        image.pixels[p] = (uint8_t)((unsigned)(i * 10007 + p) * 2654435761u >> 11);
    return image;
}

static uint8_t *encode(const clr_image *image, int64_t *bytes)
{
    char file[64];
    struct stat attributes;

    snprintf(file, sizeof file, "%s/x.png", top);
    ck_assert_int_eq(clr_image_write_png(file, image), CLR_OK);
    FILE *in = fopen(file, "rb");
    fstat(fileno(in), &attributes);
    uint8_t *data = clr_alloc((size_t)attributes.st_size, 1);
    ck_assert_uint_eq(fread(data, 1, (size_t)attributes.st_size, in), (size_t)attributes.st_size);
    fclose(in);
    *bytes = attributes.st_size;
    return data;
}

static clr_store *make(layout l)
{
    clr_store_writer *writer;
    clr_store *store;
    clr_store_layout form = {.encoded = l == ENCODED};

    ck_assert_int_eq(clr_store_create(path, &form, &writer), CLR_OK);
    for (int i = 0; i < IMAGES; i++) {
        clr_image image = image_of(l, i);
        int64_t bytes = 0;
        uint8_t *encoded = l == ENCODED ? encode(&image, &bytes) : NULL;
        ck_assert_int_eq(clr_store_append(writer, &image, encoded, bytes, -1, "x"), CLR_OK);
        clr_free(encoded);
        clr_image_free(&image);
    }
    ck_assert_msg(clr_store_commit(writer) == CLR_OK, "%s", clr_message());
    ck_assert_msg(clr_store_open(path, &store) == CLR_OK, "%s", clr_message());
    return store;
}

static clr_loader_config config_of(layout l)
{
    clr_loader_config c = {.views = CLR_VIEWS,
                           .sampler = {9, IMAGES, BATCH},
                           .first = FIRST,
                           .count = COUNT,
                           .channels = l == GRAY ? 1 : 3,
                           .size = SIZE,
                           .last_step = 40};

    ck_assert_int_eq(clr_augment_parse("crop,flip,color:1.0,gray,noise", &c.augment[0]), CLR_OK);
    ck_assert_int_eq(clr_augment_parse("crop,blur,cutout", &c.augment[1]), CLR_OK);
    return c;
}

/* What the batch of step must hold. */
static void check(layout l, const clr_loader_config *c, int64_t step, const clr_batch *batch)
{
    int64_t ids[BATCH], epoch = step / (IMAGES / BATCH), pixels = (int64_t)c->size * c->size * c->channels;
    float *view = CLR_NEW(float, pixels), *scratch = CLR_NEW(float, clr_augment_floats(40 * 40, 40, 3, c->size));

    clr_sampler_batch(&c->sampler, step, c->first, c->count, ids);
    ck_assert_mem_eq(batch->ids, ids, (size_t)c->count * sizeof *ids);
    for (int i = 0; i < c->count; i++) {
        clr_image image = image_of(l, (int)ids[i]);
        if (image.channels < c->channels) {
            clr_image rgb = {image.height, image.width, 3, clr_alloc((size_t)(image.height * image.width), 3)};
            for (int p = 0; p < image.height * image.width * 3; p++)
                rgb.pixels[p] = image.pixels[p / 3];
            clr_image_free(&image);
            image = rgb;
        }
        for (int v = 0; v < CLR_VIEWS; v++) {
            clr_augment_apply(&c->augment[v], &image, c->size, 9, (uint64_t)epoch, (uint64_t)ids[i], (uint32_t)v,
                              scratch, view);
            ck_assert_msg(!memcmp(view, batch->views + (v * c->count + i) * pixels, (size_t)pixels * sizeof *view),
                          "step %d: view %d of image %d is another", (int)step, v, (int)ids[i]);
        }
        clr_image_free(&image);
    }
    clr_free(view);
    clr_free(scratch);
}

static void next(clr_loader *loader, layout l, const clr_loader_config *c, int64_t step)
{
    clr_batch batch;

    ck_assert_msg(clr_loader_next(loader, step, &batch) == CLR_OK, "%s", clr_message());
    ck_assert(batch.data_seconds >= 0 && batch.augment_seconds >= 0);
    check(l, c, step, &batch);
}

/* Forward, a step twice, back to an earlier one, far ahead, the last one, which has no next. */
static const int64_t steps[] = {0, 1, 2, 3, 3, 4, 1, 2, 30, 31, 0, 38, 39, 39, 5};

START_TEST(views_are_those_of_their_samples)
{
    static const int threads[] = {1, 2, 5};
    int n = omp_get_max_threads() > 1 ? 3 : 1;

    for (int t = 0; t < n; t++) {
        omp_set_num_threads(threads[t]);
        clr_store *store = make((layout)_i);
        clr_loader_config c = config_of((layout)_i);
        clr_loader *loader;
        ck_assert_int_eq(clr_loader_open(store, &c, &loader), CLR_OK);
        for (size_t k = 0; k < CLR_COUNT(steps); k++)
            next(loader, (layout)_i, &c, steps[k]);
        clr_loader_close(loader);
        clr_store_close(store);
    }
}
END_TEST

/* Threads that came after the loader was opened have no working space there. */
START_TEST(more_threads_than_at_the_beginning)
{
    clr_store *store = make(RGB);
    clr_loader_config c = config_of(RGB);
    clr_loader *loader;
    int threads = omp_get_max_threads();

    c.size = 64;
    omp_set_num_threads(1);
    ck_assert_int_eq(clr_loader_open(store, &c, &loader), CLR_OK);
    omp_set_num_threads(threads > 1 ? 8 : 1);
    for (int64_t step = 0; step < 20; step++)
        next(loader, RGB, &c, step);
    clr_loader_close(loader);
    clr_store_close(store);
}
END_TEST

/* Steps so short that the background thread is often late: it must not begin on the images of a later step. */
START_TEST(a_late_thread_spoils_nothing)
{
    clr_store *store = make(RGB);
    clr_loader_config c = config_of(RGB);
    clr_loader *loader;

    c.size = 2;
    c.last_step = 4000;
    c.augment[0].steps = c.augment[1].steps = 0;
    ck_assert_int_eq(clr_loader_open(store, &c, &loader), CLR_OK);
    for (int64_t step = 0; step < c.last_step; step++)
        next(loader, RGB, &c, step);
    clr_loader_close(loader);
    clr_store_close(store);
}
END_TEST

/* Of COUNT different images, any; and where sizes differ, not as if all were as large as the largest. */
START_TEST(memory_is_enough_for_the_largest_images)
{
    clr_store *store = make((layout)_i);
    clr_loader_config c = config_of((layout)_i);
    const clr_store_info *info = clr_store_info_of(store);
    int64_t views = (int64_t)CLR_VIEWS * COUNT * SIZE * SIZE * c.channels * 4, ids[IMAGES], most = 0, least = INT64_MAX;
    int64_t scratch = (omp_get_max_threads() + 1) * 4 *
                      (int64_t)clr_augment_floats(info->max_pixels, info->max_width, c.channels, SIZE);
    int64_t capacity = (clr_loader_bytes(store, &c) - scratch) / 2 - views;

    for (int64_t i = 0; i < IMAGES; i++) {
        most = clr_max64(most, clr_store_bytes(store, &i, 1));
        least = clr_min64(least, clr_store_bytes(store, &i, 1));
    }
    for (int64_t i = 0; i < IMAGES; i++) { /* by size, the largest first */
        int64_t at = i;
        for (; at && clr_store_bytes(store, &i, 1) > clr_store_bytes(store, &ids[at - 1], 1); at--)
            ids[at] = ids[at - 1];
        ids[at] = i;
    }
    ck_assert_int_ge(capacity, clr_store_bytes(store, ids, COUNT));
    ck_assert_int_le(capacity, COUNT * most);
    ck_assert(least == most || capacity < COUNT * most);
    clr_store_close(store);
}
END_TEST

START_TEST(closing_ends_whatever_goes_on)
{
    clr_store *store = make(RAGGED);
    clr_loader_config c = config_of(RAGGED);
    clr_loader *loader;
    clr_batch batch;

    clr_loader_close(NULL);
    c.size = 100;
    for (int k = 0; k < 40; k++) {
        ck_assert_int_eq(clr_loader_open(store, &c, &loader), CLR_OK);
        for (int64_t step = 0; step < k % 4; step++)
            ck_assert_int_eq(clr_loader_next(loader, step, &batch), CLR_OK);
        nanosleep(&(struct timespec){.tv_nsec = k * 50000}, NULL); /* while it reads, or makes views, or rests */
        clr_loader_close(loader);
    }
    clr_store_close(store);
}
END_TEST

/* Flips a bit in the stored pixels of image i. */
static void damage(layout l, int i)
{
    clr_image image = image_of(l, i);
    size_t n = (size_t)(image.height * image.width * image.channels);
    struct stat attributes;

    ck_assert_int_eq(stat(path, &attributes), 0);
    FILE *file = fopen(path, "r+b");
    uint8_t *all = clr_alloc((size_t)attributes.st_size, 1);
    ck_assert_uint_eq(fread(all, 1, (size_t)attributes.st_size, file), (size_t)attributes.st_size);
    uint8_t *found = memmem(all, (size_t)attributes.st_size, image.pixels, n);
    ck_assert_ptr_nonnull(found);
    fseek(file, found - all + (long)n / 2, SEEK_SET);
    putc(found[n / 2] ^ 4, file);
    fclose(file);
    clr_free(all);
    clr_image_free(&image);
}

START_TEST(damage_is_told_and_hangs_nothing)
{
    layout l = _i ? RAGGED : RGB;
    clr_store *store = make(l);
    clr_loader_config c = config_of(l);
    int64_t ids[COUNT];
    clr_loader *loader;
    clr_batch batch;
    char name[32];
    int failures = 0;

    clr_sampler_batch(&c.sampler, 3, FIRST, COUNT, ids);
    damage(l, (int)ids[1]);
    snprintf(name, sizeof name, "image %d ", (int)ids[1]);
    ck_assert_int_eq(clr_loader_open(store, &c, &loader), CLR_OK);
    for (size_t k = 0; k < CLR_COUNT(steps); k++) {
        int64_t now[COUNT];
        bool holds = false;
        clr_sampler_batch(&c.sampler, steps[k], FIRST, COUNT, now);
        for (int i = 0; i < COUNT; i++)
            holds |= now[i] == ids[1];
        if (!holds) {
            next(loader, l, &c, steps[k]);
            continue;
        }
        ck_assert_int_eq(clr_loader_next(loader, steps[k], &batch), CLR_EINPUT);
        ck_assert_msg(strstr(clr_message(), path) && strstr(clr_message(), name), "%s", clr_message());
        failures++;
    }
    ck_assert_int_ge(failures, 2); /* step 3, twice */
    ck_assert_int_lt(failures, (int)CLR_COUNT(steps));
    clr_loader_close(loader);
    clr_store_close(store);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("load");

    tcase_set_timeout(tcase, 240);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, an_epoch_is_a_permutation, 0, 8);
    tcase_add_loop_test(tcase, orders_are_fair, 2, 8);
    tcase_add_test(tcase, ranks_share_one_batch);
    tcase_add_loop_test(tcase, views_are_those_of_their_samples, 0, LAYOUTS);
    tcase_add_test(tcase, more_threads_than_at_the_beginning);
    tcase_add_test(tcase, a_late_thread_spoils_nothing);
    tcase_add_loop_test(tcase, memory_is_enough_for_the_largest_images, 0, LAYOUTS);
    tcase_add_test(tcase, closing_ends_whatever_goes_on);
    tcase_add_loop_test(tcase, damage_is_told_and_hangs_nothing, 0, 2);
    return clr_test_run("load", tcase, CK_FORK_GETENV);
}
