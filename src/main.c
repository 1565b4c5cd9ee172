/* SPDX-License-Identifier: BSD-3-Clause */
/* simclr COMMAND [OPTIONS]: finds the command, layers its options, starts MPI, turns the outcome into an exit status.
   */

#include "clr/cmd.h"
#include "clr/gemm.h"
#include "clr/log.h"
#include "clr/machine.h"
#include "clr/mem.h"
#include "clr/watchdog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 32000000 }; /* bytes of memory, below which no command begins */

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

/* auto is not a list of settings: command->complete has made them. */
static clr_status read_preset(const clr_command *command, clr_opt_set *set)
{
    const char *preset = clr_opt_value(set, "preset");

    if (!preset || !*preset || (command->complete && !strcmp(preset, "auto")))
        return CLR_OK;
    const char *lines = clr_preset(preset);
    return lines ? clr_opt_read_text(set, lines, preset, CLR_OPT_PRESET)
                 : clr_fail(CLR_EUSAGE, "--preset=%s: must be one of: %s", preset, clr_preset_names());
}

static clr_status check_arguments(const clr_command *command, const clr_opt_set *set)
{
    if (set->arguments > command->most)
        return clr_fail(CLR_EUSAGE, "'%s': one argument too many (options begin with --)",
                        set->argument[command->most]);
    if (set->arguments < command->least)
        return clr_fail(CLR_EUSAGE, "an argument is missing: simclr %s %s", command->name, command->arguments);
    return CLR_OK;
}

/* Collective; status agreed upon. */
static clr_status parse(clr_comm *comm, const clr_command *command, int argc, char **argv, clr_opt_set *set)
{
    clr_status st = read_configs(&argc, argv, set);

    if (st == CLR_OK)
        st = clr_opt_read_line(set, argc, argv);
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK && command->complete)
        st = command->complete(comm, set);
    if (st != CLR_OK)
        return st;
    st = read_preset(command, set);
    if (st == CLR_OK)
        st = check_arguments(command, set);
    return clr_comm_agree(comm, st == CLR_OK ? clr_opt_finish(set) : st);
}

/* Fails where standard output could not be written: a lost result is no success. */
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

/* A command of one process that a launcher started several times: all but the first do nothing. They end with 0,
   because a failure would make the launcher end the first one too. */
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

/* Libraries allocate too, and some of them end the process where an allocation fails. */
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
    if (clr_helped(argc, argv))
        return finish();
    if (argc < 2) {
        clr_usage(stderr);
        return 2;
    }
    bool named = argc > 2 && !strcmp(argv[1], "help"); /* help of a command that is not there */
    const clr_command *command = clr_command_find(argc - named, argv + named, &words);
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
    st = clr_comm_agree(comm, st == CLR_OK ? check_memory() : st);
    if (st == CLR_OK) {
        config = clr_alloc(1, command->config_bytes ? command->config_bytes : 1);
        clr_opt_open(&set, command->options, config);
        st = parse(comm, command, argc - 1 - words, argv + 1 + words, &set);
    }
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
