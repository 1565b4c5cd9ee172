/* SPDX-License-Identifier: BSD-3-Clause */
/* Files told by their first bytes: each kind by a header as its programs write it; what is none of them; what a path
   leads to. */
#include "clr/kind.h"
#include "clr/test.h"

#include <stdio.h>

static const struct {
    const char *head;
    size_t bytes;
    const char *name; /* part of it */
    clr_kind_class of;
} heads[] = {
#define HEAD(bytes) bytes, sizeof bytes - 1
    {HEAD("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a PNG image", CLR_KIND_READ},
    {HEAD("\xff\xd8\xff\xe0\0\x10JFIF"), "a JPEG image", CLR_KIND_READ},
    {HEAD("\x89PNG\n\x1a\n\0\0\0\rIHDR"), "line ends were changed", CLR_KIND_LOST},
    {HEAD("RIFF\x24\0\0\0WEBPVP8 "), "a WebP", CLR_KIND_FOREIGN},
    {HEAD("RIFF\x24\0\0\0WEBPVP8X"), "a WebP", CLR_KIND_FOREIGN},
    {HEAD("GIF87a\1\0\1\0"), "a GIF", CLR_KIND_FOREIGN},
    {HEAD("GIF89a\1\0\1\0"), "a GIF", CLR_KIND_FOREIGN},
    {HEAD("II*\0\x08\0\0\0"), "a TIFF", CLR_KIND_FOREIGN},
    {HEAD("MM\0*\0\0\0\x08"), "a TIFF", CLR_KIND_FOREIGN},
    {HEAD("II+\0\x08\0\0\0"), "a BigTIFF", CLR_KIND_FOREIGN},
    {HEAD("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"), "a BMP", CLR_KIND_FOREIGN},
    {HEAD("\0\0\0\x20"
          "ftypavif\0\0\0\0avifmif1miaf"),
     "an AVIF", CLR_KIND_FOREIGN},
    {HEAD("\0\0\0\x20"
          "ftypmif1\0\0\0\0mif1avifmiaf"),
     "an AVIF", CLR_KIND_FOREIGN},
    {HEAD("\0\0\0\x18"
          "ftypheic\0\0\0\0mif1heic"),
     "a HEIC", CLR_KIND_FOREIGN},
    {HEAD("\0\0\0\x18"
          "ftypmp42\0\0\0\0mp42isom"),
     "a video", CLR_KIND_HOLDER},
    {HEAD("\0\0\0\x0cJXL \r\n\x87\n"), "a JPEG XL", CLR_KIND_FOREIGN},
    {HEAD("\xff\x0a\xfa\x1f"), "a JPEG XL", CLR_KIND_FOREIGN},
    {HEAD("\0\0\0\x0cjP  \r\n\x87\n"), "a JPEG 2000", CLR_KIND_FOREIGN},
    {HEAD("\xff\x4f\xff\x51\0\x2f"), "a JPEG 2000", CLR_KIND_FOREIGN},
    {HEAD("P6\n640 480\n255\n"), "a PNM", CLR_KIND_FOREIGN},
    {HEAD("<svg xmlns=\"http://www.w3.org/2000/svg\">"), "an SVG", CLR_KIND_FOREIGN},
    {HEAD("<?xml version=\"1.0\"?>\n<!-- drawn -->\n<svg width=\"3\">"), "an SVG", CLR_KIND_FOREIGN},
    {HEAD("%PDF-1.7\n"), "a PDF", CLR_KIND_HOLDER},
    {HEAD("<!DOCTYPE html><html>"), "HTML", CLR_KIND_LOST},
    {HEAD("\xef\xbb\xbf\r\n  <HTML><head>"), "HTML", CLR_KIND_LOST},
    {HEAD("<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML\"><html>"), "HTML", CLR_KIND_LOST},
    {HEAD("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code></Error>"), "XML",
     CLR_KIND_LOST},
    {HEAD("<Error><Code>NoSuchKey</Code></Error>"), "XML", CLR_KIND_LOST},
    {HEAD("{\"error\": \"rate limit\"}"), "JSON", CLR_KIND_LOST},
    {HEAD("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n"), "Git LFS", CLR_KIND_LOST},
    {HEAD("/annex/objects/SHA256E-s7--0.jpg\n"), "git-annex", CLR_KIND_LOST},
    {HEAD("../../.git/annex/objects/Xk/9Q/SHA256E-s7--0.jpg"), "git-annex", CLR_KIND_LOST},
    {HEAD("PK\3\4\x14\0\0\0"), "a zip", CLR_KIND_HOLDER},
    {HEAD("\x1f\x8b\x08\0"), "gzip", CLR_KIND_HOLDER},
    {HEAD("\0\0\0\0\0\0\0\0"), "zeros", CLR_KIND_LOST},
    {HEAD("\0\0\x08\3\0\0\0\1"), "an IDX", CLR_KIND_HOLDER},
    {HEAD("\x93NUMPY\1\0"), "a NumPy", CLR_KIND_HOLDER},
    {HEAD("/9j/4AAQSkZJRgABAQ"), "base64", CLR_KIND_FOREIGN},
    {HEAD("\x89HDF\r\n\x1a\n\0"), "an HDF5", CLR_KIND_OTHER},
    {HEAD("a note\n"), "plain text", CLR_KIND_OTHER},
};

START_TEST(kinds_are_told_by_their_first_bytes)
{
    const clr_kind *kind = clr_kind_of((const uint8_t *)heads[_i].head, heads[_i].bytes);

    ck_assert_msg(kind && strstr(kind->name, heads[_i].name), "%s: is called %s", heads[_i].name,
                  kind ? kind->name : "nothing");
    ck_assert_int_eq(kind->of, heads[_i].of);
    ck_assert(kind->of == CLR_KIND_READ || *kind->remedy);
}
END_TEST

/* Every beginning of every header, in a block of just that size: a byte read behind it would show under a sanitizer. */
START_TEST(a_short_head_is_never_read_beyond_its_end)
{
    for (size_t n = 0; n <= heads[_i].bytes; n++) {
        uint8_t *head = malloc(n ? n : 1);
        memcpy(head, heads[_i].head, n);
        const clr_kind *kind = clr_kind_of(head, n);
        if (n == 0 && kind)
            ck_abort_msg("nothing is called %s", kind->name);
        free(head);
    }
}
END_TEST

START_TEST(unknown_bytes_are_not_named)
{
    static const uint8_t others[][8] = {{1, 2, 3, 4, 5, 6, 7, 8},
                                        {0xff, 0xd8, 0, 0, 0, 0, 0, 1},
                                        {'B', 'M', 1, 2, 3, 4, 5, 6},
                                        {0, 0, 0, 0, 0, 0, 0, 1}};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const clr_kind *kind = clr_kind_of(others[i], sizeof others[i]);
        ck_assert_msg(!kind, "%d is called %s", (int)i, kind ? kind->name : "");
    }
}
END_TEST

START_TEST(a_tar_is_told_behind_its_first_name)
{
    uint8_t head[CLR_KIND_HEAD] = "train/";

    memcpy(head + 257, "ustar", 5);
    ck_assert_str_eq(clr_kind_of(head, sizeof head)->name, "a tar archive");
}
END_TEST

static void put(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

static void refused(const char *path, bool dataset, const char *says)
{
    ck_assert_msg(clr_kind_check(path, dataset) == CLR_EINPUT, "%s: not refused", path);
    ck_assert_msg(strstr(clr_message(), path) && strstr(clr_message(), says), "'%s' does not say '%s'", clr_message(),
                  says);
}

START_TEST(what_is_given_for_a_dataset_is_named)
{
    char folder[CLR_TEST_FOLDER], path[64];

    clr_test_folder_begin(folder);
    refused(folder, true, "`simclr pack test_");
    refused(folder, false, "is a folder, not a checkpoint");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        snprintf(path, sizeof path, "%s/file", folder);
        put(path, heads[i].head, heads[i].bytes);
        if (!strcmp(heads[i].name, "an HDF5"))
            ck_assert_int_eq(clr_kind_check(path, true), CLR_OK);
        else
            refused(path, true, heads[i].name);
        if (heads[i].of == CLR_KIND_READ || heads[i].of == CLR_KIND_FOREIGN)
            ck_assert_ptr_nonnull(strstr(clr_message(), "simclr pack FOLDER"));
    }
    put(path, "", 0);
    refused(path, true, "is an empty file");
    put(path, "\1\2\3\4", 4);
    ck_assert_int_eq(clr_kind_check(path, true), CLR_OK);
    ck_assert_int_eq(clr_kind_check("no/such/file", true), CLR_OK);
    snprintf(path, sizeof path, "%s/train.h5", folder);
    put(path, "x", 1);
    refused(folder, true, "/train.h5 meant?");
    clr_test_folder_end(folder);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("kind");

    tcase_add_loop_test(tcase, kinds_are_told_by_their_first_bytes, 0, sizeof heads / sizeof *heads);
    tcase_add_loop_test(tcase, a_short_head_is_never_read_beyond_its_end, 0, sizeof heads / sizeof *heads);
    tcase_add_test(tcase, unknown_bytes_are_not_named);
    tcase_add_test(tcase, a_tar_is_told_behind_its_first_name);
    tcase_add_test(tcase, what_is_given_for_a_dataset_is_named);
    return clr_test_run("kind", tcase, CK_FORK_GETENV);
}
