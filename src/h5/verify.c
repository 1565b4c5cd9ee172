/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums of datasets, and whether their numbers are finite: the bytes as they lie in the file, in pieces. */
#include "file.h"

#include "clr/hash.h"
#include "clr/mem.h"
#include "clr/tensor.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 22 }; /* bytes; a multiple of every number's size */

/* The first of n floats that is NaN or infinite, or n. */
static int64_t first_bad(const clr_h5_block *b, const char *piece, int64_t n)
{
    int64_t i = 0;

    for (bool good = true; i < n && good; i += good) {
        float single;
        double real;
        memcpy(b->type == CLR_H5_F32 ? (void *)&single : (void *)&real, piece + i * b->width, (size_t)b->width);
        good = b->type == CLR_H5_F32 ? isfinite(single) : isfinite(real);
    }
    return i;
}

/* bad: NULL, or the first element that is no finite number, -1 where all are. */
static clr_status sum_block(clr_h5 *file, const char *name, const clr_h5_block *b, uint64_t *hash, int64_t *bad)
{
    bool look = bad && !b->text && (b->type == CLR_H5_F32 || b->type == CLR_H5_F64);
    char *piece = clr_alloc((size_t)clr_min64(b->bytes, PIECE), 1);
    clr_status st = CLR_OK;

    *hash = CLR_HASH_START;
    for (int64_t done = 0, n; done < b->bytes && st == CLR_OK; done += n) {
        n = clr_min64(b->bytes - done, PIECE);
        st = clr_h5_bytes(file, name, b->at + done, n, piece);
        if (st != CLR_OK)
            break;
        *hash = clr_hash(*hash, piece, (size_t)n);
        int64_t found = look && *bad < 0 ? first_bad(b, piece, n / b->width) : n;
        if (found < n / b->width)
            *bad = done / b->width + found;
    }
    clr_free(piece);
    return st;
}

bool clr_h5_has_checksum(clr_h5 *file, const char *name)
{
    hid_t dataset;
    bool has = false;

    if (clr_h5_open_dataset(file, name, &dataset) != CLR_OK)
        return false;
    has = H5Aexists(dataset, "checksum") > 0;
    clr_h5_note(file);
    H5Dclose(dataset);
    return has;
}

clr_status clr_h5_stored_checksum(clr_h5 *file, const char *name, uint64_t *want)
{
    hid_t dataset;
    clr_status st = clr_h5_open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    st = clr_h5_get_number(file, dataset, name, "checksum", CLR_H5_U64, want);
    H5Dclose(dataset);
    return st;
}

clr_status clr_h5_compare(const clr_h5 *file, const char *name, uint64_t have, uint64_t want)
{
    return have == want ? CLR_OK
                        : clr_fail(CLR_EINPUT, "%s: %s is damaged: its checksum is %016llx, not %016llx", file->path,
                                   name, (unsigned long long)have, (unsigned long long)want);
}

static clr_status check(clr_h5 *file, const char *name, uint64_t *checksum, int64_t *bad)
{
    clr_h5_block b;
    uint64_t want = 0;
    clr_status st = clr_h5_find(file, name, &b);

    if (st == CLR_OK)
        st = clr_h5_stored_checksum(file, name, &want);
    if (st == CLR_OK)
        st = sum_block(file, name, &b, checksum, bad);
    return st == CLR_OK ? clr_h5_compare(file, name, *checksum, want) : st;
}

clr_status clr_h5_checksum(clr_h5 *file, const char *name, uint64_t *checksum)
{
    return check(file, name, checksum, NULL);
}

clr_status clr_h5_checksum_finite(clr_h5 *file, const char *name, uint64_t *checksum)
{
    int64_t bad = -1;
    clr_status st = check(file, name, checksum, &bad);

    if (st == CLR_OK && bad >= 0)
        st = clr_fail(CLR_ENUMERIC, "%s: %s[%lld] is NaN or infinite, as it was when it was written", file->path, name,
                      (long long)bad);
    return st;
}

static clr_status verify_all(clr_h5 *file, bool finite)
{
    uint64_t checksum;
    char **names;
    int64_t n;
    clr_status st = clr_h5_list(file, "/", &names, &n);

    for (int64_t i = 0; i < n; i++) {
        if (st == CLR_OK)
            st =
                finite ? clr_h5_checksum_finite(file, names[i], &checksum) : clr_h5_checksum(file, names[i], &checksum);
        clr_free(names[i]);
    }
    clr_free(names);
    return st;
}

clr_status clr_h5_verify(clr_h5 *file, const char *name)
{
    uint64_t checksum;

    return name ? clr_h5_checksum(file, name, &checksum) : verify_all(file, false);
}

clr_status clr_h5_verify_finite(clr_h5 *file)
{
    return verify_all(file, true);
}
