/* SPDX-License-Identifier: BSD-3-Clause */
/* TensorBoard's event files. A file is a sequence of records (TFRecord):

     uint64 length, uint32 masked(crc32c(length)), the message, uint32 masked(crc32c(message)),     little endian,
     masked(c) = rotate_right(c, 15) + 0xa282ead8

   and a message is a protobuf Event {1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary}, Summary
   {1: Value, repeated}, Value {1: string tag, 2: float simple_value, 4: Image}, Image {1: height, 2: width, 3:
   colorspace, 4: bytes}. A field begins with its number << 3 | wire type: 0 varint, 1 eight bytes, 2 length and bytes,
   5 four bytes. */
#include "sink.h"

#include "clr/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, EIGHT = 1, BYTES = 2, FOUR = 5, FRAME = 12, MOST = 1 << 26 };

static uint32_t crc32c(const uint8_t *data, size_t n)
{
    static uint32_t table[256];
    uint32_t crc = ~UINT32_C(0);

    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ UINT32_C(0x82f63b78) : c >> 1;
            table[i] = c;
        }
    for (size_t i = 0; i < n; i++)
        crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static uint32_t masked(const uint8_t *data, size_t n)
{
    uint32_t crc = crc32c(data, n);
    return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}

static uint8_t *put_little(uint8_t *to, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *to++ = (uint8_t)(x >> 8 * i);
    return to;
}

static uint64_t get_little(const uint8_t *from, int bytes)
{
    uint64_t x = 0;

    for (int i = 0; i < bytes; i++)
        x |= (uint64_t)from[i] << 8 * i;
    return x;
}

static uint8_t *put_varint(uint8_t *to, uint64_t x)
{
    for (; x > 127; x >>= 7)
        *to++ = (uint8_t)(x | 128);
    *to++ = (uint8_t)x;
    return to;
}

static uint8_t *put_bytes(uint8_t *to, int field, const void *bytes, size_t n)
{
    to = put_varint(put_varint(to, (uint64_t)field << 3 | BYTES), n);
    memcpy(to, bytes, n);
    return to + n;
}

static uint8_t *put_time(uint8_t *to, double time)
{
    uint64_t bits;

    memcpy(&bits, &time, sizeof bits);
    return put_little(put_varint(to, 1 << 3 | EIGHT), bits, 8);
}

/* The record of the message of n bytes that stands FRAME bytes behind record; returns its bytes. */
static size_t frame(uint8_t *record, size_t n)
{
    put_little(record, n, 8);
    put_little(record + 8, masked(record, 8), 4);
    put_little(record + FRAME + n, masked(record + FRAME, n), 4);
    return FRAME + n + 4;
}

static size_t encode(const clr_sink_row *row, char *record)
{
    static uint8_t summary[CLR_SINK_RECORD];
    uint8_t *to = summary, *message = (uint8_t *)record + FRAME, *at;

    for (int i = 1; i < row->columns; i++) {
        uint8_t value[96];
        float x = (float)row->value[i];
        uint32_t bits;
        if (!isfinite(row->value[i]))
            continue;
        memcpy(&bits, &x, sizeof bits);
        at = put_bytes(value, 1, row->column[i], strnlen(row->column[i], 64));
        at = put_little(put_varint(at, 2 << 3 | FOUR), bits, 4);
        to = put_bytes(to, 1, value, (size_t)(at - value));
    }
    at = put_varint(put_varint(put_time(message, row->time), 2 << 3 | VARINT), (uint64_t)row->value[0]);
    at = put_bytes(at, 5, summary, (size_t)(to - summary));
    return frame((uint8_t *)record, (size_t)(at - message));
}

static void begin_picture(const clr_sink_picture *picture, double time, FILE *to)
{
    enum { AROUND = 256, HEIGHT = 20, WIDTH = 16 }; /* offsets in a PNG */
    uint64_t sides[2] = {0};
    uint8_t *image = CLR_NEW(uint8_t, picture->bytes + AROUND), *value = CLR_NEW(uint8_t, picture->bytes + AROUND),
            *summary = CLR_NEW(uint8_t, picture->bytes + AROUND), *record = CLR_NEW(uint8_t, picture->bytes + AROUND),
            *at = image;

    for (int i = 0; i < 4; i++) {
        sides[0] = sides[0] << 8 | picture->png[HEIGHT + i];
        sides[1] = sides[1] << 8 | picture->png[WIDTH + i];
    }
    at = put_varint(put_varint(at, 1 << 3 | VARINT), sides[0]);
    at = put_varint(put_varint(at, 2 << 3 | VARINT), sides[1]);
    at = put_varint(put_varint(at, 3 << 3 | VARINT), picture->png[25] == 0 ? 1 : 3);
    at = put_bytes(at, 4, picture->png, picture->bytes);
    size_t n = (size_t)(put_bytes(put_bytes(value, 1, "views", 5), 4, image, (size_t)(at - image)) - value);
    n = (size_t)(put_bytes(summary, 1, value, n) - summary);
    n = (size_t)(put_bytes(put_time(record + FRAME, time), 5, summary, n) - record - FRAME);
    fwrite(record, 1, frame(record, n), to);
    clr_free(image);
    clr_free(value);
    clr_free(summary);
    clr_free(record);
}

static void begin(const clr_sink_picture *picture, double time, FILE *to)
{
    static const char version[] = "brain.Event:2";
    uint8_t record[64];
    size_t n = (size_t)(put_bytes(put_time(record + FRAME, time), 3, version, strlen(version)) - record - FRAME);

    fwrite(record, 1, frame(record, n), to);
    if (picture->bytes > 33)
        begin_picture(picture, time, to);
}

/* The step of a message as encode and begin write it: the time, then, but at step 0, the step. -1: another's. */
static int64_t step_of(const uint8_t *message, size_t n)
{
    uint64_t step = 0;

    if (n < 10 || message[0] != (1 << 3 | EIGHT))
        return -1;
    if (message[9] != (2 << 3 | VARINT))
        return 0;
    for (size_t i = 10, shift = 0; i < n && shift < 63; i++, shift += 7) {
        step |= (uint64_t)(message[i] & 127) << shift;
        if (message[i] < 128)
            return (int64_t)step;
    }
    return -1;
}

static int64_t keep(FILE *from, int64_t step, FILE *to)
{
    uint8_t head[FRAME];
    int64_t last = -1;
    bool good = true;

    while (good && fread(head, 1, FRAME, from) == FRAME) {
        uint64_t n = get_little(head, 8);
        if (masked(head, 8) != get_little(head + 8, 4) || n > MOST)
            break;
        uint8_t *message = CLR_NEW(uint8_t, n + 4);
        good = fread(message, 1, n + 4, from) == n + 4 && masked(message, n) == get_little(message + n, 4);
        int64_t number = good ? step_of(message, n) : -1;
        good = number >= last && number >= 0 && number <= step && (number == 0 || number == last + 1);
        if (good) {
            fwrite(head, 1, FRAME, to);
            fwrite(message, 1, n + 4, to);
            last = number;
        }
        clr_free(message);
    }
    return last;
}

const clr_sink_kind clr_sink_tensorboard = {
    .name = "tensorboard", .file = "events.out.tfevents.simclr", .keep = keep, .begin = begin, .encode = encode};
