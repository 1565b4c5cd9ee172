/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks at SRC. Where no reader takes it, says what it is (an archive, an array, another program's dataset) and what
   to do. */
#include "place.h"

#include "clr/mem.h"
#include "gz.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONVERT "pictures of that format are not read: convert them (ImageMagick: mogrify -format png FILES)"
#define PICTURE "one picture: give the folder that it lies in (of PNG or JPEG files; other formats are not read)"
#define UNPACK "an archive: unpack it and pack the folder"
#define ARRAY "an array: write its images as PNG files, a folder a class, and pack the folder (Python: imageio.imwrite)"
#define HDF5 "HDF5: what pack has written needs no packing and goes to --data; of others, write the images as PNG files"
#define TABLE "a table of Python tools: write its images as files, a folder a class, and pack the folder"

static const struct {
    const char *endings, *what;
} remedies[] = {
    {" .bmp .gif .webp .tif .tiff .ppm .pgm .pnm .heic .avif .jp2 .jxl .tga .dcm .nii ", CONVERT},
    {" .tar .tgz .gz .zip .7z .rar .xz .bz2 .zst ", UNPACK},
    {" .npy .npz .mat ", ARRAY},
    {" .parquet .arrow .mdb .pkl .pickle .tfrecord .tfrecords .rec ", TABLE},
    {" .h5 .hdf5 ", HDF5},
};

static const struct {
    int at, length;
    const char *bytes, *what;
} signs[] = {
    {0, 8, "\x89HDF\r\n\x1a\n", HDF5},
    {0, 19, "MATLAB 7.3 MAT-file", "MATLAB's: " ARRAY},
    {0, 10, "MATLAB 5.0", "MATLAB's: " ARRAY},
    {0, 6, "\x93NUMPY", "NumPy's: " ARRAY},
    {0, 4, "PK\x03\x04",
     "a zip archive (.zip, .npz): unpack it and pack the folder; an .npz holds arrays, to be written as PNG files"},
    {257, 5, "ustar", "a tar archive: unpack it (tar -xf) and pack the folder"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it (7z x) and pack the folder"},
    {0, 4, "Rar!", "a RAR archive: unpack it and pack the folder"},
    {0, 6, "\3757zXZ\0", "compressed by xz: unpack it (xz -d; tar -xf where it is a .tar.xz) first"},
    {0, 3, "BZh", "compressed by bzip2: unpack it (bzip2 -d; tar -xf where it is a .tar.bz2) first"},
    {0, 4, "\x28\xb5\x2f\xfd", "compressed by zstd: unpack it (zstd -d) first"},
    {0, 4, "PAR1", "Parquet, " TABLE},
    {0, 6, "ARROW1", "Arrow, " TABLE},
    {0, 2, "\x80\x02",
     "a Python pickle: " TABLE
     "; of CIFAR there is a binary version (cifar-10-binary.tar.gz, cifar-100-binary.tar.gz)"},
    {0, 2, "\x80\x03", "a Python pickle: " TABLE},
    {0, 2, "\x80\x04", "a Python pickle: " TABLE},
    {0, 4, "\x89PNG", PICTURE},
    {0, 3, "\xff\xd8\xff", PICTURE},
    {0, 4, "RIFF", PICTURE},
    {0, 4, "GIF8", PICTURE},
    {0, 4, "II*\0", PICTURE},
    {0, 4, "MM\0*", PICTURE},
    {0, 15, "<!DOCTYPE html>", "a web page: was the download refused?"},
    {0, 23, "version https://git-lfs", "a pointer of Git LFS; git lfs pull fetches the file"},
};

const char *clr_ending_remedy(const char *ending)
{
    char word[16];
    int n = snprintf(word, sizeof word, " %s ", ending);

    for (char *c = word; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; n < (int)sizeof word && i < sizeof remedies / sizeof *remedies; i++)
        if (strstr(remedies[i].endings, word))
            return remedies[i].what;
    return NULL;
}

clr_status clr_place_open(const char *path, clr_place *place)
{
    struct stat attributes;
    bool there;
    clr_gz gz = {0};

    *place = (clr_place){.path = path};
    clr_status st = clr_file_stat(path, false, &attributes, &there);
    if (st != CLR_OK || !there)
        return st != CLR_OK ? clr_fail_in(st, "%s", path)
                            : clr_fail(CLR_EIO, "%s: there is no such file or folder", path);
    place->folder = S_ISDIR(attributes.st_mode);
    place->bytes = attributes.st_size;
    if (place->folder)
        return (st = clr_file_names(path, &place->names)) == CLR_OK ? st : clr_fail_in(st, "%s", path);
    st = clr_gz_open(path, &gz);
    if (st == CLR_OK && (st = clr_gz_read(&gz, place->head, sizeof place->head, &place->head_bytes)) == CLR_EINPUT) {
        place->damaged = true; /* or it only begins like a gzip file: the reader finds out */
        st = CLR_OK;
    }
    clr_gz_close(&gz);
    return st;
}

void clr_place_close(clr_place *place)
{
    clr_names_free(&place->names);
    *place = (clr_place){0};
}

const char *clr_place_find(const clr_place *place, const char *name)
{
    for (int64_t i = 0; i < place->names.count; i++)
        if (!strcasecmp(place->names.name[i], name))
            return place->names.name[i];
    return NULL;
}

/* The version of a dataset that a folder holds as files of another program, and where to get the one that is read; or
   NULL. */
static const char *other_version(const clr_place *place)
{
    if (clr_place_find(place, "data_batch_1") ||
        (clr_place_find(place, "test_batch") && clr_place_find(place, "batches.meta")))
        return "the Python version of CIFAR-10 (pickles), which is not read; the binary version is "
               "(cifar-10-binary.tar.gz)";
    if (clr_place_find(place, "meta") && (clr_place_find(place, "train") || clr_place_find(place, "test")))
        return "the Python version of CIFAR-100 (pickles), which is not read; the binary version is "
               "(cifar-100-binary.tar.gz)";
    if (clr_place_find(place, "data_batch_1.mat") || clr_place_find(place, "test_batch.mat"))
        return "the MATLAB version of CIFAR, which is not read; the binary version is (cifar-10-binary.tar.gz)";
    if (clr_place_find(place, "train.mat") && clr_place_find(place, "test.mat"))
        return "the MATLAB version of STL-10 or CIFAR, which is not read; the binary version is (stl10_binary.tar.gz)";
    return NULL;
}

clr_status clr_place_foreign(const clr_place *place, const char *known)
{
    const char *version = place->folder ? other_version(place) : NULL;

    if (version)
        return clr_fail(CLR_EINPUT, "%s: holds %s", place->path, version);
    for (int64_t i = 0; i < place->names.count; i++) {
        const char *dot = strrchr(place->names.name[i], '.'), *remedy = dot ? clr_ending_remedy(dot) : NULL;
        if (remedy)
            return clr_fail(CLR_EINPUT, "%s: holds no .png or .jpg files, but %s: %s", place->path,
                            place->names.name[i], remedy);
    }
    if (place->folder)
        return clr_fail(CLR_EINPUT,
                        "%s: holds no .png, .jpg or .jpeg files, and nothing else that can be packed, which is: %s",
                        place->path, known);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (place->head_bytes >= signs[i].at + signs[i].length &&
            !memcmp(place->head + signs[i].at, signs[i].bytes, (size_t)signs[i].length))
            return clr_fail(CLR_EINPUT, "%s: is %s", place->path, signs[i].what);
    if (place->damaged)
        return clr_fail(CLR_EINPUT, "%s: begins as a gzip file does, and is damaged or cut short", place->path);
    const char *dot = strrchr(clr_file_name_of(place->path), '.'), *remedy = dot ? clr_ending_remedy(dot) : NULL;
    if (remedy)
        return clr_fail(CLR_EINPUT, "%s: is, by its name, %s", place->path, remedy);
    return clr_fail(CLR_EINPUT, "%s: cannot be packed; what can be packed is: %s", place->path, known);
}
