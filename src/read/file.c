#include "file.h"

#include "clr/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t largest = INT64_C(1) << 30;

bool clr_file_is_folder(const char *path)
{
    struct stat facts;
    return !stat(path, &facts) && S_ISDIR(facts.st_mode);
}

int64_t clr_file_size(const char *path)
{
    struct stat facts;
    return !stat(path, &facts) && S_ISREG(facts.st_mode) ? (int64_t)facts.st_size : -1;
}

clr_status clr_file_read(const char *path, uint8_t **bytes, int64_t *length)
{
    struct stat facts;
    clr_status st = CLR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us up */

    *bytes = NULL;
    *length = 0;
    if (fd < 0 || fstat(fd, &facts)) {
        st = clr_fail(CLR_EINPUT, "cannot be opened: %s", strerror(errno));
        goto out;
    }
    if (!S_ISREG(facts.st_mode) || facts.st_size > largest) {
        st = clr_fail(CLR_EINPUT, S_ISREG(facts.st_mode) ? "is larger than 1 GiB" : "is not a file");
        goto out;
    }
    *bytes = clr_alloc((size_t)facts.st_size, 1);
    while (*length < facts.st_size) {
        ssize_t n = read(fd, *bytes + *length, (size_t)(facts.st_size - *length));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = clr_fail(CLR_EINPUT, "cannot be read: %s", strerror(errno));
        if (n <= 0)
            break;
        *length += n;
    }
out:
    if (fd >= 0)
        close(fd);
    if (st != CLR_OK) {
        clr_free(*bytes);
        *bytes = NULL;
    }
    return st;
}

clr_status clr_file_two_splits(const char *path, const char *split)
{
    if (!split || !strcmp(split, "train") || !strcmp(split, "test"))
        return CLR_OK;
    return clr_fail(CLR_EUSAGE, "--split=%s: %s has only train and test", split, path);
}

char **clr_file_numbers(int n)
{
    char **names = CLR_NEW(char *, n);

    for (int i = 0; i < n; i++)
        names[i] = clr_text("%d", i);
    return names;
}
