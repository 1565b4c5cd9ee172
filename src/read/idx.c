/* IDX, the format of MNIST: two zero bytes, a type (8: unsigned byte), the rank, the dimensions as big-endian 32-bit numbers,
   the data. Images are (n, H, W) or (n, H, W, C), labels (n). zlib reads plain and .gz files alike. */
#include "clr/mem.h"
#include "clr/read.h"
#include "file.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

typedef struct own {
    char *path, *labels_path;
    gzFile images;
    int64_t next; /* the example that the file stands at */
    int height, width, channels, header;
    uint8_t *labels; /* NULL: none */
} own;

typedef struct shape {
    int rank;
    int64_t n[4];
} shape;

static const char *const endings[] = {"-idx3-ubyte", "-idx3-ubyte.gz", ".idx3-ubyte", ".idx3-ubyte.gz"};

/* Fills shape from the first bytes of file; false where they are not those of an IDX file of bytes. */
static bool head(gzFile file, shape *s)
{
    uint8_t b[16];

    if (gzread(file, b, 4) != 4 || b[0] || b[1] || b[2] != 8 || b[3] < 1 || b[3] > 4)
        return false;
    s->rank = b[3];
    if (gzread(file, b, 4u * b[3]) != 4 * s->rank)
        return false;
    for (int i = 0; i < s->rank; i++)
        s->n[i] = (int64_t)b[4 * i] << 24 | b[4 * i + 1] << 16 | b[4 * i + 2] << 8 | b[4 * i + 3];
    return true;
}

/* The images' file of a folder and a split, freed by clr_free, or NULL. */
static char *find(const char *folder, const char *split)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *path = clr_text("%s/%s-images%s", folder, strcmp(split, "test") ? "train" : "t10k", endings[i]);
        if (clr_file_size(path) >= 0)
            return path;
        clr_free(path);
    }
    return NULL;
}

/* The labels that belong to a file of images: "images" and "idx3" become "labels" and "idx1" in its name. */
static char *find_labels(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *images = strstr(name, "images"), *idx = images ? strstr(images, "idx3") : NULL;

    if (!idx)
        return NULL;
    char *labels = clr_text("%.*slabels%.*sidx1%s", (int)(images - path), path, (int)(idx - images - 6), images + 6, idx + 4);
    if (clr_file_size(labels) < 0) { /* compressed or not, whatever the images are */
        size_t n = strlen(labels);
        char *other = n > 3 && !strcmp(labels + n - 3, ".gz") ? clr_text("%.*s", (int)n - 3, labels) : clr_text("%s.gz", labels);
        clr_free(labels);
        labels = other;
    }
    if (clr_file_size(labels) >= 0)
        return labels;
    clr_free(labels);
    return NULL;
}

static bool probe(const char *path)
{
    shape s;

    if (clr_file_is_folder(path)) {
        char *train = find(path, "train"), *test = find(path, "test");
        bool found = train || test;
        clr_free(train);
        clr_free(test);
        return found;
    }
    gzFile file = clr_file_size(path) > 0 ? gzopen(path, "rb") : NULL;
    bool good = file && head(file, &s);
    if (file)
        gzclose(file);
    return good;
}

static clr_status damaged(const char *path, gzFile file)
{
    int code;
    const char *why = gzerror(file, &code);

    return clr_fail(CLR_EINPUT, "%s: %s", path, code == Z_OK || code == Z_BUF_ERROR ? "is cut short" : why);
}

/* Reads the file to its end once, so that a cut or damaged one is known before anything is packed. */
static clr_status survey(const char *path, gzFile file, const shape *s)
{
    enum { PIECE = 1 << 18 };
    int64_t want = 1, have = 0;
    int n, code;

    for (int i = 0; i < s->rank; i++)
        if (__builtin_mul_overflow(want, s->n[i], &want) || want > INT64_MAX / 2)
            return clr_fail(CLR_EINPUT, "%s: its header claims a size beyond all measure", path);
    char *piece = clr_alloc(PIECE, 1);
    while ((n = gzread(file, piece, PIECE)) > 0 && have <= want)
        have += n;
    clr_free(piece);
    gzerror(file, &code);
    if (n < 0 || code < 0)
        return damaged(path, file);
    if (have != want)
        return clr_fail(CLR_EINPUT, "%s: holds %s data than the %lld bytes its header claims", path,
                        have < want ? "less" : "more", (long long)want);
    return CLR_OK;
}

static clr_status read_labels(own *o, clr_source *source)
{
    shape s;
    clr_status st = CLR_OK;
    gzFile file = gzopen(o->labels_path, "rb");
    int most = 0;

    if (!file)
        return clr_fail(CLR_EIO, "%s: cannot be opened", o->labels_path);
    if (!head(file, &s) || s.rank != 1)
        st = clr_fail(CLR_EINPUT, "%s: is not an IDX file of labels (magic number 2049)", o->labels_path);
    else if (s.n[0] != source->examples)
        st = clr_fail(CLR_EINPUT, "%s: holds %lld labels for the %lld images of %s", o->labels_path, (long long)s.n[0],
                      (long long)source->examples, o->path);
    else if ((st = survey(o->labels_path, file, &s)) == CLR_OK) {
        o->labels = clr_alloc((size_t)s.n[0], 1);
        if (gzseek(file, 8, SEEK_SET) != 8 || gzread(file, o->labels, (unsigned)s.n[0]) != s.n[0])
            st = damaged(o->labels_path, file);
    }
    gzclose(file);
    if (st != CLR_OK)
        return st;
    for (int64_t i = 0; i < source->examples; i++)
        most = o->labels[i] > most ? o->labels[i] : most;
    source->classes = clr_file_numbers(most + 1);
    source->class_count = most + 1;
    return CLR_OK;
}

static clr_status open_(const char *path, const char *split, clr_source *source)
{
    own *o = source->own = CLR_NEW(own, 1);
    bool folder = clr_file_is_folder(path);
    shape s;
    clr_status st = clr_file_two_splits(path, split);

    if (st != CLR_OK)
        return st;
    if (!folder && split)
        return clr_fail(CLR_EUSAGE, "--split=%s: %s is a single file; --split chooses within a folder", split, path);
    o->path = folder ? find(path, split ? split : "train") : clr_copy_text(path);
    if (!o->path)
        return clr_fail(CLR_EINPUT, "%s: has no %s-images-idx3-ubyte", path, split && !strcmp(split, "test") ? "t10k" : "train");
    if (!(o->images = gzopen(o->path, "rb")))
        return clr_fail(CLR_EIO, "%s: cannot be opened", o->path);
    gzbuffer(o->images, 1 << 18);
    if (!head(o->images, &s) || s.rank < 3)
        return clr_fail(CLR_EINPUT, "%s: is not an IDX file of images (magic number 2051)", o->path);
    o->channels = s.rank == 4 ? (int)s.n[3] : 1;
    if ((s.rank == 4 && s.n[3] != 1 && s.n[3] != 3) || s.n[1] < 1 || s.n[2] < 1 || s.n[1] > CLR_IMAGE_SIDE ||
        s.n[2] > CLR_IMAGE_SIDE || s.n[1] * s.n[2] > CLR_IMAGE_PIXELS)
        return clr_fail(CLR_EINPUT, "%s: %lld x %lld x %lld is no image size that can be packed", o->path, (long long)s.n[1],
                        (long long)s.n[2], s.rank == 4 ? (long long)s.n[3] : 1LL);
    o->height = (int)s.n[1], o->width = (int)s.n[2], o->header = 4 + 4 * s.rank;
    source->examples = s.n[0];
    if ((st = survey(o->path, o->images, &s)) != CLR_OK)
        return st;
    if (gzseek(o->images, o->header, SEEK_SET) != o->header)
        return damaged(o->path, o->images);
    return (o->labels_path = find_labels(o->path)) ? read_labels(o, source) : CLR_OK;
}

static clr_status read_(clr_source *source, int64_t i, clr_example *example)
{
    own *o = source->own;
    int64_t bytes = (int64_t)o->height * o->width * o->channels;
    const char *slash = strrchr(o->path, '/');

    *example = (clr_example){.label = o->labels ? o->labels[i] : -1};
    example->name = clr_text("%s[%lld]", slash ? slash + 1 : o->path, (long long)i);
    example->image = (clr_image){o->height, o->width, o->channels, clr_alloc((size_t)bytes, 1)};
    if ((i != o->next && gzseek(o->images, o->header + i * bytes, SEEK_SET) < 0) ||
        gzread(o->images, example->image.pixels, (unsigned)bytes) != bytes) {
        o->next = -1;
        clr_image_free(&example->image);
        damaged(o->path, o->images);
        return CLR_EIO; /* it was whole when it was opened */
    }
    o->next = i + 1;
    return CLR_OK;
}

static void close_(clr_source *source)
{
    own *o = source->own;

    if (o->images)
        gzclose(o->images);
    clr_free(o->path);
    clr_free(o->labels_path);
    clr_free(o->labels);
    clr_free(o);
}

const clr_reader clr_reader_idx = {.name = "idx",
                                   .help = "IDX files or a folder of them (train-images-idx3-ubyte, .gz too)",
                                   .probe = probe,
                                   .open = open_,
                                   .read = read_,
                                   .close = close_};
