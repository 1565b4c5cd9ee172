/* SPDX-License-Identifier: BSD-3-Clause */
/* clr_file_at reads the file and handles errors; zlib only decompresses. Several gzip members may follow one
   another. Other bytes behind the last member are ignored, as gzip does. */
#include "gz.h"

#include "clr/mem.h"

#include <string.h>
#include <zlib.h>

enum { CHUNK = 1 << 18 };

struct clr_gz_state {
    z_stream stream;
    int64_t next;         /* byte of the file that the next chunk begins with */
    bool inside, ended;   /* a member has begun; nothing more comes */
    uint8_t chunk[CHUNK]; /* of the file */
};

clr_status clr_gz_open(const char *path, clr_gz *gz)
{
    uint8_t magic[2] = {0};

    *gz = (clr_gz){0};
    clr_status st = clr_file_open(path, &gz->file);
    if (st == CLR_OK && gz->file.bytes >= 2)
        st = clr_file_at(&gz->file, magic, 2, 0);
    if (st != CLR_OK || magic[0] != 0x1f || magic[1] != 0x8b)
        return st;
    gz->state = CLR_NEW(struct clr_gz_state, 1);
    if (inflateInit2(&gz->state->stream, 15 + 16) == Z_OK)
        return CLR_OK;
    clr_free(gz->state);
    gz->state = NULL;
    return clr_fail(CLR_EMEMORY, "%s: there is no memory to decompress it", path);
}

void clr_gz_close(clr_gz *gz)
{
    if (gz->state)
        inflateEnd(&gz->state->stream);
    clr_free(gz->state);
    clr_file_close(&gz->file);
    *gz = (clr_gz){0};
}

/* Reads the next chunk when the last one is used up, and judges the end of the file. */
static clr_status fill(clr_gz *gz)
{
    struct clr_gz_state *s = gz->state;
    int64_t left = gz->file.bytes - s->next, n = left < CHUNK ? left : CHUNK;

    if (s->stream.avail_in)
        return CLR_OK;
    if (n == 0 && s->inside)
        return clr_fail(CLR_EINPUT, "%s: is cut short", gz->file.path);
    s->ended = n == 0;
    clr_status st = clr_file_at(&gz->file, s->chunk, n, s->next);
    if (st != CLR_OK)
        return st;
    s->next += n;
    s->stream.next_in = s->chunk;
    s->stream.avail_in = (unsigned)n;
    return CLR_OK;
}

/* Adds to *have what was read. */
static clr_status inflate_into(clr_gz *gz, uint8_t *into, int64_t bytes, int64_t *have)
{
    struct clr_gz_state *s = gz->state;
    clr_status st = CLR_OK;

    while (*have < bytes && (st = fill(gz)) == CLR_OK && !s->ended) {
        unsigned capacity = bytes - *have < CHUNK ? (unsigned)(bytes - *have) : CHUNK;
        if (!s->inside && gz->at && *s->stream.next_in != 0x1f) {
            s->ended = true;
            break;
        }
        s->inside = true;
        s->stream.next_out = into + *have;
        s->stream.avail_out = capacity;
        int code = inflate(&s->stream, Z_NO_FLUSH);
        *have += capacity - s->stream.avail_out;
        gz->at += capacity - s->stream.avail_out;
        if (code == Z_STREAM_END) {
            s->inside = false;
            inflateReset(&s->stream);
        } else if (code == Z_MEM_ERROR) {
            return clr_fail(CLR_EMEMORY, "%s: there is no memory to decompress it", gz->file.path);
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            return clr_fail(CLR_EINPUT, "%s: is damaged: %s", gz->file.path, s->stream.msg ? s->stream.msg : "gzip");
        }
    }
    return st;
}

clr_status clr_gz_read(clr_gz *gz, void *into, int64_t bytes, int64_t *have)
{
    *have = 0;
    if (gz->state)
        return inflate_into(gz, into, bytes, have);
    int64_t left = gz->at < gz->file.bytes ? gz->file.bytes - gz->at : 0, n = left < bytes ? left : bytes;
    clr_status st = clr_file_at(&gz->file, into, n, gz->at);
    if (st == CLR_OK)
        *have = n, gz->at += n;
    return st;
}

/* Moves to this place in the content, or behind its end where it is shorter. */
static clr_status seek(clr_gz *gz, int64_t at)
{
    uint8_t passed[4096];
    clr_status st = CLR_OK;

    if (gz->state && at < gz->at) {
        inflateReset(&gz->state->stream);
        gz->state->stream.avail_in = 0;
        gz->state->next = gz->at = 0;
        gz->state->inside = gz->state->ended = false;
    }
    for (int64_t had = 1; gz->state && st == CLR_OK && had && gz->at < at;) {
        int64_t left = at - gz->at, n = left < (int64_t)sizeof passed ? left : (int64_t)sizeof passed;
        had = 0;
        st = inflate_into(gz, passed, n, &had);
    }
    if (!gz->state)
        gz->at = at;
    return st;
}

clr_status clr_gz_at(clr_gz *gz, void *into, int64_t bytes, int64_t at)
{
    int64_t have = 0;
    clr_status st = seek(gz, at);

    if (st == CLR_OK)
        st = clr_gz_read(gz, into, bytes, &have);
    if (st == CLR_OK && have < bytes)
        return clr_fail(CLR_EIO, "%s: ends before byte %lld; it has become shorter", gz->file.path,
                        (long long)(at + bytes));
    return st;
}
