/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_CMD_H
#define CLR_CMD_H
/* Subcommands: one file a member in src/cmd/, the words in src/cmd/commands.h. main parses each one's table, reads
   --config and --preset where the table has them, starts MPI where the command needs it, and turns the status into an
   exit status. */

#include "clr/comm.h"
#include "clr/opt.h"

typedef struct clr_command {
    const char *name, *arguments, *help; /* "pack", "SRC OUT.h5", one sentence */
    const char *example;                 /* a command line as somebody would type it */
    const clr_opt_part *options;
    size_t config_bytes; /* of the struct that options fill */
    int least, most;     /* positional arguments */
    bool alone;          /* one process does it; MPI is not started, and other processes of a launcher do nothing */
    void (*before)(
        void); /* local, in the leading process, before MPI starts: what is to be said even where it cannot; or NULL */
    bool watches; /* starts its watchdog itself, see clr/watchdog.h */
    /* Collective; status agreed upon. Fills in what was not given, before values are checked; or NULL. */
    clr_status (*complete)(clr_comm *comm, clr_opt_set *set);
    /* Collective. config: filled; set->argument: positional. The status returned is agreed upon, or this rank's
       alone. */
    clr_status (*run)(clr_comm *comm, void *config, const clr_opt_set *set);
} clr_command;

extern const clr_command *const clr_commands[]; /* ends with NULL */

/* Local. The command that argv[1] names ("pack"), or argv[1] and argv[2] ("bench step"), and how many words those are;
   NULL, with a message that proposes the nearest, where there is none. */
const clr_command *clr_command_find(int argc, char **argv, int *used);

/* Local. --help and "help COMMAND", --version, --man, --completion: whether one was asked for, and answered on
   standard output. */
bool clr_helped(int argc, char **argv);
void clr_usage(FILE *out);

/* Local. The manual page of the whole program. */
void clr_man(FILE *out);

/* Local. Commands, options and their words for bash, as a script that it sources. */
void clr_completion(FILE *out);

extern const clr_opt clr_preset_option[]; /* --preset, into a const char * */

/* Local. The lines of --preset=NAME ("name = value"), or NULL; all names in *words, "a|b|c". src/cmd/presets.h */
const char *clr_preset(const char *name);
const char *clr_preset_names(void);

#endif
