/* SPDX-License-Identifier: BSD-3-Clause */
/* The texts about the program itself: usage, help of a command, versions. */
#include "clr/cmd.h"
#include "clr/gemm.h"
#include "clr/h5.h"
#include "clr/image.h"
#include "clr/isa.h"

#include <stdio.h>
#include <string.h>

void clr_usage(FILE *out)
{
    fprintf(out,
            "simclr %s: contrastive pretraining (SimCLR) on CPU clusters\n\n"
            "  simclr COMMAND [OPTIONS]     alone, or under srun or mpirun\n\ncommands:\n",
            PACKAGE_VERSION);
    for (const clr_command *const *c = clr_commands; *c; c++)
        fprintf(out, "  %-13s %s\n", (*c)->name, (*c)->help);
    fprintf(out, "\n  simclr help COMMAND          what a command does, and its options\n"
                 "  simclr --version             versions of everything that is in here\n");
}

static void command_usage(FILE *out, const clr_command *command)
{
    fprintf(out, "simclr %s%s%s %s\n  %s\n\n", command->name, *command->arguments ? " " : "", command->arguments,
            "[OPTIONS]", command->help);
    fprintf(out, "example:\n  %s\n\n", command->example);
    clr_opt_help(out, command->options);
    fprintf(out, "  --config=FILE\n      options from a file, one 'name = value' a line; of several files the last "
                 "wins, and the command line over all\n");
}

const clr_command *clr_command_find(int argc, char **argv, int *used)
{
    const char *words[64];
    char name[64];
    int n = 0;
    bool option = argv[1][0] == '-';
    bool two = argc > 2 && !strcmp(argv[1], "bench") && argv[2][0] != '-';

    *used = two ? 2 : 1;
    snprintf(name, sizeof name, "%s%s%s", argv[1], two ? " " : "", two ? argv[2] : "");

    for (const clr_command *const *c = clr_commands; *c; c++) {
        if (!strcmp((*c)->name, name))
            return *c;
        words[n++] = (*c)->name;
    }
    if (option) {
        words[0] = "--help";
        words[1] = "--version";
        n = 2;
    }
    const char *near = clr_opt_nearest(name, words, n);
    clr_fail(CLR_EUSAGE, "there is no %s '%s'%s%s%s", option ? "option" : "command", name,
             near ? "; did you mean '" : " (simclr --help lists them)", near ? near : "", near ? "'?" : "");
    return NULL;
}

static void say_versions(void)
{
    printf("simclr %s, kernels for %s\n%s\n%s\n%s\n%s\n", PACKAGE_VERSION, clr_isa_name(clr_isa_current()),
           clr_comm_library(), clr_gemm_library(), clr_h5_library(), clr_image_libraries());
}

static bool is(const char *word, const char *either, const char * or)
{
    return !strcmp(word, either) || !strcmp(word, or);
}

/* Whether --help is among a command's words. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (is(argv[i], "--help", "-h"))
            return true;
    return false;
}

bool clr_helped(int argc, char **argv)
{
    bool speaks = clr_comm_is_root(), named = argc > 2 && !strcmp(argv[1], "help");
    const clr_command *command = NULL;
    int words;

    if (argc < 2)
        return false;
    if (is(argv[1], "--version", "-V")) {
        if (speaks)
            say_versions();
    } else if (!strcmp(argv[1], "--man")) {
        if (speaks)
            clr_man(stdout);
    } else if (!strcmp(argv[1], "--completion")) {
        if (speaks)
            clr_completion(stdout);
    } else if (is(argv[1], "--help", "-h") || (argc == 2 && !strcmp(argv[1], "help"))) {
        if (speaks)
            clr_usage(stdout);
    } else if ((named || asks_for_help(argc, argv)) &&
               (command = clr_command_find(argc - named, argv + named, &words))) {
        if (speaks)
            command_usage(stdout, command);
    } else {
        return false;
    }
    return true;
}
