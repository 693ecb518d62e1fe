/* The yardstick: as fast as one thread can hand every line that it reads to everyone who is connected.
 *
 * There is one log, and a member is a place in it. Each turn of the loop reads what is there, appends the whole
 * lines, and sends each member everything behind its place at once. It parses nothing, keeps nothing and
 * answers nothing but `ready`, so a server that does more cannot be faster, and should not be much slower.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOG = 64 << 20, READ = 256 << 10, EVENTS = 512 };

typedef struct {
    int fd;
    bool blocked;
    uint64_t place;
    char *rest; /* of a line that has not ended */
    size_t rest_size;
} Member;

static char *log_; /* mapped twice in a row, so that what wraps around lies in one piece all the same */
static uint64_t end;
static Member **members;
static int count, watch;

static char *map_log(void) {
    int fd = memfd_create("log", 0);
    char *at = mmap(NULL, 2L * LOG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int half = 0; half < 2; half++)
        if (ftruncate(fd, LOG) < 0 || at == MAP_FAILED ||
            mmap(at + (long)half * LOG, LOG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
            exit((perror("floor: cannot map the log"), 1));
    return at;
}

static void leave(Member *m) {
    close(m->fd);
    m->fd = -1;
}

static void watch_for(Member *m, bool blocked) {
    struct epoll_event e = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.ptr = m};
    if (m->blocked != blocked) epoll_ctl(watch, EPOLL_CTL_MOD, m->fd, &e);
    m->blocked = blocked;
}

static void send_what_is_new(Member *m) {
    while (m->place < end) {
        ssize_t done = send(m->fd, log_ + m->place % LOG, end - m->place, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0) return watch_for(m, true);
        m->place += (uint64_t)done;
    }
    watch_for(m, false);
}

static void receive(Member *m) {
    char *at = log_ + end % LOG, *last;
    if (m->rest_size) memcpy(at, m->rest, m->rest_size);
    ssize_t got = recv(m->fd, at + m->rest_size, READ, MSG_DONTWAIT);
    if (got <= 0) return leave(m);
    size_t size = m->rest_size + (size_t)got, whole;
    last = memrchr(at, '\n', size);
    whole = last ? (size_t)(last + 1 - at) : 0;
    end += whole;
    m->rest_size = size - whole;
    if (!m->rest_size) return;
    if (!(m->rest = realloc(m->rest, m->rest_size))) exit(1);
    memcpy(m->rest, at + whole, m->rest_size);
}

static void accept_all(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Member *m = calloc(1, sizeof *m);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = m};
        if (!m || !(members = realloc(members, sizeof(Member *) * (size_t)(count + 1)))) exit(1);
        members[count++] = m;
        m->fd = fd;
        m->place = end;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_ctl(watch, EPOLL_CTL_ADD, fd, &e);
        if (send(fd, "ready\n", 6, MSG_NOSIGNAL) < 0) leave(m);
    }
}

static void sweep(uint64_t before) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
        Member *m = members[i];
        if (m->fd >= 0 && end - m->place > LOG - READ) leave(m); /* too far behind for this log */
        if (m->fd >= 0 && !m->blocked && end > before) send_what_is_new(m);
        if (m->fd < 0) {
            free(m->rest);
            free(m);
        } else {
            members[kept++] = m;
        }
    }
    count = kept;
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
    struct rlimit files;
    struct epoll_event events[EVENTS], e = {.events = EPOLLIN};
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (void *)&at, sizeof at) < 0 || listen(listener, 4096) < 0) exit((perror("floor"), 1));
    watch = epoll_create1(0);
    epoll_ctl(watch, EPOLL_CTL_ADD, listener, &e);
    log_ = map_log();
    for (;;) {
        uint64_t before = end;
        bool left = false;
        for (int due = epoll_wait(watch, events, EVENTS, -1); due-- > 0;) {
            Member *m = events[due].data.ptr;
            if (!m) accept_all(listener);
            else if (events[due].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(m);
            if (m && m->fd >= 0 && m->blocked && events[due].events & EPOLLOUT) send_what_is_new(m);
            left |= m && m->fd < 0;
        }
        if (end > before || left) sweep(before);
    }
}
