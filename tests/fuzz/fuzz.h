/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIMCLR_FUZZ_H
#define SIMCLR_FUZZ_H
/* What the harnesses share. A harness is fuzz_READER.c with libFuzzer's entry point and the seeds that mutations
   start from; driver.c runs it where there is no libFuzzer. */
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's names. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of each harness: calls fuzz_seed for each seed. */
void fuzz_seeds(void);
void fuzz_seed(const void *data, size_t size); /* copied */
void fuzz_seed_text(const char *text);
void fuzz_seed_file(const char *path);

typedef struct fuzz_bytes {
    uint8_t *data;
    size_t size;
} fuzz_bytes;
extern fuzz_bytes *fuzz_seed_list;
extern int fuzz_seed_count;

/* Bytes of memory that the readers are told there are. */
enum { FUZZ_MEMORY = 192 << 20 };

/* Begins an execution: from now on an allocation of clr_alloc far beyond what size bytes can need ends the process
   as a fault. */
void fuzz_begin(size_t size);

/* A folder of this process in FUZZ_FOLDER, /dev/shm or TMPDIR; made at the first call, removed at the process' end. */
const char *fuzz_folder(void);
void fuzz_folder_empty(void);

/* FOLDER/name in text of 128 characters; the second also gives it these bytes. */
const char *fuzz_path(char text[128], const char *name);
const char *fuzz_file(char text[128], const char *name, const void *data, size_t size);

/* data as a string on the heap, up to its first zero byte; freed by free. */
char *fuzz_text(const uint8_t *data, size_t size);

/* This input was taken as what the reader reads. */
void fuzz_accept(void);
extern int fuzz_accepted;

/* Reads every byte. */
void fuzz_look(const void *data, size_t size);

/* What must hold, whatever the input. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
void fuzz_fail(const char *file, int line, const char *what) __attribute__((noreturn));

#endif
