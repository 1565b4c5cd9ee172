/* A name is cut into words where letters end, and where a small letter is followed by a capital. */
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct word {
    const char *text;
    clr_word means;
    bool sure; /* no class has this name */
} word;

static const word vocabulary[] = {
    {"train", CLR_WORD_TRAIN, true},           {"training", CLR_WORD_TRAIN, true},
    {"trn", CLR_WORD_TRAIN, false},            {"tr", CLR_WORD_TRAIN, false},
    {"val", CLR_WORD_VAL, true},               {"valid", CLR_WORD_VAL, true},
    {"validation", CLR_WORD_VAL, true},        {"validate", CLR_WORD_VAL, true},
    {"validating", CLR_WORD_VAL, true},        {"dev", CLR_WORD_VAL, false},
    {"devel", CLR_WORD_VAL, false},            {"development", CLR_WORD_VAL, false},
    {"eval", CLR_WORD_VAL, false},             {"evaluation", CLR_WORD_VAL, false},
    {"va", CLR_WORD_VAL, false},                {"holdout", CLR_WORD_VAL, false},          {"test", CLR_WORD_TEST, true},
    {"testing", CLR_WORD_TEST, true},          {"tests", CLR_WORD_TEST, true},
    {"tst", CLR_WORD_TEST, false},             {"te", CLR_WORD_TEST, false},
    {"query", CLR_WORD_TEST, false},           {"gallery", CLR_WORD_TEST, false},
    {"unlabeled", CLR_WORD_UNLABELLED, true},  {"unlabelled", CLR_WORD_UNLABELLED, true},
    {"unlabel", CLR_WORD_UNLABELLED, true},    {"pred", CLR_WORD_UNLABELLED, false},
    {"predict", CLR_WORD_UNLABELLED, false},   {"prediction", CLR_WORD_UNLABELLED, false},
    {"extra", CLR_WORD_UNLABELLED, false},     {"unsup", CLR_WORD_UNLABELLED, false},
    {"unsupervised", CLR_WORD_UNLABELLED, false}, {"trainval", CLR_WORD_TRAINVAL, true},
    {"fold", CLR_WORD_FOLD, false},            {"split", CLR_WORD_FOLD, false},
    {"shard", CLR_WORD_FOLD, false},           {"chunk", CLR_WORD_FOLD, false},
    {"part", CLR_WORD_FOLD, false},            {"subset", CLR_WORD_FOLD, false},
    {"batch", CLR_WORD_FOLD, false},           {"image", CLR_WORD_IMAGES, true},
    {"images", CLR_WORD_IMAGES, true},         {"img", CLR_WORD_IMAGES, true},
    {"imgs", CLR_WORD_IMAGES, true},           {"jpegimages", CLR_WORD_IMAGES, true},
    {"pngimages", CLR_WORD_IMAGES, true},      {"picture", CLR_WORD_IMAGES, false},
    {"pictures", CLR_WORD_IMAGES, false},      {"pics", CLR_WORD_IMAGES, false},
    {"photos", CLR_WORD_IMAGES, false},        {"jpg", CLR_WORD_IMAGES, false},
    {"jpgs", CLR_WORD_IMAGES, false},          {"jpeg", CLR_WORD_IMAGES, false},
    {"jpegs", CLR_WORD_IMAGES, false},         {"png", CLR_WORD_IMAGES, false},
    {"pngs", CLR_WORD_IMAGES, false},          {"frames", CLR_WORD_IMAGES, false},
    {"files", CLR_WORD_IMAGES, false},         {"raw", CLR_WORD_IMAGES, false},
    {"data", CLR_WORD_IMAGES, false},          {"dataset", CLR_WORD_IMAGES, false},
    {"mask", CLR_WORD_BESIDE, true},           {"masks", CLR_WORD_BESIDE, true},
    {"label", CLR_WORD_BESIDE, true},          {"labels", CLR_WORD_BESIDE, true},
    {"annotation", CLR_WORD_BESIDE, true},     {"annotations", CLR_WORD_BESIDE, true},
    {"annot", CLR_WORD_BESIDE, true},          {"annots", CLR_WORD_BESIDE, true},
    {"gt", CLR_WORD_BESIDE, true},             {"groundtruth", CLR_WORD_BESIDE, true},
    {"segmentation", CLR_WORD_BESIDE, true},   {"segmentations", CLR_WORD_BESIDE, true},
    {"trimap", CLR_WORD_BESIDE, true},         {"trimaps", CLR_WORD_BESIDE, true},
    {"imagesets", CLR_WORD_BESIDE, true},      {"metadata", CLR_WORD_BESIDE, true},
    {"meta", CLR_WORD_BESIDE, true},           {"doc", CLR_WORD_BESIDE, true},
    {"docs", CLR_WORD_BESIDE, true},           {"documentation", CLR_WORD_BESIDE, true},
    {"readme", CLR_WORD_BESIDE, true},         {"preview", CLR_WORD_BESIDE, true},
    {"previews", CLR_WORD_BESIDE, true},       {"sample", CLR_WORD_BESIDE, true},
    {"samples", CLR_WORD_BESIDE, true},        {"example", CLR_WORD_BESIDE, true},
    {"examples", CLR_WORD_BESIDE, true},       {"figs", CLR_WORD_BESIDE, true},
    {"figures", CLR_WORD_BESIDE, true},        {"assets", CLR_WORD_BESIDE, true},
};

/* What may stand in a part's name beside the word that says which one it is. */
static const char *const fillers[] = {"set", "sets", "all", "full", "small", "resized", "crop", "crops", "cropped", "object", "class", "split", NULL};

static const word *look_up(const char *text)
{
    for (size_t i = 0; i < sizeof vocabulary / sizeof *vocabulary; i++)
        if (!strcmp(text, vocabulary[i].text))
            return &vocabulary[i];
    return NULL;
}

static bool is_filler(const char *text)
{
    const word *w = look_up(text);

    for (int i = 0; fillers[i]; i++)
        if (!strcmp(text, fillers[i]))
            return true;
    return w && w->means == CLR_WORD_IMAGES;
}

/* The next word of name[*at..length), small; false where there is none. Digits are no words, but *digits is set. */
static bool next_word(const char *name, int length, int *at, char text[CLR_WORD_REST], bool *digits)
{
    int n = 0;

    for (; *at < length; ++*at) {
        unsigned char c = (unsigned char)name[*at];
        bool letter = isalpha(c) || c >= 0x80;
        *digits |= isdigit(c) != 0;
        if (n && (!letter || (isupper(c) && islower((unsigned char)name[*at - 1]))))
            break;
        if (letter && n < CLR_WORD_REST - 1)
            text[n++] = (char)tolower(c);
    }
    text[n] = 0;
    return n;
}

/* "trainset", "testimages": a part and a filler grown together; else what the word itself means, or NULL. */
static const word *meaning(const char *text)
{
    const word *w = look_up(text);

    for (size_t i = 0; !w && i < sizeof vocabulary / sizeof *vocabulary; i++) {
        size_t n = strlen(vocabulary[i].text);
        if (vocabulary[i].sure && clr_word_is_part(vocabulary[i].means) && !strncmp(text, vocabulary[i].text, n) && is_filler(text + n))
            w = &vocabulary[i];
    }
    return w;
}

clr_word clr_word_of(const char *name, int length, char rest[CLR_WORD_REST])
{
    char text[CLR_WORD_REST];
    clr_word part = CLR_WORD_OTHER;
    bool images = false, beside = false, digits = false;
    size_t used = 0;

    for (int at = 0; next_word(name, length, &at, text, &digits);) {
        const word *w = meaning(text);
        clr_word means = w ? w->means : CLR_WORD_OTHER;
        if (means == CLR_WORD_FOLD && part != CLR_WORD_OTHER)
            continue; /* "test split" */
        if (clr_word_is_part(means))
            part = part == CLR_WORD_OTHER || part == CLR_WORD_FOLD || part == means ? means : CLR_WORD_TRAINVAL;
        else if (means == CLR_WORD_IMAGES)
            images = true;
        else if (means == CLR_WORD_BESIDE)
            beside = true;
        if (means == CLR_WORD_OTHER && !is_filler(text))
            used += (size_t)snprintf(rest + used, CLR_WORD_REST - used, "%s ", text);
        used = used < CLR_WORD_REST ? used : CLR_WORD_REST - 1;
    }
    rest[used] = 0;
    if (part == CLR_WORD_FOLD && !digits)
        part = CLR_WORD_OTHER;
    if (part != CLR_WORD_OTHER && beside) /* "train_labels" is no sibling of "test" */
        snprintf(rest + used, CLR_WORD_REST - used, "labels ");
    return part != CLR_WORD_OTHER ? part : beside ? CLR_WORD_BESIDE : images ? CLR_WORD_IMAGES : CLR_WORD_OTHER;
}

bool clr_word_is_sure(const char *name, int length)
{
    char text[CLR_WORD_REST];
    bool digits = false, sure = false;

    for (int at = 0; next_word(name, length, &at, text, &digits);) {
        const word *w = meaning(text);
        if (!w && !is_filler(text))
            return false;
        sure |= w && w->sure;
    }
    return sure;
}

bool clr_word_is_vehicle(const char *name, int length)
{
    static const char *const vehicles[] = {"car",  "cars",    "automobile", "bus",   "buses", "truck", "trucks",    "van",        "tram",
                                           "taxi", "bicycle", "bike",       "bikes", "plane", "planes", "airplane", "airplanes",  "aeroplane",
                                           "boat", "boats",   "ship",       "ships", "ferry", "subway", "motorbike", "motorcycle", "helicopter"};
    char text[CLR_WORD_REST];
    bool digits = false;

    for (int at = 0; next_word(name, length, &at, text, &digits);)
        for (size_t i = 0; i < sizeof vehicles / sizeof *vehicles; i++)
            if (!strcmp(text, vehicles[i]))
                return true;
    return false;
}

int clr_word_answers(const char *name, const char *wanted)
{
    char rest[CLR_WORD_REST], other[CLR_WORD_REST];
    clr_word means = clr_word_of(name, (int)strlen(name), rest);

    if (!strcasecmp(name, wanted))
        return strcmp(name, wanted) ? 3 : 4;
    if (!clr_word_is_part(means) || means == CLR_WORD_FOLD || means != clr_word_of(wanted, (int)strlen(wanted), other) || *other)
        return 0;
    return *rest ? 1 : 2;
}

bool clr_word_is_list(const char *name)
{
    static const char *const kinds[] = {".csv", ".tsv", ".txt", ".json", ".xml", ".mat", ".parquet", ".xlsx"};
    static const char *const words[] = {"label", "annot", "class", "target", "truth", "metadata", "train", "val", "test", "list"};
    const char *dot = strrchr(name, '.');
    bool kind = false;

    for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++)
        kind |= !strcasecmp(dot, kinds[i]);
    for (size_t i = 0; kind && i < sizeof words / sizeof *words; i++)
        for (const char *at = name; *at; at++)
            if (!strncasecmp(at, words[i], strlen(words[i])))
                return true;
    return false;
}

bool clr_word_is_dropping(const char *name)
{
    static const char *const names[] = {
        "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "@sharesnap", "@sharebin", "__macosx", "$recycle.bin", "recycler",
        "recycled", "recycle.bin", "recyclebin", "trashbox", "system volume information", "lost+found", "lost.dir", "found.000",
        "network trash folder", "temporary items", "thevolumesettingsfolder", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
        "picasa.ini", "icon\r", "~snapshot", "_gsdata_", "__pycache__", "ipod photo cache", "aquota.user", "aquota.group", "$windows.~bt",
        "thumbnail", "thumbnails", "_thumbs", "_thumbnails"};
    static const char *const beginnings[] = {".", "@eadir", "@__thumb", "@syno", "~$", "recycle bin - "};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (!strncasecmp(name, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}
