/* Loads a chat server with members and posts, and measures what comes out. One thread, one epoll; Linux.
 *
 * Every text begins with a mark: '|', the time in microseconds (7 digits), the lane (2) and a number (5), in
 * base 32 from '0' on. A lane is one poster in one room, and its numbers go up by one. So whatever the
 * framing, each copy that arrives is counted, timed, and checked for loss, repetition and order.
 *
 * Lanes take turns. With --lively N, nine of ten posts go to the first N of them, and one of ten to all in turn.
 *
 * Phases: all connect and join; all is quiet for --settle seconds; posts run, at first for --warm seconds that
 * do not count and then for --seconds that do; what is owed arrives. The last thing is one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif

enum { MARK = 15, TOKEN = 14, READ = 128 * 1024, EVENTS = 512, LANES = 1024, OCTAVE = 32, BUCKETS = 40 * OCTAVE };

#define fail(...) (fprintf(stderr, "load: " __VA_ARGS__), fputc('\n', stderr), exit(1))

/* --- the languages that servers speak --------------------------------------------------------------------- */

typedef struct {
    const char *name;
    const char *hello, *welcomed; /* said first; what has to be read before `join`, or nothing */
    const char *join, *joined;    /* said for every room, and the answer that makes a member of one */
    const char *poster, *ready;   /* instead of all that, where those who post are no members */
    const char *before, *between, *after; /* a post is: before, its id if there is a between, between, text, after */
    enum { NOTHING, OTHERS, ALL } hears;  /* what a poster gets of what is posted in its rooms */
} Dialect; /* %s is a name in `hello` and else a room, %d the size of a text */

static const Dialect dialects[] = {
    {"chat", "{\"type\":\"hello\",\"protocol\":1,\"nick\":\"%s\"}\n", 0, "{\"type\":\"join\",\"room\":\"%s\"}\n",
     "\"joined\",\"", 0, 0, "{\"type\":\"post\",\"room\":\"%s\",\"id\":\"", "\",\"text\":\"", "\"}\n", ALL},
    {"lines", "", 0, "", "ready\n", 0, 0, "", 0, "\n", ALL},
    {"redis", "", 0, "SUBSCRIBE %s\r\n", "subscribe\r\n", "PING\r\n", "PONG",
     "*3\r\n$7\r\nPUBLISH\r\n$8\r\n%s\r\n$%d\r\n", 0, "\r\n", NOTHING},
    {"nats", "CONNECT {\"verbose\":false}\r\n", 0, "SUB %s 1\r\nPING\r\n", "PONG",
     "CONNECT {\"verbose\":false}\r\nPING\r\n", "PONG", "PUB %s %d\r\n", 0, "\r\n", NOTHING},
    {"irc", "NICK %s\r\nUSER m 0 * :m\r\n", " 001 ", "JOIN #%s\r\n", " 366 ", 0, 0,
     "PRIVMSG #%s :", 0, "\r\n", OTHERS},
};

/* --- what was asked for ----------------------------------------------------------------------------------- */

static int port, pid, members = 100, posters = 8, stalled, rooms = 1, size = 64, window = 64, at_once = 256, count, lively;
static double rate, seconds = 2, warm = 0.3, settle = 0.5, patience = 60;
static bool idle, by_acks;
static int over_tls, over_web; /* over_web: each line of a chat client is a message of a WebSocket */
static const Dialect *speak = dialects;
static const volatile uint64_t *syncs; /* of syncs.c: how many, and the nanoseconds that they took */

/* --- what goes on ----------------------------------------------------------------------------------------- */

typedef struct {
    int fd, number, joins; /* joins: the answers that are still to come */
    enum { MEMBER, POSTER, STALLED } kind;
    enum { CONNECTING, GREETED, JOINING, READY, CLOSED } stage;
    bool timed, wants_out;
    long in_flight;
    uint32_t *last; /* the highest number that came, by lane */
    double began;
    char carry[TOKEN];
    size_t carried, out_start, out_end, out_size;
    char *out;
    void *tls; /* if the bytes are encrypted */
} Peer;

typedef struct {
    uint64_t posts, copies, reads, bytes, acks, errors, lost, repeated, closed;
} Counts;

static Peer *peers;
static int peer_count, started, ready, timer = -1, watch, lanes, next_lane, next_lively;
static Counts now_counts;
static bool counting;
static uint64_t owed, came, histogram[BUCKETS], joins[BUCKETS];
static uint32_t *arrived, ring; /* copies of the last posts, by lane and number; ring is a power of two */
static uint32_t sent[LANES];
static int hearers[LANES]; /* how many get what is posted on a lane */
static char *before[LANES], *filler, input[TOKEN + READ + 128];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note(uint64_t *buckets, double value) {
    int bucket = value <= 1e-6 ? 0 : (int)(log2(value * 1e6) * OCTAVE);
    buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static double percentile(const uint64_t *buckets, double part) { /* in milliseconds */
    uint64_t total = 0, below = 0;
    for (int i = 0; i < BUCKETS; i++) total += buckets[i];
    for (int i = 0; i < BUCKETS; i++)
        if (total && (double)(below += buckets[i]) >= part * (double)total) return exp2((i + 0.5) / OCTAVE) / 1e3;
    return 0;
}

static void write_digits(char *to, uint64_t value, int digits) {
    for (; digits--; value >>= 5) to[digits] = (char)('0' + (value & 31));
}

static uint64_t read_digits(const char *from, int digits) {
    uint64_t value = 0;
    for (int i = 0; i < digits; i++) value = value << 5 | ((from[i] - '0') & 31);
    return value;
}

static bool hears(const Peer *p, int lane) {
    int room = lane % rooms;
    if (p->kind == MEMBER) return p->number % rooms == room;
    if (speak->hears == NOTHING || (speak->hears == OTHERS && lane % posters == p->number)) return false;
    return posters < rooms ? lane % posters == p->number : p->number % rooms == room;
}

/* --- bytes, in the clear or over TLS: as send and recv do it ---------------------------------------------- */

#ifdef TLS
static ssize_t outcome(Peer *p, int moved) {
    if (moved > 0) return moved;
    int why = SSL_get_error(p->tls, moved);
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t give(Peer *p, const char *bytes, size_t length) {
    return p->tls ? outcome(p, SSL_write(p->tls, bytes, (int)length)) : send(p->fd, bytes, length, MSG_NOSIGNAL);
}

static ssize_t take(Peer *p, char *to, size_t length) {
    return p->tls ? outcome(p, SSL_read(p->tls, to, (int)length)) : recv(p->fd, to, length, 0);
}

static void encrypt(Peer *p) { /* which the server need not be trusted for: it is ours */
    static SSL_CTX *context;
    if (!context) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        signal(SIGPIPE, SIG_IGN);
    }
    if (!(p->tls = SSL_new(context)) || !SSL_set_fd(p->tls, p->fd)) fail("out of memory");
    SSL_set_connect_state(p->tls);
}
#else
static ssize_t give(Peer *p, const char *bytes, size_t length) { return send(p->fd, bytes, length, MSG_NOSIGNAL); }
static ssize_t take(Peer *p, char *to, size_t length) { return recv(p->fd, to, length, 0); }
static void encrypt(Peer *p) {
    fail("connection %d cannot be encrypted without OpenSSL; on Debian: apt-get install libssl-dev", p->number);
}
#endif

/* --- output ----------------------------------------------------------------------------------------------- */

static void watch_peer(Peer *p, int how) {
    struct epoll_event e = {.events = EPOLLIN | (p->wants_out ? EPOLLOUT : 0), .data.ptr = p};
    if (epoll_ctl(watch, how, p->fd, &e) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void want_out(Peer *p, bool wanted) {
    if (p->wants_out == wanted) return;
    p->wants_out = wanted;
    watch_peer(p, EPOLL_CTL_MOD);
}

static void close_peer(Peer *p) {
    if (p->stage != READY) fail("the server closed connection %d before it had joined", p->number);
    close(p->fd);
    p->stage = CLOSED;
    now_counts.closed++;
}

static char *room_for(Peer *p, size_t more) {
    if (p->out_start == p->out_end) p->out_start = p->out_end = 0;
    if (p->out_end + more > p->out_size) {
        p->out = realloc(p->out, p->out_size = 2 * (p->out_end + more));
        if (!p->out) fail("out of memory");
    }
    return p->out + p->out_end;
}

static void put(Peer *p, const char *bytes, size_t length) {
    memcpy(room_for(p, length), bytes, length);
    p->out_end += length;
}

/* Makes the line that was put since an offset a message, masked by a key that changes nothing. */
static void put_frame(Peer *p, size_t from) {
    size_t length = p->out_end - from - 1, header = length < 126 ? 6 : 8;
    char *at = room_for(p, header) - (length + 1);
    if (length > UINT16_MAX) fail("a line is too long for a message here");
    memmove(at + header, at, length);
    memset(at, 0, header);
    at[0] = (char)0x81;
    at[1] = (char)(0x80 | (length < 126 ? length : 126));
    if (length >= 126) at[2] = (char)(length >> 8), at[3] = (char)length;
    p->out_end = from + header + length;
}

static void put_line(Peer *p, const char *line, size_t length) {
    size_t from = (size_t)(room_for(p, length) - p->out);
    put(p, line, length);
    if (over_web) put_frame(p, from);
}

static void flush(Peer *p) {
    while (p->stage != CLOSED && p->out_start < p->out_end) {
        ssize_t done = give(p, p->out + p->out_start, p->out_end - p->out_start);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && errno == EAGAIN) return want_out(p, true);
        if (done < 0) return close_peer(p);
        p->out_start += (size_t)done;
    }
    if (p->stage != CLOSED) want_out(p, false);
}

static Peer *poster_of(int lane) { return &peers[stalled + members + lane % posters]; }

static int take_lane(void) {
    int lane;
    if (lively && now_counts.posts % 10) {
        lane = next_lively;
        next_lively = (lane + 1) % lively;
    } else {
        lane = next_lane;
        next_lane = (lane + 1) % lanes;
    }
    return lane;
}

static void post(void) {
    int lane = take_lane();
    Peer *p = poster_of(lane);
    char mark[MARK];
    size_t from = (size_t)(room_for(p, 1) - p->out);
    mark[0] = '|';
    write_digits(mark + 1, (uint64_t)(now() * 1e6), 7);
    write_digits(mark + 8, (uint64_t)lane, 2);
    write_digits(mark + 10, ++sent[lane], 5);
    put(p, before[lane], strlen(before[lane]));
    if (speak->between) {
        put(p, mark + 1, MARK - 1);
        put(p, speak->between, strlen(speak->between));
    }
    put(p, mark, MARK);
    put(p, filler, (size_t)size - MARK);
    put(p, speak->after, strlen(speak->after));
    if (over_web) put_frame(p, from);
    p->in_flight++;
    owed += (uint64_t)hearers[lane];
    now_counts.posts++;
}

/* Whether anybody has fewer than `window` posts that are not acknowledged, or not with everyone. */
static bool may_post(void) {
    for (int tries = 0; tries < lanes; tries++, next_lane = (next_lane + 1) % lanes)
        if (poster_of(next_lane)->in_flight < window) return true;
    return false;
}

/* Posts what is due: `due` posts in all, or with a negative one as many as the window lets through. */
static void post_due(double due) {
    while ((!count || now_counts.posts < (uint64_t)count) && (due < 0 ? may_post() : now_counts.posts < due)) post();
    for (int i = 0; i < posters; i++)
        if (!peers[stalled + members + i].wants_out) flush(&peers[stalled + members + i]);
}

/* --- input ------------------------------------------------------------------------------------------------ */

static void take_copy(Peer *p, const char *mark, double at) {
    uint64_t lane = read_digits(mark + 8, 2);
    uint32_t number = (uint32_t)read_digits(mark + 10, 5);
    if (lane >= (uint64_t)lanes) fail("this server sends a '|' of its own");
    if (number <= p->last[lane]) {
        now_counts.repeated++;
        return;
    }
    now_counts.lost += number - p->last[lane] - 1;
    p->last[lane] = number;
    came++;
    uint32_t *copies = &arrived[(uint32_t)lane * ring + (number & (ring - 1))];
    if (++*copies == (uint32_t)hearers[lane]) {
        *copies = 0;
        if (!by_acks) poster_of((int)lane)->in_flight--;
    }
    if (p->timed && counting) {
        uint64_t age = ((uint64_t)(at * 1e6) - read_digits(mark + 1, 7)) & ((1ULL << 35) - 1);
        note(histogram, (double)age / 1e6);
    }
}

/* Bytes that lie at least between two marks. What a chat server sends of a post holds all that was posted, and
 * any server sends the text. */
static ptrdiff_t least_distance(void) {
    size_t around = speak->between ? strlen(before[0]) + TOKEN + strlen(speak->between) + strlen(speak->after) : 0;
    return (ptrdiff_t)around + size;
}

/* Takes the copies; returns what lies behind the last one. Most frames are as long as the one before, so the
 * next mark is looked for at that distance first: but only where no other mark fits between the two. Answers
 * make distances longer, and some are as long as several frames. */
static char *take_copies(Peer *p, char *start, char *end) {
    double at = p->timed ? now() : 0;
    char *mark = memchr(start, '|', (size_t)(end - start)), *next;
    uint64_t copies = 0;
    ptrdiff_t distance = end - start, sure = 2 * least_distance();
    for (; mark && end - mark >= MARK; mark = next) {
        if (over_web && (mark[1] < '0' || mark[1] > 'O')) { /* the length of a message, and no mark */
            next = memchr(mark + 1, '|', (size_t)(end - mark - 1));
            continue;
        }
        take_copy(p, mark, at);
        copies++;
        start = mark + MARK;
        if (distance < sure && distance < end - mark && mark[distance] == '|') next = mark + distance;
        else next = memchr(start, '|', (size_t)(end - start));
        if (next) distance = next - mark;
    }
    now_counts.copies += copies;
    return start;
}

static char *take_tokens(char *start, char *end, const char *token, uint64_t *found) {
    size_t length = strlen(token);
    for (char *at; (at = memmem(start, (size_t)(end - start), token, length)); start = at + length) ++*found;
    return start;
}

static const char request[] = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

static void say_joins(Peer *p) {
    char line[256];
    p->stage = JOINING;
    for (int lane = 0; lane < lanes; lane++)
        if (p->kind == POSTER ? lane % posters == p->number : lane == p->number % rooms) {
            char room[16];
            snprintf(room, sizeof room, "room%04d", lane % rooms);
            put_line(p, line, (size_t)snprintf(line, sizeof line, speak->join, room));
            p->joins++;
        }
}

static void say_hello(Peer *p) {
    char line[256], nick[16];
    snprintf(nick, sizeof nick, "m%d", (int)(p - peers));
    p->stage = GREETED;
    if (p->kind == POSTER && speak->poster) {
        put(p, speak->poster, strlen(speak->poster));
        p->stage = JOINING;
        p->joins = 1;
    } else {
        if (over_web) put(p, request, strlen(request));
        put_line(p, line, (size_t)snprintf(line, sizeof line, speak->hello, nick));
        if (!speak->welcomed) say_joins(p);
    }
    flush(p);
}

static char *take_greeting(Peer *p, char *start, char *end) {
    uint64_t found = 0;
    if (p->stage == GREETED) {
        start = take_tokens(start, end, speak->welcomed, &found);
        if (!found) return start;
        say_joins(p);
        flush(p);
        found = 0;
    }
    start = take_tokens(start, end, p->kind == POSTER && speak->ready ? speak->ready : speak->joined, &found);
    p->joins -= (int)found;
    if (p->joins > 0) return start;
    p->stage = READY;
    ready++;
    note(joins, now() - p->began);
    if (p->kind == STALLED) epoll_ctl(watch, EPOLL_CTL_DEL, p->fd, NULL);
    return start;
}

static char *take_answers(Peer *p, char *start, char *end) {
    uint64_t acks = 0, errors = 0;
    char *behind = take_tokens(start, end, "\"ack\",\"", &acks), *error;
    if (speak == dialects && (error = take_tokens(start, end, "\"error\",\"", &errors)) && errors) {
        if (!now_counts.errors) fprintf(stderr, "load: a post was refused: %.120s\n", error);
        if (error > behind) behind = error;
    }
    if (by_acks) p->in_flight -= (long)(acks + errors);
    now_counts.acks += acks;
    now_counts.errors += errors;
    return behind;
}

static void receive(Peer *p) {
    char *start = input + TOKEN - p->carried, *end, *behind = start;
    ssize_t length = take(p, input + TOKEN, READ);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) return close_peer(p);
    memcpy(start, p->carry, p->carried);
    end = input + TOKEN + length;
    now_counts.bytes += (uint64_t)length;
    now_counts.reads++;
    if (p->stage != READY) {
        behind = take_greeting(p, start, end);
    } else {
        behind = take_copies(p, start, end);
        if (p->kind == POSTER) {
            char *answered = take_answers(p, start, end);
            if (answered > behind) behind = answered;
        }
    }
    if (end - behind > TOKEN) behind = end - TOKEN; /* what was found is not found again; what was cut will be */
    p->carried = (size_t)(end - behind);
    memcpy(p->carry, behind, p->carried);
}

static void turn(int milliseconds) {
    static struct epoll_event events[EVENTS];
    int due = epoll_wait(watch, events, EVENTS, milliseconds);
    for (int i = 0; i < due; i++) {
        Peer *p = events[i].data.ptr;
        uint64_t ticks;
        if (!p) {
            if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) fail("timerfd: %s", strerror(errno));
            continue;
        }
        if (p->stage == CONNECTING && events[i].events & (EPOLLOUT | EPOLLERR)) {
            int error = 0;
            socklen_t length = sizeof error;
            getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &length);
            if (error) fail("cannot connect: %s", strerror(error));
            if (over_tls) encrypt(p);
            say_hello(p);
        } else if (events[i].events & EPOLLOUT) {
            flush(p);
        }
        if (p->stage != CLOSED && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(p);
    }
}

/* --- the phases ------------------------------------------------------------------------------------------- */

static void start_peer(Peer *p) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int yes = 1, little = 32 * 1024;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (p->fd < 0) fail("cannot open socket %d: %s", started, strerror(errno));
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (p->kind == STALLED) setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    p->began = now();
    if (connect(p->fd, (void *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        fail("cannot connect: %s", strerror(errno));
    p->wants_out = true;
    watch_peer(p, EPOLL_CTL_ADD);
}

static void join_all(void) {
    double end = now() + patience;
    while (ready < peer_count) {
        while (started < peer_count && started - ready < at_once) start_peer(&peers[started++]);
        turn(100);
        if (now() > end) fail("%d of %d had joined after %g s", ready, peer_count, patience);
    }
}

static void set_up(void) {
    char name[16];
    lanes = posters > rooms ? posters : rooms;
    if (lanes > LANES || size < 16) fail("at most %d rooms and posters, at least 16 bytes", LANES);
    if (lively > lanes || (lively && rate <= 0)) fail("at most %d lively ones, and only at a rate", lanes);
    filler = malloc((size_t)size);
    memset(filler, 'x', (size_t)size);
    peer_count = stalled + members + posters;
    peers = calloc((size_t)peer_count, sizeof *peers);
    for (int i = 0; i < peer_count; i++) {
        Peer *p = &peers[i];
        p->kind = i < stalled ? STALLED : i < stalled + members ? MEMBER : POSTER;
        p->number = p->kind == POSTER ? i - stalled - members : p->kind == MEMBER ? i - stalled : i;
        p->timed = i >= stalled && (i - stalled) % ((members + posters + 63) / 64) == 0;
        if (!(p->last = calloc((size_t)lanes, sizeof *p->last))) fail("out of memory");
    }
    for (int lane = 0; lane < lanes; lane++) {
        int room = lane % rooms;
        snprintf(name, sizeof name, "room%04d", room);
        if (asprintf(&before[lane], speak->before, name, size) < 0) fail("out of memory");
        for (int i = stalled; i < peer_count; i++) hearers[lane] += hears(&peers[i], lane);
    }
    for (ring = 1; ring <= (uint32_t)window; ring *= 2) continue;
    if (!(arrived = calloc((size_t)lanes * ring, sizeof *arrived))) fail("out of memory");
    watch = epoll_create1(0);
    if (rate > 0) {
        long every = rate < 1e6 ? (long)(1e9 / rate) : 1000;
        struct itimerspec beat = {{every / 1000000000, every % 1000000000}, {every / 1000000000, every % 1000000000}};
        struct epoll_event e = {.events = EPOLLIN};
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
        timerfd_settime(timer, 0, &beat, NULL);
        epoll_ctl(watch, EPOLL_CTL_ADD, timer, &e);
    }
}

/* What the server has used, so far; zeros if nobody said which process it is. */
typedef struct {
    double at, cpu, own_cpu, all_cpu; /* all_cpu: of everything on this machine */
    long rss, peak; /* KiB */
    uint64_t syncs, sync_ns;
    Counts counts;
} Snapshot;

static Snapshot look(void) {
    Snapshot s = {.at = now(), .counts = now_counts};
    struct timespec t;
    clockid_t clock;
    char path[64], line[256];
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    s.own_cpu = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    if (syncs) s.syncs = syncs[0], s.sync_ns = syncs[1];
    FILE *stat = fopen("/proc/stat", "r");
    double user, nice, system, idle_, waits, irq, softirq, steal;
    if (stat && fscanf(stat, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle_, &waits, &irq,
                       &softirq, &steal) == 8)
        s.all_cpu = (user + nice + system + irq + softirq + steal) / (double)sysconf(_SC_CLK_TCK);
    if (stat) fclose(stat);
    if (!pid) return s;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t)) fail("there is no process %d", pid);
    s.cpu = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &s.peak) != 1) sscanf(line, "VmRSS: %ld", &s.rss);
    if (status) fclose(status);
    return s;
}

static bool all_done(void) {
    return came + now_counts.lost >= owed && (!by_acks || now_counts.acks + now_counts.errors >= now_counts.posts);
}

static void run_until(double end, double began) {
    for (double at; (at = now()) < end;) {
        if (count && now_counts.posts >= (uint64_t)count && all_done()) return;
        if (!idle) post_due(rate > 0 ? (at - began) * rate : -1);
        turn(idle ? 100 : 5);
    }
}

static void count_what_never_came(void) {
    for (int i = stalled; i < peer_count; i++)
        for (int lane = 0; lane < lanes; lane++)
            if (hears(&peers[i], lane)) now_counts.lost += sent[lane] - peers[i].last[lane];
}

static void field(const char *name, double value) {
    static char before_it = '{';
    printf("%c\"%s\":", before_it, name);
    printf(value == floor(value) || value >= 1e5 ? "%.0f" : "%.5g", value);
    before_it = ',';
}

static void report(Snapshot empty, Snapshot joined, Snapshot from, Snapshot to, double join_seconds) {
    double took = to.at - from.at, cpu = to.cpu - from.cpu, stored = (double)(to.syncs - from.syncs);
    double copies = (double)(to.counts.copies - from.counts.copies), bytes = (double)(to.counts.bytes - from.counts.bytes);
    double reads = (double)(to.counts.reads - from.counts.reads);
    double posts = (double)(to.counts.posts - from.counts.posts), acks = (double)(to.counts.acks - from.counts.acks);
    field("members", members);
    field("posters", posters);
    field("stalled", stalled);
    field("rooms", rooms);
    field("lively", lively);
    field("size", size);
    field("window", window);
    field("rate", rate);
    field("seconds", took);
    field("posts", posts);
    field("posts_per_second", posts / took);
    field("deliveries", copies);
    field("deliveries_per_second", copies / took);
    field("bytes_per_delivery", copies ? bytes / copies : 0);
    field("deliveries_per_read", reads ? copies / reads : 0);
    field("read_mib_per_second", bytes / took / (1 << 20));
    field("acks_per_second", acks / took);
    field("syncs_per_second", stored / took);
    field("posts_per_sync", stored ? acks / stored : 0);
    field("sync_ms", stored ? (double)(to.sync_ns - from.sync_ns) / stored / 1e6 : 0);
    field("p50_ms", percentile(histogram, 0.5));
    field("p90_ms", percentile(histogram, 0.9));
    field("p99_ms", percentile(histogram, 0.99));
    field("p999_ms", percentile(histogram, 0.999));
    field("cores", cpu / took);
    field("generator_cores", (to.own_cpu - from.own_cpu) / took);
    field("other_cores", fmax(0, (to.all_cpu - from.all_cpu - cpu - (to.own_cpu - from.own_cpu)) / took));
    field("cpu_us_per_delivery", copies ? cpu * 1e6 / copies : 0);
    field("cpu_us_per_post", posts ? cpu * 1e6 / posts : 0);
    field("empty_kib", (double)empty.rss);
    field("joined_kib", (double)joined.rss);
    field("end_kib", (double)to.rss);
    field("peak_kib", (double)to.peak);
    field("kib_per_member", (double)(joined.rss - empty.rss) / peer_count);
    field("join_seconds", join_seconds);
    field("joins_per_second", peer_count / join_seconds);
    field("join_p50_ms", percentile(joins, 0.5));
    field("join_p99_ms", percentile(joins, 0.99));
    field("join_cpu_us", (joined.cpu - empty.cpu) * 1e6 / peer_count);
    field("lost", (double)now_counts.lost);
    field("repeated", (double)now_counts.repeated);
    field("refused", (double)now_counts.errors);
    field("closed", (double)now_counts.closed);
    puts("}");
}

static void read_options(int argc, char **argv) {
    static const struct {
        const char *name;
        int *to;
    } counts[] = {{"port", &port},       {"pid", &pid},     {"members", &members}, {"posters", &posters},
                  {"stalled", &stalled}, {"rooms", &rooms}, {"size", &size},       {"window", &window},
                  {"at-once", &at_once}, {"count", &count}, {"lively", &lively},
                  {"tls", &over_tls}, {"web", &over_web}};
    static const struct {
        const char *name;
        double *to;
    } times[] = {{"rate", &rate}, {"seconds", &seconds}, {"warm", &warm}, {"settle", &settle},
                 {"patience", &patience}};
    for (int i = 1; i < argc; i += 2) {
        bool known = false;
        const char *name = argv[i] + 2, *value = argv[i + 1];
        if (strncmp(argv[i], "--", 2) || !value) fail("not an option with a value: %s", argv[i]);
        for (size_t n = 0; n < sizeof counts / sizeof *counts; n++)
            if (!strcmp(name, counts[n].name)) known = true, *counts[n].to = atoi(value);
        for (size_t n = 0; n < sizeof times / sizeof *times; n++)
            if (!strcmp(name, times[n].name)) known = true, *times[n].to = atof(value);
        if (!strcmp(name, "dialect"))
            for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++)
                if (!strcmp(value, dialects[d].name)) known = true, speak = &dialects[d];
        if (!strcmp(name, "pace")) known = true, idle = !strcmp(value, "idle"), by_acks = !strcmp(value, "acks");
        if (!strcmp(name, "syncs")) {
            int fd = open(value, O_RDONLY);
            void *shared = mmap(NULL, 2 * sizeof *syncs, PROT_READ, MAP_SHARED, fd, 0);
            if (shared == MAP_FAILED) fail("cannot map %s: %s", value, strerror(errno));
            known = true, syncs = shared;
        }
        if (!known) fail("unknown: %s %s", argv[i], value);
    }
}

int main(int argc, char **argv) {
    struct rlimit files;
    double began;
    read_options(argc, argv);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    set_up();

    Snapshot empty = look();
    began = now();
    join_all();
    double join_seconds = now() - began;
    for (double end = now() + settle; now() < end;) turn(20);
    Snapshot joined = look();

    began = now();
    run_until(began + warm, began);
    counting = true;
    Snapshot from = look();
    run_until(from.at + seconds, began);
    Snapshot to = look();
    counting = false;

    for (double end = now() + 5; !all_done() && now() < end;) turn(20);
    count_what_never_came();
    report(empty, joined, from, to, join_seconds);
    for (int i = 0; i < peer_count; i++) { /* a reset leaves no address behind that the next run has to avoid */
        struct linger none = {1, 0};
        if (peers[i].stage != CLOSED) setsockopt(peers[i].fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    return 0;
}
