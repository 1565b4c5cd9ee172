/* SPDX-License-Identifier: BSD-3-Clause */
/* --preset=auto: what it chooses for datasets from 20 images to ImageNet, and how options that are given change it. */
#include "auto.h"

#include "clr/mem.h"
#include "clr/pretrain.h"
#include "clr/test.h"

#include <math.h>

static clr_auto_choice choice[CLR_AUTO_MOST];
static int n;

/* Chooses for a dataset beside the words of a command line. */
static void choose(clr_auto_data data, const char *words)
{
    static clr_pretrain_config config;
    clr_opt_set set;
    char copy[256], *argv[16];
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    clr_opt_open(&set, clr_pretrain_options, &config);
    ck_assert_int_eq(clr_opt_read_line(&set, argc, argv), CLR_OK);
    n = clr_auto_choose(&data, &set, choice);
    ck_assert_int_le(n, CLR_AUTO_MOST);
    /* Every choice is a value that its option takes, and no option that was given is chosen again. */
    for (int i = 0; i < n; i++) {
        char *line = clr_text("%s = %s\n", choice[i].option, choice[i].value);
        ck_assert_msg(clr_opt_given(&set, choice[i].option) == CLR_OPT_DEFAULT, "%s was given", choice[i].option);
        ck_assert_int_eq(clr_opt_read_text(&set, line, "auto", CLR_OPT_PRESET), CLR_OK);
        ck_assert_int_gt((int)strlen(choice[i].reason), 0);
        clr_free(line);
    }
    ck_assert_msg(clr_opt_finish(&set) == CLR_OK, "%s", clr_message());
    clr_opt_close(&set);
}

static const char *value(const char *option)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(choice[i].option, option))
            return choice[i].value;
    return "";
}

START_TEST(datasets)
{
    static const struct {
        clr_auto_data data;
        const char *arch, *width, *stem, *size, *batch, *optimizer, *epochs;
    } rows[] = {
        {{.images = 20, .side = 500}, "resnet18", "1/4", "imagenet", "96", "16", "adamw", "1000"},
        {{.images = 315, .side = 375}, "resnet18", "1/4", "imagenet", "96", "64", "adamw", "813"},
        {{.images = 2000, .side = 32}, "resnet18", "1/4", "cifar", "32", "128", "adamw", "256"},
        {{.images = 10000, .side = 64}, "resnet18", "1/2", "imagenet", "64", "128", "adamw", "200"},
        {{.images = 50000, .side = 32}, "resnet18", "1", "cifar", "32", "256", "adamw", "200"},
        {{.images = 50000, .side = 32, .budget = 1200, .epochs = 21},
         "resnet18",
         "1/4",
         "cifar",
         "32",
         "256",
         "adamw",
         "21"},
        {{.images = 60000, .side = 28, .gray = true}, "resnet18", "1", "cifar", "28", "256", "adamw", "200"},
        {{.images = 1281167, .side = 375}, "resnet50", "1", "imagenet", "224", "4096", "lars", "100"},
    };
    choose(rows[_i].data, "");
    ck_assert_str_eq(value("arch"), rows[_i].arch);
    ck_assert_str_eq(value("width"), rows[_i].width);
    ck_assert_str_eq(value("stem"), rows[_i].stem);
    ck_assert_str_eq(value("image-size"), rows[_i].size);
    ck_assert_str_eq(value("batch"), rows[_i].batch);
    ck_assert_str_eq(value("optimizer"), rows[_i].optimizer);
    ck_assert_str_eq(value("epochs"), rows[_i].epochs);
    ck_assert(!strstr(value("augment"), "gray") == rows[_i].data.gray);
    ck_assert_double_le(atof(value("warmup-epochs")), 10);
}
END_TEST

/* From the smallest to the largest datasets the settings can be trained: at least two images, a batch no larger than
   the dataset, some steps. */
START_TEST(all_sizes)
{
    for (double images = 2; images < 2e7; images *= 1.3)
        for (int side = 1; side < 4000; side *= 3) {
            choose((clr_auto_data){.images = (int64_t)images, .side = side}, "");
            ck_assert_double_ge(atof(value("batch")), 2);
            ck_assert_double_le(atof(value("batch")), floor(images));
            ck_assert_double_ge(atof(value("image-size")), 4);
            ck_assert_double_ge(atof(value("epochs")) * floor(images) / atof(value("batch")), 100);
        }
}
END_TEST

START_TEST(options_given)
{
    const clr_auto_data few = {.images = 2000, .side = 32}, many = {.images = 1281167, .side = 375};

    choose(few, "--optimizer=lars");
    ck_assert_str_eq(value("lr-scaling"), "sqrt");
    ck_assert_str_eq(value("lr"), "0.075");
    choose(many, "--batch=256");
    ck_assert_str_eq(value("optimizer"), "adamw");
    choose(few, "--image-size=96");
    ck_assert_str_eq(value("stem"), "imagenet");
    choose(few, "--steps=50");
    ck_assert_str_eq(value("epochs"), "");
    ck_assert_double_le(atof(value("warmup-epochs")) * 2000 / 128, 5.01);
    choose(few, "--epochs=5 --lr=0.01 --temperature=0.5");
    ck_assert_str_eq(value("lr"), "");
    ck_assert_str_eq(value("temperature"), "");
    ck_assert_str_eq(value("warmup-epochs"), "0.5");
    choose(few, "--loss=ntlogistic");
    ck_assert_str_eq(value("temperature"), "");
}
END_TEST

START_TEST(budgets)
{
    double seconds = 0;

    ck_assert_int_eq(clr_pretrain_parse_budget("20m", &seconds), CLR_OK);
    ck_assert_double_eq(seconds, 1200);
    ck_assert_int_eq(clr_pretrain_parse_budget("1.5h", &seconds), CLR_OK);
    ck_assert_double_eq(seconds, 5400);
    ck_assert_int_eq(clr_pretrain_parse_budget("90", &seconds), CLR_OK);
    ck_assert_double_eq(seconds, 90);
    ck_assert_int_eq(clr_pretrain_parse_budget(NULL, &seconds), CLR_OK);
    ck_assert_double_eq(seconds, 0);
    static const char *const wrong[] = {"m", "-3m", "0", "20 m", "20mm", "1e99h", "nan", "inf"};
    for (size_t i = 0; i < CLR_COUNT(wrong); i++)
        ck_assert_msg(clr_pretrain_parse_budget(wrong[i], &seconds) == CLR_EUSAGE, "%s", wrong[i]);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("auto");

    tcase_add_loop_test(cases, datasets, 0, 8);
    tcase_add_test(cases, all_sizes);
    tcase_add_test(cases, options_given);
    tcase_add_test(cases, budgets);
    return clr_test_run("auto", cases, CK_FORK_GETENV);
}
