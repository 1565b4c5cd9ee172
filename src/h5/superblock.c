/* SPDX-License-Identifier: BSD-3-Clause */
/* The superblock, the first bytes of a file: HDF5 is older than the habit of distrusting files, so what can be
   checked is checked before it parses anything. Layout (all numbers little endian, O and L bytes wide; here O = L = 8):

     0  signature     8  version
     version 2, 3:    9 O   10 L   11 flags   12 base   20 extension   28 end   36 header of the root group
                     44 checksum
     version 0, 1:   13 O   14 L   16 K of leaves, 2 bytes   18 K of nodes, 2 bytes   24 (version 1: 28) base
                     +8 free space
                     +16 end   +24 driver   +32 offset of a name   +40 header of the root group

   Source: HDF5 File Format Specification 3.0, II.A. */
#include "file.h"

#include "clr/tensor.h"

#include <string.h>

enum { HEAD = 96, LARGE = 8 };

static uint64_t number(const unsigned char *at, int bytes)
{
    uint64_t n = 0;

    for (int i = bytes - 1; i >= 0; i--)
        n = n << 8 | at[i];
    return n;
}

static clr_status bad(const clr_h5 *file, const char *why)
{
    return clr_fail(CLR_EINPUT, "%s: is not a whole HDF5 file: %s", file->path, why);
}

/* The header of the root group begins with a signature, or, of the old kind, with its version and a zero. */
static clr_status check_root(clr_h5 *file, uint64_t root, bool old)
{
    unsigned char header[4];

    if (root > (uint64_t)file->bytes || (uint64_t)file->bytes - root < sizeof header)
        return bad(file, "its root group lies outside");
    clr_status st = clr_h5_bytes(file, NULL, (int64_t)root, sizeof header, header);
    if (st == CLR_OK && memcmp(header, "OHDR", 4) && !(old && header[0] == 1 && !header[1]))
        st = bad(file, "its root group has no header");
    return st;
}

clr_status clr_h5_check_superblock(clr_h5 *file)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char head[HEAD] = {0};
    clr_status st = clr_h5_bytes(file, NULL, 0, clr_min64(file->bytes, HEAD), head);

    if (st != CLR_OK)
        return st;
    if (memcmp(head, signature, sizeof signature))
        return bad(file, file->bytes ? "it does not begin as one" : "it is empty");
    int version = head[8];
    bool old = version < 2;
    if (version > 3)
        return clr_fail(CLR_EINPUT, "%s: is HDF5 of version %d, which is not known here", file->path, version);
    const unsigned char *sizes = head + (old ? 13 : 9), *at = head + (version == 1 ? 28 : old ? 24 : 12);
    if (sizes[0] != LARGE || sizes[1] != LARGE)
        return clr_fail(CLR_EINPUT, "%s: is HDF5 with addresses of %d and lengths of %d bytes; only 8 are read",
                        file->path, sizes[0], sizes[1]);
    if (old && (!number(head + 16, 2) || !number(head + 18, 2)))
        return bad(file, "its tree has no branches");
    uint64_t end = number(at + 16, 8), other = number(at + (old ? 24 : 8), 8);
    if (number(at, 8) || other != UINT64_MAX)
        return clr_fail(CLR_EINPUT,
                        "%s: is HDF5 with parts that simclr does not read (a user block, a superblock extension or a "
                        "driver information block)",
                        file->path);
    if (end > (uint64_t)file->bytes)
        return clr_fail(CLR_EINPUT, "%s: is not a whole HDF5 file: it has %lld bytes, and had %llu", file->path,
                        (long long)file->bytes, (unsigned long long)end);
    return check_root(file, number(at + (old ? 40 : 24), 8), old);
}
