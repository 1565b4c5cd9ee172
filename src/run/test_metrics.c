/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.tsv: rows that stay and go at a resume, and a disk that refuses late, as quotas of network file systems
   do. */
#include "clr/err.h"
#include "clr/metrics.h"
#include "clr/test.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

static char top[CLR_TEST_FOLDER], path[64];
static bool refuses;

enum { STEP, EPOCH, LOSS, LR, GRAD_NORM, COLUMNS };
static const char *const column[COLUMNS] = {"step", "epoch", "loss", "lr", "grad_norm"};

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
        ck_assert_int_eq(clr_metrics_add(metrics, (double[COLUMNS]){[STEP] = step, [LOSS] = 0.5 * step}), CLR_OK);
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
    double last[COLUMNS];

    ck_assert_int_eq(clr_metrics_open(path, column, COLUMNS, 0, &metrics, last), CLR_OK);
    ck_assert(last[STEP] == 0);
    add(&metrics, 1, 7);
    ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
    clr_metrics_close(&metrics);
    ck_assert(has(7));
    FILE *file = fopen(path, "a");
    ck_assert_int_gt(fprintf(file, "8\t0.1\t0.2"), 0); /* struck in the middle of a row */
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(clr_metrics_open(path, column, COLUMNS, 5, &metrics, last), CLR_OK);
    ck_assert(last[STEP] == 5 && last[LOSS] == 2.5);
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

    ck_assert_int_eq(clr_metrics_open(path, column, COLUMNS, 0, &metrics, NULL), CLR_OK);
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

    ck_assert_int_eq(clr_metrics_open(path, column, COLUMNS, 0, &metrics, NULL), CLR_OK);
    for (int first = 1; first < 30000; first += 100)
        add(&metrics, first, first + 99);
    ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
    clr_metrics_close(&metrics);
    ck_assert(has(30000));
}
END_TEST

/* What the column of this name has in row `step` of the file, as text; NULL where there is no such row. */
static const char *value_of(int step, const char *name)
{
    static char line[8192], cell[64];
    FILE *file = fopen(path, "r");
    const char *found = NULL;
    int at = -1;

    while (file && fgets(line, sizeof line, file)) {
        char *next = line + strspn(line, "# ");
        bool here = *line != '#' && atoi(line) == step;
        for (int i = 0; next; i++) {
            char *this = next;
            if ((next = strpbrk(next, "\t\n")))
                *next++ = 0;
            if (*line == '#' && !strcmp(this, name))
                at = i;
            if (here && i == at) {
                snprintf(cell, sizeof cell, "%s", this);
                found = cell;
            }
        }
    }
    if (file)
        fclose(file);
    return found;
}

/* Columns of another version, in another order, lines of other systems and of power failures: every row that can be
   told apart stays, under the names of its columns, and where not all could, the file as it was. */
START_TEST(other_files_lose_nothing)
{
    enum { HUGE_LINE = 100000 };
    static char huge[HUGE_LINE + 64];
    const struct {
        const char *text;
        size_t bytes;     /* 0: a string */
        int last;         /* the rows 1 .. last stay, up to step 3 */
        const char *loss; /* of row 2 */
        bool aside;
    } files[] = {
        {"# step\tepoch\tloss\n1\t0.5\t1.25\n2\t1\t0.75\n3\t1.5\t0.5\n4\t2\t0.25\n", 0, 3, "0.75", false}, /* fewer */
        {"# loss\tstep\tlr\n1.25\t1\t1\n0.75\t2\t1\n0.5\t3\t1\n", 0, 3, "0.75", false},     /* in another order */
        {"# step\tloss\tweather\n1\t1.25\t9\n2\t0.75\t8\n3\t0.5\t7\n", 0, 3, "0.75", true}, /* of a later version */
        {"# step\tloss\tloss\n1\t1.25\t9\n2\t0.75\t8\n3\t0.5\t7\n", 0, 3, "0.75", true},
        {"# step\tloss\r\n1\t1.25\r\n2\t0.75\r\n3\t0.5\r\n", 0, 3, "0.75", false},
        {"step\tloss\n1\t1.25\n2\t0.75\n3\t0.5\n", 0, 3, "0.75", false},
        {"1\t1.25\n2\t0.75\n3\t0.5\n", 0, 0, NULL, true},                        /* which columns? */
        {"# step\tloss\n1\t1.25\n2\t0.75\n3\t0.5\n4\t0.2", 0, 3, "0.75", false}, /* a later row, struck */
        {"# step\tloss\n1\t1.25\n2\t0.75\n3\t0.", 0, 2, "0.75", true},
        {"# step\tloss\n1\t1.25\n2\t0.75\n\n# a note\n3\t0.5\n", 0, 3, "0.75", true},
        {"# step\tloss\n1\t1.25\n2\t0.75\n\0\0\0\0\0\n3\t0.5\n",
         sizeof "# step\tloss\n1\t1.25\n2\t0.75\n\0\0\0\0\0\n3\t0.5\n" - 1, 3, "0.75", true},
        {"# step\tloss\n1\t1.25\n2\t0.75x\n3\n", 0, 1, NULL, true},
        {"# step\tloss\n1\t1.25\n2\t0.75\n1\t8\n2\t9\n3\t0.5\n", 0, 3, "0.75", true},           /* twice */
        {"# step\tloss\n1\t1.25\n2\t0.75\n# step\tlr\tloss\n3\t1\t0.5\n", 0, 3, "0.75", false}, /* two files in one */
        {huge, 0, 3, "0.75", true},
        {"", 0, 0, NULL, false}};
    char aside[80];

    snprintf(huge, sizeof huge, "# step\tloss\n1\t1.25\n2\t0.75\n");
    memset(huge + strlen(huge), '7', HUGE_LINE);
    strcat(huge, "\n3\t0.5\n");
    snprintf(aside, sizeof aside, "%s.1", path);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t bytes = files[i].bytes ? files[i].bytes : strlen(files[i].text);
        clr_metrics metrics;
        double last[COLUMNS];
        char *kept = malloc(bytes + 2);
        FILE *file = fopen(path, "w");
        unlink(aside);
        ck_assert_ptr_nonnull(kept);
        ck_assert_uint_eq(fwrite(files[i].text, 1, bytes, file), bytes);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(clr_metrics_open(path, column, COLUMNS, 3, &metrics, last), CLR_OK);
        ck_assert_msg(has(files[i].last) && last[STEP] == files[i].last, "file %zu: not the rows 1 to %d", i,
                      files[i].last);
        const char *loss = value_of(2, "loss"), *lacks = files[i].last ? value_of(1, "grad_norm") : NULL;
        ck_assert_msg(files[i].loss ? loss && !strcmp(value_of(2, "loss"), files[i].loss) : !loss,
                      "file %zu: the loss of step 2 is %s", i, loss);
        ck_assert_msg(!files[i].last || (lacks && !strcmp(value_of(1, "grad_norm"), "nan")),
                      "file %zu: what is not there is no nan", i);
        ck_assert_msg((access(aside, F_OK) == 0) == files[i].aside, "file %zu: %s", i,
                      files[i].aside ? "is not set aside" : "is set aside");
        file = fopen(aside, "r");
        ck_assert_msg(!files[i].aside ||
                          (fread(kept, 1, bytes + 2, file) == bytes && !memcmp(kept, files[i].text, bytes)),
                      "file %zu: what is aside is another", i);
        if (file)
            fclose(file);
        free(kept);
        add(&metrics, files[i].last + 1, 5);
        ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
        clr_metrics_close(&metrics);
        ck_assert_msg(has(5), "file %zu: later rows are not there", i);
    }
}
END_TEST

/* A new run where one was keeps none of its rows, and neither does it delete them; names that are taken are passed
   over. */
START_TEST(a_new_run_sets_the_old_rows_aside)
{
    clr_metrics metrics;
    char aside[80];

    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(clr_metrics_open(path, column, COLUMNS, -1, &metrics, NULL), CLR_OK);
        add(&metrics, 1, 4);
        ck_assert_int_eq(clr_metrics_sync(&metrics), CLR_OK);
        clr_metrics_close(&metrics);
        ck_assert(has(4));
        snprintf(aside, sizeof aside, "%s.%d", path, i);
        ck_assert_int_ne(access(aside, F_OK), 0);
        if (i > 1) {
            snprintf(aside, sizeof aside, "%s.%d", path, i - 1);
            ck_assert_int_eq(access(aside, F_OK), 0);
        }
    }
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
    tcase_add_test(tcase, other_files_lose_nothing);
    tcase_add_test(tcase, a_new_run_sets_the_old_rows_aside);
    return clr_test_run("metrics", tcase, CK_FORK_GETENV);
}
