/* SPDX-License-Identifier: BSD-3-Clause */
/* h <- mix(h xor word) for each 8-byte word (the last one padded with zeros and its length). */
#include "clr/hash.h"

#include <string.h>

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

uint64_t clr_hash(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    uint64_t word;

    for (; bytes >= sizeof word; at += sizeof word, bytes -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix(hash, word);
    }
    if (bytes) {
        word = 0;
        memcpy(&word, at, bytes);
        hash = mix(mix(hash, word), bytes);
    }
    return hash;
}
