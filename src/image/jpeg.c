/* SPDX-License-Identifier: BSD-3-Clause */
/* JPEG through libjpeg. CMYK becomes RGB as (255 - C)(255 - K) / 255; Adobe's files store the complements. */
#include "codec.h"

#ifdef HAVE_JPEG

#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
#include <string.h>

enum {
    SCANS = 256, /* of a progressive file: each costs time in the size of the picture */
    EXIF = JPEG_APP0 + 1,
    PROFILE = JPEG_APP0 + 2,
    PROFILE_HEAD = 4096 /* bytes of a profile among which its name is */
};

typedef struct reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    char why[JMSG_LENGTH_MAX];
    JSAMPARRAY row; /* of CMYK */
} reading;

static void on_error(j_common_ptr jpeg)
{
    reading *r = jpeg->client_data;

    jpeg->err->format_message(jpeg, r->why);
    longjmp(r->escape, 1);
}

/* libjpeg goes on with gray pixels where data are missing. What leaves all pixels as they were written passes. */
static void on_message(j_common_ptr jpeg, int level)
{
    int code = jpeg->err->msg_code;

    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR &&
        code != JWRN_TOO_MUCH_DATA && code != JWRN_BOGUS_PROGRESSION)
        on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
    reading *r = jpeg->client_data;

    if (jpeg->is_decompressor && r->jpeg.input_scan_number > SCANS) {
        snprintf(r->why, sizeof r->why, "more than %d scans", SCANS);
        longjmp(r->escape, 1);
    }
}

static void from_cmyk(uint8_t *out, const JSAMPLE *in, int width, int inverted)
{
    for (int x = 0; x < width; x++, in += 4)
        for (int c = 0; c < 3; c++) {
            int ink = inverted ? in[c] : 255 - in[c], black = inverted ? in[3] : 255 - in[3];
            *out++ = (uint8_t)((ink * black + 127) / 255);
        }
}

/* The first EXIF block counts; a profile may be cut into several markers, of which the first has its name. */
static void read_markers(const struct jpeg_decompress_struct *jpeg, clr_image_info *info)
{
    static const char exif[] = "Exif\0", profile[] = "ICC_PROFILE\0\1";
    bool seen = false;

    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next) {
        if (m->marker == EXIF && !seen && m->data_length > sizeof exif && !memcmp(m->data, exif, sizeof exif)) {
            seen = true;
            info->orientation = clr_exif_orientation(m->data, m->data_length);
        }
        if (m->marker == PROFILE && m->data_length > sizeof profile && !memcmp(m->data, profile, sizeof profile - 1))
            info->profile = !clr_says_srgb(m->data, m->data_length);
    }
}

/* A Huffman-coded block takes at least one bit, and the component with the most rows or columns has one in 128 pixels:
   a byte holds at most 1024 pixels. Arithmetic coding has no such bound. */
static bool too_short_for(const struct jpeg_decompress_struct *jpeg, size_t length)
{
    return !jpeg->arith_code && (uint64_t)jpeg->image_width * jpeg->image_height / 1024 > length;
}

static clr_status decode(reading *r, const uint8_t *bytes, size_t length, target *to)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;

    jpeg_create_decompress(jpeg);
    jpeg->client_data = r;
    r->progress.progress_monitor = on_progress;
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, (unsigned char *)(uintptr_t)bytes, (unsigned long)length);
    jpeg_save_markers(jpeg, EXIF, 0xffff);
    jpeg_save_markers(jpeg, PROFILE, PROFILE_HEAD);
    jpeg_read_header(jpeg, TRUE);
    int cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    int gray = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    if (jpeg->jpeg_color_space == JCS_UNKNOWN)
        return clr_fail(CLR_EINPUT, "a JPEG with %d components of unknown meaning", jpeg->num_components);
    if (too_short_for(jpeg, length))
        return clr_fail(CLR_EINPUT, "its header claims %u x %u pixels, more than its %zu bytes can hold",
                        jpeg->image_width, jpeg->image_height, length);
    read_markers(jpeg, to->info);
    to->info->cmyk = cmyk;
    to->info->unmarked = cmyk && !jpeg->saw_Adobe_marker;
    size_t held = jpeg_has_multiple_scans(jpeg) /* then all coefficients are */
                      ? (size_t)jpeg->image_height * jpeg->image_width * (size_t)jpeg->num_components * sizeof(JCOEF)
                      : 0;
    clr_status st = clr_image_place(to, jpeg->image_height, jpeg->image_width, gray ? 1 : 3, held);
    if (st != CLR_OK)
        return st;
    jpeg->out_color_space = cmyk ? JCS_CMYK : gray ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(jpeg);
    if (cmyk)
        r->row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->output_width * 4, 1);
    size_t bytes_a_row = (size_t)to->image->width * (size_t)to->image->channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *out = to->image->pixels + jpeg->output_scanline * bytes_a_row;
        jpeg_read_scanlines(jpeg, cmyk ? r->row : &out, 1);
        if (cmyk)
            from_cmyk(out, r->row[0], to->image->width, jpeg->saw_Adobe_marker);
    }
    jpeg_finish_decompress(jpeg);
    return CLR_OK;
}

static clr_status failed(const reading *r)
{
    switch (r->errors.msg_code) {
    case JERR_OUT_OF_MEMORY: return clr_fail(CLR_EMEMORY, "libjpeg: %s", r->why);
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
        return clr_fail(CLR_EINPUT,
                        "a kind of JPEG that this libjpeg does not read (%s); convert it to PNG or another JPEG",
                        r->why);
    default: return clr_fail(CLR_EINPUT, "damaged JPEG: %s", r->why);
    }
}

clr_status clr_jpeg_decode(const uint8_t *bytes, size_t length, target *to)
{
    reading *r = &(reading){0};
    volatile clr_status st;

    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    if (setjmp(r->escape))
        st = failed(r);
    else
        st = decode(r, bytes, length, to);
    jpeg_destroy_decompress(&r->jpeg);
    return st;
}

const char *clr_jpeg_library(void)
{
    static char text[32];

    snprintf(text, sizeof text, ", libjpeg %d.%d", JPEG_LIB_VERSION / 10, JPEG_LIB_VERSION % 10);
    return text;
}

#else

clr_status clr_jpeg_decode(const uint8_t *bytes, size_t length, target *to)
{
    (void)bytes, (void)length, (void)to;
    return clr_fail(CLR_EINPUT, "is a JPEG, and this simclr was built without libjpeg; install it and configure again");
}

const char *clr_jpeg_library(void)
{
    return "";
}

#endif
