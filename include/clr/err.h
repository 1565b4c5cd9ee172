/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLR_ERR_H
#define CLR_ERR_H
/* Errors are values. A function that can meet bad input, a full disk or a signal returns a clr_status
   and leaves one sentence (which file, which value, why, and how to mend it) for the caller to show.
   Only bugs and failed small allocations stop the program where they are found. */

typedef enum clr_status {
    CLR_OK = 0,
    CLR_STOPPED,  /* asked to stop, state saved: exit status 75 */
    CLR_EUSAGE,   /* the command line is wrong: exit status 2 */
    CLR_EINPUT,   /* a file does not hold what it should */
    CLR_EIO,      /* the system refused: no such file, disk full, ... */
    CLR_EMEMORY,  /* does not fit */
    CLR_ECONFIG,  /* contradicts an earlier run, or itself */
    CLR_EBUSY,    /* somebody else holds it */
    CLR_ENUMERIC, /* NaN or Inf */
} clr_status;

/* Local. Records the sentence for this thread and returns st. Use as: return clr_fail(CLR_EIO, ...); */
clr_status clr_fail(clr_status st, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Local. Puts "context: " before the recorded sentence and returns st, which must not be CLR_OK. */
clr_status clr_fail_in(clr_status st, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sentence that the last clr_fail of this thread recorded; valid until the next. To carry an error
   from one thread to another, copy it there and clr_fail(st, "%s", copy) here. */
const char *clr_message(void);

/* 0 done, 1 failed, 2 usage, 75 stopped. */
int clr_exit_status(clr_status st);

/* A condition whose failure is a bug of ours: says where and aborts. Always on. */
#define CLR_CHECK(condition) ((condition) ? (void)0 : clr_bug(__FILE__, __LINE__, #condition))
void clr_bug(const char *file, int line, const char *condition) __attribute__((noreturn));

/* The same, for inner loops: only with --enable-debug. */
#ifdef CLR_DEBUG
#define CLR_ASSERT(condition) CLR_CHECK(condition)
#else
#define CLR_ASSERT(condition) ((void)0)
#endif

#endif
