/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OPT_H
#define CLR_OPT_H
/* Option tables. A room owns the rows of its options, whose offsets are in the room's own struct; a command composes
   the rows of several rooms into its table. One table parses the command line and config files, prints its own help,
   writes the resolved configuration and finds what differs from an earlier one. Local. */

#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum clr_opt_kind {
    CLR_OPT_FLAG,   /* bool; "--name", "--name=yes|no" */
    CLR_OPT_INT,    /* int */
    CLR_OPT_LONG,   /* int64_t */
    CLR_OPT_REAL,   /* double; "1/4" is a number too */
    CLR_OPT_TEXT,   /* const char *, owned by the clr_opt_set */
    CLR_OPT_WORD,   /* an enum, or int: the word's place in values */
    CLR_OPT_PARSED, /* a type of the room's own, filled by parse */
} clr_opt_kind;

enum {
    CLR_OPT_IDENTITY = 1, /* part of a run's identity: changes its numbers */
    /* Says in another way what the option in the row above says: back to its default where a later source gave that
       one. */
    CLR_OPT_OVERRIDDEN_BY = 2,
};

typedef struct clr_opt {
    const char *name;
    clr_opt_kind kind;
    size_t offset;       /* of the field in the command's struct */
    const char *initial; /* the default as text; NULL: there is none (text stays NULL) */
    const char *values;  /* WORD: "lars|sgd|adamw"; else what help calls the value: "N", "FILE" */
    double low, high;    /* INT, LONG, REAL: inclusive range; low == high: any */
    const char *only;    /* "loss=triplet", "optimizer=lars|sgd": without effect elsewhere; NULL: always */
    unsigned flags;
    const char *help;
    /* PARSED: text, or NULL where there is none, into the field. CLR_EUSAGE says what was expected. Rows are parsed in
       their order, so that a later one may take another meaning from an earlier one. */
    clr_status (*parse)(const char *text, void *field);
} clr_opt; /* rows end with {0} */

/* The rows of one room in a command's table; a list of parts ends with {0}. */
typedef struct clr_opt_part {
    const clr_opt *rows;
    size_t offset;        /* of the room's struct in the command's */
    const char *defaults; /* "name = value\n" for each default that this command has and the rows have not; or NULL */
    const char *title;    /* of its group in help: "network"; NULL: the group goes on */
} clr_opt_part;

/* RUN: the settings of a run that is gone on with. */
typedef enum clr_opt_source { CLR_OPT_DEFAULT, CLR_OPT_PRESET, CLR_OPT_RUN, CLR_OPT_FILE, CLR_OPT_LINE } clr_opt_source;

/* The values of one table and where each came from. A later source wins; within one (the command line, a file), the
   last, with a warning where the two differ. */
typedef struct clr_opt_set {
    clr_opt *table; /* the rows of all parts, offsets in the command's struct; ends with {0} */
    void *into;
    int options;
    char **text;    /* one a row; NULL: not given and no default */
    char **initial; /* defaults that parts give; their rows point here */
    clr_opt_source *source;
    const char **argument; /* what is no option on the command line; the strings are argv's */
    int arguments;
} clr_opt_set;

/* Local. into: the struct that clr_opt_finish fills, or NULL where nobody calls it. Rows and struct must outlive the
   set. No two rows have the same name. */
void clr_opt_open(clr_opt_set *set, const clr_opt_part *parts, void *into);
void clr_opt_close(clr_opt_set *set); /* frees every text that was handed out */

/* "name = value" a line. "#" starts a comment where the line begins or after a blank; in a "value" of quotes it does
   not, and there \", \\ and \n stand for a quote, a backslash and the end of a line. Lines may end as on Windows, and a
   byte order mark may come first. origin names it in messages. An unknown name is CLR_EUSAGE and proposes the nearest;
   in a preset, which serves several commands, and in a run's settings, which may be of another version, it is passed
   over. */
clr_status clr_opt_read_text(clr_opt_set *set, const char *lines, const char *origin, clr_opt_source source);
clr_status clr_opt_read_file(clr_opt_set *set, const char *path);
/* Of a run's config: the options that are part of its identity, where identity, and those that also names
   ("data,plan"). */
clr_status clr_opt_read_run(clr_opt_set *set, const char *lines, const char *origin, bool identity, const char *also);
clr_status clr_opt_read_line(clr_opt_set *set, int argc, char **argv); /* argv[0] is the first word to look at */

/* The text given so far for name, or its default. */
const char *clr_opt_value(const clr_opt_set *set, const char *name);
clr_opt_source clr_opt_given(const clr_opt_set *set, const char *name);

/* Checks kinds, ranges and conditions, and fills the struct. An option from a file or the command line
   whose condition does not hold is CLR_EUSAGE. */
clr_status clr_opt_finish(clr_opt_set *set);

/* Every option, one "name = value" a line, quoted where that is needed to read it back. Freed by clr_free. */
char *clr_opt_write(const clr_opt_set *set);

/* Compares with an earlier clr_opt_write. CLR_ECONFIG where options flagged CLR_OPT_IDENTITY differ and are not
   named in allowed ("lr,epochs"; NULL: none), the message showing each "name: old -> new". */
clr_status clr_opt_compare(const clr_opt_set *set, const char *earlier, const char *allowed);

/* Whether name stands in "a,b,c". list may be NULL. */
bool clr_opt_listed(const char *name, const char *list);

/* Whether every name that the text option `option` lists ("lr,epochs") is one of the table's; else CLR_EUSAGE,
   proposing the nearest. */
clr_status clr_opt_known(const clr_opt_set *set, const char *option);

/* Local. Every option with its values, default and help. */
void clr_opt_help(FILE *out, const clr_opt_part *parts);

/* Of the words in list ("a|b|c", or options of a table), the one nearest to word, or NULL where none is near. */
const char *clr_opt_nearest(const char *word, const char *const *words, int n);

/* What other programs call an option ("batch-size"), as it is called here ("batch"), or NULL. */
const char *clr_opt_synonym(const char *word);

#endif
