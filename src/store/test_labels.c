/* SPDX-License-Identifier: BSD-3-Clause */
/* Subsets of labelled images: balanced, a function of the seed alone, smaller ones within larger ones, drawn evenly;
   lists by name; classes of another dataset matched by name. */
#include "clr/labels.h"
#include "clr/mem.h"
#include "clr/tensor.h"
#include "clr/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3, N = 400 };

static char top[CLR_TEST_FOLDER];
static const char *const classes[CLASSES + 1] = {"ant", "bee", "cicada", "none"}; /* the last has no image */
static clr_store *store;

/* 80 ants, 20 bees, 300 cicadas. */
static int label_of(int i)
{
    return i % 20 == 3 ? 1 : i % 5 == 1 ? 0 : 2;
}

static void name_of(int i, char name[32])
{
    snprintf(name, 32, "%s/%d.png", classes[i == 399 ? 0 : label_of(i)],
             i == 399 ? 398 : i); /* a name in two folders */
}

static clr_store *make(const char *file, const char *const *names, int number, int n, const int *label)
{
    char path[64], name[32];
    uint8_t pixel[1];
    clr_store_writer *writer = NULL;
    clr_store *made = NULL;
    const clr_store_layout layout = {.class_names = names, .classes = number};

    snprintf(path, sizeof path, "%s/%s", top, file);
    ck_assert_msg(clr_store_create(path, &layout, &writer) == CLR_OK, "%s", clr_message());
    for (int i = 0; i < n; i++) {
        const clr_image image = {1, 1, 1, pixel};
        *pixel = (uint8_t)i;
        name_of(i, name);
        ck_assert_msg(clr_store_append(writer, &image, NULL, 0, number ? label ? label[i] : label_of(i) : -1, name) ==
                          CLR_OK,
                      "%s", clr_message());
    }
    ck_assert_int_eq(clr_store_commit(writer), CLR_OK);
    ck_assert_msg(clr_store_open(path, &made) == CLR_OK, "%s", clr_message());
    return made;
}

static void setup(void)
{
    clr_test_folder_begin(top);
    store = make("x.h5", classes, CLASSES + 1, N, NULL);
}

static void teardown(void)
{
    clr_store_close(store);
    clr_test_folder_end(top);
}

static int64_t *choose(const char *text, uint64_t seed, int64_t *n)
{
    int64_t *ids;

    ck_assert_msg(clr_labels_choose(store, text, seed, &ids, n) == CLR_OK, "%s: %s", text, clr_message());
    for (int64_t i = 1; i < *n; i++)
        ck_assert(ids[i - 1] < ids[i]);
    ck_assert(ids[0] >= 0 && ids[*n - 1] < N);
    return ids;
}

static void expect(const char *text, int ants, int bees, int cicadas)
{
    int64_t n, *ids = choose(text, 7, &n), count[CLASSES] = {0};

    for (int64_t i = 0; i < n; i++)
        count[label_of((int)ids[i])]++;
    ck_assert_msg(count[0] == ants && count[1] == bees && count[2] == cicadas, "%s: %d, %d, %d", text, (int)count[0],
                  (int)count[1], (int)count[2]);
    clr_free(ids);
}

START_TEST(balanced)
{
    expect("100%", 80, 20, 300);
    expect("10%", 8, 2, 30);
    expect("1%", 1, 1, 3); /* one of each at least */
    expect("0.01%", 1, 1, 1);
    expect("12.5%", 10, 3, 38); /* rounded: 2.5 of 20 to 3, 37.5 of 300 to 38 */
    expect("5/class", 5, 5, 5);
    expect("20/class", 20, 20, 20);
}
END_TEST

/* Membership of image i under a seed. */
static void mark(const char *text, uint64_t seed, bool in[N])
{
    int64_t n, *ids = choose(text, seed, &n);

    memset(in, 0, N * sizeof *in);
    for (int64_t i = 0; i < n; i++)
        in[ids[i]] = true;
    clr_free(ids);
}

START_TEST(function_of_the_seed)
{
    bool small[N], again[N], large[N], other[N];
    int different = 0;

    mark("5%", 3, small);
    mark("5%", 3, again);
    mark("20%", 3, large);
    mark("5%", 4, other);
    for (int i = 0; i < N; i++) {
        ck_assert(small[i] == again[i]);
        ck_assert(large[i] || !small[i]);
        different += small[i] != other[i];
    }
    ck_assert_int_gt(different, 10); /* 20 of 400 twice: 38 on average */
}
END_TEST

/* Over 1000 seeds each of 300 cicadas is among 30 a tenth of the times: binomial, deviation 9.5. */
START_TEST(drawn_evenly)
{
    enum { SEEDS = 1000 };
    int count[N] = {0}, total = 0;
    bool in[N];

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        mark("10%", seed, in);
        for (int i = 0; i < N; i++)
            count[i] += in[i] && label_of(i) == 2;
    }
    for (int i = 0; i < N; i++) {
        ck_assert(label_of(i) != 2 || fabs(count[i] - 0.1 * SEEDS) < 5 * sqrt(0.09 * SEEDS));
        total += count[i];
    }
    ck_assert_int_eq(total, 30 * SEEDS);
}
END_TEST

static void write_list(const char *text, char path[64])
{
    snprintf(path, 64, "%s/list", top);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

START_TEST(lists)
{
    char path[64];
    int64_t n, *ids;

    write_list("bee/3.png\n5.png\r\n\nant/1.png\ncicada/0.png\n5.png", path); /* whole, short, blank, twice, no end */
    ids = choose(path, 1, &n);
    ck_assert_int_eq(n, 4);
    ck_assert(ids[0] == 0 && ids[1] == 1 && ids[2] == 3 && ids[3] == 5);
    clr_free(ids);
}
END_TEST

static const struct {
    const char *list, *text, *says; /* list: written to a file, or NULL */
    clr_status status;
} bad[] = {
    {NULL, "10", "there is no such file", CLR_EUSAGE},
    {NULL, "0%", "there is no such file", CLR_EUSAGE},
    {NULL, "101%", "there is no such file", CLR_EUSAGE},
    {NULL, "nan%", "there is no such file", CLR_EUSAGE},
    {NULL, "2.5/class", "there is no such file", CLR_EUSAGE},
    {NULL, "-1/class", "there is no such file", CLR_EUSAGE},
    {NULL, "21/class", "class 'bee' of ", CLR_EUSAGE},
    {"ant/1.png\nbee/3.png\nowl/7.png\n", NULL, "'owl/7.png' is none of the dataset's images", CLR_EINPUT},
    {"398.png\n", NULL, "'398.png' is the name of several images", CLR_EINPUT},
    {"ant/1.png\nant/6.png\nant/11.png\n", NULL, "all 3 images of ", CLR_EINPUT},
    {"ant/1.png\nbee/3.png\n", NULL, "names 2 images, fewer than the 3 classes", CLR_EINPUT},
    {"\n", NULL, "names no image", CLR_EINPUT},
};

START_TEST(refuses)
{
    char path[64];
    int64_t n, *ids = (int64_t *)1;

    if (bad[_i].list)
        write_list(bad[_i].list, path);
    ck_assert_int_eq(clr_labels_choose(store, bad[_i].list ? path : bad[_i].text, 1, &ids, &n), bad[_i].status);
    ck_assert_msg(strstr(clr_message(), bad[_i].says), "%s", clr_message());
    ck_assert_ptr_null(ids);
}
END_TEST

START_TEST(no_labels)
{
    clr_store *bare = make("bare.h5", NULL, 0, 3, NULL);
    int64_t n, *ids;
    int32_t *labels;

    ck_assert_int_eq(clr_labels_choose(bare, "10%", 1, &ids, &n), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(clr_message(), "has no labels"));
    ck_assert_int_eq(clr_labels_match(store, bare, &labels), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(clr_message(), "bare.h5: has no labels"));
    clr_store_close(bare);
}
END_TEST

START_TEST(classes_match_by_name)
{
    static const char *const fewer[] = {"cicada", "ant"}, *const strange[] = {"ant", "owl"};
    static const int label[] = {0, 1, 1, 0};
    clr_store *test = make("test.h5", fewer, 2, 4, label), *other = make("other.h5", strange, 2, 4, label);
    int32_t *labels;

    ck_assert_int_eq(clr_labels_match(store, test, &labels), CLR_OK);
    ck_assert(labels[0] == 2 && labels[1] == 0 && labels[2] == 0 && labels[3] == 2);
    clr_free(labels);
    ck_assert_int_eq(clr_labels_match(store, other, &labels), CLR_EINPUT);
    ck_assert_ptr_nonnull(strstr(clr_message(), "class 'owl'"));
    ck_assert_ptr_null(labels);
    clr_store_close(test);
    clr_store_close(other);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("labels");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, balanced);
    tcase_add_test(tcase, function_of_the_seed);
    tcase_add_test(tcase, drawn_evenly);
    tcase_add_test(tcase, lists);
    tcase_add_loop_test(tcase, refuses, 0, CLR_COUNT(bad));
    tcase_add_test(tcase, no_labels);
    tcase_add_test(tcase, classes_match_by_name);
    return clr_test_run("labels", tcase, CK_FORK_GETENV);
}
