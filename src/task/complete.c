/* SPDX-License-Identifier: BSD-3-Clause */
/* Fills in the settings that were not given: those of a run that is continued, and --preset=auto. */
#include "auto.h"
#include "pretraining.h"

#include "clr/log.h"
#include "clr/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clr_status clr_pretrain_parse_budget(const char *text, void *field)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    double *seconds = field;
    char *end = NULL;

    *seconds = 0;
    if (!text || !*text)
        return CLR_OK;
    double number = strtod(text, &end);
    for (size_t i = 0; i < CLR_COUNT(units) && end > text; i++)
        if (!strcmp(end, units[i].unit) && number > 0 && number < 1e7) {
            *seconds = number * units[i].seconds;
            return CLR_OK;
        }
    return clr_fail(CLR_EUSAGE, "--budget=%s: must be a time such as 90s, 20m, 8h or 2d", text);
}

/* Reads the facts for --preset=auto. data->images stays 0 where another preset or no dataset was given. */
static clr_status examine(const clr_opt_set *set, clr_auto_data *data)
{
    const char *preset = clr_opt_value(set, "preset"), *path = clr_opt_value(set, "data");
    clr_store *store = NULL;
    clr_status st = clr_pretrain_parse_budget(clr_opt_value(set, "budget"), &data->budget);

    if (st != CLR_OK || !preset || strcmp(preset, "auto") || !path || !*path)
        return st;
    if ((st = clr_store_open(path, &store)) != CLR_OK)
        return st;
    data->images = clr_store_info_of(store)->images;
    data->side = clr_store_side(store);
    data->gray = clr_store_info_of(store)->channels == 1;
    clr_store_close(store);
    return CLR_OK;
}

/* The choices as lines of a config. */
static clr_status take(clr_opt_set *set, const clr_auto_choice *choice, int n, clr_opt_source source)
{
    char *lines = clr_copy_text("");

    for (int i = 0; i < n; i++) {
        char *longer = clr_text("%s%s = %s\n", lines, choice[i].option, choice[i].value);
        clr_free(lines);
        lines = longer;
    }
    clr_status st = clr_opt_read_text(set, lines, "--preset=auto", source);
    clr_free(lines);
    return st;
}

/* Collective; status agreed upon. Runs a few steps with the settings chosen so far, and fills in how many epochs the
   budget allows. */
static clr_status measure(clr_comm *comm, const clr_opt_set *set, const clr_auto_choice *choice, int n,
                          clr_auto_data *data)
{
    clr_pretrain_config *config = clr_alloc(1, sizeof *config);
    clr_opt_set trial = {0};
    char *text = clr_opt_write(set);
    clr_trial timed = {0};

    clr_opt_open(&trial, clr_pretrain_options, config);
    clr_status st = clr_opt_read_text(&trial, text, "--preset=auto", CLR_OPT_RUN);
    if (st == CLR_OK)
        st = take(&trial, choice, n, CLR_OPT_RUN);
    if (st == CLR_OK)
        st = clr_opt_finish(&trial);
    st = clr_comm_agree(comm, st);
    if (st == CLR_OK)
        st = clr_run_try(comm, &clr_task_pretrain, &config->run, &trial, true, &timed);
    if (st == CLR_OK) {
        double steps = data->budget / timed.seconds, epochs = steps * (double)config->batch / (double)data->images;
        data->epochs = epochs >= 3 ? (double)(int64_t)epochs : epochs;
        clr_info("auto: a step of %lld images takes %.3g s; %.4g epochs fit into --budget=%s", (long long)config->batch,
                 timed.seconds, data->epochs, clr_opt_value(set, "budget"));
    }
    clr_opt_close(&trial);
    clr_free(text);
    clr_free(config);
    return st;
}

static void say(const clr_auto_data *data, const clr_auto_choice *choice, int n)
{
    clr_info("auto: %lld %s images with a shorter side of %d pixels (median). Settings that were not given are:",
             (long long)data->images, data->gray ? "gray" : "colour", data->side);
    for (int i = 0; i < n; i++)
        clr_info("  --%s=%s%*s %s", choice[i].option, choice[i].value,
                 (int)clr_max64(0, 30 - (int64_t)(strlen(choice[i].option) + strlen(choice[i].value))), "",
                 choice[i].reason);
}

clr_status clr_pretrain_complete(clr_comm *comm, clr_opt_set *set)
{
    clr_auto_choice choice[CLR_AUTO_MOST];
    clr_auto_data data = {0};
    clr_status st = clr_run_inherit(comm, set);
    const char *init = clr_opt_value(set, "init");

    if (st == CLR_OK && init && *init && clr_opt_given(set, "arch") != CLR_OPT_RUN)
        st = clr_task_architecture(comm, set, init);
    if (st == CLR_OK)
        st = clr_comm_agree(comm, examine(set, &data));
    if (st != CLR_OK || !data.images)
        return st;
    int n = clr_auto_choose(&data, set, choice);
    if (!n)
        return CLR_OK;
    bool timed = false;
    for (int i = 0; i < n; i++)
        timed = timed || (data.budget > 0 && !strcmp(choice[i].option, "epochs"));
    if (timed) {
        st = measure(comm, set, choice, n, &data);
        n = clr_auto_choose(&data, set, choice);
    }
    if (st == CLR_OK)
        say(&data, choice, n);
    return st == CLR_OK ? take(set, choice, n, CLR_OPT_PRESET) : st;
}
