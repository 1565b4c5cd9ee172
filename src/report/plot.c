/* SPDX-License-Identifier: BSD-3-Clause */
/* Colours are numbers that svg.c replaces: #010101 the ink, #020202 the grid, #0300NN colour NN. */
#include "plot.h"

#include "clr/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDTH = 460, HEIGHT = 300, MOST = 32 << 20, LABEL = 24 /* letters of a word */ };

extern char **environ;

bool clr_plot_possible(void)
{
    char *list = clr_copy_text(getenv("PATH") ? getenv("PATH") : ""), *rest = NULL;
    bool found = false;

    for (char *folder = strtok_r(list, ":", &rest); folder && !found; folder = strtok_r(NULL, ":", &rest)) {
        char *path = clr_text("%s/gnuplot", folder);
        found = !access(path, X_OK);
        clr_free(path);
    }
    clr_free(list);
    return found;
}

static void write_range(FILE *to, char axis, double low, double high)
{
    fprintf(to, "set %crange [", axis);
    if (!isnan(low))
        fprintf(to, "%.8g", low);
    fputs(":", to);
    if (!isnan(high))
        fprintf(to, "%.8g", high);
    fputs("]\n", to);
}

/* A word in quotes, of letters that mean nothing to gnuplot. */
static void write_word(const char *word, FILE *to)
{
    fputc('\'', to);
    for (int i = 0; word[i] && i < LABEL; i++)
        fputc(isalnum((unsigned char)word[i]) || strchr(" .,:;=+-/()%", word[i]) ? word[i] : '?', to);
    fputc('\'', to);
}

static void write_axes(const clr_plot *p, FILE *to)
{
    if (!p->x) {
        fputs("unset border\nunset tics\nset lmargin at screen 0\nset rmargin at screen 1\n"
              "set tmargin at screen 1\nset bmargin at screen 0\n",
              to);
        return;
    }
    fprintf(to,
            "set grid linecolor rgb '#020202' linewidth 1 dashtype solid\nset border 1 linecolor rgb '#010101'\n"
            "set tics scale 0 nomirror textcolor rgb '#010101'\nset format y '%s'\n%s",
            p->format ? p->format : "%g", p->log_x ? "set logscale x 2\n" : "");
    fputs("set xlabel offset 0,0.4 textcolor rgb '#010101' ", to);
    write_word(p->x, to);
    fputs("\nset ylabel textcolor rgb '#010101' ", to);
    write_word(p->y, to);
    for (int i = 0; i < p->ticks; i++) {
        fputs(i ? "," : "\nset xtics (", to);
        write_word(p->tick[i], to);
        fprintf(to, " %d", i);
    }
    fprintf(to, "%s%s\n", p->ticks ? ")" : "", p->ticks > 5 ? " rotate by -30" : "");
}

static void write_curve(const clr_curve *c, int i, FILE *to)
{
    static const char *const styles[] = {"lines linewidth 1.8", "lines linewidth 1.3 dashtype '-'",
                                         "points pointtype 7 pointsize 0.7",
                                         "linespoints linewidth 1.8 pointtype 7 pointsize 0.7", "dots"};
    char colour[16] = "#010101";

    if (c->colour >= 0)
        snprintf(colour, sizeof colour, "#0300%02x", (unsigned)c->colour & 0xff);
    fprintf(to, "%s$d%d using 1:2 with %s linecolor rgb '%s'", i ? ", " : "plot ", i, styles[c->kind], colour);
}

static void write_script(const clr_plot *p, FILE *to)
{
    fprintf(to, "set terminal svg size %d,%d dynamic noenhanced font 'sans,13'\nset encoding utf8\nunset key\n",
            p->width ? p->width : WIDTH, p->height ? p->height : HEIGHT);
    write_axes(p, to);
    write_range(to, 'x', p->x_low, p->x_high);
    write_range(to, 'y', p->low, p->high);
    for (int i = 0; i < p->curves; i++) {
        const clr_curve *c = &p->curve[i];
        fprintf(to, "$d%d << EOD\n", i);
        for (int64_t j = 0; j < c->n; j++)
            if (isfinite(c->x[j]) && isfinite(c->y[j]))
                fprintf(to, "%.7g %.7g\n", c->x[j], c->y[j]);
            else
                fputs("\n", to);
        fputs("EOD\n", to);
    }
    for (int i = 0; i < p->curves; i++)
        write_curve(&p->curve[i], i, to);
    fputs("\n", to);
}

/* gnuplot, reading script and writing out; -1 and errno, or its exit status. */
static int run_gnuplot(FILE *script, FILE *out)
{
    static char name[] = "gnuplot", defaults[] = "-d";
    char *arguments[] = {name, defaults, NULL};
    posix_spawn_file_actions_t files;
    int status = 0;
    pid_t child;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fileno(script), 0);
    posix_spawn_file_actions_adddup2(&files, fileno(out), 1);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(&child, "gnuplot", &files, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    while (!error && waitpid(child, &status, 0) < 0)
        error = errno == EINTR ? 0 : errno;
    errno = error;
    return error ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static char *read_all(FILE *from)
{
    long bytes = fseek(from, 0, SEEK_END) ? -1 : ftell(from);

    if (bytes < 0 || bytes > MOST || fseek(from, 0, SEEK_SET))
        return NULL;
    char *text = CLR_NEW(char, bytes + 1);
    text[fread(text, 1, (size_t)bytes, from)] = 0;
    return text;
}

clr_status clr_plot_svg(const clr_plot *plot, FILE *to)
{
    FILE *script = tmpfile(), *out = script ? tmpfile() : NULL;
    clr_status st = out ? CLR_OK : clr_fail(CLR_EIO, "a temporary file for gnuplot: %s", strerror(errno));
    char *svg = NULL;

    if (st == CLR_OK) {
        write_script(plot, script);
        if (fflush(script) || fseek(script, 0, SEEK_SET))
            st = clr_fail(CLR_EIO, "a temporary file for gnuplot: %s", strerror(errno));
    }
    if (st == CLR_OK) {
        int status = run_gnuplot(script, out);
        svg = status ? NULL : read_all(out);
        if (status < 0)
            st = clr_fail(CLR_EIO, "gnuplot cannot be started: %s", strerror(errno));
        else if (!svg || !strstr(svg, "</svg>"))
            st = clr_fail(CLR_EIO, "gnuplot ended with status %d and without a picture", status);
    }
    if (st == CLR_OK)
        clr_svg_clean(svg, plot->label, plot->inside, to);
    clr_free(svg);
    if (out)
        fclose(out);
    if (script)
        fclose(script);
    return st;
}
