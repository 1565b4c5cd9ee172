/* SPDX-License-Identifier: BSD-3-Clause */
/* The line of progress on terminals of many widths, and on what is none. */
#include "clr/log.h"
#include "clr/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char line[] = "step 120/5000  left 1 h 02 min  loss 4.1234 (chance 5.5413)  caf\xc3\xa9 12.5 %";

/* The line twice, a message, and the line once more. */
static void say_a_line(void)
{
    clr_progress("%s", line);
    clr_progress("%s", line);
    clr_info("done");
    clr_progress("%s", line);
    clr_progress_end();
    clr_progress_end();
}

static void say_a_warning(void)
{
    clr_info("begins");
    clr_warn("the disk is slow");
    clr_error("the disk is full");
}

/* What a process that says something sends to a terminal of so many columns. */
static const char *shown_of(void (*say)(void), int columns, const char *term)
{
    static char text[4096];
    int master = posix_openpt(O_RDWR | O_NOCTTY), status;
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    size_t used = 0;
    ssize_t n;

    ck_assert(master >= 0 && !grantpt(master) && !unlockpt(master));
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    ck_assert(slave >= 0 && !ioctl(slave, TIOCSWINSZ, &size));
    pid_t child = fork();
    if (!child) {
        dup2(slave, STDERR_FILENO);
        close(slave);
        close(master);
        term ? setenv("TERM", term, 1) : unsetenv("TERM");
        unsetenv("COLUMNS");
        say();
        _exit(0);
    }
    close(slave);
    while (used < sizeof text - 1 && (n = read(master, text + used, sizeof text - 1 - used)) > 0)
        used += (size_t)n;
    text[used] = 0;
    close(master);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return text;
}

static const char *shown(int columns, const char *term)
{
    return shown_of(say_a_line, columns, term);
}

START_TEST(warnings_have_a_colour_on_a_terminal)
{
    static const char plain[] = "begins\r\nwarning: the disk is slow\r\nsimclr: the disk is full\r\n";

    unsetenv("NO_COLOR");
    ck_assert_str_eq(shown_of(say_a_warning, 80, "xterm"),
                     "begins\r\n\033[33mwarning: \033[mthe disk is slow\r\n\033[31msimclr: \033[mthe disk is full\r\n");
    ck_assert_str_eq(shown_of(say_a_warning, 80, "dumb"), plain);
    setenv("NO_COLOR", "1", 1);
    ck_assert_str_eq(shown_of(say_a_warning, 80, "xterm"), plain);
}
END_TEST

/* Behind a launcher, standard error is a pipe; the job scripts say how wide the terminal at its end is. */
START_TEST(a_terminal_behind_a_pipe)
{
    char text[1024], want[1024];
    int ends[2], status;

    ck_assert(!pipe(ends));
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        setenv("TERM", "xterm", 1);
        unsetenv("COLUMNS");
        clr_progress("%s", line);
        setenv("SIMCLR_TERMINAL", "60", 1);
        clr_progress("%s", line);
        clr_progress_end();
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[n > 0 ? n : 0] = 0;
    snprintf(want, sizeof want, "%s\n\r\033[Kstep 120/5000  left 1 h 02 min  loss 4.1234 (chance 5.5413)\n", line);
    ck_assert_str_eq(text, want);
}
END_TEST

START_TEST(the_line_fits)
{
    static const struct {
        int columns;
        const char *line;
    } widths[] = {{200, line},
                  {(int)sizeof line, line}, /* one more than its bytes */
                  {(int)sizeof line - 1, "step 120/5000  left 1 h 02 min  loss 4.1234 (chance 5.5413)"},
                  {60, "step 120/5000  left 1 h 02 min  loss 4.1234 (chance 5.5413)"},
                  {59, "step 120/5000  left 1 h 02 min"},
                  {20, "step 120/5000"},
                  {14, "step 120/5000"},
                  {9, "step 120"},
                  {1, ""},
                  {0, line}}; /* unknown: 80 */
    char want[1024];

    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        snprintf(want, sizeof want, "\r\033[K%s\r\033[K%s\r\ndone\r\n\r\033[K%s\r\n", widths[i].line, widths[i].line,
                 widths[i].line);
        ck_assert_str_eq(shown(widths[i].columns, "xterm"), want);
    }
}
END_TEST

START_TEST(what_cannot_rewrite_gets_lines)
{
    char want[1024];

    snprintf(want, sizeof want, "%s\r\n%s\r\ndone\r\n%s\r\n", line, line, line);
    ck_assert_str_eq(shown(40, "dumb"), want);
    ck_assert_str_eq(shown(40, ""), want);
    ck_assert_str_eq(shown(40, NULL), want);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("log");

    tcase_add_test(all, the_line_fits);
    tcase_add_test(all, a_terminal_behind_a_pipe);
    tcase_add_test(all, warnings_have_a_colour_on_a_terminal);
    tcase_add_test(all, what_cannot_rewrite_gets_lines);
    return clr_test_run("log", all, CK_FORK_GETENV);
}
