/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_H5_FILE_H
#define CLR_H5_FILE_H
/* Shared by the files of this folder: an open file, its types, its errors, and the checks of its datasets. Local. */
#include "clr/h5.h"
#include "clr/output.h"

#include <hdf5.h>

struct clr_h5 {
    hid_t id;
    char *path;
    clr_output output; /* of a file being written */
    int descriptor;    /* of a file being read; -1 */
    int64_t bytes;     /* that it had when it was opened */
    int error;         /* errno of the first read or write that failed, see driver.h */
};

hid_t clr_h5_native(clr_h5_type type); /* in memory */
hid_t clr_h5_stored(clr_h5_type type); /* in the file */
int clr_h5_width(clr_h5_type type);    /* bytes */

/* Local. The number of elements of a shape, compared with what can be. */
static inline int64_t clr_h5_elements(int rank, const int64_t *shape)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= shape[i];
    return n;
}

/* Before calls of HDF5 whose failure is to be told: its messages are kept from the terminal, errno is 0. */
void clr_h5_quiet(void);

/* After a call of HDF5 that failed: keeps what the system refused, if that is why, and forgets HDF5's messages. */
void clr_h5_note(clr_h5 *file);

/* Returns CLR_EIO with "PATH: NAME: what: the system's reason for error"; name may be NULL. clr_h5_again goes by it. */
clr_status clr_h5_refused(const char *path, const char *name, const char *what, int error);

/* Returns st with "PATH: NAME: what: HDF5's reason"; CLR_EIO with the system's reason where it refused. name may be
   NULL. */
clr_status clr_h5_fail(clr_h5 *file, const char *name, clr_status st, const char *what);

/* superblock.c. What can be known of a file before HDF5 parses it: it is HDF5, of a version and sizes that are
   understood, and no longer than it is. CLR_EINPUT where not. */
clr_status clr_h5_check_superblock(clr_h5 *file);

/* read.c. bytes from the file itself, past HDF5. CLR_EIO where the system refuses or the file became shorter. */
clr_status clr_h5_bytes(clr_h5 *file, const char *name, int64_t at, int64_t bytes, void *data);

/* block.c. The shape of a dataspace, compared with what int64_t holds. shape: CLR_H5_RANK entries, 1 beyond rank. */
bool clr_h5_extent(hid_t space, int *rank, int64_t *shape, int64_t *elements);

/* A dataset as it lies in the file. Nothing of it is believed before it was compared: the product of the shape does
   not overflow, and the bytes are there, in one piece, in this very file. */
typedef struct clr_h5_block {
    bool text; /* strings of width bytes */
    clr_h5_type type;
    int rank;
    int64_t shape[CLR_H5_RANK], elements, width, bytes, at;
} clr_h5_block;

/* Whether name leads to an object of this file, over hard links alone. Missing, or a link elsewhere: CLR_EINPUT. */
clr_status clr_h5_reach(clr_h5 *file, const char *name);
/* Reached so; closed by H5Dclose. */
clr_status clr_h5_open_dataset(clr_h5 *file, const char *name, hid_t *dataset);
clr_status clr_h5_block_of(clr_h5 *file, const char *name, hid_t dataset, clr_h5_block *block);
clr_status clr_h5_find(clr_h5 *file, const char *name, clr_h5_block *block); /* opens and closes the dataset */
/* The same, of this type. */
clr_status clr_h5_find_typed(clr_h5 *file, const char *name, clr_h5_type type, clr_h5_block *block);

/* verify.c. The checksum that a dataset is said to have; whether it has it. */
clr_status clr_h5_stored_checksum(clr_h5 *file, const char *name, uint64_t *want);
clr_status clr_h5_compare(const clr_h5 *file, const char *name, uint64_t have, uint64_t want);

/* attribute.c. One number of eight bytes, stored exactly so. where: for messages. */
clr_status clr_h5_get_number(clr_h5 *file, hid_t object, const char *where, const char *name, clr_h5_type type,
                             void *value);

#endif
