/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes a class in folder trees of many shapes, and what is refused. The files are empty: only names matter. */
#include "clr/mem.h"
#include "clr/read.h"
#include "clr/test.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char top[CLR_TEST_FOLDER];

static void setup(void)
{
    clr_test_folder_begin(top);
}

static void teardown(void)
{
    clr_test_folder_end(top);
}

/* Empty files at these paths below root, parted by blanks, with their folders. */
static void plant(const char *root, const char *paths)
{
    char path[600];

    for (size_t n; *paths; paths += n + (paths[n] == ' ')) {
        n = strcspn(paths, " ");
        snprintf(path, sizeof path, "%s/%.*s", root, (int)n, paths);
        for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
            *slash = 0;
            mkdir(path, 0777);
            *slash = '/';
        }
        FILE *file = fopen(path, "w");
        ck_assert_msg(file != NULL, "%s", path);
        fclose(file);
    }
}

/* "a 2, b 1": the classes with their images; "none 3": no labels; "": refused. */
static void classes_of(const char *path, const clr_read_how *how, char text[300])
{
    clr_source s;
    int n = 0;

    *text = 0;
    if (clr_read_open_how(path, how, &s) != CLR_OK)
        return;
    for (int i = 0; i < s.class_count; i++)
        n += snprintf(text + n, 300 - (size_t)n, "%s%s %d", i ? ", " : "", s.classes[i], (int)s.per_class[i]);
    if (!s.class_count)
        snprintf(text, 300, "none %d", (int)s.examples);
    clr_read_close(&s);
}

typedef struct row {
    const char *files, *split;
    const char *classes; /* as classes_of says; "": refused */
    const char *because; /* in the message of a refusal */
} row;

static const row rows[] = {
    /* classes */
    {"cat/1.png cat/2.png dog/1.png", NULL, "cat 2, dog 1", ""},
    {"bus/1.png car/1.png train/1.png", NULL, "bus 1, car 1, train 1", ""},
    {"Car/1.png Train/1.png", NULL, "Car 1, Train 1", ""},
    {"cat/1.png dog/1.png train/1.png", NULL, "", "--split=train "},
    {"hi/1.png te/1.png tr/1.png", NULL, "hi 1, te 1, tr 1", ""}, /* languages */
    {"cat/images/1.png dog/images/1.png dog/images/2.png", NULL, "cat 1, dog 2", ""},
    {"test_tube/1.png train_station/1.png", NULL, "test_tube 1, train_station 1", ""},
    {"training_shoe/1.png image_of_a_dog/1.png", NULL, "image_of_a_dog 1, training_shoe 1", ""},
    {"0/1.png 1/1.png 2/1.png", NULL, "0 1, 1 1, 2 1", ""},
    {"one/1.png one/2.png", NULL, "one 2", ""},
    {"train/1.png test/1.png", ".", "test 1, train 1", ""},
    /* parts, in many spellings */
    {"train/a/1.png valid/a/1.png test/a/1.png", NULL, "", "parts of a dataset, not its classes; --split=train packs"},
    {"Train/a/1.png Test/a/1.png", NULL, "", "--split=Train "},
    {"training/a/1.png validation/a/1.png", NULL, "", "--split=training "},
    {"training_set/a/1.png test_set/a/1.png", NULL, "", "--split=training_set "},
    {"seg_train/a/1.png seg_test/a/1.png seg_pred/1.png", NULL, "", "--split=seg_train "},
    {"train2017/1.png val2017/1.png", NULL, "", "--split=train2017 "},
    {"trn/1.png tst/1.png", NULL, "", "--split=trn "},
    {"trainA/1.png trainB/1.png testA/1.png testB/1.png", NULL, "", "--split=trainA "},
    {"TRAIN/1.png dev/1.png eval/1.png", NULL, "", "--split=TRAIN "},
    {"train/1.png unlabelled/1.png", NULL, "", "--split=train "},
    {"TrainSet/a/1.png TestSet/a/1.png", NULL, "", "--split=TrainSet "},
    {"trainset/a/1.png testimages/a/1.png", NULL, "", "--split=trainset "},
    {"fold1/a/1.png fold2/a/1.png", NULL, "", "--split=fold1 "},
    {"train/a/1.png test/readme", NULL, "", "--split=train "},
    {"logo.png train/1.png test/1.png", NULL, "", "--split=train "},
    /* parts beside other things, or alone */
    {"train/a/1.png docs/fig.png", NULL, "", "--split=train "},
    {"train/1.png metadata/1.png", NULL, "", "--split=train "},
    {"train/a/1.png leaderboard/1.png", NULL, "", "--split=train "},
    {"cat/1.png dog/1.png test/1.png", NULL, "", "--split=test "},
    {"cat/1.png dog/1.png docs/1.png", NULL, "", "--split=. takes each for a class"},
    {"bus/1.png car/1.png train/b/1.png", NULL, "", "--split=train "},
    {"train/a/1.png train/b/1.png test.csv", NULL, "a 1, b 1", ""},
    {"train/train/1.png train/train/2.png", NULL, "none 2", ""},
    /* folders that only hold the images, and what lies beside them */
    {"images/1.png images/2.png labels.csv", NULL, "none 2", ""},
    {"JPEGImages/1.png Annotations/1.xml", NULL, "none 1", ""},
    {"JPEGImages/1.png SegmentationClass/1.png", NULL, "", "--split=JPEGImages "},
    {"images/1.png masks/1.png", NULL, "", "--split=images "},
    {"plant_images/1.png plant_masks/1.png", NULL, "", "--split=plant_images "},
    {"images_001/images/1.png images_002/images/1.png", NULL, "none 2", ""},
    {"CUB/images/001.Crow/1.png CUB/images/002.Gull/1.png CUB/parts/parts.txt", NULL, "001.Crow 1, 002.Gull 1", ""},
    {"dataset/cat/1.png dataset/dog/1.png", NULL, "cat 1, dog 1", ""},
    {"1.png sub/2.png", NULL, "none 2", ""},
    {"1.png images/2.png", NULL, "none 2", ""},
    {"1.png masks/1.png", NULL, "", "--labels=none packs them all"},
    {"cat/1.png cat/masks/1.png dog/1.png", NULL, "", "cat holds images and folders of another kind (masks)"},
    {"cat/1.png cat/masks/1.png dog/1.png", ".", "cat 2, dog 1", ""},
    /* parts below one folder, inside classes, and how --split finds them */
    {"dataset/train/a/1.png dataset/test/a/1.png", NULL, "", "--split=dataset/train "},
    {"dataset/train/a/1.png dataset/test/b/1.png", "test", "b 1", ""},
    {"dataset/train/a/1.png dataset/test/b/1.png", "dataset/train", "a 1", ""},
    {"images/train/1.png images/val/1.png labels/train/1.txt", "val", "none 1", ""},
    {"Training/a/1.png Validation/b/1.png", "train", "a 1", ""},
    {"Training/a/1.png Validation/b/1.png", "VAL", "b 1", ""},
    {"train2014/1.png train2017/1.png train2017/2.png", "train2017", "none 2", ""},
    {"train2014/1.png train2017/1.png", "train", "", "train2014 or train2017"},
    {"seg_train/seg_train/a/1.png seg_train/seg_train/b/1.png seg_test/seg_test/a/1.png", "train", "a 1, b 1", ""},
    {"train/n01/images/1.png train/n02/images/1.png val/images/1.png val/val_annotations.txt", "train", "n01 1, n02 1",
     ""},
    {"train/n01/images/1.png val/images/1.png val/val_annotations.txt", "val", "none 1", ""},
    {"train/images/1.png train/masks/1.png", "train", "", "--split=train/images "},
    {"cat/train/1.png cat/test/2.png dog/train/1.png", NULL, "", "--split=train "},
    {"cat/train/1.png cat/test/2.png dog/train/1.png", "train", "cat 1, dog 1", ""},
    {"cat/train/1.png cat/test/2.png dog/train/1.png", "test", "cat 1", ""},
    {"a/images/1.png a/masks/1.png b/images/1.png b/masks/1.png", NULL, "", "--split=images "},
    {"a/images/1.png a/masks/1.png b/images/1.png b/masks/1.png", "images", "a 1, b 1", ""},
    {"train/a/1.png valid/a/1.png", "test", "", "no part test"},
    {"cat/1.png dog/1.png", "test", "", "no part test"},
    {"cat/1.png dog/1.png", "../x", "", "names no folder below SRC"},
    {"cat/1.png", "", "", "names no part"},
    /* no data */
    {"cat/1.png cat/@eaDir/1.png/THUMB.png @eaDir/cat/X.png dog/1.png #recycle/old/1.png", NULL, "cat 1, dog 1", ""},
    {"cat/1.png dog/1.png __MACOSX/cat/._1.png $RECYCLE.BIN/1.png lost+found/1.png .ipynb_checkpoints/1.png", NULL,
     "cat 1, dog 1", ""},
    {"cat/1.png cat/._1.png cat/.@__thumb/1.png dog/1.png dog/@__thumb/1.png .thumbnails/1.png #snapshot/cat/1.png",
     NULL, "cat 1, dog 1", ""},
    {"cat/1.png cat/thumbnails/1.png dog/1.png thumbnails/1.png", NULL, "cat 1, dog 1", ""},
    {"thumbs_up/1.png thumb/1.png", NULL, "thumb 1, thumbs_up 1", ""},
    {"train/a/1.png @eaDir/test/1.png", "test", "", "no part test"},
    {"a/1.bmp a/2.gif", NULL, "", "holds no .png"},
};

START_TEST(trees)
{
    char *root = clr_text("%s/%d", top, _i), text[300];
    const row *r = &rows[_i];

    plant(root, r->files);
    classes_of(root, &(clr_read_how){.split = r->split}, text);
    ck_assert_msg(!strcmp(text, r->classes), "%s (--split=%s): '%s', not '%s': %s", r->files, r->split ? r->split : "",
                  text, r->classes, clr_message());
    if (!*r->classes)
        ck_assert_msg(strstr(clr_message(), r->because) != NULL, "%s: '%s' does not say '%s'", r->files, clr_message(),
                      r->because);
    clr_free(root);
}
END_TEST

START_TEST(without_labels_everything_is_packed)
{
    char text[300];

    plant(top, "train/a/1.png test/a/1.png docs/1.png 1.png");
    classes_of(top, &(clr_read_how){.unlabelled = true}, text);
    ck_assert_str_eq(text, "none 4");
    classes_of(top, &(clr_read_how){.split = "test", .unlabelled = true}, text);
    ck_assert_str_eq(text, "none 1");
}
END_TEST

START_TEST(words)
{
    static const struct {
        const char *name;
        clr_word means;
    } known[] = {{"train", CLR_WORD_TRAIN},
                 {"TRAIN", CLR_WORD_TRAIN},
                 {"Training-Images", CLR_WORD_TRAIN},
                 {"trainSet2", CLR_WORD_TRAIN},
                 {"valset", CLR_WORD_VAL},
                 {"validation_data", CLR_WORD_VAL},
                 {"Tests", CLR_WORD_TEST},
                 {"unlabeled_images", CLR_WORD_UNLABELLED},
                 {"train_val", CLR_WORD_TRAINVAL},
                 {"test split", CLR_WORD_TEST},
                 {"shard-0007", CLR_WORD_FOLD},
                 {"shard", CLR_WORD_OTHER},
                 {"IMGS", CLR_WORD_IMAGES},
                 {"gt", CLR_WORD_BESIDE},
                 {"trains", CLR_WORD_OTHER},
                 {"trainer", CLR_WORD_OTHER},
                 {"valley", CLR_WORD_OTHER},
                 {"contest", CLR_WORD_OTHER},
                 {"", CLR_WORD_OTHER},
                 {"123", CLR_WORD_OTHER}};
    char rest[CLR_WORD_REST];

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ck_assert_msg(clr_word_of(known[i].name, (int)strlen(known[i].name), rest) == known[i].means, "%s: %d",
                      known[i].name, (int)clr_word_of(known[i].name, (int)strlen(known[i].name), rest));
    char long_name[256];
    memset(long_name, 'x', 255);
    long_name[255] = 0;
    ck_assert_int_eq(clr_word_of(long_name, 255, rest), CLR_WORD_OTHER);
    for (int i = 1; i < 255; i += 2)
        long_name[i] = ' ';
    ck_assert_int_eq(clr_word_of(long_name, 255, rest), CLR_WORD_OTHER);
    ck_assert_uint_lt(strlen(rest), CLR_WORD_REST);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("layout");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, trees, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tcase, without_labels_everything_is_packed);
    tcase_add_test(tcase, words);
    return clr_test_run("layout", tcase, CK_FORK_GETENV);
}
