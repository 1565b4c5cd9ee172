/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans as text: taken where their solvers give the same bits here, and nowhere else; what is no plan does no harm.
   On four ranks. */
#include "clr/conv.h"
#include "clr/isa.h"
#include "clr/mem.h"
#include "clr/test.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clr_comm *comm;

/* As plans name it: the kernels of AVX-512 BF16 are AVX-512's but for bf16. */
static const char *isa_name(void)
{
    clr_isa isa = clr_isa_current();

    return clr_isa_name(isa == CLR_ISA_AVX512BF16 ? CLR_ISA_AVX512 : isa);
}

/* How many choices a planner takes from text, that rank 0 has alone; -1: it takes none. The first problem below then
   has `solver`. */
static int taken(const char *text, const char **solver)
{
    const clr_conv_problem problem = clr_conv_problem_of(8, 8, 8, 16, 16, 3, 1, 1);
    clr_planner *planner = NULL;

    ck_assert_int_eq(clr_planner_open(comm, "estimate", NULL, &planner), CLR_OK);
    bool is = clr_planner_take(planner, clr_comm_rank(comm) == 0 ? text : NULL);
    int n = clr_planner_choices(planner);
    *solver = clr_planner_choose(planner, &problem, CLR_FORWARD)->name;
    clr_planner_close(planner);
    ck_assert(is || n == 0);
    return is ? n : -1;
}

/* A plan with these conditions: the reference, which no estimate prefers, for the problem above, and lines that are
   none. */
static char *plan(const char *version, const char *processor, const char *isa, int threads)
{
    return clr_text(
        "simclr-plan %s | %s | %s | threads %d\n8 8 8 16 16 3 3 1 1 %d reference\n8 8 8 16 16 3 3 1 1 %d reference\n"
        "0 0 0 0 0 0 0 1 0 0 implicit\n-1 -5 -5 -1 -1 -3 -3 1 -9 1 reference\n1 1 1 1 1 1 1 0 0 0 reference\n"
        "1 1 1 1 1 1 1 1 0 99 reference\n1 1 1 1 1 1 1 1 0 0 nobody\n\nnothing\n8 8",
        version, processor, isa, threads, CLR_FORWARD, CLR_BACKWARD_DATA);
}

START_TEST(plans_hold_where_bits_are_the_same)
{
    const char *isa = isa_name(), *solver, *planned;
    int threads = omp_get_max_threads();
    struct {
        const char *version, *processor, *isa;
        int threads;
        bool good;
    } rows[] = {{PACKAGE_VERSION, "this", isa, threads, true},
                {"0.0.1", "another (R) 8 @ 3.1 GHz", isa, threads, true},
                {PACKAGE_VERSION, "this", isa, threads + 1, false},
                {PACKAGE_VERSION, "this", isa, 10 * threads, false},
                {PACKAGE_VERSION, "this", "sse", threads, false}};

    ck_assert_int_eq(taken(NULL, &planned), -1);
    ck_assert_str_ne(planned, "reference");
    for (size_t i = 0; i < CLR_COUNT(rows); i++) {
        char *text = plan(rows[i].version, rows[i].processor, rows[i].isa, rows[i].threads);
        int n = taken(text, &solver);
        ck_assert_msg(rows[i].good ? n >= 2 : n == -1, "row %zu: %d", i, n);
        ck_assert_str_eq(solver, rows[i].good ? "reference" : planned);
        clr_free(text);
    }
}
END_TEST

START_TEST(what_is_written_is_taken)
{
    const clr_conv_problem problem = clr_conv_problem_of(4, 6, 6, 3, 8, 3, 1, 1);
    clr_planner *planner = NULL;
    const char *solver;

    ck_assert_int_eq(clr_planner_open(comm, "estimate", NULL, &planner), CLR_OK);
    for (int d = 0; d < CLR_DIRECTIONS; d++)
        clr_planner_choose(planner, &problem, (clr_direction)d);
    char *text = clr_planner_text(planner);
    ck_assert_int_eq(taken(text, &solver), CLR_DIRECTIONS);
    clr_free(text);
    clr_planner_close(planner);
}
END_TEST

START_TEST(what_is_no_plan_is_none)
{
    enum { MUCH = 1 << 20 };
    const char *const texts[] = {
        "", "\n", "|", "||", "simclr-plan", " | |\n", "| a | b\n8 8 8 16 16 3 3 1 1 0 reference\n"};
    char *much = CLR_NEW(char, MUCH + 1), *start = plan("1", "p", isa_name(), omp_get_max_threads());
    const char *solver;

    for (size_t i = 0; i < CLR_COUNT(texts); i++)
        ck_assert_int_eq(taken(texts[i], &solver), -1);
    memset(much, '8', MUCH);
    memcpy(much, start, strlen(start));
    ck_assert_int_eq(taken(much, &solver), -1);
    clr_free(much);
    clr_free(start);
}
END_TEST

/* A storage type that no solver serves is refused before anything is planned, and no solver claims a problem of it. */
START_TEST(types_are_served_or_refused)
{
    clr_conv_problem problem = clr_conv_problem_of(8, 8, 8, 16, 16, 3, 1, 1);

    ck_assert_uint_eq(clr_dtype_bytes(CLR_FP32), sizeof(float));
    ck_assert_uint_eq(clr_dtype_bytes(CLR_BF16), 2);
    ck_assert_str_eq(clr_dtype_name(CLR_FP32), "fp32");
    ck_assert_str_eq(clr_dtype_name(CLR_BF16), "bf16");
    ck_assert_int_eq(clr_conv_check_dtype(CLR_FP32), CLR_OK);
    for (int dtype = 0; dtype < CLR_DTYPES; dtype++) {
        int served = 0;
        problem.dtype = (clr_dtype)dtype;
        for (const clr_conv_solver *const *solver = clr_conv_solvers; *solver; solver++)
            for (int direction = 0; direction < CLR_DIRECTIONS; direction++)
                served |= clr_conv_serves(*solver, &problem, (clr_direction)direction) << direction;
        clr_status st = clr_conv_check_dtype((clr_dtype)dtype);
        ck_assert_int_eq(st, served == (1 << CLR_DIRECTIONS) - 1 ? CLR_OK : CLR_EUSAGE);
        ck_assert(st == CLR_OK || strstr(clr_message(), clr_dtype_name((clr_dtype)dtype)));
    }
}
END_TEST

int main(int argc, char **argv)
{
    if (clr_comm_start(&argc, &argv, &comm) != CLR_OK)
        return EXIT_FAILURE;
    TCase *all = tcase_create("all");
    tcase_add_test(all, plans_hold_where_bits_are_the_same);
    tcase_add_test(all, what_is_written_is_taken);
    tcase_add_test(all, what_is_no_plan_is_none);
    tcase_add_test(all, types_are_served_or_refused);
    int status = clr_test_run("planner", all, CK_NOFORK);
    clr_comm_stop(comm);
    return status;
}
