#ifndef CLR_H5_FILE_H
#define CLR_H5_FILE_H
/* What the parts of this folder share: an open file, its types, its errors. Local. */
#include "clr/h5.h"
#include "clr/output.h"

#include <hdf5.h>

struct clr_h5 {
    hid_t id;
    char *path;
    clr_output output;      /* of a file being written */
    int error;              /* errno of the first write that failed, see driver.h */
};

hid_t clr_h5_native(clr_h5_type type); /* in memory */
hid_t clr_h5_stored(clr_h5_type type); /* in the file */
int clr_h5_width(clr_h5_type type);    /* bytes */

static inline int64_t clr_h5_elements(int rank, const int64_t *shape)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= shape[i];
    return n;
}

/* Before calls of HDF5 whose failure is to be told: its messages are kept from the terminal, errno is 0. */
void clr_h5_quiet(void);

/* Returns st with "PATH: NAME: what: HDF5's reason", or the system's. name may be NULL. */
clr_status clr_h5_fail(const clr_h5 *file, const char *name, clr_status st, const char *what);

/* A missing one is CLR_EINPUT. Closed by H5Dclose. */
clr_status clr_h5_open_dataset(clr_h5 *file, const char *name, hid_t *dataset);

#endif
