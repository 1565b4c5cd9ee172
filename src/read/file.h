#ifndef CLR_READ_FILE_H
#define CLR_READ_FILE_H
/* Small things the readers share. */

#include "clr/err.h"

#include <stdbool.h>
#include <stdint.h>

bool clr_file_is_folder(const char *path);
int64_t clr_file_size(const char *path); /* of a regular file; -1 where there is none */

/* A whole regular file; *bytes is freed by clr_free. The message does not name path. */
clr_status clr_file_read(const char *path, uint8_t **bytes, int64_t *length);

/* CLR_EUSAGE where split is a part that data of train and test have not. */
clr_status clr_file_two_splits(const char *path, const char *split);

/* {"0", "1", ...}: what labels are called where the source has no names for them. */
char **clr_file_numbers(int n);

#endif
