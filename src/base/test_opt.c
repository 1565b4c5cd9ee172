/* SPDX-License-Identifier: BSD-3-Clause */
/* Option tables: sources, kinds, ranges, conditions, proposals, comparison. */
#include "clr/log.h"
#include "clr/mem.h"
#include "clr/opt.h"
#include "clr/test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct settings {
    bool recompute;
    int64_t batch;
    double lr;
    int64_t rate; /* the same as lr, in other words */
    const char *data;
    int loss;
    double margin;
} settings;

#define AT(field) offsetof(settings, field)
static const clr_opt table[] = {
    {"recompute", CLR_OPT_FLAG, AT(recompute), "no", NULL, 0, 0, NULL, 0, "help"},
    {"batch", CLR_OPT_LONG, AT(batch), "4096", "N", 2, 1e9, NULL, CLR_OPT_IDENTITY, "help"},
    {"lr", CLR_OPT_REAL, AT(lr), "0.3", "X", 0, 1000, NULL, CLR_OPT_IDENTITY, "help"},
    {"rate", CLR_OPT_LONG, AT(rate), "0", "N", 0, 1000, NULL, CLR_OPT_IDENTITY | CLR_OPT_OVERRIDDEN_BY, "help"},
    {"data", CLR_OPT_TEXT, AT(data), NULL, "FILE", 0, 0, NULL, 0, "help"},
    {"loss", CLR_OPT_WORD, AT(loss), "ntxent", "ntxent|triplet", 0, 0, NULL, CLR_OPT_IDENTITY, "help"},
    {"margin", CLR_OPT_REAL, AT(margin), "0.8", "X", 0, 10, "loss=triplet", CLR_OPT_IDENTITY, "help"},
    {0}};

static settings got;
static const clr_opt_part parts[] = {{.rows = table}, {0}};
static clr_opt_set set;

static clr_status line(const char *words)
{
    static char copy[512];
    char *argv[32];
    int argc = 0;

    strcpy(copy, words);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    memset(&got, 0, sizeof got);
    clr_opt_open(&set, parts, &got);
    clr_status st = clr_opt_read_line(&set, argc, argv);
    return st == CLR_OK ? clr_opt_finish(&set) : st;
}

START_TEST(defaults_and_line)
{
    ck_assert_int_eq(line("--batch=512 a.h5 --recompute --lr 1/4 -- --b.h5"), CLR_OK);
    ck_assert_int_eq(got.batch, 512);
    ck_assert(got.recompute && got.lr == 0.25 && !got.data && got.loss == 0 && got.margin == 0.8);
    ck_assert_int_eq(set.arguments, 2);
    ck_assert_str_eq(set.argument[0], "a.h5");
    ck_assert_str_eq(set.argument[1], "--b.h5");
    clr_opt_close(&set);
    ck_assert_int_eq(line("--no-recompute --data="), CLR_OK);
    ck_assert(!got.recompute);
    ck_assert_str_eq(got.data, "");
    clr_opt_close(&set);
}
END_TEST

START_TEST(refusals_say_what_to_do)
{
    static const struct {
        const char *words, *part;
    } rows[] = {{"--bacth=5", "did you mean 'batch'?"},
                {"--recomp", "did you mean 'recompute'?"},
                {"--confg=x", "did you mean 'config'?"},
                {"--hlep", "did you mean 'help'?"},
                {"--zzz=1", "--help lists them"},
                {"--batch=1", "from 2 to 1000000000"},
                {"--batch=2.5", "whole number"},
                {"--batch=12x", "whole number"},
                {"--lr=nan", "a number"},
                {"--lr", "needs a value"},
                {"--loss=ntxnt", "ntxent|triplet"},
                {"--recompute=maybe", "yes or no"},
                {"--margin=1", "it needs --loss=triplet"},
                {"-b 5", "--name=value"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(line(rows[i].words) == CLR_EUSAGE, "%s", rows[i].words);
        ck_assert_msg(strstr(clr_message(), rows[i].part) != NULL, "%s: %s", rows[i].words, clr_message());
        clr_opt_close(&set);
    }
}
END_TEST

START_TEST(later_sources_win)
{
    clr_opt_open(&set, parts, &got);
    char *words[] = {"--lr=3"};
    ck_assert_int_eq(clr_opt_read_line(&set, 1, words), CLR_OK);
    ck_assert_int_eq(clr_opt_read_text(&set, "# file\nlr = 2 # no\n\n batch=64\nloss = triplet\n", "f", CLR_OPT_FILE),
                     CLR_OK);
    ck_assert_int_eq(clr_opt_read_text(&set, "batch = 32\nmargin = 0.4\nof-another-command = 1", "p", CLR_OPT_PRESET),
                     CLR_OK);
    ck_assert_int_eq(clr_opt_finish(&set), CLR_OK);
    ck_assert(got.lr == 3 && got.batch == 64 && got.loss == 1 && got.margin == 0.4);
    ck_assert_int_eq(clr_opt_given(&set, "margin"), CLR_OPT_PRESET);
    ck_assert_int_eq(clr_opt_read_text(&set, "batch = 1\nbtach = 2\n", "f.conf", CLR_OPT_FILE), CLR_EUSAGE);
    ck_assert(strstr(clr_message(), "f.conf:2: ") == clr_message() && strstr(clr_message(), "did you mean 'batch'"));
    clr_opt_close(&set);
}
END_TEST

/* rate says what lr says: the later source counts, within one source rate. */
START_TEST(an_option_yields_to_the_row_above)
{
    static const struct {
        const char *file;
        char *line;
        int64_t rate;
    } rows[] = {{"rate = 7", "--lr=3", 0},
                {"lr = 3", "--rate=7", 7},
                {"lr = 3\nrate = 7", "--batch=64", 7},
                {"rate = 7", "--batch=64", 7}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *words[] = {rows[i].line};
        clr_opt_open(&set, parts, &got);
        ck_assert_int_eq(clr_opt_read_line(&set, 1, words), CLR_OK);
        ck_assert_int_eq(clr_opt_read_text(&set, rows[i].file, "f", CLR_OPT_FILE), CLR_OK);
        ck_assert_int_eq(clr_opt_finish(&set), CLR_OK);
        ck_assert_int_eq(got.rate, rows[i].rate);
        ck_assert_str_eq(clr_opt_value(&set, "rate"), rows[i].rate ? "7" : "0");
        clr_opt_close(&set);
    }
}
END_TEST

START_TEST(what_is_written_reads_back_and_compares)
{
    ck_assert_int_eq(line("--batch=128 --lr=0.50 --data=x.h5"), CLR_OK);
    char *text = clr_opt_write(&set);
    clr_opt_close(&set);

    clr_opt_open(&set, parts, &got);
    ck_assert_int_eq(clr_opt_read_text(&set, text, "config", CLR_OPT_FILE), CLR_OK);
    ck_assert_int_eq(clr_opt_finish(&set), CLR_OK);
    ck_assert(got.batch == 128 && got.lr == 0.5 && !strcmp(got.data, "x.h5"));
    clr_opt_close(&set);

    ck_assert_int_eq(line("--batch=128 --lr=5e-1 --data=moved.h5 --recompute"), CLR_OK);
    ck_assert_int_eq(clr_opt_compare(&set, text, NULL), CLR_OK);
    clr_opt_close(&set);
    ck_assert_int_eq(line("--batch=256 --lr=1"), CLR_OK);
    ck_assert_int_eq(clr_opt_compare(&set, text, NULL), CLR_ECONFIG);
    ck_assert_str_eq(clr_message(), "batch: 128 -> 256, lr: 0.50 -> 1");
    ck_assert_int_eq(clr_opt_compare(&set, text, "lr"), CLR_ECONFIG);
    ck_assert_int_eq(clr_opt_compare(&set, text, "lr,batch"), CLR_OK);
    clr_opt_close(&set);
    clr_free(text);
}
END_TEST

START_TEST(every_text_reads_back)
{
    static const char *const texts[] = {"a#b.h5", "a #b.h5", "#b",    " a",         "a\t",           "\"",
                                        "\"a\"",  "a\"b\\c", "a\\nb", "\\ #\"\\\\", "a\nb = c\n# d", "\r",
                                        "C#",     "a = b",   ""};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        clr_opt_open(&set, parts, &got);
        char *word = clr_text("--data=%s", texts[i]);
        ck_assert_int_eq(clr_opt_read_line(&set, 1, &word), CLR_OK);
        char *text = clr_opt_write(&set);
        clr_opt_close(&set);
        clr_opt_open(&set, parts, &got);
        ck_assert_msg(clr_opt_read_text(&set, text, "config", CLR_OPT_FILE) == CLR_OK, "%s: %s", text, clr_message());
        ck_assert_str_eq(clr_opt_value(&set, "data"), texts[i]);
        clr_opt_close(&set);
        clr_free(text);
        clr_free(word);
    }
}
END_TEST

START_TEST(comments_and_quotes)
{
    static const struct {
        const char *line, *data;
    } rows[] = {{"data = a#1.h5 # one", "a#1.h5"},
                {"data=\"a # b\"# no", NULL},
                {"data = \"a # b\"  # yes", "a # b"},
                {" # data = x", ""},
                {"data = # none", ""},
                {"data = \"open", NULL},
                {"data = \"a\" b", NULL},
                {"data = a\"b", "a\"b"},
                {"data =\"\"", ""}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clr_opt_open(&set, parts, &got);
        clr_status st = clr_opt_read_text(&set, rows[i].line, "f", CLR_OPT_FILE);
        ck_assert_msg(st == (rows[i].data ? CLR_OK : CLR_EUSAGE), "%s", rows[i].line);
        if (rows[i].data)
            ck_assert_str_eq(clr_opt_value(&set, "data") ? clr_opt_value(&set, "data") : "", rows[i].data);
        else
            ck_assert_msg(strstr(clr_message(), "f:1: the quotes around the value of 'data'") != NULL, "%s",
                          clr_message());
        clr_opt_close(&set);
    }
}
END_TEST

START_TEST(line_ends_of_other_systems)
{
    static const char *const texts[] = {"lr = 3\r\ndata = \"a b\"\r\nbatch = 64\r\n",
                                        "\xef\xbb\xbflr = 3\ndata = \"a b\"\nbatch = 64",
                                        "\xef\xbb\xbf# none\r\n\r\nlr=3\t \r\ndata=\"a b\" # c\r\n\f\r\nbatch = 64 \v",
                                        "lr = 3\rdata = \"a b\"\rbatch = 64"};
    static const char utf16[] = "\xff\xfel\0r\0=\0003\0";
    char top[CLR_TEST_FOLDER];

    clr_test_folder_begin(top);
    char *path = clr_text("%s/conf", top);
    for (size_t i = 0; i <= sizeof texts / sizeof *texts; i++) {
        bool wide = i == sizeof texts / sizeof *texts;
        FILE *file = fopen(path, "w");
        ck_assert(fwrite(wide ? utf16 : texts[i], wide ? sizeof utf16 - 1 : strlen(texts[i]), 1, file) == 1);
        ck_assert_int_eq(fclose(file), 0);
        clr_opt_open(&set, parts, &got);
        clr_status st = clr_opt_read_file(&set, path);
        if (wide) {
            ck_assert(st == CLR_EINPUT && strstr(clr_message(), "conf: is text in UTF-16"));
        } else {
            ck_assert_msg(st == CLR_OK, "%s", clr_message());
            ck_assert_int_eq(clr_opt_finish(&set), CLR_OK);
            ck_assert(got.lr == 3 && got.batch == 64 && !strcmp(got.data, "a b"));
        }
        clr_opt_close(&set);
    }
    clr_free(path);
    clr_test_folder_end(top);
}
END_TEST

START_TEST(two_values_of_one_source_are_told)
{
    static const struct {
        const char *line, *file, *part; /* part: of the warning; NULL: there is none */
        double lr;
    } rows[] = {{"--lr=3 --lr=2", "", "command line: 'lr' is given twice, 3 and then 2; the second counts", 2},
                {"", "lr = 3\nbatch = 64\nlr = 2\n", "f:3: 'lr' is given twice, 3 and then 2; the second counts", 2},
                {"--lr=2.0 --lr 2", "", NULL, 2},
                {"", "lr = 2\nlr = 2e0\n", NULL, 2},
                {"--lr=2", "lr = 3\n", NULL, 2},
                {"--recompute --no-recompute --lr=2", "", "'recompute' is given twice, yes and then no", 2},
                {"--data=a --data=b --lr=2", "", "'data' is given twice, a and then b", 2}};
    char said[1024] = "";
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    clr_warn("begin");
    ck_assert_int_eq(line(rows[_i].line), CLR_OK);
    ck_assert_int_eq(clr_opt_read_text(&set, rows[_i].file, "f", CLR_OPT_FILE), CLR_OK);
    ck_assert_int_eq(clr_opt_finish(&set), CLR_OK);
    ck_assert(read(ends[0], said, sizeof said - 1) > 0);
    ck_assert(got.lr == rows[_i].lr);
    ck_assert_msg(rows[_i].part ? strstr(said, rows[_i].part) != NULL : !strstr(said, "twice"), "%s", said);
    clr_opt_close(&set);
}
END_TEST

START_TEST(listed_names_are_known)
{
    ck_assert_int_eq(line("--data=lr,batch"), CLR_OK);
    ck_assert_int_eq(clr_opt_known(&set, "data"), CLR_OK);
    clr_opt_close(&set);
    ck_assert_int_eq(line("--data=lr,bacth"), CLR_OK);
    ck_assert_int_eq(clr_opt_known(&set, "data"), CLR_EUSAGE);
    ck_assert_str_eq(clr_message(), "--data: there is no option 'bacth'; did you mean 'batch'?");
    clr_opt_close(&set);
    ck_assert_int_eq(line(""), CLR_OK);
    ck_assert_int_eq(clr_opt_known(&set, "data"), CLR_OK);
    clr_opt_close(&set);
}
END_TEST

/* Two rooms' rows in one table: each into its own struct, with a default of the command's, and a type of the room's. */
typedef struct range {
    int low, high;
} range;

static clr_status parse_range(const char *text, void *field)
{
    range *r = field;
    char rest;

    *r = (range){0};
    if (text && sscanf(text, "%d-%d%c", &r->low, &r->high, &rest) != 2)
        return clr_fail(CLR_EUSAGE, "--range=%s: must be LOW-HIGH", text);
    return CLR_OK;
}

typedef struct composed {
    int64_t own;
    settings room;
    struct {
        int count;
        range range;
    } other;
} composed;

START_TEST(parts_make_one_table)
{
    static const clr_opt other[] = {{"count", CLR_OPT_INT, 0, "3", "N", 1, 9, NULL, 0, "help"},
                                    {"range", CLR_OPT_PARSED,
                                     offsetof(
                                         struct {
                                             int count;
                                             range range;
                                         },
                                         range),
                                     NULL, "LOW-HIGH", 0, 0, NULL, 0, "help", parse_range},
                                    {0}};
    const clr_opt_part all[] = {
        {table, offsetof(composed, room), "batch = 77\nlr = 1/2\n"}, {other, offsetof(composed, other), NULL}, {0}};
    composed got_all = {.own = 5};
    char *words[] = {"--range=2-4", "--margin=1", "--loss=triplet"}, *wrong[] = {"--range=2"};

    clr_opt_open(&set, all, &got_all);
    ck_assert_int_eq(clr_opt_read_line(&set, 3, words), CLR_OK);
    ck_assert_int_eq(clr_opt_finish(&set), CLR_OK);
    ck_assert(got_all.own == 5 && got_all.room.batch == 77 && got_all.room.lr == 0.5 && got_all.room.margin == 1);
    ck_assert(got_all.other.count == 3 && got_all.other.range.low == 2 && got_all.other.range.high == 4);
    ck_assert_str_eq(clr_opt_value(&set, "batch"), "77");
    clr_opt_close(&set);
    clr_opt_open(&set, all, &got_all);
    ck_assert_int_eq(clr_opt_finish(&set), CLR_OK);
    ck_assert(got_all.other.range.low == 0 && got_all.other.range.high == 0);
    clr_opt_close(&set);
    clr_opt_open(&set, all, &got_all);
    ck_assert_int_eq(clr_opt_read_line(&set, 1, wrong), CLR_OK);
    ck_assert_int_eq(clr_opt_finish(&set), CLR_EUSAGE);
    ck_assert_ptr_nonnull(strstr(clr_message(), "LOW-HIGH"));
    clr_opt_close(&set);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("opt");

    tcase_add_test(tcase, defaults_and_line);
    tcase_add_test(tcase, parts_make_one_table);
    tcase_add_test(tcase, refusals_say_what_to_do);
    tcase_add_test(tcase, later_sources_win);
    tcase_add_test(tcase, an_option_yields_to_the_row_above);
    tcase_add_test(tcase, what_is_written_reads_back_and_compares);
    tcase_add_test(tcase, every_text_reads_back);
    tcase_add_test(tcase, listed_names_are_known);
    tcase_add_test(tcase, comments_and_quotes);
    tcase_add_test(tcase, line_ends_of_other_systems);
    tcase_add_loop_test(tcase, two_values_of_one_source_are_told, 0, 7);
    return clr_test_run("opt", tcase, CK_FORK_GETENV);
}
