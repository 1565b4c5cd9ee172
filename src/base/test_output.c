/* Outputs: what is replaced and what is not, links, signals. All in a folder of its own. */
#include "clr/mem.h"
#include "clr/output.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/simclr-output-XXXXXX";

static void spill(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert(fputs(text, file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
}

static bool holds(const char *path, const char *text)
{
    char line[64] = "";
    FILE *file = fopen(path, "r");
    bool same = file && (fgets(line, sizeof line, file) || !*text) && !strcmp(line, text);

    if (file)
        fclose(file);
    return same;
}

static void clean(void)
{
    ck_assert_int_eq(chdir(top), 0);
    ck_assert_int_eq(system("rm -rf ./*"), 0);
}

/* What a writer does. */
static clr_status write_text(const char *path, const char *text, bool good)
{
    clr_output output;
    clr_status st = clr_output_begin(path, &output);

    if (st != CLR_OK)
        return st;
    spill(output.temporary, text);
    char *temporary = clr_copy_text(output.temporary);
    ck_assert_int_eq(clr_output_end(&output, good), 0);
    ck_assert_int_ne(access(temporary, F_OK), 0);
    clr_free(temporary);
    return CLR_OK;
}

START_TEST(files_are_replaced_where_wanted)
{
    clean();
    ck_assert_int_eq(clr_output_check("new", false), CLR_OK);
    ck_assert_int_eq(write_text("new", "one", true), CLR_OK);
    ck_assert(holds("new", "one"));
    ck_assert_int_eq(write_text("new", "two", false), CLR_OK);
    ck_assert(holds("new", "one"));
    ck_assert_int_eq(clr_output_check("new", false), CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), "new: is there already; --force"));
    ck_assert_int_eq(clr_output_check("new", true), CLR_OK);
    spill("empty", "");
    ck_assert_int_eq(clr_output_check("empty", false), CLR_OK);
}
END_TEST

START_TEST(links_stay_links)
{
    struct stat facts;

    clean();
    ck_assert_int_eq(mkdir("elsewhere", 0777), 0);
    spill("elsewhere/file", "old");
    ck_assert_int_eq(symlink("elsewhere/file", "link"), 0);
    ck_assert_int_eq(clr_output_check("link", false), CLR_EIO);
    ck_assert_int_eq(write_text("link", "new", true), CLR_OK);
    ck_assert_int_eq(lstat("link", &facts), 0);
    ck_assert(S_ISLNK(facts.st_mode));
    ck_assert(holds("elsewhere/file", "new"));
}
END_TEST

START_TEST(nothing_but_files_is_replaced)
{
    static const struct {
        const char *path, *part;
    } rows[] = {{"pipe", "is a pipe"},         {"folder", "is a folder"},       {"to-pipe", "is a pipe"},    {"nowhere", "a link that leads nowhere"},
                {"folder/", "is a folder"},    {"new/", "no name of a file"},   {"", "no name of a file"},   {"no/such/x", "no/such/"},
                {"file/x", "Not a directory"}};
    struct stat facts;

    clean();
    spill("file", "text");
    ck_assert_int_eq(mkfifo("pipe", 0666), 0);
    ck_assert_int_eq(mkdir("folder", 0777), 0);
    ck_assert_int_eq(symlink("pipe", "to-pipe"), 0);
    ck_assert_int_eq(symlink("gone", "nowhere"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(clr_output_check(rows[i].path, true) == CLR_EIO, "%s", rows[i].path);
        ck_assert_msg(strstr(clr_message(), rows[i].part) != NULL, "%s: %s", rows[i].path, clr_message());
    }
    ck_assert_int_eq(write_text("pipe", "x", true), CLR_EIO);
    ck_assert_int_eq(write_text("to-pipe", "x", true), CLR_EIO);
    ck_assert_int_eq(lstat("pipe", &facts), 0);
    ck_assert(S_ISFIFO(facts.st_mode));
}
END_TEST

START_TEST(a_signal_leaves_nothing)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    clr_output output;
    int status;

    clean();
    pid_t child = fork();
    if (child == 0) {
        signal(numbers[_i], SIG_DFL);
        if (clr_output_begin("out", &output) != CLR_OK)
            _exit(2);
        spill(output.temporary, "half");
        spill("began", output.temporary);
        raise(numbers[_i]);
        _exit(3);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == numbers[_i]);
    char *temporary = clr_text("out.tmp-%ld", (long)child);
    ck_assert(holds("began", temporary));
    ck_assert_int_ne(access(temporary, F_OK), 0);
    clr_free(temporary);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tcase = tcase_create("output");

    if (!mkdtemp(top))
        return EXIT_FAILURE;
    tcase_add_test(tcase, files_are_replaced_where_wanted);
    tcase_add_test(tcase, links_stay_links);
    tcase_add_test(tcase, nothing_but_files_is_replaced);
    tcase_add_loop_test(tcase, a_signal_leaves_nothing, 0, 3);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (chdir(top) || system("rm -rf ./*") || rmdir(top))
        failed++;
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
