/* SPDX-License-Identifier: BSD-3-Clause */
/* A lock file that somebody left in a run directory. Nobody is waited for. */
#include "fuzz.h"

#include "../../src/run/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    clr_lock *lock;

    clr_lock_silence = 0;
    fuzz_begin(size);
    fuzz_folder_empty();
    fuzz_file(path, "lock", data, size);
    if (clr_lock_take(fuzz_folder(), &lock) == CLR_OK) {
        FUZZ_CHECK(clr_lock_check(lock) == CLR_OK);
        clr_lock_drop(lock);
        FUZZ_CHECK(access(path, F_OK));
        fuzz_accept();
    }
    return 0;
}

void fuzz_seeds(void)
{
    char path[128], text[4096];
    clr_lock *lock;

    FUZZ_CHECK(clr_lock_take(fuzz_folder(), &lock) == CLR_OK);
    FILE *file = fopen(fuzz_path(path, "lock"), "re");
    size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    clr_lock_drop(lock);
    fuzz_seed(text, n);
    fuzz_seed_text("node17 4711 123456 - 0 1700000000 0123-abcd:4026531836\n");
    fuzz_seed_text("node17 4711 123456 99 2 1700000000\n");
    fuzz_seed_text("");
}
