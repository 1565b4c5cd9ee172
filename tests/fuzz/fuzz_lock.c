/* A lock file that somebody left in a run directory, long ago, so that it is stale where its process cannot be seen
   from here. Nobody waits here: usleep does nothing. */
#include "fuzz.h"

#include "../../src/train/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    char path[128];
    clr_lock *lock;

    fuzz_begin(size);
    fuzz_folder_empty();
    fuzz_file(path, "lock", data, size);
    utimensat(AT_FDCWD, path, old, 0);
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
