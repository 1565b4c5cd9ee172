/* SPDX-License-Identifier: BSD-3-Clause */
/* Outputs: what is replaced and what is not, links, signals. All in a folder of its own. */
#include "clr/mem.h"
#include "clr/output.h"
#include "clr/plain.h"
#include "clr/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* A name that a temporary file of process pid may have; freed by clr_free. */
static char *temporary_of(const char *path, const char *drawn, pid_t pid)
{
    char host[64] = "";

    gethostname(host, sizeof host - 1);
    return clr_text("%s.tmp-%s-%s%ld", path, host, drawn, (long)pid);
}

/* Files here whose names begin so and end with this process' number; the last one's name, freed by clr_free. */
static int temporaries_of(const char *path, pid_t pid, char **last)
{
    char *end = clr_text("-%ld", (long)pid), *beginning = clr_text("%s.tmp-", path);
    DIR *folder = opendir(".");
    int n = 0;

    *last = NULL;
    for (struct dirent *entry; (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (strncmp(entry->d_name, beginning, strlen(beginning)) || length < strlen(end) ||
            strcmp(entry->d_name + length - strlen(end), end))
            continue;
        clr_free(*last);
        *last = clr_copy_text(entry->d_name);
        n++;
    }
    closedir(folder);
    clr_free(end);
    clr_free(beginning);
    return n;
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
    struct stat attributes;

    ck_assert_int_eq(mkdir("elsewhere", 0777), 0);
    spill("elsewhere/file", "old");
    ck_assert_int_eq(symlink("elsewhere/file", "link"), 0);
    ck_assert_int_eq(clr_output_check("link", false), CLR_EIO);
    ck_assert_int_eq(write_text("link", "new", true), CLR_OK);
    ck_assert_int_eq(lstat("link", &attributes), 0);
    ck_assert(S_ISLNK(attributes.st_mode));
    ck_assert(holds("elsewhere/file", "new"));
}
END_TEST

START_TEST(nothing_but_files_is_replaced)
{
    static const struct {
        const char *path, *part;
    } rows[] = {{"pipe", "is a pipe"},        {"folder", "is a folder"},
                {"to-pipe", "is a pipe"},     {"nowhere", "a link that leads nowhere"},
                {"folder/", "is a folder"},   {"new/", "no name of a file"},
                {"", "no name of a file"},    {"no/such/x", "no/such/"},
                {"file/x", "Not a directory"}};
    struct stat attributes;

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
    ck_assert_int_eq(lstat("pipe", &attributes), 0);
    ck_assert(S_ISFIFO(attributes.st_mode));
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
    char name[256] = "", *left;
    FILE *began = fopen("began", "r");
    ck_assert(began && fgets(name, sizeof name, began));
    fclose(began);
    ck_assert(!strncmp(name, "out.tmp-", 8));
    ck_assert_int_ne(access(name, F_OK), 0);
    ck_assert_int_eq(temporaries_of("out", child, &left), 0);
}
END_TEST

START_TEST(temporary_names_cannot_be_guessed)
{
    clr_output a, b;

    ck_assert_int_eq(clr_output_open("out", &a), CLR_OK);
    ck_assert_int_eq(clr_output_open("out", &b), CLR_OK);
    ck_assert_str_ne(a.temporary, b.temporary);
    ck_assert_int_eq(clr_output_end(&a, false), CLR_OK);
    ck_assert_int_eq(clr_output_end(&b, false), CLR_OK);
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
    char *earlier = temporary_of("out", "", dead), *now = temporary_of("out", "0123456789abcdef-", dead), *left;
    char *other_host = temporary_of("out", "2-0123456789abcdef-", dead),
         *other_host_earlier = temporary_of("out", "2-", dead);
    ck_assert_int_eq(waitpid(dead, &status, 0), dead);
    ck_assert(WIFSIGNALED(status));
    while (!holds("alive", "yes"))
        usleep(1000);
    spill(earlier,
          "half"); /* as earlier versions named them; the other process may have removed the one that was there */
    spill(now, "half");
    spill(other_host, "of a host whose name begins with this one's");
    spill(other_host_earlier, "as earlier versions named them");
    spill("other.tmp-here-1", "not ours");
    ck_assert_int_eq(write_text("out", "whole", true), CLR_OK);
    ck_assert(holds("out", "whole"));
    ck_assert_int_ne(access(earlier, F_OK), 0);
    ck_assert_int_ne(access(now, F_OK), 0);
    ck_assert_int_eq(access(other_host, F_OK), 0);
    ck_assert_int_eq(access(other_host_earlier, F_OK), 0);
    ck_assert_int_eq(temporaries_of("out", alive, &left), 1);
    ck_assert_int_eq(access("other.tmp-here-1", F_OK), 0);
    close(pipe_of_life[1]);
    ck_assert_int_eq(waitpid(alive, &status, 0), alive);
    ck_assert_int_eq(status, 0);
    clr_free(earlier);
    clr_free(now);
    clr_free(other_host);
    clr_free(other_host_earlier);
    clr_free(left);
}
END_TEST

/* Names of the program's own: what stands there instead of a regular file is refused at once, and not touched. */
START_TEST(nothing_but_plain_files_is_opened)
{
    static const struct {
        const char *path, *part;
    } rows[] = {{"pipe", "is a pipe"},    {"folder", "is a folder"}, {"link", "is a link"},
                {"nowhere", "is a link"}, {"socket", "is a socket"}, {"device", "is a device"}};
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int descriptor, ear = socket(AF_UNIX, SOCK_STREAM, 0);
    clr_output output;
    char *text;

    spill("precious", "text");
    ck_assert_int_eq(mkfifo("pipe", 0666), 0);
    ck_assert_int_eq(mkdir("folder", 0777), 0);
    ck_assert_int_eq(symlink("precious", "link"), 0);
    ck_assert_int_eq(symlink("gone", "nowhere"), 0);
    ck_assert_int_eq(bind(ear, (struct sockaddr *)&address, sizeof address), 0);
    bool devices = !mknod("device", S_IFCHR | 0666, 1 << 8 | 3); /* root alone may */
    for (size_t i = 0; i < sizeof rows / sizeof *rows - !devices; i++) {
        const char *path = rows[i].path, *part = rows[i].part;
        ck_assert_msg(clr_plain_check(path) == CLR_EIO && strstr(clr_message(), part), "%s: %s", path, clr_message());
        for (int flags = 0; flags < 2; flags++) {
            ck_assert_int_eq(clr_plain_open(path, flags ? O_WRONLY | O_CREAT | O_APPEND : O_RDONLY, &descriptor),
                             CLR_EIO);
            ck_assert_msg(strstr(clr_message(), part) != NULL, "%s: %s", path, clr_message());
            ck_assert_int_eq(descriptor, -1);
        }
        ck_assert_msg(clr_plain_read(path, 100, &text) == CLR_EIO && strstr(clr_message(), part), "%s: %s", path,
                      clr_message());
        ck_assert_msg(clr_output_open_plain(path, &output) == CLR_EIO && strstr(clr_message(), part), "%s: %s", path,
                      clr_message());
    }
    ck_assert(holds("precious", "text"));
    ck_assert_int_ne(access("gone", F_OK), 0);
    close(ear);
}
END_TEST

START_TEST(plain_files_are_read_and_written)
{
    clr_output output;
    char *text;
    int descriptor;

    ck_assert_int_eq(clr_plain_check("new"), CLR_OK);
    ck_assert_int_eq(clr_plain_read("new", 4, &text), CLR_OK);
    ck_assert_ptr_null(text);
    ck_assert_int_eq(clr_plain_open("no/folder/x", O_WRONLY | O_CREAT, &descriptor), CLR_EIO);
    ck_assert_int_eq(clr_output_open_plain("new", &output), CLR_OK);
    ck_assert(fputs("four", output.file) >= 0);
    ck_assert_int_eq(clr_output_end(&output, true), CLR_OK);
    ck_assert_int_eq(clr_plain_read("new", 4, &text), CLR_OK);
    ck_assert_str_eq(text, "four");
    clr_free(text);
    ck_assert_int_eq(clr_plain_read("new", 3, &text), CLR_EINPUT);
    ck_assert_ptr_null(text);
    ck_assert_int_eq(clr_plain_open("new", O_RDONLY, &descriptor), CLR_OK);
    ck_assert_int_eq(clr_plain_sync(descriptor, false), 0);
    close(descriptor);
    ck_assert_int_eq(clr_plain_sync(descriptor, true), 0); /* a folder that cannot be synced says EBADF too */
    ck_assert_int_eq(clr_plain_sync(descriptor, false), EBADF);
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
    tcase_add_test(tcase, temporary_names_cannot_be_guessed);
    tcase_add_test(tcase, nothing_but_plain_files_is_opened);
    tcase_add_test(tcase, plain_files_are_read_and_written);
    return clr_test_run("output", tcase, CK_FORK_GETENV);
}
