/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_OPT_H
#define CLR_OPT_H
/* Option tables: one table parses the command line and config files, prints its own help, writes the
   resolved configuration and finds what differs from an earlier one. Local. */

#include "clr/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum clr_opt_kind {
    CLR_OPT_FLAG, /* bool; "--name", "--name=yes|no" */
    CLR_OPT_INT,  /* int64_t */
    CLR_OPT_REAL, /* double; "1/4" is a number too */
    CLR_OPT_TEXT, /* const char *, owned by the clr_opt_set */
    CLR_OPT_WORD, /* int: the word's place in values */
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
    double low, high;    /* INT, REAL: inclusive range; low == high: any */
    const char *only;    /* "loss=triplet", "optimizer=lars|sgd": without effect elsewhere; NULL: always */
    unsigned flags;
    const char *help;
} clr_opt; /* a table ends with {0} */

typedef enum clr_opt_source { CLR_OPT_DEFAULT, CLR_OPT_PRESET, CLR_OPT_FILE, CLR_OPT_LINE } clr_opt_source;

/* The values of one table and where each came from. A later source wins; within one (the command line, a file), the
   last, with a warning where the two differ. */
typedef struct clr_opt_set {
    const clr_opt *table;
    void *into;
    int options;
    char **text; /* one a row; NULL: not given and no default */
    clr_opt_source *source;
    const char **argument; /* what is no option on the command line; the strings are argv's */
    int arguments;
} clr_opt_set;

/* Local. table ends with {0}; into: the struct that clr_opt_finish fills. Both must outlive the set. */
void clr_opt_open(clr_opt_set *set, const clr_opt *table, void *into);
void clr_opt_close(clr_opt_set *set); /* frees every text that was handed out */

/* "name = value" a line. "#" starts a comment where the line begins or after a blank; in a "value" of quotes it does
   not, and there \", \\ and \n stand for a quote, a backslash and the end of a line. Lines may end as on Windows, and a
   byte order mark may come first. origin names it in messages. An unknown name is CLR_EUSAGE and proposes the nearest;
   in a preset, which serves several commands, it is passed over. */
clr_status clr_opt_read_text(clr_opt_set *set, const char *lines, const char *origin, clr_opt_source source);
clr_status clr_opt_read_file(clr_opt_set *set, const char *path);
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
void clr_opt_help(FILE *out, const clr_opt *table);

/* Of the words in list ("a|b|c", or options of a table), the one nearest to word, or NULL where none is near. */
const char *clr_opt_nearest(const char *word, const char *const *words, int n);

#endif
