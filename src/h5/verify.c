/* Checksums: the bytes of a dataset are read as they lie in the file, past HDF5, in pieces. */
#include "file.h"

#include "clr/hash.h"
#include "clr/mem.h"

#include <stdio.h>

enum { PIECE = 1 << 22 }; /* bytes; a multiple of every element's size */

/* The bytes of a dataset in pieces of whole rows of its flattened form. */
static clr_status sum_dataset(clr_h5 *file, const char *name, hid_t dataset, uint64_t *hash)
{
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    size_t size = H5Tget_size(type);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    clr_status st = CLR_OK;

    *hash = CLR_HASH_START;
    H5Sclose(space);
    if (points < 0 || !size) {
        H5Tclose(type);
        return clr_h5_fail(file, name, CLR_EINPUT, "cannot be read");
    }
    uint64_t bytes = (uint64_t)points * size;
    haddr_t at = H5Dget_offset(dataset);
    if (bytes && at == HADDR_UNDEF)
        st = clr_fail(CLR_EINPUT, "%s: %s is not stored in one piece", file->path, name);
    else if (bytes) {
        FILE *raw = fopen(file->path, "rb");
        char *piece = CLR_NEW(char, bytes < PIECE ? bytes : PIECE);
        bool good = raw && !fseeko(raw, (off_t)at, SEEK_SET);
        for (uint64_t done = 0; done < bytes && good;) {
            size_t n = bytes - done < PIECE ? (size_t)(bytes - done) : PIECE;
            good = fread(piece, 1, n, raw) == n;
            *hash = clr_hash(*hash, piece, good ? n : 0);
            done += n;
        }
        if (!good)
            st = clr_fail(CLR_EINPUT, "%s: %s cannot be read to its end", file->path, name);
        if (raw)
            fclose(raw);
        clr_free(piece);
    }
    H5Tclose(type);
    return st;
}

bool clr_h5_has_checksum(clr_h5 *file, const char *name)
{
    clr_h5_quiet();
    bool has = H5Aexists_by_name(file->id, name, "checksum", H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return has;
}

clr_status clr_h5_checksum(clr_h5 *file, const char *name, uint64_t *checksum)
{
    hid_t dataset, attribute = -1;
    uint64_t want = 0;
    clr_status st = clr_h5_open_dataset(file, name, &dataset);

    if (st != CLR_OK)
        return st;
    if (H5Aexists(dataset, "checksum") <= 0 || (attribute = H5Aopen(dataset, "checksum", H5P_DEFAULT)) < 0 ||
        H5Aread(attribute, H5T_NATIVE_UINT64, &want) < 0)
        st = clr_h5_fail(file, name, CLR_EINPUT, "has no checksum");
    if (attribute >= 0)
        H5Aclose(attribute);
    if (st == CLR_OK)
        st = sum_dataset(file, name, dataset, checksum);
    if (st == CLR_OK && *checksum != want)
        st = clr_fail(CLR_EINPUT, "%s: %s is damaged: its checksum is %016llx, not %016llx", file->path, name,
                      (unsigned long long)*checksum, (unsigned long long)want);
    H5Dclose(dataset);
    return st;
}

clr_status clr_h5_verify(clr_h5 *file, const char *name)
{
    uint64_t checksum;
    char **names;
    int64_t n;

    if (name)
        return clr_h5_checksum(file, name, &checksum);
    clr_status st = clr_h5_list(file, "/", &names, &n);
    if (st != CLR_OK)
        return st;
    for (int64_t i = 0; i < n; i++) {
        if (st == CLR_OK)
            st = clr_h5_checksum(file, names[i], &checksum);
        clr_free(names[i]);
    }
    clr_free(names);
    return st;
}
