/* Outputs: what is replaced and what is not, links, signals. All in a folder of its own. */
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[CLR_TEST_FOLDER];

static void setup(void)
{
    clr_test_folder_begin(top);
    ck_assert_int_eq(chdir(top), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(chdir(".."), 0);
    clr_test_folder_end(top);
}

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

static char *temporary_of(const char *path, pid_t pid)
{
    char host[64] = "";

    gethostname(host, sizeof host - 1);
    return clr_text("%s.tmp-%s-%ld", path, host, (long)pid);
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
    ck_assert_int_eq(clr_output_end(&output, good), CLR_OK);
    ck_assert_int_ne(access(temporary, F_OK), 0);
    clr_free(temporary);
    return CLR_OK;
}

START_TEST(files_are_replaced_where_wanted)
{
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
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGUSR1, SIGUSR2};
    clr_output output;
    int status;

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
    char *temporary = temporary_of("out", child);
    ck_assert(holds("began", temporary));
    ck_assert_int_ne(access(temporary, F_OK), 0);
    clr_free(temporary);
}
END_TEST

START_TEST(the_next_writer_removes_what_a_killed_one_left)
{
    clr_output output;
    int status, pipe_of_life[2];

    ck_assert_int_eq(pipe(pipe_of_life), 0);
    pid_t dead = fork(), alive = dead ? fork() : 0;
    if (!dead || !alive) {
        close(pipe_of_life[1]);
        if (clr_output_open("out", &output) != CLR_OK || fputs("half", output.file) < 0 || fflush(output.file))
            _exit(2);
        if (!dead)
            kill(getpid(), SIGKILL);
        spill("alive", "yes");
        _exit(read(pipe_of_life[0], &status, 1) != 0); /* ends when the test closes its end */
    }
    char *of_dead = temporary_of("out", dead), *of_alive = temporary_of("out", alive);
    ck_assert_int_eq(waitpid(dead, &status, 0), dead);
    ck_assert(WIFSIGNALED(status));
    while (!holds("alive", "yes"))
        usleep(1000);
    spill(of_dead, "half"); /* the other one may have removed it */
    spill("other.tmp-here-1", "not ours");
    ck_assert_int_eq(write_text("out", "whole", true), CLR_OK);
    ck_assert(holds("out", "whole"));
    ck_assert_int_ne(access(of_dead, F_OK), 0);
    ck_assert_int_eq(access(of_alive, F_OK), 0);
    ck_assert_int_eq(access("other.tmp-here-1", F_OK), 0);
    close(pipe_of_life[1]);
    ck_assert_int_eq(waitpid(alive, &status, 0), alive);
    ck_assert_int_eq(status, 0);
    clr_free(of_dead);
    clr_free(of_alive);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    clr_output output;

    ck_assert_int_eq(clr_output_open("out", &output), CLR_OK);
    ck_assert_ptr_nonnull(output.file = freopen("/dev/full", "w", output.file));
    fputs("text", output.file);
    ck_assert_int_eq(clr_output_end(&output, true), CLR_EIO);
    ck_assert_ptr_nonnull(strstr(clr_message(), "out: cannot be written: No space left"));
    ck_assert_int_ne(access("out", F_OK), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("output");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, files_are_replaced_where_wanted);
    tcase_add_test(tcase, links_stay_links);
    tcase_add_test(tcase, nothing_but_files_is_replaced);
    tcase_add_loop_test(tcase, a_signal_leaves_nothing, 0, 7);
    tcase_add_test(tcase, the_next_writer_removes_what_a_killed_one_left);
    tcase_add_test(tcase, a_full_disk_is_told);
    return clr_test_run("output", tcase, CK_FORK_GETENV);
}
