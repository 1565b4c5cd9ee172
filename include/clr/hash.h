/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_HASH_H
#define CLR_HASH_H
/* 64-bit checksums (FNV-1a over 8-byte words with a final mix): against damage, not against malice. */

#include <stddef.h>
#include <stdint.h>

#define CLR_HASH_START UINT64_C(0xcbf29ce484222325)

/* Local. Continues hash over bytes of data; start with CLR_HASH_START. A sequence of calls gives the
   same value as one call only where every call but the last has a multiple of 8 bytes. */
uint64_t clr_hash(uint64_t hash, const void *data, size_t bytes);

#endif
