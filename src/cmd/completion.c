/* SPDX-License-Identifier: BSD-3-Clause */
/* Completion for bash, from the same tables that parse the command line: three functions that list words (commands,
   a command's options, an option's values), and one that looks where the cursor is. Without a list, files. */
#include "clr/cmd.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* bash parts words at "=" unless COMP_WORDBREAKS says otherwise; then the reply repeats what stands before it. */
static const char looks[] = "_simclr()\n"
                            "{\n"
                            "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                            "    local at=1 command='' option='' head='' words more\n"
                            "    [[ ${COMP_WORDS[1]} != help ]] || at=2\n"
                            "    more=$(_simclr_commands '')\n"
                            "    while [[ $COMP_CWORD -gt $at && -n $more ]]; do\n"
                            "        command=\"${command:+$command }${COMP_WORDS[at]}\"\n"
                            "        more=$(_simclr_commands \"$command\")\n"
                            "        at=$((at + 1))\n"
                            "    done\n"
                            "    if [[ $word == '=' ]]; then\n"
                            "        option=$before word=''\n"
                            "    elif [[ $before == '=' ]]; then\n"
                            "        option=${COMP_WORDS[COMP_CWORD-2]}\n"
                            "    elif [[ $word == --*=* ]]; then\n"
                            "        option=${word%%=*} word=${word#*=} head=$option=\n"
                            "    elif [[ $word != -* && -n $(_simclr_values \"$command\" \"$before\") ]]; then\n"
                            "        option=$before\n"
                            "    fi\n"
                            "    if [[ -n $more ]]; then\n"
                            "        words=$more\n"
                            "    elif [[ -n $option ]]; then\n"
                            "        words=$(_simclr_values \"$command\" \"$option\")\n"
                            "    elif [[ $word == -* ]]; then\n"
                            "        words=$(_simclr_options \"$command\")\n"
                            "    else\n"
                            "        words=''\n"
                            "    fi\n"
                            "    COMPREPLY=($(compgen -P \"$head\" -W \"$words\" -- \"$word\"))\n"
                            "    [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null\n"
                            "}\n"
                            "complete -o default -F _simclr simclr\n";

/* The words among a|b|c. FILE, N and the like are no words. */
static void put_words(FILE *out, const char *values)
{
    bool some = false;

    for (size_t n; values && *values; values += n + (values[n] == '|')) {
        n = strcspn(values, "|");
        bool word = n > 0 && isalnum((unsigned char)*values);
        for (size_t i = 0; i < n; i++)
            word = word && !isupper((unsigned char)values[i]) && !strchr("'[<>", values[i]);
        if (!word)
            continue;
        fprintf(out, "%s%.*s", some ? " " : "", (int)n, values);
        some = true;
    }
}

/* Names of one word, and the first of those of two; then the second ones. */
static void put_commands(FILE *out)
{
    const char *last = "";

    fputs("_simclr_commands()\n{\n    case $1 in\n    '') echo 'help", out);
    for (const clr_command *const *c = clr_commands; *c; c++) {
        size_t n = strcspn((*c)->name, " ");
        if (strncmp((*c)->name, last, n) || last[n] != ' ')
            fprintf(out, " %.*s", (int)n, (*c)->name);
        last = (*c)->name;
    }
    fputs(" --help --version'", out);
    last = "";
    for (const clr_command *const *c = clr_commands; *c; c++) {
        size_t n = strcspn((*c)->name, " ");
        if (!(*c)->name[n])
            continue;
        if (strncmp((*c)->name, last, n + 1))
            fprintf(out, " ;;\n    %.*s) echo '%s", (int)n, (*c)->name, (*c)->name + n + 1);
        else
            fprintf(out, " %s", (*c)->name + n + 1);
        last = (*c)->name;
        if (!c[1] || strncmp(c[1]->name, last, n + 1))
            fputc('\'', out);
    }
    fputs(" ;;\n    esac\n}\n", out);
}

static void put_options(FILE *out, const clr_command *command, const clr_opt *rows)
{
    fprintf(out, "    '%s') echo '", command->name);
    for (const clr_opt *row = rows; row->name; row++)
        fprintf(out, "--%s%s ", row->name, row->kind == CLR_OPT_FLAG ? "" : "=");
    fputs("--config= --help' ;;\n", out);
}

static void put_values(FILE *out, const clr_command *command, const clr_opt *rows)
{
    for (const clr_opt *row = rows; row->name; row++) {
        fprintf(out, "    '%s --%s') echo '", command->name, row->name);
        put_words(out, row->kind == CLR_OPT_FLAG ? "yes|no" : row->values);
        fputs("' ;;\n", out);
    }
}

void clr_completion(FILE *out)
{
    static void (*const put[])(FILE *, const clr_command *, const clr_opt *) = {put_options, put_values};
    static const char *const heads[] = {"_simclr_options()\n{\n    case $1 in\n",
                                        "_simclr_values()\n{\n    case \"$1 $2\" in\n"};

    fprintf(out, "# bash completion of simclr %s, written by simclr --completion\n", PACKAGE_VERSION);
    put_commands(out);
    for (int i = 0; i < 2; i++) {
        fputs(heads[i], out);
        for (const clr_command *const *c = clr_commands; *c; c++) {
            clr_opt_set set;
            clr_opt_open(&set, (*c)->options, NULL);
            put[i](out, *c, set.table);
            clr_opt_close(&set);
        }
        fputs("    esac\n}\n", out);
    }
    fputs(looks, out);
}
