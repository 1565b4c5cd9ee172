/* SPDX-License-Identifier: BSD-3-Clause */
/* simclr(1), in the language of man(7), from the same tables that parse the command line. */
#include "clr/cmd.h"

#include <stdio.h>

/* Prints text literally: escapes backslashes and hyphens, and a dot or apostrophe at the beginning of a line, which
   roff would interpret. */
static void put(FILE *out, const char *text)
{
    bool begins = true;

    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        begins = *text == '\n';
    }
}

/* One option: "--name=VALUE", then what it does, its default and its condition. */
static void put_option(FILE *out, const clr_opt *opt)
{
    fputs(".TP\n.B \\-\\-", out);
    put(out, opt->name);
    if (opt->kind != CLR_OPT_FLAG) {
        fputc('=', out);
        put(out, opt->values ? opt->values : "TEXT");
    }
    fputc('\n', out);
    put(out, opt->help);
    if (opt->initial && *opt->initial) {
        fputs(" [", out);
        put(out, opt->initial);
        fputc(']', out);
    }
    if (opt->only) {
        fputs(" (only with \\-\\-", out);
        put(out, opt->only);
        fputc(')', out);
    }
    fputc('\n', out);
}

static void put_command(FILE *out, const clr_command *command)
{
    clr_opt_set set;

    fputs(".SS simclr ", out);
    put(out, command->name);
    fprintf(out, "%s", *command->arguments ? " " : "");
    put(out, command->arguments);
    fputs(" [OPTIONS]\n", out);
    put(out, command->help);
    fputs("\n.PP\nExample:\n.PP\n.nf\n", out);
    put(out, command->example);
    fputs("\n.fi\n", out);
    clr_opt_open(&set, command->options, NULL);
    for (const clr_opt *opt = set.table; opt->name; opt++)
        put_option(out, opt);
    clr_opt_close(&set);
}

static void put_presets(FILE *out)
{
    const char *names = clr_preset_names();
    char name[64];
    int used;

    fputs(".SH PRESETS\nSettings that \\-\\-preset=NAME stands for; options that are given win.\n", out);
    for (; sscanf(names, "%63s%n", name, &used) == 1; names += used) {
        fprintf(out, ".SS %s\n.nf\n", name);
        put(out, clr_preset(name));
        fputs(".fi\n", out);
    }
}

void clr_man(FILE *out)
{
    static const char *const statuses[][2] = {
        {"0", "done"},
        {"1", "failed; standard error says why"},
        {"2", "a mistake on the command line or in a config file"},
        {"75", "stopped before the end, with a checkpoint: the same command goes on"}};

    fprintf(out,
            ".TH SIMCLR 1 \"\" \"simclr %s\"\n.SH NAME\nsimclr \\- contrastive pretraining (SimCLR) on CPU clusters\n",
            PACKAGE_VERSION);
    fputs(".SH SYNOPSIS\n.B simclr\nCOMMAND [OPTIONS]\n.br\n.B mpirun\n\\-n RANKS simclr COMMAND [OPTIONS]\n", out);
    fputs(
        ".SH COMMANDS\n\\-\\-config=FILE, in every command, reads options from a file, one \"name = value\" a line; of "
        "several files the last wins, and the command line over all.\n",
        out);
    for (const clr_command *const *command = clr_commands; *command; command++)
        put_command(out, *command);
    put_presets(out);
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        fprintf(out, ".TP\n.B %s\n%s\n", statuses[i][0], statuses[i][1]);
}
