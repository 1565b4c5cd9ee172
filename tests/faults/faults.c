/* SPDX-License-Identifier: BSD-3-Clause */
/* LD_PRELOAD layer that refuses system calls. It counts, kind by kind, the calls that concern files below one
   folder, and the memory and threads that the program itself asks for (calls of the C library, of MPI and of HDF5 are
   left out). Everything is said by the environment:

     FAULT_UNDER   the folder, an absolute path
     FAULT_KIND    open, read, write, ...: see KINDS
     FAULT_AT      N: the first call of this kind that is refused; 0: none, calls are only counted
     FAULT_MODE    once:  the N-th call is refused
                   on:    the N-th and all that follow
                   lost:  the N-th is done, and its answer lost (as over NFS)
                   short: every read and write moves half of the bytes, at least one
                   again: every fifth read and write is interrupted (EINTR), but those of streams, which the C library
                   does not repeat
     FAULT_ERRNO   the error, a number
     FAULT_CALLER  kind memory: of which object ("libhdf5"; empty: the program)
     FAULT_LOG     a file for "struck KIND N WHAT ADDRESS...", addresses being those of addr2line -e simclr, and at the
                   end of the process for "count KIND CALLS"; where calls are only counted, "call KIND N WHAT
                   ADDRESS..." for each of FAULT_KIND

   Streams are made of the same calls (fopencookie), as the C library's own calls cannot be seen from outside. Pauses
   take a hundredth of their time. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define KINDS(X) \
    X(open)      \
    X(read)      \
    X(write)     \
    X(sync)      \
    X(close)     \
    X(rename) X(link) X(unlink) X(mkdir) X(truncate) X(stat) X(list) X(touch) X(lock) X(map) X(memory) X(thread)
#define ENUMERATOR(name) K_##name,
#define TEXT(name) #name,
typedef enum kind { KINDS(ENUMERATOR) KIND_COUNT } kind;
static const char *const kind_names[] = {KINDS(TEXT)};
typedef enum mode { ONCE, ON, LOST, SHORT, AGAIN, MODE_COUNT } mode;
static const char *const mode_names[] = {"once", "on", "lost", "short", "again"};
typedef enum verdict { PASS, REFUSE, LOSE } verdict;
enum { FRAMES = 24, STREAMS = 64 };

static struct {
    const char *under, *caller, *log;
    size_t length;
    int kind, mode, error;
    long at;
    atomic_long calls[KIND_COUNT], moves;
    uintptr_t base, begin, end;           /* of the program: addresses for addr2line start at base */
    uintptr_t callers_begin, callers_end; /* of the object that FAULT_CALLER names */
} plan;

#define NEXT(type, name, params) \
    static type(*next) params;   \
    if (!next)                   \
    next = (type(*) params)dlsym(RTLD_NEXT, #name)

static int find_word(const char *word, const char *const *words, int n)
{
    for (int i = 0; word && i < n; i++)
        if (!strcmp(word, words[i]))
            return i;
    return -1;
}

static int find_object(struct dl_phdr_info *object, size_t size, void *first)
{
    uintptr_t low = UINTPTR_MAX, high = 0;
    (void)size;

    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_LOAD) {
            uintptr_t at = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
            low = at < low ? at : low;
            high = at + object->dlpi_phdr[i].p_memsz > high ? at + object->dlpi_phdr[i].p_memsz : high;
        }
    if (*(bool *)first)
        plan.base = object->dlpi_addr, plan.begin = low, plan.end = high;
    if (*plan.caller ? strstr(object->dlpi_name, plan.caller) != NULL : *(bool *)first)
        plan.callers_begin = low, plan.callers_end = high;
    *(bool *)first = false;
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("FAULT_AT"), *error = getenv("FAULT_ERRNO");
    void *frame[2];
    bool first = true;

    plan.caller = getenv("FAULT_CALLER") ? getenv("FAULT_CALLER") : "";
    plan.log = getenv("FAULT_LOG");
    plan.at = at ? atol(at) : 0;
    plan.error = error ? atoi(error) : EIO;
    plan.kind = find_word(getenv("FAULT_KIND"), kind_names, KIND_COUNT);
    plan.mode = find_word(getenv("FAULT_MODE"), mode_names, MODE_COUNT);
    backtrace(frame, 2); /* the first call loads a library */
    dl_iterate_phdr(find_object, &first);
    plan.under = getenv("FAULT_UNDER");
    plan.length = plan.under ? strlen(plan.under) : 0;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    char line[2 * PATH_MAX];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    int file = plan.log ? open(plan.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (file >= 0 && write(file, line, n < (int)sizeof line ? (size_t)n : sizeof line) < 0)
        abort();
    if (file >= 0)
        close(file);
}

__attribute__((destructor)) static void end(void)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (plan.calls[i])
            note("count %s %ld\n", kind_names[i], atomic_load(&plan.calls[i]));
}

static void note_call(const char *word, kind k, long number, const char *what)
{
    void *frame[FRAMES];
    char where[FRAMES * 20] = "";
    int frames = backtrace(frame, FRAMES), used = 0;

    for (int i = 0; i < frames; i++)
        if ((uintptr_t)frame[i] >= plan.begin && (uintptr_t)frame[i] < plan.end)
            used += snprintf(where + used, sizeof where - (size_t)used, " %#lx", (uintptr_t)frame[i] - 1 - plan.base);
    note("%s %s %ld %s%s\n", word, kind_names[k], number, what, where);
}

/* Counts a call, and says what becomes of it. */
static verdict ask(kind k, const char *what)
{
    long number = atomic_fetch_add(&plan.calls[k], 1) + 1;

    if ((int)k == plan.kind && !plan.at)
        note_call("call", k, number, what);
    if ((int)k != plan.kind || !plan.at || plan.mode < ONCE || plan.mode > LOST || number < plan.at ||
        (plan.mode != ON && number > plan.at))
        return PASS;
    if (number == plan.at)
        note_call("struck", k, number, what);
    return plan.mode == LOST ? LOSE : REFUSE;
}

static bool below(const char *path)
{
    return plan.length && path && !strncmp(path, plan.under, plan.length);
}

static _Thread_local char opened[PATH_MAX]; /* the path of the descriptor looked at last */

static bool descriptor_below(int descriptor)
{
    char name[64];
    NEXT(ssize_t, readlink, (const char *, char *, size_t));

    if (!plan.length)
        return false;
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t n = next(name, opened, sizeof opened - 1);
    opened[n > 0 ? n : 0] = 0;
    return below(opened);
}

static bool in_program(const void *address)
{
    return plan.length && (uintptr_t)address >= plan.begin && (uintptr_t)address < plan.end;
}

/* A function whose call of this kind concerns `what` where `concerned`; bad: what it returns where it fails. */
#define CALL(type, name, params, args, bad, kind, concerned, what) \
    type name params                                               \
    {                                                              \
        NEXT(type, name, params);                                  \
        verdict v = (concerned) ? ask(K_##kind, what) : PASS;      \
        type result = v == REFUSE ? bad : next args;               \
        if (v != PASS)                                             \
            errno = plan.error;                                    \
        return v == PASS ? result : bad;                           \
    }
#define PATH_CALL(name, params, args, kind) CALL(int, name, params, args, -1, kind, below(path), path)
#define DESCRIPTOR_CALL(name, params, args, kind) \
    CALL(int, name, params, args, -1, kind, descriptor_below(descriptor), opened)

PATH_CALL(rename, (const char *path, const char *to), (path, to), rename)
PATH_CALL(link, (const char *path, const char *to), (path, to), link)
PATH_CALL(symlink, (const char *to, const char *path), (to, path), link)
PATH_CALL(unlink, (const char *path), (path), unlink)
PATH_CALL(mkdir, (const char *path, mode_t mode), (path, mode), mkdir)
PATH_CALL(stat, (const char *restrict path, struct stat *restrict attributes), (path, attributes), stat)
PATH_CALL(lstat, (const char *restrict path, struct stat *restrict attributes), (path, attributes), stat)
PATH_CALL(access, (const char *path, int how), (path, how), stat)
PATH_CALL(statfs, (const char *path, struct statfs *attributes), (path, attributes), stat)
PATH_CALL(statvfs, (const char *restrict path, struct statvfs *restrict attributes), (path, attributes), stat)
PATH_CALL(utimensat, (int folder, const char *path, const struct timespec times[2], int flags),
          (folder, path, times, flags), touch)
PATH_CALL(scandir,
          (const char *restrict path, struct dirent ***restrict list, int (*take)(const struct dirent *),
           int (*order)(const struct dirent **, const struct dirent **)),
          (path, list, take, order), list)
CALL(DIR *, opendir, (const char *path), (path), NULL, list, below(path), path)
CALL(struct dirent *, readdir, (DIR * folder), (folder), NULL, list, descriptor_below(dirfd(folder)), opened)
CALL(char *, realpath, (const char *restrict path, char *restrict to), (path, to), NULL, stat, below(path), path)
CALL(ssize_t, readlink, (const char *restrict path, char *restrict to, size_t bytes), (path, to, bytes), -1, stat,
     below(path), path)
DESCRIPTOR_CALL(fstat, (int descriptor, struct stat *attributes), (descriptor, attributes), stat)
DESCRIPTOR_CALL(fsync, (int descriptor), (descriptor), sync)
DESCRIPTOR_CALL(fdatasync, (int descriptor), (descriptor), sync)
DESCRIPTOR_CALL(ftruncate, (int descriptor, off_t bytes), (descriptor, bytes), truncate)
DESCRIPTOR_CALL(flock, (int descriptor, int how), (descriptor, how), lock)
DESCRIPTOR_CALL(futimens, (int descriptor, const struct timespec times[2]), (descriptor, times), touch)
CALL(void *, mmap, (void *at, size_t bytes, int how, int flags, int descriptor, off_t offset),
     (at, bytes, how, flags, descriptor, offset), MAP_FAILED, map,
     descriptor >= 0 ? descriptor_below(descriptor) : in_program(__builtin_return_address(0)), "mmap")

/* Closed in any case, as Linux does. */
int close(int descriptor)
{
    NEXT(int, close, (int));
    verdict v = descriptor_below(descriptor) ? ask(K_close, opened) : PASS;
    int result = next(descriptor);

    if (v != PASS)
        errno = plan.error;
    return v == PASS ? result : -1;
}

/* For reads and writes: fewer bytes, or an interruption. */
static bool interrupted(bool concerned, size_t *bytes)
{
    if (concerned && plan.mode == SHORT)
        *bytes = (*bytes + 1) / 2;
    if (!concerned || plan.mode != AGAIN || atomic_fetch_add(&plan.moves, 1) % 5)
        return false;
    errno = EINTR;
    return true;
}

#define MOVE(name, params, args, kind)                        \
    ssize_t name params                                       \
    {                                                         \
        NEXT(ssize_t, name, params);                          \
        bool concerned = descriptor_below(descriptor);        \
        verdict v = concerned ? ask(K_##kind, opened) : PASS; \
        if (interrupted(concerned, &bytes))                   \
            return -1;                                        \
        ssize_t result = v == REFUSE ? -1 : next args;        \
        if (v != PASS)                                        \
            errno = plan.error;                               \
        return v == PASS ? result : -1;                       \
    }
MOVE(read, (int descriptor, void *data, size_t bytes), (descriptor, data, bytes), read)
MOVE(pread, (int descriptor, void *data, size_t bytes, off_t at), (descriptor, data, bytes, at), read)
MOVE(write, (int descriptor, const void *data, size_t bytes), (descriptor, data, bytes), write)
MOVE(pwrite, (int descriptor, const void *data, size_t bytes, off_t at), (descriptor, data, bytes, at), write)

/* Short: of several pieces the first one. */
ssize_t preadv(int descriptor, const struct iovec *piece, int count, off_t at)
{
    NEXT(ssize_t, preadv, (int, const struct iovec *, int, off_t));
    bool concerned = descriptor_below(descriptor);
    verdict v = concerned ? ask(K_read, opened) : PASS;
    size_t bytes = piece->iov_len;

    if (interrupted(concerned, &bytes))
        return -1;
    struct iovec half = {piece->iov_base, bytes};
    bool whole = !concerned || plan.mode != SHORT;
    ssize_t result = v == REFUSE ? -1 : next(descriptor, whole ? piece : &half, whole ? count : 1, at);
    if (v != PASS)
        errno = plan.error;
    return v == PASS ? result : -1;
}

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
    NEXT(int, openat, (int, const char *, int, ...));
    verdict v =
        below(path) || (*path != '/' && folder != AT_FDCWD && descriptor_below(folder)) ? ask(K_open, path) : PASS;

    if (v == PASS)
        return next(folder, path, flags, mode);
    errno = plan.error;
    return -1;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_at(folder, path, flags, mode);
}

int mkstemp(char *path)
{
    NEXT(int, mkstemp, (char *));

    if (!below(path) || ask(K_open, path) == PASS)
        return next(path);
    errno = plan.error;
    return -1;
}

int fcntl(int descriptor, int command, ...)
{
    NEXT(int, fcntl, (int, int, ...));
    va_list args;

    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    bool locks = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    if (!locks || !descriptor_below(descriptor) || ask(K_lock, opened) == PASS)
        return next(descriptor, command, argument);
    errno = plan.error;
    return -1;
}

/* Streams. */
static struct {
    FILE *stream;
    int descriptor;
} streams[STREAMS];
static pthread_mutex_t streams_lock = PTHREAD_MUTEX_INITIALIZER;

static int *slot_of(FILE *stream, FILE *by, int descriptor)
{
    int *found = NULL;

    pthread_mutex_lock(&streams_lock);
    for (int i = 0; i < STREAMS && !found; i++)
        if (streams[i].stream == stream) {
            found = &streams[i].descriptor;
            if (by != stream)
                streams[i].stream = by, streams[i].descriptor = descriptor;
        }
    pthread_mutex_unlock(&streams_lock);
    return found;
}

static ssize_t stream_read(void *cookie, char *data, size_t bytes)
{
    ssize_t n = read((int)(intptr_t)cookie, data, bytes);

    return n < 0 && plan.mode == AGAIN ? read((int)(intptr_t)cookie, data, bytes) : n;
}

static ssize_t stream_write(void *cookie, const char *data, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        ssize_t n = write((int)(intptr_t)cookie, data + done, bytes - done);
        if (n <= 0 && plan.mode != AGAIN)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *at, int whence)
{
    off64_t to = lseek64((int)(intptr_t)cookie, *at, whence);

    *at = to < 0 ? *at : to;
    return to < 0 ? -1 : 0;
}

static int stream_close(void *cookie)
{
    return close((int)(intptr_t)cookie);
}

static FILE *stream_of(int descriptor, const char *mode)
{
    FILE *stream = fopencookie((void *)(intptr_t)descriptor, mode,
                               (cookie_io_functions_t){stream_read, stream_write, stream_seek, stream_close});

    if (stream && !slot_of(NULL, stream, descriptor))
        abort();
    return stream;
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
    NEXT(FILE *, fopen, (const char *, const char *));
    int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;

    if (!below(path))
        return next(path, mode);
    flags |= *mode == 'r' ? 0 : *mode == 'w' ? O_CREAT | O_TRUNC : O_CREAT | O_APPEND;
    flags |= (strchr(mode, 'e') ? O_CLOEXEC : 0) | (strchr(mode, 'x') ? O_EXCL : 0);
    int descriptor = open(path, flags, 0666);
    return descriptor < 0 ? NULL : stream_of(descriptor, mode);
}

FILE *fdopen(int descriptor, const char *mode)
{
    NEXT(FILE *, fdopen, (int, const char *));

    return descriptor_below(descriptor) ? stream_of(descriptor, mode) : next(descriptor, mode);
}

int fclose(FILE *stream)
{
    NEXT(int, fclose, (FILE *));

    slot_of(stream, NULL, 0);
    return next(stream);
}

int fileno(FILE *stream)
{
    NEXT(int, fileno, (FILE *));
    int *descriptor = slot_of(stream, stream, 0);

    return descriptor ? *descriptor : next(stream);
}

/* Memory and threads. */
static bool no_memory(const void *caller)
{
    return plan.length && (uintptr_t)caller >= plan.callers_begin && (uintptr_t)caller < plan.callers_end &&
           ask(K_memory, "memory") != PASS;
}
#define CALLER __builtin_return_address(0)
#define MEMORY(name, params, args)  \
    void *name params               \
    {                               \
        NEXT(void *, name, params); \
        if (!no_memory(CALLER))     \
            return next args;       \
        errno = ENOMEM;             \
        return NULL;                \
    }
MEMORY(malloc, (size_t bytes), (bytes))
MEMORY(calloc, (size_t count, size_t bytes), (count, bytes))
MEMORY(realloc, (void *old, size_t bytes), (old, bytes))
MEMORY(aligned_alloc, (size_t align, size_t bytes), (align, bytes))

int posix_memalign(void **memory, size_t align, size_t bytes)
{
    NEXT(int, posix_memalign, (void **, size_t, size_t));

    return no_memory(CALLER) ? ENOMEM : next(memory, align, bytes);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how, void *(*work)(void *),
                   void *restrict argument)
{
    NEXT(int, pthread_create, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));

    return in_program(CALLER) && ask(K_thread, "thread") != PASS ? EAGAIN : next(thread, how, work, argument);
}

/* Pauses. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *pause, struct timespec *left)
{
    NEXT(int, clock_nanosleep, (clockid_t, int, const struct timespec *, struct timespec *));
    int64_t ns = ((int64_t)pause->tv_sec * 1000000000 + pause->tv_nsec) / 100;
    struct timespec less = {ns / 1000000000, ns % 1000000000};

    return next(clock, flags, plan.length && !(flags & TIMER_ABSTIME) ? &less : pause, left);
}

int nanosleep(const struct timespec *pause, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_REALTIME, 0, pause, left);

    errno = error ? error : errno;
    return error ? -1 : 0;
}

unsigned sleep(unsigned seconds)
{
    nanosleep(&(struct timespec){(time_t)seconds, 0}, NULL);
    return 0;
}

int usleep(useconds_t us)
{
    return nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* The other names of the same functions. */
#define ALIAS(type, name, of, params) type name params __attribute__((alias(#of)));
ALIAS(int, open64, open, (const char *path, int flags, ...))
ALIAS(int, openat64, openat, (int folder, const char *path, int flags, ...))
ALIAS(FILE *, fopen64, fopen, (const char *restrict path, const char *restrict mode))
ALIAS(int, mkstemp64, mkstemp, (char *path))
ALIAS(ssize_t, pread64, pread, (int descriptor, void *data, size_t bytes, off_t at))
ALIAS(ssize_t, pwrite64, pwrite, (int descriptor, const void *data, size_t bytes, off_t at))
ALIAS(int, ftruncate64, ftruncate, (int descriptor, off_t bytes))
ALIAS(int, fcntl64, fcntl, (int descriptor, int command, ...))
