/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors, memory, checksums, random streams. */
#include "clr/err.h"
#include "clr/hash.h"
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/rng.h"
#include "clr/test.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(messages_nest)
{
    ck_assert_int_eq(clr_fail(CLR_EIO, "%s: no space", "a.h5"), CLR_EIO);
    ck_assert_int_eq(clr_fail_in(CLR_EIO, "checkpoint %d", 7), CLR_EIO);
    ck_assert_str_eq(clr_message(), "checkpoint 7: a.h5: no space");
    ck_assert_int_eq(clr_exit_status(CLR_OK), 0);
    ck_assert_int_eq(clr_exit_status(CLR_EUSAGE), 2);
    ck_assert_int_eq(clr_exit_status(CLR_STOPPED), 75);
    ck_assert_int_eq(clr_exit_status(CLR_EIO), 1);
}
END_TEST

START_TEST(long_messages_are_cut_not_overrun)
{
    char text[4000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    clr_fail(CLR_EIO, "%s", text);
    size_t length = strlen(clr_message());
    ck_assert_uint_lt(length, sizeof text);
    clr_fail_in(CLR_EIO, "context");
    ck_assert(!strncmp(clr_message(), "context: xxx", 12));
}
END_TEST

START_TEST(memory_is_zeroed_aligned_counted)
{
    uint64_t before = clr_alloc_count();
    char *block = clr_alloc(1000, 3);

    ck_assert_uint_eq((uintptr_t)block % CLR_ALIGN, 0);
    for (int i = 0; i < 3000; i++)
        ck_assert_int_eq(block[i], 0);
    ck_assert_uint_eq(clr_alloc_count(), before + 1);
    clr_free(block);
    ck_assert_uint_gt(clr_memory_available(), 1 << 20);
    ck_assert_uint_gt(clr_memory_peak(), 1 << 20);
}
END_TEST

START_TEST(arena_pieces_do_not_overlap)
{
    clr_arena arena = {0};
    size_t a = clr_arena_reserve(&arena, 100), b = clr_arena_reserve(&arena, 1), c = clr_arena_reserve(&arena, 64);

    ck_assert_uint_ge(b, a + 100);
    ck_assert_uint_ge(c, b + 1);
    ck_assert_uint_eq(a % CLR_ALIGN + b % CLR_ALIGN + c % CLR_ALIGN, 0);
    clr_arena_open(&arena);
    memset(clr_arena_at(&arena, a), 1, 100);
    memset(clr_arena_at(&arena, c), 2, 64);
    ck_assert_int_eq(*(char *)clr_arena_at(&arena, b), 0);
    clr_arena_close(&arena);
}
END_TEST

/* Pieces with random lifetimes: whoever lives at the same moment lies apart, and the whole is close to what the
   busiest moment needs. */
START_TEST(live_ranges_do_not_overlap_and_waste_little)
{
    enum { PIECES = 60, MOMENTS = 40, TRIALS = 50 };
    clr_rng rng = clr_rng_for(_i, 0, 0, 0, 0);

    for (int trial = 0; trial < TRIALS; trial++) {
        clr_live_ranges ranges = {0};
        size_t busiest = 0;
        for (int i = 0; i < PIECES; i++) {
            int from = (int)(MOMENTS / 2 * clr_rng_uniform(&rng)), to = from + (int)(5 * clr_rng_uniform(&rng));
            ck_assert_int_eq(clr_live_ranges_add(&ranges, (size_t)(1 + 5000 * clr_rng_uniform(&rng)), from, to), i);
            if (i % 3 == 0)
                clr_live_ranges_add_second(&ranges, i, MOMENTS - to, MOMENTS - from);
        }
        size_t total = clr_live_ranges_place(&ranges);
        for (int moment = 0; moment <= MOMENTS; moment++) {
            size_t busy = 0;
            for (int i = 0; i < PIECES; i++) {
                const clr_live_range *a = &ranges.range[i];
                bool lives =
                    (moment >= a->from[0] && moment <= a->to[0]) || (moment >= a->from[1] && moment <= a->to[1]);
                ck_assert_uint_eq(a->offset % CLR_ALIGN, 0);
                ck_assert_uint_le(a->offset + a->bytes, total);
                busy += lives ? a->bytes : 0;
                for (int j = 0; j < i && lives; j++) {
                    const clr_live_range *b = &ranges.range[j];
                    if ((moment >= b->from[0] && moment <= b->to[0]) || (moment >= b->from[1] && moment <= b->to[1]))
                        ck_assert(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
                }
            }
            busiest = busy > busiest ? busy : busiest;
        }
        ck_assert_uint_ge(total, busiest);
        ck_assert_double_le((double)total, 1.35 * (double)busiest);
        clr_live_ranges_close(&ranges);
    }
}
END_TEST

START_TEST(hash_sees_every_bit_and_is_continued)
{
    unsigned char data[80];

    for (int i = 0; i < 80; i++)
        data[i] = (unsigned char)(i * 37);
    uint64_t whole = clr_hash(CLR_HASH_START, data, sizeof data);
    ck_assert_uint_eq(clr_hash(clr_hash(CLR_HASH_START, data, 24), data + 24, 56), whole);
    for (int bit = 0; bit < 640; bit++) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ck_assert_uint_ne(clr_hash(CLR_HASH_START, data, sizeof data), whole);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ck_assert_uint_ne(clr_hash(CLR_HASH_START, data, 79), clr_hash(CLR_HASH_START, data, 78));
    ck_assert_uint_ne(clr_hash(CLR_HASH_START, "\0", 1), clr_hash(CLR_HASH_START, "\0\0", 2));
}
END_TEST

START_TEST(streams_are_functions_of_what_they_are_for)
{
    uint64_t base[5] = {3, 1, 4, 1, 5};
    clr_rng one = clr_rng_for(base[0], base[1], base[2], 1, 5), again = one;
    uint32_t first = clr_rng_u32(&one);

    ck_assert_uint_eq(first, clr_rng_u32(&again));
    for (int i = 0; i < 5; i++) {
        base[i]++;
        clr_rng other = clr_rng_for(base[0], base[1], base[2], (uint32_t)base[3], (uint32_t)base[4]);
        ck_assert_uint_ne(first, clr_rng_u32(&other));
        base[i]--;
    }
}
END_TEST

/* Means and variances within five standard errors of n = 100,000 draws. */
START_TEST(draws_have_their_distributions)
{
    enum { N = 100000 };
    clr_rng rng = clr_rng_for(1, 2, 3, 0, 0);
    double sum = 0, square = 0, cut = 0;
    int counts[7] = {0};

    for (int i = 0; i < N; i++) {
        double x = clr_rng_normal(&rng), u = clr_rng_uniform(&rng), t = clr_rng_truncated_normal(&rng);
        ck_assert(u >= 0 && u < 1 && fabs(t) <= 2);
        sum += x;
        square += x * x;
        cut += t * t;
        counts[clr_rng_below(&rng, 7)]++;
    }
    ck_assert_double_lt(fabs(sum / N), 5 / sqrt(N));
    ck_assert_double_lt(fabs(square / N - 1), 5 * sqrt(2.0 / N));
    ck_assert_double_lt(fabs(cut / N - 0.87962566 * 0.87962566), 0.015); /* deviation of a normal cut at 2 */
    for (int i = 0; i < 7; i++)
        ck_assert_double_lt(fabs(counts[i] - N / 7.0), 5 * sqrt(N / 7.0));
}
END_TEST

START_TEST(shuffles_reach_every_order)
{
    int seen[24] = {0};

    for (uint64_t s = 0; s < 2400; s++) {
        clr_rng rng = clr_rng_for(9, 0, s, 0, 0);
        int item[4] = {0, 1, 2, 3};
        clr_rng_shuffle(&rng, item, 4);
        int code = 0, used = 0;
        for (int i = 0; i < 4; i++) {
            int smaller = 0;
            for (int j = i + 1; j < 4; j++)
                smaller += item[j] < item[i];
            code = code * (4 - i) + smaller;
            used |= 1 << item[i];
        }
        ck_assert_int_eq(used, 15);
        seen[code]++;
    }
    for (int i = 0; i < 24; i++)
        ck_assert_double_lt(fabs(seen[i] - 100.0), 50);
}
END_TEST

START_TEST(a_log_that_refuses_lines_is_told_once)
{
    char top[CLR_TEST_FOLDER], said[1024] = "", *path;
    int ends[2], kept = dup(STDERR_FILENO);
    struct rlimit before;

    clr_test_folder_begin(top);
    path = clr_text("%s/log", top);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert(kept >= 0 && !pipe(ends) && !getrlimit(RLIMIT_FSIZE, &before));
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(clr_log_file(path), CLR_OK);
    clr_warn("one");
    bool limited =
        !setrlimit(RLIMIT_FSIZE, &(struct rlimit){20, before.rlim_max}); /* bytes; an assertion writes more */
    clr_warn("two is longer");
    clr_warn("three is longer");
    bool restored = !setrlimit(RLIMIT_FSIZE, &before);
    ck_assert(limited && restored);
    ck_assert_int_eq(clr_log_file(NULL), CLR_OK);
    ck_assert_int_eq(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    ck_assert(read(ends[0], said, sizeof said - 1) > 0);
    const char *told = strstr(said, "/log: cannot be written: File too large");
    ck_assert_msg(told && !strstr(told + 10, "cannot be written"), "%s", said);
    ck_assert_msg(strstr(said, "warning: three is longer") != NULL, "%s", said);
    clr_free(path);
    clr_test_folder_end(top);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("base");

    tcase_add_test(tcase, messages_nest);
    tcase_add_test(tcase, long_messages_are_cut_not_overrun);
    tcase_add_test(tcase, memory_is_zeroed_aligned_counted);
    tcase_add_test(tcase, arena_pieces_do_not_overlap);
    tcase_add_loop_test(tcase, live_ranges_do_not_overlap_and_waste_little, 0, 4);
    tcase_add_test(tcase, hash_sees_every_bit_and_is_continued);
    tcase_add_test(tcase, streams_are_functions_of_what_they_are_for);
    tcase_add_test(tcase, draws_have_their_distributions);
    tcase_add_test(tcase, shuffles_reach_every_order);
    tcase_add_test(tcase, a_log_that_refuses_lines_is_told_once);
    return clr_test_run("base", tcase, CK_FORK_GETENV);
}
