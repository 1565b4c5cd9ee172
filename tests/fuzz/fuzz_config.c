/* SPDX-License-Identifier: BSD-3-Clause */
/* A config file: read, checked, written, read back, which must give the same. The input: a byte that chooses (1: with a
   preset), the file. */
#include "fuzz.h"

#include "clr/cmd.h"
#include "clr/mem.h"
#include "clr/pretrain.h"

#include <string.h>

static void back_again(const clr_opt_set *set, const char *text)
{
    clr_pretrain_config config = {0};
    clr_opt_set again;

    clr_opt_open(&again, clr_pretrain_options, &config);
    FUZZ_CHECK(clr_opt_read_text(&again, text, "again", CLR_OPT_FILE) == CLR_OK);
    for (int i = 0; i < set->options; i++)
        FUZZ_CHECK(!set->text[i] == !again.text[i] && (!set->text[i] || !strcmp(set->text[i], again.text[i])));
    FUZZ_CHECK(clr_opt_finish(&again) == CLR_OK);
    clr_opt_close(&again);
    FUZZ_CHECK(clr_opt_compare(set, text, NULL) == CLR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clr_pretrain_config config = {0};
    clr_opt_set set;
    char path[128];

    if (!size)
        return 0;
    fuzz_begin(size);
    fuzz_file(path, "config", data + 1, size - 1);
    clr_opt_open(&set, clr_pretrain_options, &config);
    clr_status st = clr_opt_read_file(&set, path);
    if (st == CLR_OK && data[0] & 1 && clr_preset(clr_opt_value(&set, "preset") ? clr_opt_value(&set, "preset") : ""))
        st = clr_opt_read_text(&set, clr_preset(clr_opt_value(&set, "preset")), "preset", CLR_OPT_PRESET);
    if (st == CLR_OK && clr_opt_finish(&set) == CLR_OK && config.plan) {
        char *text = clr_opt_write(&set);
        back_again(&set, text);
        clr_free(text);
        fuzz_accept();
    }
    clr_opt_close(&set);
    return 0;
}

void fuzz_seeds(void)
{
    clr_pretrain_config config = {0};
    clr_opt_set set;

    clr_opt_open(&set, clr_pretrain_options, &config);
    char *all = clr_opt_write(&set), *seed = clr_text("\1%s", all);
    fuzz_seed_text(seed);
    clr_free(all);
    clr_free(seed);
    clr_opt_close(&set);
    fuzz_seed_text("\1preset = cifar10\ndata = \"a # b.h5\" # of the site\nrun-dir = runs/a#1\n");
    fuzz_seed_text("\1preset = fashion-mnist\nwidth = 1/16\ncheckpoint-every = 1e,600s,50\ntime-limit = 1-02:03:04\n");
    fuzz_seed_text("\1# only this\n\n data=\"\\\"quoted\\\" \\\\ \\n\"\naugment = "
                   "crop:0.08-1,flip,color:1.0:multiplicative,gray:0.2,blur\n");
    fuzz_seed_text("\1loss = triplet\nmining = semi-hard\nmargin = 0.4\noptimizer = sgd\nallow-change = "
                   "lr,epochs\nonline-probe = on\n");
}
