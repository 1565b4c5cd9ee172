/* SPDX-License-Identifier: BSD-3-Clause */
/* report: runs side by side, as a page, as text and as TSV. */
#include "clr/report.h"
#include "clr/cmd.h"
#include "clr/log.h"
#include "clr/output.h"

#include <stdio.h>

#define AT(field) offsetof(clr_report_config, field)
static const clr_opt own[] = {{"output", CLR_OPT_TEXT, AT(output), NULL, "PAGE.html", 0, 0, NULL, 0,
                               "the page; PAGE.txt, PAGE-runs.tsv and PAGE-probes.tsv go beside it"},
                              {"runs", CLR_OPT_TEXT, AT(runs), NULL, "DIR", 0, 0, NULL, 0,
                               "of a table: the folder of its runs; default: runs/NAME for NAME.tsv, runs/NAME-SCALE "
                               "at another scale than small"},
                              {"scale", CLR_OPT_TEXT, AT(scale), "small", "WORD", 0, 0, NULL, 0,
                               "of a table: its rows at that scale, as SCALE of jobs/ablation.sh"},
                              {0}};
static const clr_opt_part options[] = {{own, 0, NULL}, {clr_force_option, AT(force), NULL}, {0}};

static clr_status run(clr_comm *comm, void *settings, const clr_opt_set *set)
{
    const clr_report_config *c = settings;
    clr_report_counts counts;
    (void)comm;

    if (!c->output)
        return clr_fail(CLR_EUSAGE, "--output=PAGE.html is missing: where the page goes");
    clr_status st = clr_report_write(set->argument, set->arguments, c, &counts);
    if (st != CLR_OK)
        return st;
    if (!counts.plots)
        clr_info("there is no gnuplot here, so that the page has tables and no curves");
    printf("report runs=%d done=%d running=%d died=%d bytes=%lld plots=%s page=%s\n", counts.runs, counts.done,
           counts.running, counts.died, (long long)counts.bytes, counts.plots ? "yes" : "no", c->output);
    return CLR_OK;
}

const clr_command clr_command_report = {
    .name = "report",
    .arguments = "RUN|FOLDER|TABLE.tsv...",
    .help = "runs side by side as one self-contained page: settings, results, curves, pictures; and as text and TSV",
    .example = "simclr report runs/a runs/b --output=page.html",
    .options = options,
    .config_bytes = sizeof(clr_report_config),
    .least = 1,
    .most = 4096,
    .alone = true,
    .run = run};
