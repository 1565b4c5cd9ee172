/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_HOSTILE_H
#define CLR_HOSTILE_H
/* For tests: HDF5 files that lie, with right checksums. Each function changes one thing of a good file at path, in
   place, so that a reader who believes it reads past its memory, another file, or for ever; it returns what was done,
   or NULL past the last kind (kinds count from 0). Local. */

#include <stdint.h>

/* A dataset: another kind of object, of storage, of type or of shape under its name. elsewhere: a copy of the good
   file. */
const char *hostile_dataset(const char *path, const char *name, const char *elsewhere, int kind);

/* A dataset's header, bytes changed and its checksum made right: shapes, sizes and addresses that do not fit the
   file. */
const char *hostile_header(const char *path, const char *name, int kind);

/* An attribute of an object: another type, another number of values, or none. */
const char *hostile_attribute(const char *path, const char *object, const char *name, int kind);

/* Links of the group of a good file: rings, depth, links elsewhere. */
const char *hostile_group(const char *path, const char *group, const char *elsewhere, int kind);

/* The first bytes of the file. */
const char *hostile_superblock(const char *path, int kind);

#endif
