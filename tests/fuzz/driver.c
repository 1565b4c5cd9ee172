/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a harness on mutations of its seeds, without libFuzzer: what execution i tries is a function of (seed, i).
   Executions follow each other in a child process; where it dies, the input is kept and the next child goes on.

     fuzz_READER [-runs=N] [-seed=S] [FILE...]     FILEs: each is run once, instead */
#include "fuzz.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1 << 16, SECONDS = 30, LONGEST = 600, FRAMES = 64, DEATHS = 20 };

static struct shared {
    volatile long at; /* the execution under way */
    long accepted;    /* inputs that the reader took */
    long seeds;       /* of these */
    char where[256];  /* where it died: the first frame that is no C library's */
    bool foreign;     /* that frame is HDF5's own */
} * shared;
static uint64_t state;

static uint64_t draw(uint64_t below) /* splitmix64 */
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

/* A number at the edge of something, of so many bytes, in either order. */
static void put_number(uint8_t *at, size_t bytes)
{
    uint64_t value = draw(4) ? (UINT64_C(1) << draw(64)) - draw(3) : draw(2) ? draw(300) : draw(UINT64_MAX);
    bool big = draw(2);

    for (size_t i = 0; i < bytes; i++)
        at[big ? bytes - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static size_t mutate(uint8_t *data, size_t size)
{
    static const char marks[] = "0123456789+-.eE/:,=#\"\\ \t\n%|";
    size_t at = size ? draw(size) : 0, n = size ? 1 + draw(size - at < 32 ? size - at : 32) : 0,
           bytes = (size_t)1 << draw(4);
    const fuzz_bytes *other = &fuzz_seed_list[draw((uint64_t)fuzz_seed_count)];

    switch (size ? draw(10) : 6) {
    case 0: data[at] ^= (uint8_t)(1 << draw(8)); break;
    case 1: data[at] = (uint8_t)draw(256); break;
    case 2:
    case 3:
        if (at + bytes <= size)
            put_number(data + at, bytes);
        break;
    case 4: data[at] = (uint8_t)marks[draw(sizeof marks - 1)]; break;
    case 5: /* without a piece */ memmove(data + at, data + at + n, size - at - n); return size - n;
    case 6: /* a piece of another seed, put between */
        n = other->size ? 1 + draw(other->size < 64 ? other->size : 64) : 0;
        if (n && size + n <= MOST) {
            memmove(data + at + n, data + at, size - at);
            memcpy(data + at, other->data + draw(other->size - n + 1), n);
            return size + n;
        }
        break;
    case 7: /* a piece twice */
        if (size + n <= MOST) {
            memmove(data + at + n, data + at, size - at);
            return size + n;
        }
        break;
    case 8: memset(data + at, (int)draw(2) * 255, n); break;
    default:
        if (!draw(8))
            return at;
        memmove(data + at, data + draw(size - n + 1), n);
    }
    return size;
}

static size_t make_input(uint64_t seed, long i, uint8_t data[MOST])
{
    state = (seed << 40) ^ (uint64_t)i * 2;
    const fuzz_bytes *from = &fuzz_seed_list[i < fuzz_seed_count ? (uint64_t)i : draw((uint64_t)fuzz_seed_count)];
    size_t size = from->size < MOST ? from->size : MOST;

    memcpy(data, from->data, size);
    for (uint64_t n = i < fuzz_seed_count ? 0 : 1 + draw(8); n; n--)
        size = mutate(data, size);
    return size;
}

static void on_death(int number)
{
    void *frame[FRAMES];
    int n = backtrace(frame, FRAMES);
    Dl_info info = {0};

    for (int i = 1; i < n; i++) /* behind this function, the C library's and the sanitizers' */
        if (dladdr(frame[i], &info) && info.dli_fname && !strstr(info.dli_fname, "/libc.so") &&
            !strstr(info.dli_fname, "san.so"))
            break;
    shared->foreign = info.dli_fname && strstr(info.dli_fname, "libhdf5");
    snprintf(shared->where, sizeof shared->where, "%s in %s of %s", strsignal(number),
             info.dli_sname ? info.dli_sname : "?", info.dli_fname ? info.dli_fname : "?");
    backtrace_symbols_fd(frame, n, STDERR_FILENO);
    _exit(99);
}

static void watch_for_death(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGPROF};
    static char stack[1 << 17];
    struct sigaction action = {.sa_handler = on_death, .sa_flags = (int)SA_ONSTACK | (int)SA_RESETHAND};
    void *frame;

    backtrace(&frame, 1); /* what it loads, it loads here */
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

/* In a block of its own size, so that a sanitizer sees what is read behind it. */
static void execute(const uint8_t *data, size_t size)
{
    const struct itimerval limit = {
        .it_value = {.tv_sec = SECONDS}}; /* of the processor; a busy machine takes longer */
    uint8_t *copy = malloc(size ? size : 1);

    FUZZ_CHECK(copy);
    memcpy(copy, data, size);
    setitimer(ITIMER_PROF, &limit, NULL);
    alarm(LONGEST);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    if (shared && fuzz_accepted) {
        shared->accepted++;
        shared->seeds += shared->at < fuzz_seed_count;
    }
}

static void keep(const char *name, long i, const uint8_t *data, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s.input-%ld", name, i);
    FILE *file = fopen(path, "we");

    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        fprintf(stderr, "%s: cannot be written\n", path);
    else
        printf("%s: %s\n", path, shared->where);
}

static int run_files(char **paths, int n)
{
    fuzz_seed_count = 0;
    for (int i = 0; i < n; i++)
        fuzz_seed_file(paths[i]);
    for (int i = 0; i < n; i++) {
        fprintf(stderr, "%s\n", paths[i]);
        execute(fuzz_seed_list[i].data, fuzz_seed_list[i].size);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t data[MOST];
    long runs = getenv("FUZZ_RUNS") ? atol(getenv("FUZZ_RUNS")) : 2000, failed = 0, foreign = 0;
    uint64_t seed = 1;
    int word = 1;

    LLVMFuzzerInitialize(&argc, &argv);
    for (; word < argc && argv[word][0] == '-'; word++)
        if (sscanf(argv[word], "-runs=%ld", &runs) != 1 && sscanf(argv[word], "-seed=%lu", &seed) != 1)
            return fprintf(stderr, "%s [-runs=N] [-seed=S] [FILE...]\n", argv[0]), 2;
    if (word < argc)
        return run_files(argv + word, argc - word);
    fuzz_folder();
    fuzz_seeds();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FUZZ_CHECK(shared != MAP_FAILED);
    for (shared->at = 0; shared->at < runs && failed < DEATHS; shared->at++) {
        int status;
        fflush(NULL);
        pid_t child = fork();
        FUZZ_CHECK(child >= 0);
        strcpy(shared->where, "ended by itself");
        shared->foreign = false;
        if (!child) {
            watch_for_death();
            for (; shared->at < runs; shared->at++)
                execute(data, make_input(seed, shared->at, data));
            _exit(0);
        }
        FUZZ_CHECK(waitpid(child, &status, 0) == child);
        if (WIFEXITED(status) && !WEXITSTATUS(status))
            break;
        keep(argv[0], shared->at, data, make_input(seed, shared->at, data));
        foreign += shared->foreign;
        failed += !shared->foreign;
    }
    printf("%s: %ld executions, %ld accepted, %ld of %d seeds; %ld failed, %ld more ended in HDF5's own code\n",
           argv[0], shared->at, shared->accepted, shared->seeds, fuzz_seed_count, failed, foreign);
    if (runs >= fuzz_seed_count && 2 * shared->seeds < fuzz_seed_count && ++failed)
        printf("%s: what it mutates is not what the reader reads\n", argv[0]);
    return failed ? 1 : 0;
}
