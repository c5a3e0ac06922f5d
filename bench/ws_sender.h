/* ws_sender.h - the four venues in a process of their own: takes a connection for each
 * stream, upgrades it, waits for a word on each, and sends. Either as fast as the
 * sockets take it, or at a mean rate with gaps as of unrelated traders (Poisson), a
 * frame a packet, its time of sending noted in memory shared with the receiver. Over
 * TLS every frame is a record, as venues send them, but the records of 64 KB go to the
 * kernel together: the sender shall not be the slower one. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/rng.h"
#include "ws_streams.h"

enum { SENDER_BATCH_BYTES = 64 * 1024 };

struct ws_sender {
	const struct ws_streams *streams;
	size_t frames[STREAMS]; /* to send of each stream */
	SSL_CTX *tls;           /* NULL: plain */
	double per_second;      /* 0: as fast as they are taken */
	int64_t *sent_ns[STREAMS];
	int listener, core;
	uint16_t port;
	pid_t pid;
};

struct ws_line { /* one connection */
	struct ws_peer peer;
	const struct ws_stream *stream;
	size_t frames, next; /* to send, and how many were given to TLS or to the socket */
	size_t sent;         /* bytes: of the stream when plain, of `ready` over TLS */
	BIO *ready;          /* records the kernel has not taken yet */
};

static inline int64_t sender_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* False where a machine has one core only. */
static inline bool pin_to(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	return sched_setaffinity(0, sizeof set, &set) == 0;
}

static inline uint32_t line_offset(const struct ws_line *line, size_t frame)
{
	return frame ? line->stream->ends[frame - 1] : 0;
}

/* The connection whose path is /N is of stream N. */
static inline void sender_accept(struct ws_sender *sender, struct ws_line *lines)
{
	static struct ws_got go;
	for (int i = 0; i < STREAMS; i++) {
		static struct ws_peer peer;
		CHECK(peer_accept(&peer, sender->listener, sender->tls) && peer_upgrade(&peer));
		int n = atoi(peer.request + strlen("GET /"));
		CHECK(n >= 0 && n < STREAMS && !lines[n].stream);
		lines[n].peer = peer;
		lines[n].stream = &sender->streams->at[n];
		lines[n].frames = sender->frames[n];
	}
	for (int i = 0; i < STREAMS; i++) {
		CHECK(peer_get(&lines[i].peer, &go));
		if (sender->tls) {
			lines[i].ready = BIO_new(BIO_s_mem());
			SSL_set0_wbio(lines[i].peer.ssl, lines[i].ready);
		}
	}
}

static inline bool line_is_done(const struct ws_line *line)
{
	return line->ready ? line->next == line->frames && BIO_ctrl_pending(line->ready) == 0
			   : line->sent == line_offset(line, line->frames);
}

static inline size_t line_send(struct ws_line *line, const void *bytes, size_t len)
{
	ssize_t n = send(line->peer.fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	CHECK(n > 0 || errno == EAGAIN);
	return n > 0 ? (size_t)n : 0;
}

static inline void line_encrypt(struct ws_line *line, size_t bytes)
{
	while (line->next < line->frames && BIO_ctrl_pending(line->ready) < bytes) {
		uint32_t at = line_offset(line, line->next), end = line->stream->ends[line->next];
		CHECK(SSL_write(line->peer.ssl, line->stream->bytes + at, (int)(end - at)) > 0);
		line->next++;
	}
}

static inline void line_push(struct ws_line *line)
{
	if (line->ready) {
		char *at;
		if (line->sent == 0)
			line_encrypt(line, SENDER_BATCH_BYTES);
		long len = BIO_get_mem_data(line->ready, &at);
		line->sent += line_send(line, at + line->sent, (size_t)len - line->sent);
		if (line->sent == (size_t)len) {
			CHECK(BIO_reset(line->ready) == 1);
			line->sent = 0;
		}
	} else {
		size_t left = line_offset(line, line->frames) - line->sent;
		line->sent += line_send(line, line->stream->bytes + line->sent,
					left < SENDER_BATCH_BYTES ? left : SENDER_BATCH_BYTES);
	}
}

static inline void sender_blast(struct ws_line *lines)
{
	for (;;) {
		struct pollfd polls[STREAMS];
		int open = 0;
		for (int i = 0; i < STREAMS; i++) {
			bool done = line_is_done(&lines[i]);
			polls[i] = (struct pollfd){ .fd = done ? -1 : lines[i].peer.fd,
						    .events = POLLOUT };
			open += !done;
		}
		if (!open)
			return;
		CHECK(poll(polls, STREAMS, 20000) > 0);
		for (int i = 0; i < STREAMS; i++)
			if (polls[i].revents)
				line_push(&lines[i]);
	}
}

/* Which stream speaks next, each as often as it has frames. */
static inline int sender_pick(struct ws_sender *sender, struct ws_line *lines, struct rng *rng)
{
	uint64_t left = 0;
	for (int i = 0; i < STREAMS; i++)
		left += sender->frames[i] - lines[i].next;
	if (!left)
		return -1;
	uint64_t at = rng_below(rng, left);
	for (int i = 0;; i++) {
		uint64_t mine = sender->frames[i] - lines[i].next;
		if (at < mine)
			return i;
		at -= mine;
	}
}

static inline void sender_pace(struct ws_sender *sender, struct ws_line *lines)
{
	struct rng rng;
	rng_init(&rng, 11);
	double due_ns = (double)sender_now_ns();
	for (int i; (i = sender_pick(sender, lines, &rng)) >= 0;) {
		struct ws_line *line = &lines[i];
		size_t frame = line->next++;
		uint32_t at = line_offset(line, frame), end = line->stream->ends[frame];
		due_ns += -log(1 - rng_unit(&rng)) * 1e9 / sender->per_second;
		while ((double)sender_now_ns() < due_ns)
			;
		sender->sent_ns[i][frame] = sender_now_ns();
		CHECK(peer_write(&line->peer, line->stream->bytes + at, end - at));
	}
}

static inline void sender_run(struct ws_sender *sender)
{
	static struct ws_line lines[STREAMS];
	pin_to(sender->core);
	sender_accept(sender, lines);
	if (sender->per_second > 0)
		sender_pace(sender, lines);
	else
		sender_blast(lines);
	for (int i = 0; i < STREAMS; i++) {
		struct timeval patience = { 60, 0 };
		setsockopt(lines[i].peer.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		peer_wait_end(&lines[i].peer);
	}
	_exit(0);
}

static inline void sender_start(struct ws_sender *sender)
{
	sender->listener = peer_listen("127.0.0.1", &sender->port);
	CHECK(sender->listener >= 0);
	for (int i = 0; i < STREAMS; i++) {
		sender->sent_ns[i] =
		    mmap(NULL, sizeof(int64_t) * (sender->frames[i] + 1), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		CHECK(sender->sent_ns[i] != MAP_FAILED);
	}
	sender->pid = fork();
	CHECK(sender->pid >= 0);
	if (sender->pid == 0)
		sender_run(sender);
	close(sender->listener);
}

static inline void sender_stop(struct ws_sender *sender)
{
	int status;
	CHECK(waitpid(sender->pid, &status, 0) == sender->pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (int i = 0; i < STREAMS; i++)
		munmap(sender->sent_ns[i], sizeof(int64_t) * (sender->frames[i] + 1));
}
