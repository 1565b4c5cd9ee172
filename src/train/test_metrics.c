/* metrics.tsv: rows that stay and go at a resume, and a disk that refuses late, as quotas of network file systems do. */
#include "clr/err.h"
#include "clr/metrics.h"
#include "clr/test.h"

#include <errno.h>
#include <stdbool.h>

static char top[CLR_TEST_FOLDER], path[64];
static bool refuses;

/* Stands before the system's. */
int fsync(int file)
{
    if (refuses)
        errno = EDQUOT;
    return refuses ? -1 : fdatasync(file);
}

static void setup(void)
{
    clr_test_folder_begin(top);
    snprintf(path, sizeof path, "%s/metrics.tsv", top);
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

static void add(clr_metrics *metrics, int first, int last)
{
    for (int step = first; step <= last; step++)
        ck_assert_int_eq(clr_metrics_add(metrics, &(clr_metrics_row){.step = step, .loss = 0.5 * step}), CLR_OK);
}

/* The file has a header and the rows of steps 1 .. last, each once. */
static bool has(int last)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    bool good = file && fgets(line, sizeof line, file) && !strncmp(line, "# step\tepoch\tloss", 17);
    int step = 0;

    while (good && fgets(line, sizeof line, file))
        good = strchr(line, '\n') && atoi(line) == ++step;
    if (file)
        fclose(file);
    return good && step == last;
}

START_TEST(a_resume_keeps_the_rows_up_to_its_step)
{
    clr_metrics metrics;
    clr_metrics_row last;

    ck_assert_int_eq(clr_metrics_open(path, 0, &metrics, &last), CLR_OK);
    ck_assert(last.step == 0);
    add(&metrics, 1, 7);
    ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
    clr_metrics_close(&metrics);
    ck_assert(has(7));
    FILE *file = fopen(path, "a");
    ck_assert_int_gt(fprintf(file, "8\t0.1\t0.2"), 0); /* struck in the middle of a row */
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(clr_metrics_open(path, 5, &metrics, &last), CLR_OK);
    ck_assert(last.step == 5 && last.loss == 2.5);
    ck_assert(has(5));
    add(&metrics, 6, 9);
    ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
    clr_metrics_close(&metrics);
    ck_assert(has(9));
}
END_TEST

START_TEST(a_disk_that_refuses_late_loses_no_row)
{
    clr_metrics metrics;

    ck_assert_int_eq(clr_metrics_open(path, 0, &metrics, NULL), CLR_OK);
    add(&metrics, 1, 3);
    ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
    add(&metrics, 4, 5);
    refuses = true;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_EIO);
        ck_assert_ptr_nonnull(strstr(clr_message(), "metrics.tsv: cannot be written: Disk quota"));
        ck_assert(has(3));
    }
    add(&metrics, 6, 6);
    refuses = false;
    ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
    clr_metrics_close(&metrics);
    ck_assert(has(6));
}
END_TEST

/* More than fits into memory at once: what is on the disk makes room. */
START_TEST(many_rows_pass)
{
    clr_metrics metrics;

    ck_assert_int_eq(clr_metrics_open(path, 0, &metrics, NULL), CLR_OK);
    for (int first = 1; first < 30000; first += 100)
        add(&metrics, first, first + 99);
    ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
    clr_metrics_close(&metrics);
    ck_assert(has(30000));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("metrics");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_resume_keeps_the_rows_up_to_its_step);
    tcase_add_test(tcase, a_disk_that_refuses_late_loses_no_row);
    tcase_add_test(tcase, many_rows_pass);
    return clr_test_run("metrics", tcase, CK_FORK_GETENV);
}
