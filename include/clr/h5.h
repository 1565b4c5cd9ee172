#ifndef CLR_H5_H
#define CLR_H5_H
/* The only door to HDF5: write-once files that appear whole or not at all, and careful reading. Local; HDF5 is
   not thread-safe, so callers see to it that one thread at a time is in here (clr_h5_lock/_unlock).

   Writing goes to a temporary file beside PATH (output.h); clr_h5_commit flushes, closes, fsyncs, renames and fsyncs the
   folder; clr_h5_discard removes it. Every dataset gets an attribute "checksum" (clr_hash of its bytes as stored in
   memory order, little endian). A failed close is a failed write. Reading never locks files, verifies checksums
   where asked, and says which file and dataset is wrong and how. */

#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct clr_h5 clr_h5;

typedef enum clr_h5_type {
    CLR_H5_U8, CLR_H5_I32, CLR_H5_I64, CLR_H5_U64, CLR_H5_F32, CLR_H5_F64,
} clr_h5_type;

enum { CLR_H5_RANK = 4 };

void clr_h5_lock(void);
void clr_h5_unlock(void);
const char *clr_h5_library(void); /* "HDF5 1.10.8" */

clr_status clr_h5_create(const char *path, clr_h5 **file);
clr_status clr_h5_commit(clr_h5 *file); /* frees file, whatever happens */
void clr_h5_discard(clr_h5 *file);      /* accepts NULL */

clr_status clr_h5_open(const char *path, clr_h5 **file);
void clr_h5_close(clr_h5 *file); /* accepts NULL */
const char *clr_h5_path(const clr_h5 *file);

/* Whole datasets; missing groups on the way are made. rank 0 is a scalar. */
clr_status clr_h5_write(clr_h5 *file, const char *name, clr_h5_type type, int rank, const int64_t *shape, const void *data);
clr_status clr_h5_write_texts(clr_h5 *file, const char *name, const char *const *texts, int64_t n);

/* Rows written one after another: first dimension grows from 0 to rows, the others are fixed; contiguous, one image
   a row never straddles a chunk. The checksum is that of all rows in order. */
typedef struct clr_h5_rows clr_h5_rows;
clr_status clr_h5_rows_begin(clr_h5 *file, const char *name, clr_h5_type type, int rank, const int64_t *shape, clr_h5_rows **rows);
clr_status clr_h5_rows_append(clr_h5_rows *rows, const void *data, int64_t n);
clr_status clr_h5_rows_end(clr_h5_rows *rows); /* all announced rows must be there; frees rows */
void clr_h5_rows_drop(clr_h5_rows *rows);      /* after a failure; accepts NULL */

/* shape has CLR_H5_RANK entries; rank may be NULL. Missing: CLR_EINPUT. */
bool clr_h5_has(clr_h5 *file, const char *name);
clr_status clr_h5_shape(clr_h5 *file, const char *name, clr_h5_type *type, int *rank, int64_t *shape);
clr_status clr_h5_read(clr_h5 *file, const char *name, clr_h5_type type, int64_t count, void *data); /* count elements in all */
clr_status clr_h5_read_rows(clr_h5 *file, const char *name, clr_h5_type type, int64_t first, int64_t n, void *data);
/* Where a contiguous dataset's bytes begin in the file, for pread. */
clr_status clr_h5_offset(clr_h5 *file, const char *name, int64_t *offset);
clr_status clr_h5_read_texts(clr_h5 *file, const char *name, char ***texts, int64_t *n); /* clr_free each, then the array */

/* Names of all datasets below group, as absolute paths, in alphabetical order. */
clr_status clr_h5_list(clr_h5 *file, const char *group, char ***names, int64_t *n);

/* Attributes of the root group. */
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

#endif
