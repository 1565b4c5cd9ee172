/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_READ_READERS_H
#define CLR_READ_READERS_H
/* The readers, in the order in which they are asked. A member is src/read/NAME.c with `const clr_reader
   clr_reader_NAME`. The last one takes every folder. */
#define CLR_READERS(X) \
    X(idx)             \
    X(stl10)           \
    X(cifar)           \
    X(folder)
#endif
