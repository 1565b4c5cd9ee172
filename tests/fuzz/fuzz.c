/* SPDX-License-Identifier: BSD-3-Clause */
/* The linker puts the __wrap_ functions here in the place of the program's (--wrap, module.am). An allocation is
   compared with the size of the input that asked for it. Checksums always hold: ours, HDF5's and zlib's, whose
   functions are found here first. Nothing is read from /proc or said on the terminal, nobody sleeps, and where the
   planner asks other ranks, there is one. */
#include "fuzz.h"

#include "clr/comm.h"
#include "clr/hash.h"
#include "clr/log.h"
#include "clr/mem.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
    ROOM = 64 << 20,
    TIMES = 4096
}; /* bytes for working rooms of fixed size; bytes a byte of the input: deflate makes 1032 of one */

void *__real_clr_alloc(size_t count, size_t size);
void *__wrap_clr_alloc(size_t count, size_t size);
uint64_t __wrap_clr_memory_available(void);
uint64_t __wrap_clr_hash(uint64_t hash, const void *data, size_t bytes);
uint32_t H5_checksum_metadata(const void *data, size_t bytes, uint32_t start);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_usleep(useconds_t microseconds);
int __wrap_clr_comm_rank(const clr_comm *comm);
void __wrap_clr_comm_broadcast(clr_comm *comm, void *data, int64_t bytes, int root);
void __wrap_clr_comm_allreduce_max_double(clr_comm *comm, double *data, int64_t count);
void __wrap_clr_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void __wrap_clr_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

fuzz_bytes *fuzz_seed_list;
int fuzz_seed_count, fuzz_accepted;
static size_t bound = SIZE_MAX;
static char folder[64];

void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

void fuzz_accept(void)
{
    fuzz_accepted = 1;
}

void fuzz_look(const void *data, size_t size)
{
    static volatile unsigned char seen;

    for (size_t i = 0; i < size; i++)
        seen = seen ^ ((const unsigned char *)data)[i];
}

void fuzz_begin(size_t size)
{
    fuzz_accepted = 0;
    bound = ROOM + TIMES * size;
}

void *__wrap_clr_alloc(size_t count, size_t size)
{
    if (size && count > bound / size) {
        fprintf(stderr, "%zu x %zu bytes are asked for, and the input is small\n", count, size);
        abort();
    }
    return __real_clr_alloc(count, size);
}

uint64_t __wrap_clr_memory_available(void)
{
    return FUZZ_MEMORY;
}

uint64_t __wrap_clr_hash(uint64_t hash, const void *data, size_t bytes)
{
    (void)hash, (void)data, (void)bytes;
    return 0;
}

/* Where HDF5 compares, the stored sum is behind the data. */
__attribute__((no_sanitize("address", "undefined"))) uint32_t H5_checksum_metadata(const void *data, size_t bytes,
                                                                                   uint32_t start)
{
    uint32_t stored;

    (void)start;
    memcpy(&stored, (const char *)data + bytes, sizeof stored);
    return stored;
}

int inflateInit2_(z_streamp stream, int bits, const char *version, int size)
{
    int (*real)(z_streamp, int, const char *, int) =
        (int (*)(z_streamp, int, const char *, int))dlsym(RTLD_NEXT, "inflateInit2_");
    int status = real(stream, bits, version, size);

    if (status == Z_OK)
        inflateValidate(stream, 0);
    return status;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
    (void)time, (void)rest;
    return 0;
}

int __wrap_usleep(useconds_t microseconds)
{
    (void)microseconds;
    return 0;
}

int __wrap_clr_comm_rank(const clr_comm *comm)
{
    (void)comm;
    return 0;
}

void __wrap_clr_comm_broadcast(clr_comm *comm, void *data, int64_t bytes, int root)
{
    (void)comm, (void)data, (void)bytes, (void)root;
}

void __wrap_clr_comm_allreduce_max_double(clr_comm *comm, double *data, int64_t count)
{
    (void)comm, (void)data, (void)count;
}

static void format_only(const char *format, va_list args)
{
    char text[2048];

    vsnprintf(text, sizeof text, format, args);
}

void __wrap_clr_warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_only(format, args);
    va_end(args);
}

void __wrap_clr_info(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_only(format, args);
    va_end(args);
}

void fuzz_folder_empty(void)
{
    char path[128];
    struct dirent *entry;
    DIR *directory = *folder ? opendir(folder) : NULL;

    while (directory && (entry = readdir(directory)))
        unlink(fuzz_path(path, entry->d_name));
    if (directory)
        closedir(directory);
}

static void remove_folder(void)
{
    fuzz_folder_empty();
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    const char *places[] = {getenv("FUZZ_FOLDER"), "/dev/shm", getenv("TMPDIR"), "/tmp"};

    for (size_t i = 0; !*folder && i < sizeof places / sizeof *places; i++)
        if (places[i] && !access(places[i], W_OK | X_OK)) {
            snprintf(folder, sizeof folder, "%s/simclr-fuzz-XXXXXX", places[i]);
            FUZZ_CHECK(mkdtemp(folder) && !atexit(remove_folder));
        }
    return folder;
}

const char *fuzz_path(char text[128], const char *name)
{
    FUZZ_CHECK(snprintf(text, 128, "%s/%s", fuzz_folder(), name) < 128);
    return text;
}

const char *fuzz_file(char text[128], const char *name, const void *data, size_t size)
{
    FILE *file = fopen(fuzz_path(text, name), "we");

    FUZZ_CHECK(file && fwrite(data, 1, size, file) == size && !fclose(file));
    return text;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    FUZZ_CHECK(text);
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

void fuzz_seed(const void *data, size_t size)
{
    fuzz_seed_list = realloc(fuzz_seed_list, (size_t)(fuzz_seed_count + 1) * sizeof *fuzz_seed_list);
    FUZZ_CHECK(fuzz_seed_list);
    fuzz_bytes *seed = &fuzz_seed_list[fuzz_seed_count++];
    *seed = (fuzz_bytes){malloc(size + 1), size};
    FUZZ_CHECK(seed->data);
    memcpy(seed->data, data, size);
}

void fuzz_seed_text(const char *text)
{
    fuzz_seed(text, strlen(text));
}

void fuzz_seed_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "re");

    FUZZ_CHECK(file);
    size_t size = fread(data, 1, sizeof data, file);
    FUZZ_CHECK(size < sizeof data && !fclose(file));
    fuzz_seed(data, size);
}

/* FUZZ_SEEDS=FOLDER writes the seeds there, a file each, and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *where = getenv("FUZZ_SEEDS");
    char path[512];

    (void)argc, (void)argv;
    if (!where)
        return 0;
    fuzz_seeds();
    for (int i = 0; i < fuzz_seed_count; i++) {
        snprintf(path, sizeof path, "%s/seed-%03d", where, i);
        FILE *file = fopen(path, "we");
        FUZZ_CHECK(file && fwrite(fuzz_seed_list[i].data, 1, fuzz_seed_list[i].size, file) == fuzz_seed_list[i].size &&
                   !fclose(file));
    }
    exit(0);
}
