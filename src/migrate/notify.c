#include "migrate/notify.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "migrate/arena.h"
#include "migrate/digest.h"
#include "os/loop.h"
#include "os/redis_conn.h"
#include "os/resp_reader.h"

enum {
	SLOTS = NOTIFY_NAMES_MAX * 4,
	READ_BYTES = 64 << 10,
	ANSWER_MS = 5000,
	FLAGS_BYTES = 32,
	GONE_MAX = 128
};

struct told {
	int db;
	struct str name;
	int64_t at_ns;
	bool gone; /* by what was told last */
};

struct slot {
	uint64_t digest; /* 0: free */
	size_t at;       /* in names */
};

struct notify {
	struct redis_url url;
	int fd;
	struct resp_reader *reader;
	struct arena texts, given; /* of what waits; of what was given out last */
	struct told *names;
	size_t count;
	struct slot *slots;        /* of what waits */
	struct str gone[GONE_MAX]; /* of those that were given out last */
	size_t n_gone;
	int gone_db;
	bool lost;
	bool set; /* the setting is ours */
	char before[FLAGS_BYTES];
	int64_t now_ns;
};

/* ---- the connection ---- */

static int dial_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (str_copy(str_of(path), address.sun_path, sizeof address.sun_path))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int dial_tcp(const char *host, uint16_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *at;
	char service[8];
	int fd = -1;
	snprintf(service, sizeof service, "%u", port);
	if (getaddrinfo(host, service, &hints, &list))
		return -1;
	for (at = list; at && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

static bool send_command(struct notify *notify, const struct str *argv, size_t argc)
{
	struct buf out;
	buf_init(&out, 64 << 10);
	redis_put_command(&out, argv, argc);
	bool sent =
	    !out.overflow && send(notify->fd, out.ptr, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
	buf_deinit(&out);
	return sent;
}

/* Feeds what is there; false: the connection is over. */
static bool read_some(struct notify *notify, int wait_ms)
{
	char bytes[READ_BYTES];
	struct pollfd poll_fd = { .fd = notify->fd, .events = POLLIN };
	int ready = poll(&poll_fd, 1, wait_ms);
	if (ready <= 0)
		return ready == 0 || errno == EINTR;
	ssize_t n = recv(notify->fd, bytes, sizeof bytes, 0);
	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && resp_reader_feed(notify->reader, str_make(bytes, (size_t)n)) == STATUS_OK;
}

static enum status ask(struct notify *notify, const struct str *argv, size_t argc,
		       const struct redis_reply **reply)
{
	if (!send_command(notify, argv, argc))
		return STATUS_CLOSED;
	for (int waited = 0; waited < ANSWER_MS; waited += 100) {
		enum status status = resp_reader_next(notify->reader, reply);
		if (status == STATUS_OK)
			return (*reply)->type == REDIS_ERROR ? redis_error_status((*reply)->text)
							     : STATUS_OK;
		if (status != STATUS_NOT_FOUND || !read_some(notify, 100))
			return STATUS_CLOSED;
	}
	return STATUS_TIMEOUT;
}

static enum status log_in(struct notify *notify)
{
	const struct redis_reply *reply;
	const struct str argv[] = { STR("AUTH"), str_of(notify->url.user),
				    str_of(notify->url.password) };
	if (!notify->url.has_login)
		return STATUS_OK;
	return ask(notify, argv, 3, &reply);
}

/* ---- the setting ---- */

static bool has(const char *flags, char flag) { return strchr(flags, flag) != NULL; }

static enum status switch_on(struct notify *notify)
{
	const struct redis_reply *reply;
	char flags[FLAGS_BYTES + 4];
	const struct str get[] = { STR("CONFIG"), STR("GET"), STR("notify-keyspace-events") };
	enum status status = ask(notify, get, 3, &reply);
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 2 ||
			str_copy(reply->items[1].text, notify->before, sizeof notify->before)))
		status = STATUS_REDIS_PROTOCOL;
	if (status || (has(notify->before, 'K') && has(notify->before, 'A')))
		return status;
	snprintf(flags, sizeof flags, "%s%s%s", notify->before, has(notify->before, 'K') ? "" : "K",
		 has(notify->before, 'A') ? "" : "A");
	const struct str set[] = { STR("CONFIG"), STR("SET"), STR("notify-keyspace-events"),
				   str_of(flags) };
	status = ask(notify, set, 4, &reply);
	notify->set = status == STATUS_OK;
	return status;
}

static enum status subscribe(struct notify *notify, const int *databases, size_t n_databases)
{
	const struct redis_reply *reply;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < n_databases; i++) {
		char pattern[64];
		snprintf(pattern, sizeof pattern, "__keyspace@%d__:*", databases[i]);
		const struct str argv[] = { STR("PSUBSCRIBE"), str_of(pattern) };
		status = ask(notify, argv, 2, &reply);
	}
	return status;
}

static enum status connect_all(struct notify *notify, const int *databases, size_t n_databases,
			       struct err *err)
{
	const struct redis_url *url = &notify->url;
	notify->fd = url->is_unix ? dial_unix(url->place) : dial_tcp(url->place, url->port);
	if (notify->fd < 0)
		return err_set(err, STATUS_UNAVAILABLE, "no connection for notifications");
	enum status status = log_in(notify);
	if (!status)
		status = switch_on(notify);
	if (!status)
		status = subscribe(notify, databases, n_databases);
	if (!status)
		return STATUS_OK;
	bool cut = status == STATUS_CLOSED || status == STATUS_TIMEOUT;
	return err_set(err, cut ? STATUS_UNAVAILABLE : STATUS_REFUSED,
		       "the server tells no changes (%s): names are gone through",
		       status_text(status));
}

enum status notify_open(const struct redis_url *url, const int *databases, size_t n_databases,
			struct notify **out, struct err *err)
{
	struct notify *notify = calloc(1, sizeof *notify);
	if (!notify)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	notify->url = *url;
	notify->fd = -1;
	notify->reader = resp_reader_create(&resp_limits_default);
	notify->names = calloc(NOTIFY_NAMES_MAX, sizeof *notify->names);
	notify->slots = calloc(SLOTS, sizeof *notify->slots);
	enum status status = notify->reader && notify->names && notify->slots
				 ? connect_all(notify, databases, n_databases, err)
				 : err_set(err, STATUS_NO_MEMORY, "no memory");
	if (status) {
		notify_close(notify);
		return status;
	}
	*out = notify;
	return STATUS_OK;
}

/* Over a connection of its own: this one only listens. */
static void put_back(struct notify *notify)
{
	const struct redis_reply *reply;
	const struct str set[] = { STR("CONFIG"), STR("SET"), STR("notify-keyspace-events"),
				   str_of(notify->before) };
	close(notify->fd);
	resp_reader_destroy(notify->reader);
	notify->reader = resp_reader_create(&resp_limits_default);
	notify->fd = notify->url.is_unix ? dial_unix(notify->url.place)
					 : dial_tcp(notify->url.place, notify->url.port);
	if (notify->fd >= 0 && notify->reader && log_in(notify) == STATUS_OK)
		(void)!ask(notify, set, 4, &reply);
}

void notify_close(struct notify *notify)
{
	if (!notify)
		return;
	if (notify->set)
		put_back(notify);
	if (notify->fd >= 0)
		close(notify->fd);
	resp_reader_destroy(notify->reader);
	arena_deinit(&notify->texts);
	arena_deinit(&notify->given);
	free(notify->names);
	free(notify->slots);
	free(notify);
}

/* ---- names ---- */

/* Where it is, or would be. */
static struct slot *slot_of(struct notify *notify, int db, struct str name, uint64_t *digest)
{
	*digest = (digest_of(name).a + (uint64_t)db * 0x9E3779B97F4A7C15ull) | 1;
	size_t at = *digest & (SLOTS - 1);
	while (notify->slots[at].digest && notify->slots[at].digest != *digest)
		at = (at + 1) & (SLOTS - 1);
	return &notify->slots[at];
}

static void add(struct notify *notify, int db, struct str name, bool gone)
{
	bool failed = false;
	uint64_t digest;
	struct slot *slot = slot_of(notify, db, name, &digest);
	if (slot->digest) {
		notify->names[slot->at].gone = gone;
		return;
	}
	if (notify->count == NOTIFY_NAMES_MAX) {
		notify->lost = true;
		return;
	}
	struct str copy = arena_copy(&notify->texts, name, &failed);
	if (failed) {
		notify->lost = true;
		return;
	}
	*slot = (struct slot){ digest, notify->count };
	notify->names[notify->count++] = (struct told){ db, copy, notify->now_ns, gone };
}

/* By somebody's command, or its time: not by what the server does to stay within its memory, nor
 * by FLUSHALL, which is not told at all. */
static bool is_end(struct str event)
{
	static const char *const ends[] = { "del", "unlink", "expired", "rename_from",
					    "move_from" };
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (str_eq(event, str_of(ends[i])))
			return true;
	return false;
}

/* pmessage, pattern, "__keyspace@0__:name", event */
static void take_message(struct notify *notify, const struct redis_reply *reply)
{
	static const char head[] = "__keyspace@";
	if (reply->type != REDIS_ARRAY || reply->count != 4)
		return;
	struct str channel = reply->items[2].text;
	if (!str_starts(channel, str_of(head)))
		return;
	channel = str_skip(channel, sizeof head - 1);
	size_t end = str_find_char(channel, ':');
	int64_t db;
	if (end < 3 || str_to_i64(str_make(channel.ptr, end - 2), &db))
		return;
	add(notify, (int)db, str_skip(channel, end + 1), is_end(reply->items[3].text));
}

static void is_over(struct notify *notify)
{
	close(notify->fd);
	notify->fd = -1;
	notify->lost = true;
}

void notify_take(struct notify *notify, int wait_ms, int64_t now_ns)
{
	const struct redis_reply *reply;
	notify->now_ns = now_ns;
	if (notify->fd < 0)
		return;
	if (!read_some(notify, wait_ms)) {
		is_over(notify);
		return;
	}
	while (resp_reader_next(notify->reader, &reply) == STATUS_OK)
		take_message(notify, reply);
}

static bool is_answer(const struct redis_reply *reply)
{
	if (reply->type == REDIS_ERROR) /* a login that may not */
		return true;
	return reply->type == REDIS_ARRAY && reply->count == 2 &&
	       str_eq(reply->items[0].text, STR("pong"));
}

/* What was done before it comes before the answer to this: another connection may know of a
 * deletion that this one is still to be told. */
static bool catch_up(struct notify *notify)
{
	const struct str ping[] = { STR("PING") };
	const struct redis_reply *reply;
	int64_t end_ns = loop_precise_ns() + ANSWER_MS * INT64_C(1000000);
	bool open = send_command(notify, ping, 1);
	while (open && loop_precise_ns() < end_ns) {
		while (resp_reader_next(notify->reader, &reply) == STATUS_OK) {
			if (is_answer(reply))
				return true;
			take_message(notify, reply);
		}
		open = read_some(notify, 100);
	}
	return false;
}

bool notify_deleted(struct notify *notify, int db, struct str name, int64_t now_ns)
{
	uint64_t digest;
	notify->now_ns = now_ns;
	if (notify->fd >= 0 && !catch_up(notify))
		is_over(notify);
	const struct slot *slot = slot_of(notify, db, name, &digest);
	if (slot->digest)
		return notify->names[slot->at].gone;
	for (size_t i = 0; i < notify->n_gone; i++)
		if (notify->gone_db == db && str_eq(notify->gone[i], name))
			return true;
	return false;
}

size_t notify_names(struct notify *notify, int *db, struct str *names, size_t count,
		    int64_t *since_ns)
{
	size_t n = 0, left = 0;
	bool failed = false;
	arena_clear(&notify->given);
	notify->n_gone = 0;
	if (!notify->count)
		return 0;
	*db = notify->gone_db = notify->names[0].db;
	*since_ns = notify->names[0].at_ns;
	for (size_t i = 0; i < notify->count; i++) {
		const struct told *told = &notify->names[i];
		if (told->db == *db && n < count) {
			names[n] = arena_copy(&notify->given, told->name, &failed);
			if (told->gone && notify->n_gone < GONE_MAX)
				notify->gone[notify->n_gone++] = names[n];
			n++;
		} else {
			notify->names[left++] = *told;
		}
	}
	notify->count = left;
	notify->lost |= failed;
	/* What left may be told again: the marks are made anew. */
	memset(notify->slots, 0, SLOTS * sizeof *notify->slots);
	for (size_t i = 0; i < left; i++) {
		uint64_t digest;
		struct slot *slot =
		    slot_of(notify, notify->names[i].db, notify->names[i].name, &digest);
		*slot = (struct slot){ digest, i };
	}
	if (!left)
		arena_clear(&notify->texts);
	return failed ? 0 : n;
}

size_t notify_waiting(const struct notify *notify) { return notify->count; }

bool notify_lost(struct notify *notify)
{
	bool lost = notify->lost;
	notify->lost = false;
	return lost;
}

bool notify_gone(const struct notify *notify) { return notify->fd < 0; }
