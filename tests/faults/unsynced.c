/* A file system that keeps nothing but what was synced, for one process.
 *
 * Loaded with LD_PRELOAD, it copies a file into the directory $SYNCED each time the process syncs it,
 * and when a directory is synced it removes from there what that has no more. After the process was
 * killed, $SYNCED holds what a loss of power leaves in the worst case: of each file its contents as of
 * its last sync, and nothing of one that was never synced.
 *
 * If there is a file $SYNCED/fail-NAME, the next sync of the file NAME removes it and fails, and keeps nothing.
 *
 * Several threads of the process may sync at a time, each a file of its own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *join(char *path, const char *directory, const char *name) {
    snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return path;
}

/* It reads through the descriptor that it was given: opening and closing the file would let go of the
 * locks that SQLite holds on it. */
static int keep(int fd, const char *path, const char *synced) {
    char buffer[65536], target[PATH_MAX], half[PATH_MAX], name[32];
    off_t done = 0;
    ssize_t size;
    int sink;
    snprintf(name, sizeof name, ".half-%d", fd);
    sink = open(join(half, synced, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (sink < 0) return -1;
    while ((size = pread(fd, buffer, sizeof buffer, done)) > 0 && write(sink, buffer, size) == size) done += size;
    close(sink);
    return size == 0 ? rename(half, join(target, synced, strrchr(path, '/') + 1)) : -1;
}

static int forget_removed(const char *path, const char *synced) {
    char here[PATH_MAX], there[PATH_MAX];
    struct dirent *entry;
    DIR *names = opendir(synced);
    if (names == NULL) return -1;
    while ((entry = readdir(names)) != NULL)
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, "fail-", 5) != 0
            && access(join(here, path, entry->d_name), F_OK) < 0)
            unlink(join(there, synced, entry->d_name));
    closedir(names);
    return 0;
}

static int sync_to(int fd) {
    const char *synced = getenv("SYNCED");
    char self[64], path[PATH_MAX];
    struct stat status;
    ssize_t size;
    if (synced == NULL || fstat(fd, &status) < 0) return 0;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    size = readlink(self, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    if (size > 0 && S_ISDIR(status.st_mode) && forget_removed(path, synced) == 0) return 0;
    if (size > 0 && S_ISREG(status.st_mode)) {
        char failure[PATH_MAX];
        snprintf(failure, sizeof failure, "%s/fail-%s", synced, strrchr(path, '/') + 1);
        if (unlink(failure) < 0 && keep(fd, path, synced) == 0) return 0;
    }
    errno = EIO;
    return -1;
}

int fsync(int fd) { return sync_to(fd); }
int fdatasync(int fd) { return sync_to(fd); }
