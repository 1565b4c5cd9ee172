/* The binary versions of CIFAR-10 (rows of label, 3072 pixels) and CIFAR-100 (coarse label, fine label, 3072 pixels);
   pixels are (channel, 32, 32). */
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, MOST = 5 };

typedef struct kind {
    const char *train[MOST + 1], *test[2], *names;
    int labels, classes; /* bytes before the pixels, the last one counts */
} kind;

static const kind kinds[] = {
    {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
     {"test_batch.bin"},
     "batches.meta.txt",
     1,
     10},
    {{"train.bin"}, {"test.bin"}, "fine_label_names.txt", 2, 100},
};

typedef struct own {
    const kind *kind;
    int files;
    char *path[MOST];
    int64_t rows[MOST];
    FILE *file[MOST];
} own;

/* Whether the labels of a file's first rows are all below the number of classes, and its size is that of whole rows. */
static bool fits(const kind *k, const char *path)
{
    int64_t bytes = clr_file_size(path), row = k->labels + 3 * PLANE;
    FILE *file = bytes > 0 && bytes % row == 0 ? fopen(path, "rb") : NULL;
    bool good = file;

    for (int64_t i = 0; good && i < 64 && i < bytes / row; i++) {
        int label = fseeko(file, i * row + k->labels - 1, SEEK_SET) ? EOF : getc(file);
        good = label != EOF && label < k->classes;
    }
    if (file)
        fclose(file);
    return good;
}

static bool is_bin(const char *path)
{
    size_t length = strlen(path);

    return length > 4 && !strcmp(path + length - 4, ".bin") && clr_file_size(path) >= 0;
}

/* The kind whose files a folder has, or that a single file named *.bin is; NULL: neither. */
static const kind *kind_of(const char *path)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        if (!clr_file_is_folder(path)) {
            if (is_bin(path) && fits(k, path))
                return k;
            continue;
        }
        char *train = clr_text("%s/%s", path, k->train[0]), *test = clr_text("%s/%s", path, k->test[0]);
        bool found = clr_file_size(train) >= 0 || clr_file_size(test) >= 0;
        clr_free(train);
        clr_free(test);
        if (found)
            return k;
    }
    return NULL;
}

static bool probe(const char *path)
{
    return is_bin(path) || kind_of(path);
}

/* Why a file named *.bin is of no kind. */
static clr_status no_kind(const char *path)
{
    int64_t bytes = clr_file_size(path), ten = 1 + 3 * PLANE, hundred = 2 + 3 * PLANE;

    if (bytes == 0 || (bytes % ten && bytes % hundred))
        return clr_fail(CLR_EINPUT, "%s: its %lld bytes are not whole rows of %lld (CIFAR-10) or %lld (CIFAR-100); is it cut short?", path,
                        (long long)bytes, (long long)ten, (long long)hundred);
    return clr_fail(CLR_EINPUT, "%s: is not CIFAR's binary version: labels beyond the classes", path);
}

static clr_status add(own *o, char *path, clr_source *source)
{
    int64_t bytes = clr_file_size(path), row = o->kind->labels + 3 * PLANE;
    int i = o->files++;

    o->path[i] = path;
    if (bytes < 0 || !(o->file[i] = fopen(path, "rb")))
        return clr_fail(CLR_EINPUT, "%s: %s", path, strerror(bytes < 0 ? ENOENT : errno));
    if (bytes == 0 || bytes % row)
        return clr_fail(CLR_EINPUT, "%s: %lld bytes are not whole rows of %lld; is it cut short?", path, (long long)bytes,
                        (long long)row);
    o->rows[i] = bytes / row;
    source->examples += o->rows[i];
    return CLR_OK;
}

/* One class name a line, beside the data. */
static void name_classes(const kind *k, const char *folder, clr_source *source)
{
    char *path = clr_text("%s/%s", folder, k->names), line[256];
    FILE *file = fopen(path, "r");

    source->classes = clr_file_numbers(k->classes);
    source->class_count = k->classes;
    for (int i = 0; file && i < k->classes && fgets(line, sizeof line, file);) {
        line[strcspn(line, "\r\n")] = 0;
        if (!*line)
            continue;
        clr_free(source->classes[i]);
        source->classes[i++] = clr_copy_text(line);
    }
    if (file)
        fclose(file);
    clr_free(path);
}

static clr_status open_(const char *path, const char *split, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    const kind *k = o->kind = kind_of(path);
    clr_status st = clr_file_two_splits(path, split);

    if (st == CLR_OK && !k)
        st = no_kind(path);
    if (st != CLR_OK)
        return st;
    if (!clr_file_is_folder(path)) {
        const char *slash = strrchr(path, '/');
        if (split)
            return clr_fail(CLR_EUSAGE, "--split=%s: %s is a single file; --split chooses within a folder", split, path);
        char *folder = slash ? clr_text("%.*s", (int)(slash - path), path) : clr_copy_text(".");
        name_classes(k, folder, source);
        clr_free(folder);
        return add(o, clr_copy_text(path), source);
    }
    name_classes(k, path, source);
    const char *const *names = split && !strcmp(split, "test") ? k->test : k->train;
    for (int i = 0; st == CLR_OK && names[i]; i++)
        st = add(o, clr_text("%s/%s", path, names[i]), source);
    return st;
}

static clr_status read_(clr_source *source, int64_t i, clr_example *example)
{
    own *o = source->own;
    uint8_t row[2 + 3 * PLANE];
    size_t labels = (size_t)o->kind->labels, bytes = labels + 3 * PLANE;
    int f = 0;

    for (; i >= o->rows[f]; f++)
        i -= o->rows[f];
    const char *slash = strrchr(o->path[f], '/');
    *example = (clr_example){.label = -1};
    example->name = clr_text("%s[%lld]", slash ? slash + 1 : o->path[f], (long long)i);
    if (fseeko(o->file[f], (off_t)i * (off_t)bytes, SEEK_SET) || fread(row, 1, bytes, o->file[f]) != bytes)
        return clr_fail(CLR_EIO, "%s: row %lld cannot be read: %s", o->path[f], (long long)i,
                        ferror(o->file[f]) ? strerror(errno) : "the file has become shorter");
    example->label = row[labels - 1];
    if (example->label >= o->kind->classes)
        return clr_fail(CLR_EINPUT, "its label is %d; there are only %d classes", example->label, o->kind->classes);
    example->image = (clr_image){SIDE, SIDE, 3, clr_alloc(3 * PLANE, 1)};
    for (int p = 0; p < PLANE; p++)
        for (int c = 0; c < 3; c++)
            example->image.pixels[3 * p + c] = row[labels + (size_t)(c * PLANE + p)];
    return CLR_OK;
}

static void close_(clr_source *source)
{
    own *o = source->own;

    for (int i = 0; i < o->files; i++) {
        if (o->file[i])
            fclose(o->file[i]);
        clr_free(o->path[i]);
    }
    clr_free(o);
}

const clr_reader clr_reader_cifar = {.name = "cifar",
                                     .help = "the binary CIFAR-10 or CIFAR-100 (its folder, or one .bin file)",
                                     .probe = probe,
                                     .open = open_,
                                     .read = read_,
                                     .close = close_};
