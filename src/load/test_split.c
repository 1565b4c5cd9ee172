/* SPDX-License-Identifier: BSD-3-Clause */
/* How batches are split: every image belongs to one rank and one microbatch, which no number of ranks changes. */
#include "clr/mem.h"
#include "clr/split.h"
#include "clr/test.h"

START_TEST(every_image_is_in_one_place)
{
    static const int64_t cases[][2] = {{1, 0}, {7, 0}, {64, 0}, {64, 16}, {65, 16}, {100, 7}, {4096, 300}};
    enum { MOST_RANKS = 9, MOST = 4096 };

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int ranks = 1; ranks <= MOST_RANKS && ranks <= cases[c][0]; ranks++) {
            int64_t images = cases[c][0], seen = 0;
            int *microbatch = CLR_NEW(int, MOST);
            for (int rank = 0; rank < ranks; rank++) {
                clr_split s = clr_split_of(images, cases[c][1], ranks, rank);
                ck_assert_int_eq(s.first, seen);
                for (int i = 0; i < s.microbatches; i++) {
                    int first = clr_split_first(&s, i), n = clr_split_count(&s, i);
                    ck_assert_int_le(n, s.most);
                    for (int k = 0; k < n; k++) {
                        int64_t image = s.first + first + k * s.microbatches;
                        ck_assert_int_lt(image, s.first + s.mine);
                        ck_assert_int_eq(image % s.microbatches, i);
                        microbatch[image]++;
                    }
                }
                seen += s.mine;
            }
            ck_assert_int_eq(seen, images);
            for (int64_t image = 0; image < images; image++)
                ck_assert_int_eq(microbatch[image], 1);
            clr_free(microbatch);
        }
}
END_TEST

START_TEST(microbatches_are_no_larger_than_asked_for)
{
    for (int64_t images = 1; images < 200; images++)
        for (int64_t microbatch = 1; microbatch <= images; microbatch++) {
            clr_split s = clr_split_of(images, microbatch, 1, 0);
            int64_t sum = 0;
            for (int i = 0; i < s.microbatches; i++) {
                ck_assert_int_le(clr_split_total(&s, i), microbatch);
                ck_assert_int_eq(clr_split_total(&s, i), clr_split_count(&s, i));
                sum += clr_split_total(&s, i);
            }
            ck_assert_int_eq(sum, images);
        }
}
END_TEST

START_TEST(ranks_without_images_are_refused)
{
    ck_assert_int_eq(clr_split_check(3, 0, 4, "--batch=3"), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(clr_message(), "--batch=3"));
    ck_assert_int_eq(clr_split_check(64, 7, 4, "--batch=64"), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(clr_message(), "--microbatch=7"));
    ck_assert_int_eq(clr_split_check(64, 8, 4, "--batch=64"), CLR_OK);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("split");

    tcase_add_test(tcase, every_image_is_in_one_place);
    tcase_add_test(tcase, microbatches_are_no_larger_than_asked_for);
    tcase_add_test(tcase, ranks_without_images_are_refused);
    return clr_test_run("split", tcase, CK_FORK);
}
