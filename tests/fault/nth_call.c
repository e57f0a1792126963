/*
 * A library to be loaded before the C library (LD_PRELOAD): one call of one kind fails, the nth
 * that the process makes, and all are counted.
 *
 * The file $LIFELINE_NTH holds numbers of 64 bits: the kind that is to fail, which call of it
 * (0: none), its errno, and then, written here, how many calls there were of each kind.
 *
 * Calls on files count whoever makes them, SQLite included; those on sockets and on the three
 * standard streams do not. Allocations count where the program itself asks for them and, apart from
 * these, where one of the libraries $LIFELINE_NTH_LIBRARIES does, a list with commas.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITES, SYNCS, RENAMES, ALLOCATIONS, LIBRARY_ALLOCATIONS, KINDS };

struct control {
    uint64_t failing;
    uint64_t nth;
    uint64_t error;
    _Atomic uint64_t counts[KINDS];
};

#define MAX_OBJECTS 16
#define LIST_TEXT   256

static struct control *control; /* NULL: not begun */
static struct {
    uintptr_t begin;
    uintptr_t end;
    enum kind kind;
} callers[MAX_OBJECTS];
static int caller_count;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool is_listed(const char *object)
{
    const char *libraries = getenv("LIFELINE_NTH_LIBRARIES");
    char list[LIST_TEXT];
    char *rest = list;
    snprintf(list, sizeof list, "%s", libraries != NULL ? libraries : "");
    for (const char *name; (name = strsep(&rest, ",")) != NULL;) {
        if (name[0] != '\0' && strstr(object, name) != NULL) {
            return true;
        }
    }
    return false;
}

/* The program itself has no name. */
static int note_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    const bool own = info->dlpi_name[0] == '\0';
    if (!own && !is_listed(info->dlpi_name)) {
        return 0;
    }
    for (int i = 0; i < info->dlpi_phnum && caller_count < MAX_OBJECTS; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type == PT_LOAD && (h->p_flags & PF_X) != 0) {
            const uintptr_t at = info->dlpi_addr + h->p_vaddr;
            callers[caller_count].begin = at;
            callers[caller_count].end = at + h->p_memsz;
            callers[caller_count].kind = own ? ALLOCATIONS : LIBRARY_ALLOCATIONS;
            caller_count++;
        }
    }
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("LIFELINE_NTH");
    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    dl_iterate_phdr(note_object, NULL);
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    control = at != MAP_FAILED ? at : NULL;
}

static bool fails(enum kind kind)
{
    if (control == NULL) {
        return false;
    }
    const uint64_t nth = atomic_fetch_add(&control->counts[kind], 1) + 1;
    if (control->failing != (uint64_t)kind || control->nth != nth) {
        return false;
    }
    errno = (int)control->error;
    return true;
}

static bool is_file(int fd)
{
    struct stat st;
    return fd > STDERR_FILENO && fstat(fd, &st) == 0 &&
           (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static bool allocation_fails(const void *caller)
{
    for (int i = 0; i < caller_count; i++) {
        if ((uintptr_t)caller >= callers[i].begin && (uintptr_t)caller < callers[i].end) {
            return fails(callers[i].kind);
        }
    }
    return false;
}

/* --- files ----------------------------------------------------------------------------------- */

ssize_t write(int fd, const void *data, size_t len)
{
    return is_file(fd) && fails(WRITES) ? -1 : syscall(SYS_write, fd, data, len);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return is_file(fd) && fails(WRITES) ? -1 : syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return is_file(fd) && fails(WRITES) ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return pwrite(fd, data, len, at);
}

int fsync(int fd)
{
    return is_file(fd) && fails(SYNCS) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return is_file(fd) && fails(SYNCS) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
    return fails(RENAMES) ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

/* --- memory ---------------------------------------------------------------------------------- */

void *malloc(size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
