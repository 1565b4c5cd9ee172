/* SPDX-License-Identifier: BSD-3-Clause */
/* simclr COMMAND [OPTIONS]: finds the command, layers its options, starts MPI, turns the outcome into an exit status.
   */

#include "clr/cmd.h"
#include "clr/gemm.h"
#include "clr/h5.h"
#include "clr/image.h"
#include "clr/isa.h"
#include "clr/log.h"
#include "clr/machine.h"
#include "clr/mem.h"
#include "clr/watchdog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 32000000 }; /* bytes of memory, below which no command begins */

static void usage(FILE *out)
{
    fprintf(out,
            "simclr %s: contrastive pretraining (SimCLR) on CPU clusters\n\n"
            "  simclr COMMAND [OPTIONS]     alone, or under srun or mpirun\n\ncommands:\n",
            PACKAGE_VERSION);
    for (const clr_command *const *c = clr_commands; *c; c++)
        fprintf(out, "  %-13s %s\n", (*c)->name, (*c)->help);
    fprintf(out, "\n  simclr COMMAND --help        what a command does, and its options\n"
                 "  simclr --version             versions of everything that is in here\n");
}

static void command_usage(FILE *out, const clr_command *command)
{
    fprintf(out, "simclr %s%s%s %s\n  %s\n\n", command->name, *command->arguments ? " " : "", command->arguments,
            "[OPTIONS]", command->help);
    clr_opt_help(out, command->options);
    fprintf(out, "  --config=FILE\n      options from a file, one 'name = value' a line; of several files the last "
                 "wins, and the command line over all\n");
}

/* A command's name is one word, or two ("bench step"); *used says how many. */
static const clr_command *find(int argc, char **argv, int *used)
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

/* Reads the files of all --config=FILE in their order, and takes these out of the words. */
static clr_status read_configs(int *argc, char **argv, clr_opt_set *set)
{
    clr_status st = CLR_OK;
    bool options = true;
    int kept = 0;

    for (int i = 0; i < *argc; i++) {
        options = options && strcmp(argv[i], "--");
        if (!options || strncmp(argv[i], "--config", 8) || (argv[i][8] && argv[i][8] != '=')) {
            argv[kept++] = argv[i];
            continue;
        }
        const char *path = argv[i][8] ? argv[i] + 9 : i + 1 < *argc ? argv[++i] : NULL;
        if (st == CLR_OK)
            st = path ? clr_opt_read_file(set, path) : clr_fail(CLR_EUSAGE, "--config needs a value");
    }
    *argc = kept;
    return st;
}

static clr_status parse(const clr_command *command, int argc, char **argv, clr_opt_set *set)
{
    const char *preset;
    clr_status st = read_configs(&argc, argv, set);

    if (st == CLR_OK)
        st = clr_opt_read_line(set, argc, argv);
    if (st == CLR_OK && (preset = clr_opt_value(set, "preset")) && *preset) {
        const char *lines = clr_preset(preset);
        st = lines ? clr_opt_read_text(set, lines, preset, CLR_OPT_PRESET)
                   : clr_fail(CLR_EUSAGE, "--preset=%s: must be one of: %s", preset, clr_preset_names());
    }
    if (st == CLR_OK && (set->arguments < command->least || set->arguments > command->most))
        st = set->arguments > command->most
                 ? clr_fail(CLR_EUSAGE, "'%s': one argument too many (options begin with --)",
                            set->argument[command->most])
                 : clr_fail(CLR_EUSAGE, "an argument is missing: simclr %s %s", command->name, command->arguments);
    return st == CLR_OK ? clr_opt_finish(set) : st;
}

/* What was printed has arrived: a result that is lost is no success. */
static clr_status flush(void)
{
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout))
        return CLR_OK;
    return clr_fail(CLR_EIO, "standard output: what was printed is lost: %s",
                    errno ? strerror(errno) : "an earlier write failed");
}

/* The same, without MPI. */
static int finish(void)
{
    clr_status st = flush();

    if (st != CLR_OK)
        clr_error("%s", clr_message());
    return clr_exit_status(st);
}

/* --help, --version and --man; whether they were asked for. */
static bool helped(int argc, char **argv)
{
    int words = 1;

    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        const clr_command *command = argv[1][0] == '-' ? NULL : find(argc, argv, &words);
        bool help = !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"),
             version = i == 1 && !strcmp(argv[1], "--version"), man = i == 1 && !strcmp(argv[1], "--man");
        if (help && !command && argv[1][0] != '-')
            return false; /* no such command: said later */
        if (help && clr_comm_is_root())
            command ? command_usage(stdout, command) : usage(stdout);
        if (version && clr_comm_is_root())
            printf("simclr %s, kernels for %s\n%s\n%s\n%s\n%s\n", PACKAGE_VERSION, clr_isa_name(clr_isa_current()),
                   clr_comm_library(), clr_gemm_library(), clr_h5_library(), clr_image_libraries());
        if (man && clr_comm_is_root())
            clr_man(stdout);
        if (help || version || man)
            return true;
    }
    return false;
}

/* Of a command that runs once, where a launcher started several processes: all but the first do nothing, and do not
   fail, because a launcher would end the first one too. */
static int stand_by(const clr_command *command)
{
    const char *by;
    int rank, size = clr_comm_launched(&rank, &by);

    clr_log_rank(rank, size);
    if (command)
        clr_warn("%s runs once, in process 0; this one, %d of %d by %s, does nothing (start it once; 'env -u %s' runs "
                 "one in each process)",
                 command->name, rank, size, by, by);
    return 0;
}

/* Libraries ask for memory too, and not all of them bear it well to be refused. */
static clr_status check_memory(void)
{
    const clr_budget budget = clr_memory_budget(1);

    if (budget.bytes >= LEAST)
        return CLR_OK;
    return clr_fail(CLR_EMEMORY, "only %.1f MB of memory are there (%s), %d at least are needed; raise that limit",
                    (double)budget.bytes * 1e-6, budget.by, LEAST / 1000000);
}

int main(int argc, char **argv)
{
    clr_comm *comm = NULL;
    clr_opt_set set = {0};
    void *config = NULL;
    int words = 1;
    clr_status st = clr_process_start();

    if (st != CLR_OK) {
        clr_error("%s", clr_message());
        return clr_exit_status(st);
    }
    if (helped(argc, argv))
        return finish();
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    const clr_command *command = find(argc, argv, &words);
    bool alone = !command || command->alone;
    if (alone && !clr_comm_is_root())
        return stand_by(command);
    if (!command)
        st = CLR_EUSAGE;
    else if (command->before && clr_comm_is_root())
        command->before();
    if (alone)
        comm = clr_comm_alone();
    else
        st = clr_comm_start(&argc, &argv, &comm);
    if (st == CLR_OK)
        st = check_memory();
    if (st == CLR_OK) {
        config = clr_alloc(1, command->config_bytes ? command->config_bytes : 1);
        clr_opt_open(&set, command->options, config);
        st = parse(command, argc - 1 - words, argv + 1 + words, &set);
    }
    st = clr_comm_agree(comm, st);
    if (!alone)
        clr_gemm_start();
    const char *silence = st == CLR_OK && !command->watches ? clr_opt_value(&set, "watchdog") : NULL;
    if (silence)
        clr_watchdog_start(atof(silence), clr_comm_rank(comm), clr_comm_host(comm));
    if (st == CLR_OK)
        st = command->run(comm, config, &set);
    clr_watchdog_end();
    if (st == CLR_OK)
        st = clr_comm_agree(comm, flush());
    if (st != CLR_OK && !clr_comm_agreed(comm, st))
        clr_comm_abort(comm, clr_exit_status(st), clr_message());
    if (st != CLR_OK && st != CLR_STOPPED && clr_comm_rank(comm) == 0)
        clr_error("%s", clr_message());
    if (set.table)
        clr_opt_close(&set);
    clr_free(config);
    clr_comm_stop(comm);
    return clr_exit_status(st);
}
