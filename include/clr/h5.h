/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_H5_H
#define CLR_H5_H
/* The only door to HDF5: write-once files that appear whole or not at all, and careful reading. Local; HDF5 is not
   thread-safe, so callers see to it that one thread at a time is in here (clr_h5_lock/_unlock).

   Writing goes to a temporary file beside PATH (output.h); clr_h5_commit flushes, closes, fsyncs, renames and fsyncs
   the folder; clr_h5_discard removes it. Every dataset gets an attribute "checksum" (clr_hash of its bytes as stored in
   memory order, little endian). A failed close is a failed write. Reading never locks files, verifies checksums where
   asked, and says which file and dataset is wrong and how.

   Whatever reads tells two things apart, here and in store.h and ckpt.h:
     CLR_EIO      the system refused to read (EIO, ESTALE, EACCES, EMFILE, ENOMEM, ..., in the sentence), or the file
                  became shorter since it was opened. Nothing is known of what it holds: never a reason to pass a
                  file over. It may pass: see clr_h5_again.
     CLR_EINPUT   the bytes were read, and are not what they should be: another format, a wrong checksum, a claim
                  that cannot be true.
     CLR_ENUMERIC (checkpoints) the bytes are what was written, and hold NaN or infinities.
   A refusal is remembered: clr_h5_finish gives it its due where a caller took it for something else ("not there").

   Nothing in a file is believed before it is compared. Only objects that hard links lead to are read, and data that
   lies in one piece in the file itself, whose size and number of elements were held against the file's: no soft or
   external links, no external or virtual storage, no chunks, no filters; HDF5 loads no plugins. */

#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct clr_h5 clr_h5;

typedef enum clr_h5_type {
    CLR_H5_U8,
    CLR_H5_I32,
    CLR_H5_I64,
    CLR_H5_U64,
    CLR_H5_F32,
    CLR_H5_F64,
} clr_h5_type;

enum { CLR_H5_RANK = 4 };

/* Local. HDF5 is used by one thread at a time; calls nest. */
void clr_h5_lock(void);
void clr_h5_unlock(void);
const char *clr_h5_library(void); /* "HDF5 1.10.8" */

/* Local. create: a temporary file that clr_h5_commit renames to path. The caller's to end. */
clr_status clr_h5_create(const char *path, clr_h5 **file);
clr_status clr_h5_commit(clr_h5 *file); /* frees file, whatever happens */
void clr_h5_discard(clr_h5 *file);      /* accepts NULL */
/* One of them: commits where st is CLR_OK, else discards. Accepts NULL. */
clr_status clr_h5_end(clr_h5 *file, clr_status st);

/* Local. For reading; ended by clr_h5_finish or clr_h5_close. */
clr_status clr_h5_open(const char *path, clr_h5 **file);
void clr_h5_close(clr_h5 *file); /* accepts NULL */
/* Closes; returns st, or CLR_EIO where the system refused a read meanwhile. Accepts NULL. */
clr_status clr_h5_finish(clr_h5 *file, clr_status st);
/* Another descriptor of the same open file, closed by close. */
clr_status clr_h5_descriptor(const clr_h5 *file, int *descriptor);

/* Whether to begin anew what ended with st in this thread, opening included: st is a refusal that may pass (of a
   file that is not there it does not), and few tries were made (*tries, 0 at first). Then it warns and waits, seconds
   in all; not under clr_h5_lock. */
bool clr_h5_again(clr_status st, int *tries);
const char *clr_h5_path(const clr_h5 *file);

/* Whole datasets; missing groups on the way are made. rank 0 is a scalar. */
clr_status clr_h5_write(clr_h5 *file, const char *name, clr_h5_type type, int rank, const int64_t *shape,
                        const void *data);
clr_status clr_h5_write_texts(clr_h5 *file, const char *name, const char *const *texts, int64_t n);

/* Rows written one after another: first dimension grows from 0 to rows, the others are fixed; contiguous, one image
   a row never straddles a chunk. The checksum is that of all rows in order. */
typedef struct clr_h5_rows clr_h5_rows;
clr_status clr_h5_rows_begin(clr_h5 *file, const char *name, clr_h5_type type, int rank, const int64_t *shape,
                             clr_h5_rows **rows);
clr_status clr_h5_rows_append(clr_h5_rows *rows, const void *data, int64_t n);
clr_status clr_h5_rows_end(clr_h5_rows *rows); /* all announced rows must be there; frees rows */
void clr_h5_rows_drop(clr_h5_rows *rows);      /* after a failure; accepts NULL */

/* Names are absolute ("/a/b"). shape has CLR_H5_RANK entries, 1 beyond rank; rank may be NULL, and type, which texts
   do not have. All elements of shape are in the file, and their number fits. Missing: CLR_EINPUT. */
bool clr_h5_has(clr_h5 *file, const char *name);
clr_status clr_h5_shape(clr_h5 *file, const char *name, clr_h5_type *type, int *rank, int64_t *shape);
clr_status clr_h5_read(clr_h5 *file, const char *name, clr_h5_type type, int64_t count,
                       void *data); /* count elements in all */
clr_status clr_h5_read_rows(clr_h5 *file, const char *name, clr_h5_type type, int64_t first, int64_t n, void *data);
/* The same of a whole dataset with its checksum verified, into memory of its own: data points to a pointer, freed by
   clr_free. CLR_EMEMORY where it does not fit. */
clr_status clr_h5_load(clr_h5 *file, const char *name, clr_h5_type type, int64_t count, void *data);
/* Where a dataset's bytes begin in the file, for pread; 0 where it has none. */
clr_status clr_h5_offset(clr_h5 *file, const char *name, int64_t *offset);
clr_status clr_h5_read_texts(clr_h5 *file, const char *name, char ***texts,
                             int64_t *n); /* clr_free each, then the array */

/* Names of all datasets below group, as absolute paths, in alphabetical order. */
clr_status clr_h5_list(clr_h5 *file, const char *group, char ***names, int64_t *n);

/* Attributes of the root group. Of what is read: one value each, of exactly the type that is written here. */
clr_status clr_h5_set_text(clr_h5 *file, const char *name, const char *text);
clr_status clr_h5_set_int(clr_h5 *file, const char *name, int64_t value);
clr_status clr_h5_set_real(clr_h5 *file, const char *name, double value);
clr_status clr_h5_get_text(clr_h5 *file, const char *name, char **text); /* freed by clr_free */
clr_status clr_h5_get_int(clr_h5 *file, const char *name, int64_t *value);
clr_status clr_h5_get_real(clr_h5 *file, const char *name, double *value);

/* Reads dataset name (NULL: every one) in pieces and compares its checksum. */
clr_status clr_h5_verify(clr_h5 *file, const char *name);

/* Whether a dataset has a checksum; all that were written here do. */
bool clr_h5_has_checksum(clr_h5 *file, const char *name);

/* The checksum of one dataset, recomputed and compared as clr_h5_verify does. */
clr_status clr_h5_checksum(clr_h5 *file, const char *name, uint64_t *checksum);

/* The same, and float32 and float64 that are whole but not all finite are CLR_ENUMERIC, which names the first. */
clr_status clr_h5_checksum_finite(clr_h5 *file, const char *name, uint64_t *checksum);
clr_status clr_h5_verify_finite(clr_h5 *file); /* of every dataset */

#endif
