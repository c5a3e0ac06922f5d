#include "archive/clickhouse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/clickhouse_impl.h"
#include "archive/native.h"
#include "base/check.h"

enum { CLICKHOUSE_ROWS = 100000, CLICKHOUSE_BODY = 16 << 20 };

static struct clickhouse *of(struct sink *sink) { return (struct clickhouse *)sink; }

static struct clickhouse_call *begin(struct sink *sink, sink_fn fn, sink_probe_fn probe_fn,
				     void *ctx)
{
	struct clickhouse_call *call = &of(sink)->main;
	CHECK(!call->busy && !of(sink)->closing);
	call->busy = true;
	call->fn = fn;
	call->probe_fn = probe_fn;
	call->ctx = ctx;
	return call;
}

static void end(struct clickhouse_call *call, enum sink_outcome outcome, const char *why)
{
	sink_fn fn = call->fn;
	call->busy = false;
	fn(call->ctx, outcome, why);
}

/* ---- open, encode ---- */

static void sink_open(struct sink *sink, sink_fn fn, void *ctx)
{
	clickhouse_look(begin(sink, fn, NULL, ctx));
}

static enum status sink_encode(const struct sink *sink, const struct archive_rows *rows,
			       size_t from, size_t to, int64_t batch_id, struct buf *body,
			       size_t *bad)
{
	const struct clickhouse *ch = (const struct clickhouse *)sink;
	return native_encode(rows, from, to, batch_id, ch->dictionary, body, bad);
}

/* ---- send ---- */

static void inserted(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
		     struct str body)
{
	(void)body;
	end(call, outcome, why);
}

/* The body was made for the columns as they were. */
static void columns_seen(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			 struct str body)
{
	struct clickhouse *ch = call->owner;
	enum archive_table table = call->kept.table;
	bool changed = false;
	if (outcome != SINK_DONE) {
		end(call, outcome, why);
	} else if (!clickhouse_take_columns(ch, table, body, &changed)) {
		snprintf(ch->why, sizeof ch->why, "%s", ch->tables[table].why);
		end(call, SINK_HELD, ch->why);
	} else if (changed) {
		end(call, SINK_HELD, "its columns were changed just now");
	} else {
		buf_clear(&ch->sql);
		clickhouse_insert(&ch->sql, str_of(ch->database), table);
		call->next = inserted;
		clickhouse_put(call);
	}
}

static void held_already(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			 struct str body)
{
	(void)why, (void)body;
	struct clickhouse *ch = call->owner;
	if (outcome == SINK_DONE)
		outcome = SINK_HELD;
	snprintf(ch->why, sizeof ch->why, "%s", ch->tables[call->kept.table].why);
	end(call, outcome, ch->why);
}

/* Of a table whose engine or partition is not as it should be nothing is sent, whatever its
 * columns are; the question is asked so that the answer comes later, as all answers do. */
static void sink_send(struct sink *sink, const struct sink_batch *batch, sink_fn fn, void *ctx)
{
	struct clickhouse_call *call = begin(sink, fn, NULL, ctx);
	struct clickhouse *ch = of(sink);
	CHECK(ch->major && batch->rows && batch->body.len);
	call->kept = *batch;
	call->next = ch->tables[batch->table].why[0] ? held_already : columns_seen;
	clickhouse_columns_sql(ch, batch->table);
	clickhouse_ask(call);
}

/* ---- probe, count ---- */

static void counted(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
		    struct str body)
{
	uint64_t count = 0;
	sink_probe_fn fn = call->probe_fn;
	if (outcome == SINK_DONE && str_to_u64(str_trim(body), &count) != STATUS_OK) {
		outcome = SINK_AWAY;
		why = "its answer is no number";
	}
	call->busy = false;
	fn(call->ctx, outcome, count, why);
}

static void sink_probe(struct sink *sink, enum archive_table table, int64_t batch_id,
		       sink_probe_fn fn, void *ctx)
{
	struct clickhouse_call *call = begin(sink, NULL, fn, ctx);
	struct clickhouse *ch = of(sink);
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT count() FROM "));
	clickhouse_table_put(&ch->sql, str_of(ch->database), table);
	buf_printf(&ch->sql, " WHERE batch_id = %lld", (long long)batch_id);
	call->next = counted;
	clickhouse_ask(call);
}

static void sink_newest(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx)
{
	struct clickhouse_call *call = begin(sink, NULL, fn, ctx);
	struct clickhouse *ch = of(sink);
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT max(batch_id) FROM "));
	clickhouse_table_put(&ch->sql, str_of(ch->database), table);
	call->next = counted;
	clickhouse_ask(call);
}

static void sink_count(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx)
{
	struct clickhouse *ch = of(sink);
	struct clickhouse_call *call = &ch->counting;
	CHECK(!call->busy && !ch->closing);
	call->busy = true;
	call->probe_fn = fn;
	call->ctx = ctx;
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT uniqExact("));
	clickhouse_key_put(&ch->sql, table);
	buf_str_put(&ch->sql, STR(") FROM "));
	clickhouse_table_put(&ch->sql, str_of(ch->database), table);
	call->next = counted;
	clickhouse_ask(call);
}

static void sink_read(struct sink *sink, const struct sink_read *read, sink_fn fn, void *ctx)
{
	struct clickhouse_call *call = begin(sink, fn, NULL, ctx);
	call->read = *read;
	clickhouse_read(call);
}

/* ---- expire ---- */

static void look_for_months(struct clickhouse_call *call);

static void month_dropped(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			  struct str body)
{
	(void)body;
	if (outcome != SINK_DONE)
		end(call, outcome, why);
	else
		look_for_months(call);
}

/* The oldest month there is, if it is too old: each DROP makes another one the oldest. */
static void months_seen(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			struct str body)
{
	struct clickhouse *ch = call->owner;
	uint64_t oldest = 0;
	uint32_t gone = clickhouse_month_gone(call->table, call->now_us);
	if (outcome != SINK_DONE) {
		end(call, outcome, why);
	} else if (str_to_u64(str_trim(body), &oldest) != STATUS_OK ||
		   oldest < NATIVE_MONTH_FIRST || oldest > gone) {
		end(call, SINK_DONE, "");
	} else {
		buf_clear(&ch->sql);
		buf_str_put(&ch->sql, STR("ALTER TABLE "));
		clickhouse_table_put(&ch->sql, str_of(ch->database), call->table);
		buf_printf(&ch->sql, " DROP PARTITION %u", (unsigned)oldest);
		call->next = month_dropped;
		clickhouse_ask(call);
	}
}

static void look_for_months(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT min(partition) FROM system.parts WHERE active AND "
				  "database = "));
	clickhouse_literal_put(&ch->sql, str_of(ch->database));
	buf_str_put(&ch->sql, STR(" AND table = "));
	clickhouse_literal_put(&ch->sql, str_of(archive_table_row(call->table)->name));
	call->next = months_seen;
	clickhouse_ask(call);
}

/* From 21 on the tables weir made have a TTL, and this finds nothing. */
static void sink_expire(struct sink *sink, enum archive_table table, int64_t now_us, sink_fn fn,
			void *ctx)
{
	struct clickhouse_call *call = begin(sink, fn, NULL, ctx);
	call->table = table;
	call->now_us = now_us;
	look_for_months(call);
}

/* ---- its life ---- */

static void free_sink(struct clickhouse *ch)
{
	buf_deinit(&ch->sql);
	explicit_bzero(ch->password, sizeof ch->password);
	free(ch);
}

static void closed(void *ctx)
{
	struct clickhouse *ch = ctx;
	void (*fn)(void *ctx) = ch->on_closed;
	void *fn_ctx = ch->closed_ctx;
	free_sink(ch);
	if (fn)
		fn(fn_ctx);
}

static void sink_close(struct sink *sink, void (*fn)(void *ctx), void *ctx)
{
	struct clickhouse *ch = of(sink);
	CHECK(!ch->closing);
	ch->closing = true;
	ch->on_closed = fn;
	ch->closed_ctx = ctx;
	http_cancel(ch->config.http, &ch->main);
	http_cancel(ch->config.http, &ch->counting);
	timers_cancel(ch->config.timers, &ch->main.later);
	timers_cancel(ch->config.timers, &ch->counting.later);
	timers_arm(ch->config.timers, &ch->end, 0);
}

static const struct sink_ops ops = {
	.name = "clickhouse",
	.probes = true,
	.idempotent = false,
	.rows_max = CLICKHOUSE_ROWS,
	.bytes_max = CLICKHOUSE_BODY,
	.open = sink_open,
	.encode = sink_encode,
	.send = sink_send,
	.probe = sink_probe,
	.newest = sink_newest,
	.expire = sink_expire,
	.count = sink_count,
	.read = sink_read,
	.close = sink_close,
};

static int hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* %41 is A. */
static bool unescape(struct str text, char *out, size_t room)
{
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		int c = (unsigned char)text.ptr[i];
		if (c == '%') {
			int high = i + 2 < text.len ? hex(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex(text.ptr[i + 2]) : -1;
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (c < ' ' || c == 0x7f || n + 1 >= room)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return true;
}

static bool take_authority(struct clickhouse *ch, struct str scheme, struct str authority)
{
	struct str users = { "", 0 }, name;
	for (size_t i = authority.len; i-- > 0;)
		if (authority.ptr[i] == '@') {
			users = str_make(authority.ptr, i);
			authority = str_skip(authority, i + 1);
			break;
		}
	size_t colon = str_find_char(users, ':');
	name = str_make(users.ptr, colon);
	if (!unescape(name, ch->user, sizeof ch->user) ||
	    !unescape(str_skip(users, colon + 1), ch->password, sizeof ch->password))
		return false;
	struct str after = str_skip(authority, str_find_char(authority, ']'));
	bool has_port =
	    str_find_char(after.len ? after : authority, ':') < (after.len ? after : authority).len;
	bool is_tls = str_eq(scheme, STR("https"));
	if (!authority.len || authority.len > CLICKHOUSE_TEXT - 8)
		return false;
	snprintf(ch->root, sizeof ch->root, "%.*s://%.*s%s/", STR_ARG(scheme), STR_ARG(authority),
		 has_port ? ""
		 : is_tls ? ":8443"
			  : ":8123");
	return true;
}

static bool take_url(struct clickhouse *ch, struct str url)
{
	size_t colon = str_find_char(url, ':');
	struct str scheme = str_make(url.ptr, colon), rest = str_skip(url, colon);
	if (!(str_eq(scheme, STR("http")) || str_eq(scheme, STR("https"))) ||
	    !str_starts(rest, STR("://")))
		return false;
	rest = str_skip(rest, 3);
	size_t slash = str_find_char(rest, '/');
	struct str database = str_skip(rest, slash + 1);
	if (str_find_char(database, '/') < database.len)
		return false;
	if (!database.len)
		database = STR("default");
	return unescape(database, ch->database, sizeof ch->database) &&
	       take_authority(ch, scheme, str_make(rest.ptr, slash));
}

enum status clickhouse_create(const struct clickhouse_config *config, struct sink **out,
			      struct err *err)
{
	struct clickhouse *ch = calloc(1, sizeof *ch);
	if (!ch)
		return err_set(err, STATUS_NO_MEMORY, "clickhouse: out of memory");
	ch->sink.ops = &ops;
	ch->config = *config;
	if (!ch->config.deadline_ns)
		ch->config.deadline_ns = 30 * INT64_C(1000000000);
	ch->end = (struct timer){ .fn = closed, .ctx = ch };
	ch->main =
	    (struct clickhouse_call){ .owner = ch,
				      .later = { .fn = clickhouse_later, .ctx = &ch->main } };
	ch->counting =
	    (struct clickhouse_call){ .owner = ch,
				      .later = { .fn = clickhouse_later, .ctx = &ch->counting } };
	buf_init(&ch->sql, CLICKHOUSE_SQL);
	if (!take_url(ch, config->url)) {
		free_sink(ch);
		return err_set(err, STATUS_INVALID,
			       "archive.clickhouse_url: not http://[USER:PASSWORD@]HOST[:PORT]"
			       "[/DATABASE]");
	}
	*out = &ch->sink;
	return STATUS_OK;
}
