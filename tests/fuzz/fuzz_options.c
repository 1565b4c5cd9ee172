/* SPDX-License-Identifier: BSD-3-Clause */
/* A command line: words, one a line; the first is the command. */
#include "fuzz.h"

#include "clr/cmd.h"
#include "clr/mem.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 64 };

static int split(char *text, char **word)
{
    int n = 0;

    for (char *next; text && n < WORDS; text = next) {
        next = strchr(text, '\n');
        if (next)
            *next++ = 0;
        word[n++] = text;
    }
    return n;
}

static void parse(const clr_command *command, int words, char **word)
{
    clr_opt_set set;
    void *config = clr_alloc(1, command->config_bytes ? command->config_bytes : 1);

    clr_opt_open(&set, command->options, config);
    clr_status st = clr_opt_read_line(&set, words, word);
    const char *preset = clr_opt_value(&set, "preset"), *lines = st == CLR_OK && preset ? clr_preset(preset) : NULL;
    if (lines)
        st = clr_opt_read_text(&set, lines, preset, CLR_OPT_PRESET);
    if (st == CLR_OK && clr_opt_finish(&set) == CLR_OK) {
        char *text = clr_opt_write(&set);
        FUZZ_CHECK(clr_opt_compare(&set, text, NULL) == CLR_OK);
        clr_free(text);
        fuzz_accept();
    }
    clr_opt_close(&set);
    clr_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *word[WORDS];
    int words = split(text, word);

    fuzz_begin(size);
    for (const clr_command *const *command = clr_commands; *command; command++)
        if (!strcmp((*command)->name, word[0]))
            parse(*command, words - 1, word + 1);
    free(text);
    return 0;
}

void fuzz_seeds(void)
{
    for (const clr_command *const *command = clr_commands; *command; command++) {
        char *seed = clr_text("%s\nSRC\n--\n-x", (*command)->name), *longer;
        fuzz_seed_text(seed);
        clr_opt_set set;
        clr_opt_open(&set, (*command)->options, NULL);
        for (const clr_opt *opt = set.table; opt->name; opt++, seed = longer) {
            longer = clr_text("%s\n--%s%s%s", seed, opt->name, opt->kind == CLR_OPT_FLAG ? "" : "=",
                              opt->initial ? opt->initial : "7");
            char *one = clr_text("%s\n--%s\n%s", (*command)->name, opt->name, opt->initial ? opt->initial : "7");
            fuzz_seed_text(one);
            clr_free(one);
            clr_free(seed);
        }
        clr_opt_close(&set);
        fuzz_seed_text(seed);
        clr_free(seed);
    }
}
