/* SPDX-License-Identifier: BSD-3-Clause */
/* File formats by their first bytes, as the specifications give them; text formats by how they begin. */
#include "clr/kind.h"

#include <string.h>
#include <strings.h>

#define CONVERT CLR_KIND_FOREIGN, "convert it to PNG or JPEG"
#define UNPACK CLR_KIND_HOLDER, "unpack it"
#define FETCH CLR_KIND_LOST, "fetch it again"
#define REMOVE CLR_KIND_OTHER, "remove it from there"

static const clr_kind zeros = {"a file of zeros, whose data were lost when it was written (a full disk, a crash)",
                               FETCH},
                      page = {"a web page (HTML), perhaps what a server sent in place of the file", FETCH},
                      xml = {"XML text, perhaps what a server sent in place of the file", FETCH},
                      json = {"JSON text, perhaps what a server sent in place of the file", FETCH},
                      lfs = {"a Git LFS pointer to the file, not the file", CLR_KIND_LOST, "git lfs pull fetches it"},
                      annex = {"a git-annex pointer to the file, not the file", CLR_KIND_LOST,
                               "git annex get fetches it"},
                      base64 = {"an image in base64 text", CLR_KIND_FOREIGN, "decode it (base64 -d)"},
                      svg = {"an SVG image", CONVERT}, avif = {"an AVIF image", CONVERT},
                      heic = {"a HEIC image", CONVERT}, raw = {"a camera's raw image", CONVERT},
                      video = {"a video", CLR_KIND_HOLDER, "take images out of it"}, text = {"plain text", REMOVE},
                      hdf5 = {"an HDF5 file", REMOVE};

static const struct {
    size_t at, bytes;
    const char *magic;
    clr_kind kind;
} table[] = {
#define AT(at, magic) at, sizeof magic - 1, magic
    {AT(0, "\x89PNG\r\n\x1a\n"), {"a PNG image", CLR_KIND_READ, ""}},
    {AT(0, "\xff\xd8\xff"), {"a JPEG image", CLR_KIND_READ, ""}},
    {AT(0, "\x89PNG"), {"a PNG image whose line ends were changed on the way (a transfer as text)", FETCH}},
    {AT(0, "\x8aMNG\r\n"), {"an MNG image", CONVERT}},
    {AT(0, "\x8bJNG\r\n"), {"a JNG image", CONVERT}},
    {AT(8, "WEBP"), {"a WebP image", CONVERT}},
    {AT(8, "AVI "), {"a video (AVI)", REMOVE}},
    {AT(0, "GIF87a"), {"a GIF image", CONVERT}},
    {AT(0, "GIF89a"), {"a GIF image", CONVERT}},
    {AT(0, "II*\0"), {"a TIFF (or a camera's raw) image", CONVERT}},
    {AT(0, "MM\0*"), {"a TIFF (or a camera's raw) image", CONVERT}},
    {AT(0, "II+\0"), {"a BigTIFF image", CONVERT}},
    {AT(0, "MM\0+"), {"a BigTIFF image", CONVERT}},
    {AT(0, "\xff\x0a"), {"a JPEG XL image", CONVERT}},
    {AT(0, "\0\0\0\x0cJXL \r\n\x87\n"), {"a JPEG XL image", CONVERT}},
    {AT(0, "\0\0\0\x0cjP  \r\n\x87\n"), {"a JPEG 2000 image", CONVERT}},
    {AT(0, "\xff\x4f\xff\x51"), {"a JPEG 2000 image", CONVERT}},
    {AT(0, "II\xbc\x01"), {"a JPEG XR image", CONVERT}},
    {AT(0, "8BPS"), {"a Photoshop image", CONVERT}},
    {AT(0, "gimp xcf"), {"a GIMP image", CONVERT}},
    {AT(0, "v/1\x01"), {"an OpenEXR image", CONVERT}},
    {AT(0, "#?RADIANCE"), {"a Radiance HDR image", CONVERT}},
    {AT(0, "qoif"), {"a QOI image", CONVERT}},
    {AT(0, "BPG\xfb"), {"a BPG image", CONVERT}},
    {AT(0, "DDS "), {"a DDS image", CONVERT}},
    {AT(0, "SIMPLE  ="), {"a FITS image", CONVERT}},
    {AT(0, "\0\0\1\0"), {"an ICO image", CONVERT}},
    {AT(0, "\0\0\2\0\0\0\0\0"), {"a TGA image", CONVERT}},
    {AT(0, "\0\0\n\0\0\0\0\0"), {"a TGA image", CONVERT}},
    {AT(128, "DICM"), {"a DICOM image", CONVERT}},
    {AT(344, "n+1\0"), {"a NIfTI image", CONVERT}},
    {AT(0, "FUJIFILMCCD-RAW"), {"a camera's raw image", CONVERT}},
    {AT(0, "IIU\0"), {"a camera's raw image", CONVERT}},
    {AT(0, "IIRO"), {"a camera's raw image", CONVERT}},
    {AT(0, "%PDF-"), {"a PDF document", CLR_KIND_HOLDER, "take the images out of it (pdfimages)"}},
    {AT(0, "%!PS"), {"a PostScript document", CONVERT}},
    {AT(0, "PK\3\4"), {"a zip archive", UNPACK}},
    {AT(0, "PK\5\6"), {"an empty zip archive", UNPACK}},
    {AT(0, "\x1f\x8b"), {"compressed with gzip", CLR_KIND_HOLDER, "gunzip it"}},
    {AT(0, "BZh"), {"compressed with bzip2", CLR_KIND_HOLDER, "bunzip2 it"}},
    {AT(0, "\xfd"
           "7zXZ\0"),
     {"compressed with xz", CLR_KIND_HOLDER, "unxz it"}},
    {AT(0, "\x28\xb5\x2f\xfd"), {"compressed with zstd", CLR_KIND_HOLDER, "unzstd it"}},
    {AT(0, "7z\xbc\xaf\x27\x1c"), {"a 7-Zip archive", UNPACK}},
    {AT(0, "Rar!\x1a\x07"), {"a RAR archive", UNPACK}},
    {AT(257, "ustar"), {"a tar archive", UNPACK}},
    {AT(0, "\x93NUMPY"), {"a NumPy array", CLR_KIND_HOLDER, "save its images as PNG"}},
    {AT(0, "PAR1"), {"a Parquet file", REMOVE}},
    {AT(0, "SQLite format 3"), {"an SQLite database", REMOVE}},
    {AT(0, "MATLAB 5.0 MAT"), {"a MATLAB file", REMOVE}},
    {AT(0, "\0\5\x16\7"), {"an AppleDouble file, which macOS keeps beside another one", REMOVE}},
    {AT(0, "\x1a\x45\xdf\xa3"), {"a video (Matroska, WebM)", REMOVE}},
#undef AT
};

static bool begins(const uint8_t *head, size_t length, size_t at, const char *with, size_t n)
{
    return length >= at && length - at >= n && !memcmp(head + at, with, n);
}

static bool holds(const uint8_t *head, size_t length, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= length; i++)
        if (!strncasecmp((const char *)head + i, word, n))
            return true;
    return false;
}

/* ISO media files (AVIF, HEIC, MP4): a box "ftyp" of the main brand, a version, and other brands. */
static const clr_kind *iso_media(const uint8_t *head, size_t length)
{
    static const struct {
        const char *brand;
        const clr_kind *kind;
    } brands[] = {{"avif", &avif}, {"avis", &avif}, {"heic", &heic}, {"heix", &heic}, {"hevc", &heic},
                  {"heim", &heic}, {"mif1", &heic}, {"msf1", &heic}, {"crx ", &raw}};
    size_t box = (size_t)head[2] << 8 | head[3];

    length = box >= 12 && box < length ? box : length;
    for (size_t b = 0; b < sizeof brands / sizeof *brands; b++)
        for (size_t at = 8; at + 4 <= length; at += at == 8 ? 8 : 4)
            if (!memcmp(head + at, brands[b].brand, 4))
                return brands[b].kind;
    return &video;
}

static const clr_kind *binary(const uint8_t *head, size_t length)
{
    static const clr_kind bmp = {"a BMP image", CONVERT}, pnm = {"a PNM image", CONVERT},
                          pickle = {"a Python pickle", REMOVE},
                          idx = {"an IDX file", CLR_KIND_HOLDER, "it is a whole dataset, for simclr pack itself"};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (begins(head, length, table[i].at, table[i].magic, table[i].bytes))
            return &table[i].kind;
    if (begins(head, length, 0, "\x89HDF\r\n\x1a\n", 8))
        return &hdf5;
    if (begins(head, length, 4, "ftyp", 4) && length >= 12)
        return iso_media(head, length);
    if (begins(head, length, 0, "BM", 2) && length >= 18 && begins(head, length, 6, "\0\0\0\0", 4) && head[14] >= 12 &&
        head[14] <= 124 && !head[15])
        return &bmp;
    if (length > 3 && head[0] == 'P' && head[1] >= '1' && head[1] <= '7' &&
        (head[2] == '\n' || head[2] == ' ' || head[2] == '\r'))
        return &pnm;
    if (length >= 8 && !head[0] && !head[1] && head[2] >= 8 && head[2] <= 14 && head[3] >= 1 && head[3] <= 4)
        return &idx;
    return length > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 ? &pickle : NULL;
}

static bool printable(const uint8_t *head, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (head[i] == 127 ||
            (head[i] < ' ' && head[i] != '\n' && head[i] != '\r' && head[i] != '\t' && head[i] != '\f'))
            return false;
    return true;
}

static const clr_kind *textual(const uint8_t *head, size_t length)
{
    static const struct {
        const char *begin;
        const clr_kind *kind;
    } texts[] = {{"version https://git-lfs.github.com/spec/", &lfs},
                 {"version https://hawser.github.com/spec/", &lfs},
                 {"<svg", &svg},
                 {"<!doctype svg", &svg},
                 {"<!doctype html", &page},
                 {"<html", &page},
                 {"<head", &page},
                 {"<body", &page},
                 {"<script", &page},
                 {"<meta", &page},
                 {"<title", &page},
                 {"<?xml", &xml},
                 {"<error", &xml},
                 {"<!--", &xml},
                 {"<rss", &xml},
                 {"data:image/", &base64},
                 {"/9j/", &base64},
                 {"iVBORw0KGgo", &base64}};

    if (length >= 3 && !memcmp(head, "\xef\xbb\xbf", 3)) /* a byte order mark */
        head += 3, length -= 3;
    while (length && (*head == ' ' || *head == '\t' || *head == '\r' || *head == '\n'))
        head++, length--;
    if (!length || !printable(head, length))
        return NULL;
    if (holds(head, length < 256 ? length : 256, "annex/objects/"))
        return &annex;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = strlen(texts[i].begin);
        if (length < n || strncasecmp((const char *)head, texts[i].begin, n))
            continue;
        return texts[i].kind != &xml          ? texts[i].kind
               : holds(head, length, "<svg")  ? &svg
               : holds(head, length, "<html") ? &page
                                              : &xml;
    }
    return *head == '{' || *head == '[' ? &json : &text;
}

const clr_kind *clr_kind_of(const uint8_t *head, size_t length)
{
    size_t zero = 0;

    while (zero < length && !head[zero])
        zero++;
    if (length && zero == length)
        return &zeros;
    length = length < CLR_KIND_HEAD ? length : CLR_KIND_HEAD;
    const clr_kind *kind = binary(head, length);
    return kind ? kind : textual(head, length);
}
