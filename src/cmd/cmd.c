/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of subcommands and presets. */
#include "clr/cmd.h"

#include "bench.h"
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

static clr_status parse_channels(const char *text, void *field)
{
    if (strcmp(text, "1") && strcmp(text, "3"))
        return clr_fail(CLR_EUSAGE, "--channels=%s: must be 1 or 3", text);
    *(int *)field = *text - '0';
    return CLR_OK;
}

const clr_opt clr_steps_option[] = {
    {"steps", CLR_OPT_LONG, 0, "3", "N", 1, 1000, NULL, 0, "how often it is timed; the best counts"}, {0}};
const clr_opt clr_channels_option[] = {
    {"channels", CLR_OPT_PARSED, 0, "3", "1|3", 0, 0, NULL, 0, "of an image", parse_channels}, {0}};
const clr_opt clr_preset_option[] = {{"preset", CLR_OPT_TEXT, 0, NULL, "imagenet|cifar10|fashion-mnist", 0, 0, NULL, 0,
                                      "settings that belong together; other options win"},
                                     {0}};

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
