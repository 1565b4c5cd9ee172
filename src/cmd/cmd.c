/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of subcommands and presets. */
#include "clr/cmd.h"

#include "commands.h"
#include "presets.h"

#include <string.h>

#define DECLARE(name) extern const clr_command clr_command_##name;
CLR_COMMANDS(DECLARE)
#define ENTRY(name) &clr_command_##name,
const clr_command *const clr_commands[] = {CLR_COMMANDS(ENTRY) NULL};

static const struct {
    const char *name, *lines;
} presets[] = {
#define PRESET(name, lines) {name, lines},
    CLR_PRESETS(PRESET)};

const char *clr_preset(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (!strcmp(presets[i].name, name))
            return presets[i].lines;
    return NULL;
}

const char *clr_preset_names(void)
{
#define NAME(name, lines) name " "
    return CLR_PRESETS(NAME);
}
