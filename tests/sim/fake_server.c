#include "fake_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "fake_value.h"

enum { AOF_LIMIT = 1 << 30, AOF_REWRITE_BYTES = 16 << 20 };

/* ---- the append-only file ----
 * Records, each whole or not there: u32 commands, i64 ms, then per command u32 argc
 * and per argument u32 length and bytes. */

static void aof_u32(struct buf *aof, size_t value)
{
	uint32_t v = (uint32_t)value;
	buf_put(aof, &v, sizeof v);
}

static void aof_command(void *ctx, const struct str *argv, size_t argc)
{
	struct buf *aof = ctx;
	aof_u32(aof, argc);
	for (size_t i = 0; i < argc; i++) {
		aof_u32(aof, argv[i].len);
		buf_str_put(aof, argv[i]);
	}
}

static void aof_begin(struct fake_server *server, size_t commands, int64_t now_ms)
{
	aof_u32(&server->aof, commands);
	buf_put(&server->aof, &now_ms, sizeof now_ms);
}

static void aof_dump_one(void *ctx, const struct str *argv, size_t argc)
{
	struct fake_server *server = ctx;
	aof_begin(server, 1, 0);
	aof_command(&server->aof, argv, argc);
}

void fake_server_rewrite(struct fake_server *server)
{
	buf_clear(&server->aof);
	fake_db_dump(server->db, aof_dump_one, server);
	CHECK(!server->aof.overflow);
	server->aof_synced = server->aof.len;
}

static size_t aof_read(const struct buf *aof, size_t *at, void *out, size_t n)
{
	CHECK(*at + n <= aof->len);
	memcpy(out, aof->ptr + *at, n);
	*at += n;
	return n;
}

static void aof_replay_command(struct fake_server *server, size_t *at, int64_t now_ms)
{
	uint32_t argc, len;
	struct str argv[2048];
	aof_read(&server->aof, at, &argc, sizeof argc);
	CHECK(argc <= ARRAY_LEN(argv));
	for (uint32_t i = 0; i < argc; i++) {
		aof_read(&server->aof, at, &len, sizeof len);
		argv[i] = str_make(server->aof.ptr + *at, len);
		*at += len;
	}
	fake_reply_free(fake_db_execute(server->db, argv, argc, now_ms));
}

void fake_server_load(struct fake_server *server)
{
	fake_db_clear(server->db);
	for (size_t at = 0; at < server->aof.len;) {
		uint32_t commands;
		int64_t now_ms;
		aof_read(&server->aof, &at, &commands, sizeof commands);
		aof_read(&server->aof, &at, &now_ms, sizeof now_ms);
		while (commands--)
			aof_replay_command(server, &at, now_ms);
	}
}

void fake_server_sync(struct fake_server *server)
{
	server->aof_synced = server->aof.len;
	if (server->aof.len > AOF_REWRITE_BYTES)
		fake_server_rewrite(server);
}

/* ---- commands ---- */

static const char *refusal(const struct fake_server *server, unsigned flags)
{
	static const char *const texts[] = {
		[FAKE_READONLY] = "READONLY You can't write against a read only replica.",
		[FAKE_MISCONF] = "MISCONF Errors writing to the AOF file: No space left on device",
		[FAKE_NOPERM] = "NOPERM this user has no permissions to run this command",
	};
	bool full = server->maxmemory && fake_db_bytes(server->db) > server->maxmemory;
	if (server->fault == FAKE_LOADING)
		return "LOADING Redis is loading the dataset in memory";
	if ((flags & FAKE_DENYOOM) && (full || server->fault == FAKE_OOM))
		return "OOM command not allowed when used memory > 'maxmemory'.";
	return flags & FAKE_WRITE ? texts[server->fault] : NULL;
}

static struct redis_reply *unknown_command(const struct request *request)
{
	char text[400];
	struct buf out = buf_over(text, sizeof text - 1);
	buf_printf(&out, "ERR unknown command '%.*s', with args beginning with: ",
		   (int)(request->argv[0].len > 128 ? 128 : request->argv[0].len),
		   request->argv[0].ptr);
	for (size_t i = 1; i < request->argc && out.len < 200; i++)
		buf_printf(&out, "'%.*s' ",
			   (int)(request->argv[i].len > 64 ? 64 : request->argv[i].len),
			   request->argv[i].ptr);
	text[out.len] = 0;
	return fake_reply_error(text);
}

static struct redis_reply *wrong_arity(struct str name)
{
	char text[200], lower[64];
	size_t n = name.len < sizeof lower ? name.len : sizeof lower - 1;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32
									   : name.ptr[i]);
	snprintf(text, sizeof text, "ERR wrong number of arguments for '%.*s' command", (int)n,
		 lower);
	return fake_reply_error(text);
}

static struct redis_reply *info(const struct fake_server *server)
{
	char text[160];
	snprintf(text, sizeof text, "# Memory\r\nused_memory:%zu\r\nmaxmemory:%zu\r\n",
		 fake_db_bytes(server->db), server->maxmemory);
	return fake_reply(REDIS_BULK, str_of(text));
}

/* Why a command is not even tried; NULL when it may run. */
static struct redis_reply *reject(struct fake_server *server, const struct request *request,
				  unsigned flags)
{
	const char *why;
	if (!(flags & FAKE_KNOWN))
		return unknown_command(request);
	if (flags & FAKE_ARITY)
		return wrong_arity(request->argv[0]);
	why = refusal(server, flags);
	server->counts.refused += why != NULL;
	return why ? fake_reply_error(why) : NULL;
}

/* ---- transactions ---- */

static void clear_watches(struct transaction *t)
{
	while (t->n_watched)
		free((void *)t->watched[--t->n_watched].ptr);
	free(t->watched);
	t->watched = NULL;
	t->touched = false;
}

static void clear(struct transaction *t)
{
	if (t->used)
		request_queue_clear(&t->queued);
	clear_watches(t);
	*t = (struct transaction){ 0 };
}

void fake_server_drop_transaction(struct fake_server *server, uint64_t epoch)
{
	for (size_t i = 0; i < FAKE_TRANSACTIONS; i++)
		if (server->transactions[i].used && server->transactions[i].epoch == epoch)
			clear(&server->transactions[i]);
}

static struct transaction *transaction_of(struct fake_server *server, uint64_t epoch)
{
	struct transaction *found = &server->transactions[0];
	for (size_t i = 0; i < FAKE_TRANSACTIONS; i++) {
		struct transaction *t = &server->transactions[i];
		if (t->used && t->epoch == epoch)
			return t;
		if (found->used && (!t->used || t->epoch < found->epoch))
			found = t;
	}
	clear(found);
	found->used = true;
	found->epoch = epoch;
	request_queue_init(&found->queued);
	return found;
}

static struct redis_reply *watch(struct transaction *t, const struct request *request)
{
	if (t->open)
		return fake_reply_error("ERR WATCH inside MULTI is not allowed");
	for (size_t i = 1; i < request->argc; i++) {
		t->watched = realloc(t->watched, (t->n_watched + 1) * sizeof *t->watched);
		CHECK(t->watched);
		t->watched[t->n_watched++] = fake_copy(request->argv[i]);
	}
	return fake_reply_ok();
}

static bool is_one_of(struct str name, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(name, str_of(words[i])))
			return true;
	return false;
}

/* Whether the write changed anything that a WATCH would see. */
static bool changes(const struct request *request, const struct redis_reply *reply)
{
	static const char *const unseen[] = { "XREADGROUP", "XACK",       "XSETID",
					      "XGROUP",     "XAUTOCLAIM", "FAKEPENDING" };
	static const char *const counts[] = { "DEL",    "UNLINK",  "XTRIM",    "XDEL",
					      "EXPIRE", "PEXPIRE", "PEXPIREAT" };
	if (reply->type == REDIS_NIL || is_one_of(request->argv[0], unseen, ARRAY_LEN(unseen)))
		return false;
	return reply->type != REDIS_INTEGER || reply->integer ||
	       !is_one_of(request->argv[0], counts, ARRAY_LEN(counts));
}

static bool writes_to(const struct request *request, struct str key)
{
	static const char *const several[] = { "DEL", "UNLINK" };
	bool all = is_one_of(request->argv[0], several, ARRAY_LEN(several));
	size_t first = str_eq_nocase(request->argv[0], STR("XGROUP")) ? 2 : 1;
	if (str_eq_nocase(request->argv[0], STR("FLUSHALL")))
		return true;
	for (size_t i = first; i < request->argc && (all || i == first); i++)
		if (str_eq(request->argv[i], key))
			return true;
	return false;
}

static void touch_watchers(struct fake_server *server, const struct request *request)
{
	for (size_t i = 0; i < FAKE_TRANSACTIONS; i++) {
		struct transaction *t = &server->transactions[i];
		for (size_t j = 0; j < t->n_watched; j++)
			t->touched |= writes_to(request, t->watched[j]);
	}
}

static bool was_written(const struct redis_reply *reply, unsigned flags)
{
	return (flags & FAKE_WRITE) && reply->type != REDIS_ERROR;
}

static struct redis_reply *run(struct fake_server *server, const struct request *request)
{
	unsigned flags = fake_db_flags(request->argv, request->argc);
	struct redis_reply *reply =
	    fake_db_execute(server->db, request->argv, request->argc, server->now_ms);
	server->counts.executed++;
	if (was_written(reply, flags)) {
		aof_command(&server->aof, request->argv, request->argc);
		if (changes(request, reply))
			touch_watchers(server, request);
	}
	return reply;
}

/* A record's count is known only at its end. */
static void aof_end(struct fake_server *server, size_t start, size_t commands)
{
	uint32_t n = (uint32_t)commands;
	CHECK(!server->aof.overflow);
	if (commands)
		memcpy(server->aof.ptr + start, &n, sizeof n);
	else
		server->aof.len = start;
	if (server->sync == FAKE_ALWAYS)
		fake_server_sync(server);
}

static struct redis_reply *exec_all(struct fake_server *server, struct queue *queued)
{
	size_t count = 0, at = 0, written = 0, start = server->aof.len;
	for (struct request *r = queued->first; r; r = r->next)
		count++;
	struct redis_reply *reply = fake_reply_array(count);
	aof_begin(server, 0, server->now_ms);
	for (struct request *r; (r = request_queue_take(queued)); request_free(r)) {
		struct redis_reply *one = run(server, r);
		written += was_written(one, fake_db_flags(r->argv, r->argc));
		fake_reply_put(reply, at++, one);
	}
	aof_end(server, start, written);
	return reply;
}

static struct redis_reply *exec(struct fake_server *server, struct transaction *t)
{
	struct queue queued = t->queued;
	bool dirty = t->dirty, touched = t->touched;
	if (!queued.first)
		queued.end = &queued.first;
	const char *why = refusal(server, t->wants_memory ? FAKE_DENYOOM : 0);
	request_queue_init(&t->queued);
	clear(t);
	if (!dirty && !touched && !why)
		return exec_all(server, &queued);
	request_queue_clear(&queued);
	if (!dirty && touched)
		return fake_reply(REDIS_NIL, (struct str){ 0 });
	char text[160];
	snprintf(text, sizeof text, "EXECABORT Transaction discarded because of%s%s",
		 dirty ? " previous errors." : ": ", dirty ? "" : why);
	return fake_reply_error(text);
}

static struct redis_reply *enqueue(struct fake_server *server, struct transaction *t,
				   const struct request *request)
{
	unsigned flags = fake_db_flags(request->argv, request->argc);
	struct redis_reply *rejected = reject(server, request, flags);
	if (rejected) {
		t->dirty = true;
		return rejected;
	}
	t->wants_memory |= (flags & FAKE_DENYOOM) != 0;
	request_queue_put(&t->queued, request_make(request->argv, request->argc));
	return fake_reply(REDIS_STATUS, STR("QUEUED"));
}

/* MULTI, EXEC, DISCARD, WATCH, UNWATCH; NULL for any other command. */
static struct redis_reply *run_transactional(struct fake_server *server, struct transaction *t,
					     const struct request *request)
{
	struct str name = request->argv[0];
	if (str_eq_nocase(name, STR("EXEC")))
		return t->open ? exec(server, t) : fake_reply_error("ERR EXEC without MULTI");
	if (str_eq_nocase(name, STR("DISCARD"))) {
		bool open = t->open;
		if (open)
			clear(t);
		return open ? fake_reply_ok() : fake_reply_error("ERR DISCARD without MULTI");
	}
	if (str_eq_nocase(name, STR("MULTI"))) {
		bool open = t->open;
		t->open = true;
		return open ? fake_reply_error("ERR MULTI calls can not be nested")
			    : fake_reply_ok();
	}
	if (str_eq_nocase(name, STR("WATCH")) && request->argc > 1)
		return watch(t, request);
	if (str_eq_nocase(name, STR("UNWATCH")) && !t->open) {
		clear_watches(t);
		return fake_reply_ok();
	}
	return NULL;
}

struct redis_reply *fake_server_run(struct fake_server *server, const struct request *request,
				    int64_t now_ms)
{
	struct transaction *t = transaction_of(server, request->epoch);
	server->now_ms = now_ms;
	if (server->fault == FAKE_LOADING) {
		t->dirty = t->open;
		return fake_reply_error(refusal(server, 0));
	}
	struct redis_reply *done = run_transactional(server, t, request);
	if (done)
		return done;
	if (t->open)
		return enqueue(server, t, request);
	if (str_eq_nocase(request->argv[0], STR("INFO")))
		return info(server);
	unsigned flags = fake_db_flags(request->argv, request->argc);
	struct redis_reply *rejected = reject(server, request, flags);
	if (rejected)
		return rejected;
	size_t start = server->aof.len;
	aof_begin(server, 0, server->now_ms);
	struct redis_reply *reply = run(server, request);
	aof_end(server, start, was_written(reply, flags));
	return reply;
}

/* ---- life ---- */

uint64_t fake_server_lose(struct fake_server *server)
{
	uint64_t lost = 0;
	for (size_t at = server->aof_synced; at < server->aof.len;) {
		uint32_t commands, argc, len;
		int64_t ms;
		aof_read(&server->aof, &at, &commands, sizeof commands);
		aof_read(&server->aof, &at, &ms, sizeof ms);
		for (lost += commands; commands > 0; commands--)
			for (aof_read(&server->aof, &at, &argc, sizeof argc); argc > 0; argc--) {
				aof_read(&server->aof, &at, &len, sizeof len);
				at += len;
			}
	}
	server->aof.len = server->aof_synced;
	for (size_t i = 0; i < FAKE_TRANSACTIONS; i++)
		clear(&server->transactions[i]);
	fake_db_clear(server->db);
	return lost;
}

void fake_server_init(struct fake_server *server)
{
	*server = (struct fake_server){ .db = fake_db_create() };
	buf_init(&server->aof, AOF_LIMIT);
}

void fake_server_deinit(struct fake_server *server)
{
	for (size_t i = 0; i < FAKE_TRANSACTIONS; i++)
		clear(&server->transactions[i]);
	fake_db_destroy(server->db);
	buf_deinit(&server->aof);
}
