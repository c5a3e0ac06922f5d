/* Streams as Redis 7.0 has them: t_stream.c's rules for ids, and its error texts. */
#include <stdlib.h>

#include "base/check.h"
#include "fake_value.h"

const char fake_bad_id[] = "ERR Invalid stream ID specified as stream command argument";

int fake_id_cmp(struct fake_id a, struct fake_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

struct str fake_id_text(struct fake_id id, char storage[48])
{
	struct buf buf = buf_over(storage, 48);
	buf_u64(&buf, id.ms);
	buf_char(&buf, '-');
	buf_u64(&buf, id.seq);
	return buf_str(&buf);
}

struct redis_reply *fake_id_reply(struct fake_id id)
{
	char storage[48];
	return fake_reply(REDIS_BULK, fake_id_text(id, storage));
}

bool fake_id_parse(struct str text, uint64_t seq, struct fake_id *out)
{
	size_t dash = str_find_char(text, '-');
	out->seq = seq;
	if (str_to_u64(str_make(text.ptr, dash), &out->ms))
		return false;
	return dash == text.len || !str_to_u64(str_skip(text, dash + 1), &out->seq);
}

void fake_stream_free(struct fake_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		free(stream->entries[i].items);
	free(stream->entries);
	fake_groups_free(stream);
}

size_t fake_stream_bytes(const struct fake_stream *stream)
{
	size_t bytes = 0;
	for (size_t i = 0; i < stream->count; i++)
		for (size_t j = 0; j < stream->entries[i].count; j++)
			bytes += stream->entries[i].items[j].len + 4;
	return bytes;
}

static struct str *items_copy(const struct str *items, size_t count)
{
	size_t bytes = count * sizeof *items;
	for (size_t i = 0; i < count; i++)
		bytes += items[i].len;
	struct str *copy = malloc(bytes);
	CHECK(copy);
	char *at = (char *)(copy + count);
	for (size_t i = 0; i < count; i++) {
		if (items[i].len)
			memcpy(at, items[i].ptr, items[i].len);
		copy[i] = str_make(at, items[i].len);
		at += items[i].len;
	}
	return copy;
}

static void append(struct fake_stream *stream, struct fake_id id, const struct str *items,
		   size_t count)
{
	if (stream->count == stream->room) {
		stream->room = stream->room * 2 + 16;
		stream->entries =
		    realloc(stream->entries, stream->room * sizeof(stream->entries[0]));
		CHECK(stream->entries);
	}
	stream->entries[stream->count++] =
	    (struct fake_entry){ .id = id, .count = count, .items = items_copy(items, count) };
	stream->last = id;
	stream->added++;
}

static void remove_at(struct fake_stream *stream, size_t index)
{
	if (fake_id_cmp(stream->entries[index].id, stream->max_deleted) > 0)
		stream->max_deleted = stream->entries[index].id;
	free(stream->entries[index].items);
	memmove(&stream->entries[index], &stream->entries[index + 1],
		(--stream->count - index) * sizeof(stream->entries[0]));
}

/* ---- XADD and trimming ---- */

struct trim {
	bool maxlen, minid;
	uint64_t len;
	struct fake_id id;
};

/* MAXLEN|MINID [=|~] threshold at argv[*at]; false with nothing taken when it is
 * something else. `~` trims exactly here, as a real server may. */
static bool trim_parse(const struct str *argv, size_t argc, size_t *at, struct trim *trim,
		       struct redis_reply **error)
{
	size_t i = *at;
	*trim = (struct trim){ .maxlen = str_eq_nocase(argv[i], STR("MAXLEN")),
			       .minid = str_eq_nocase(argv[i], STR("MINID")) };
	if (!trim->maxlen && !trim->minid)
		return false;
	i++;
	if (i < argc && (str_eq(argv[i], STR("=")) || str_eq(argv[i], STR("~"))))
		i++;
	if (i >= argc)
		*error = fake_reply_error("ERR syntax error");
	else if (trim->maxlen && str_to_u64(argv[i], &trim->len))
		*error = fake_reply_error("ERR value is not an integer or out of range");
	else if (trim->minid && !fake_id_parse(argv[i], 0, &trim->id))
		*error = fake_reply_error(fake_bad_id);
	*at = i + 1;
	return !*error;
}

static int64_t trim_apply(struct fake_stream *stream, const struct trim *trim)
{
	int64_t gone = 0;
	while (stream->count &&
	       ((trim->maxlen && stream->count > trim->len) ||
		(trim->minid && fake_id_cmp(stream->entries[0].id, trim->id) < 0))) {
		remove_at(stream, 0);
		gone++;
	}
	return gone;
}

/* What an XADD says of its id, looked at before its key is. */
struct id_wish {
	bool any, any_seq;
	struct fake_id id;
};

static const char *wish_parse(struct str text, struct id_wish *out)
{
	size_t dash = str_find_char(text, '-');
	*out = (struct id_wish){ .any = str_eq(text, STR("*")),
				 .any_seq = dash + 2 == text.len && text.ptr[dash + 1] == '*' };
	if (out->any)
		return NULL;
	if (!fake_id_parse(out->any_seq ? str_make(text.ptr, dash) : text, 0, &out->id))
		return fake_bad_id;
	if (!out->any_seq && !out->id.ms && !out->id.seq)
		return "ERR The ID specified in XADD must be greater than 0-0";
	return NULL;
}

static const char *wish_grant(const struct fake_db *db, const struct fake_stream *stream,
			      const struct id_wish *wish, struct fake_id *out)
{
	uint64_t now_ms = (uint64_t)db->now_ms;
	*out = wish->id;
	if (wish->any)
		*out = (struct fake_id){ now_ms > stream->last.ms ? now_ms : stream->last.ms, 0 };
	if ((wish->any || wish->any_seq) && out->ms == stream->last.ms)
		out->seq = stream->last.seq + 1;
	if (fake_id_cmp(*out, stream->last) <= 0)
		return "ERR The ID specified in XADD is equal or smaller than the target stream "
		       "top item";
	return NULL;
}

struct redis_reply *fake_xadd(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct trim trim = { 0 };
	struct id_wish wish;
	struct fake_id id;
	size_t at = 2;
	bool make = true;
	if (str_eq_nocase(argv[at], STR("NOMKSTREAM"))) {
		make = false;
		at++;
	}
	bool trims = trim_parse(argv, argc, &at, &trim, &error);
	const char *why = error || at >= argc ? NULL : wish_parse(argv[at], &wish);
	if (!error && !why && (at >= argc || argc - at < 3 || (argc - at) % 2 == 0))
		why = "ERR wrong number of arguments for 'xadd' command";
	if (error || why)
		return error ? error : fake_reply_error(why);
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	if (error)
		return error;
	if (!key && !make)
		return fake_reply(REDIS_NIL, (struct str){ 0 });
	why = wish_grant(db, key ? &key->stream : &(struct fake_stream){ 0 }, &wish, &id);
	if (why)
		return fake_reply_error(why);
	if (!key)
		key = fake_make(db, argv[1], FAKE_STREAM);
	append(&key->stream, id, argv + at + 1, argc - at - 1);
	if (trims)
		trim_apply(&key->stream, &trim);
	return fake_id_reply(id);
}

struct redis_reply *fake_xtrim(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct trim trim;
	size_t at = 2;
	if (!trim_parse(argv, argc, &at, &trim, &error) && !error)
		error = fake_reply_error("ERR syntax error");
	struct fake_key *key = error ? NULL : fake_typed(db, argv[1], FAKE_STREAM, &error);
	if (error)
		return error;
	return fake_reply_integer(key ? trim_apply(&key->stream, &trim) : 0);
}

struct redis_reply *fake_xdel(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	struct fake_id id;
	int64_t gone = 0;
	for (size_t i = 2; !error && i < argc; i++)
		if (!fake_id_parse(argv[i], 0, &id))
			error = fake_reply_error(fake_bad_id);
	for (size_t i = 2; !error && key && i < argc; i++) {
		CHECK(fake_id_parse(argv[i], 0, &id));
		for (size_t j = key->stream.count; j-- > 0;)
			if (fake_id_cmp(key->stream.entries[j].id, id) == 0) {
				remove_at(&key->stream, j);
				gone++;
			}
	}
	return error ? error : fake_reply_integer(gone);
}

struct redis_reply *fake_xsetid(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_id id, deleted = { 0 };
	uint64_t added = 0;
	bool has_added = false;
	if (!fake_id_parse(argv[2], 0, &id))
		return fake_reply_error(fake_bad_id);
	for (size_t i = 3; i + 1 < argc; i += 2) {
		bool entries = str_eq_nocase(argv[i], STR("ENTRIESADDED"));
		if (entries ? str_to_u64(argv[i + 1], &added) != 0
			    : !str_eq_nocase(argv[i], STR("MAXDELETEDID")) ||
				  !fake_id_parse(argv[i + 1], 0, &deleted))
			return fake_reply_error("ERR syntax error");
		has_added |= entries;
	}
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	if (error || !key)
		return error ? error : fake_reply_error("ERR no such key");
	struct fake_stream *stream = &key->stream;
	if (stream->count && fake_id_cmp(id, stream->entries[stream->count - 1].id) < 0)
		return fake_reply_error(
		    "ERR The ID specified in XSETID is smaller than the target stream top item");
	stream->last = id;
	stream->added = has_added ? added : stream->added;
	if (deleted.ms || deleted.seq)
		stream->max_deleted = deleted;
	return fake_reply_ok();
}

/* ---- reading ---- */

struct redis_reply *fake_entry_reply(const struct fake_entry *entry)
{
	struct redis_reply *reply = fake_reply_array(2), *items = fake_reply_array(entry->count);
	for (size_t i = 0; i < entry->count; i++)
		fake_reply_put(items, i, fake_reply(REDIS_BULK, entry->items[i]));
	fake_reply_put(reply, 0, fake_id_reply(entry->id));
	fake_reply_put(reply, 1, items);
	return reply;
}

const char *fake_range_end(struct str text, bool low, struct fake_id *out)
{
	bool open = text.len && text.ptr[0] == '(';
	text = open ? str_skip(text, 1) : text;
	if (str_eq(text, STR("-")) || str_eq(text, STR("+"))) {
		uint64_t all = text.ptr[0] == '-' ? 0 : UINT64_MAX;
		*out = (struct fake_id){ all, all };
		return open ? fake_bad_id : NULL;
	}
	if (!fake_id_parse(text, low ? 0 : UINT64_MAX, out))
		return fake_bad_id;
	if (!open)
		return NULL;
	struct fake_id edge =
	    low ? (struct fake_id){ UINT64_MAX, UINT64_MAX } : (struct fake_id){ 0, 0 };
	if (fake_id_cmp(*out, edge) == 0)
		return low ? "ERR invalid start ID for the interval"
			   : "ERR invalid end ID for the interval";
	if (low && ++out->seq == 0)
		out->ms++;
	else if (!low && out->seq-- == 0)
		out->ms--;
	return NULL;
}

static struct redis_reply *range(struct fake_db *db, const struct str *argv, size_t argc,
				 bool backwards)
{
	struct redis_reply *error = NULL;
	struct fake_id low, high;
	int64_t count = -1;
	const char *why = fake_range_end(argv[backwards ? 3 : 2], true, &low);
	if (!why)
		why = fake_range_end(argv[backwards ? 2 : 3], false, &high);
	if (!why && argc > 4 && (argc != 6 || !str_eq_nocase(argv[4], STR("COUNT"))))
		why = "ERR syntax error";
	if (!why && argc == 6 && str_to_i64(argv[5], &count))
		why = "ERR value is not an integer or out of range";
	if (why)
		return fake_reply_error(why);
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	if (error)
		return error;
	if (argc == 6 && count <= 0)
		return key ? fake_reply(REDIS_NIL, (struct str){ 0 }) : fake_reply_array(0);
	struct fake_stream empty = { 0 }, *stream = key ? &key->stream : &empty;
	size_t room = count >= 0 && (size_t)count < stream->count ? (size_t)count : stream->count;
	struct redis_reply *reply = fake_reply_array(room);
	size_t found = 0;
	for (size_t i = 0; i < stream->count && found < room; i++) {
		const struct fake_entry *entry =
		    &stream->entries[backwards ? stream->count - 1 - i : i];
		if (fake_id_cmp(entry->id, low) >= 0 && fake_id_cmp(entry->id, high) <= 0)
			fake_reply_put(reply, found++, fake_entry_reply(entry));
	}
	reply->count = found;
	return reply;
}

struct redis_reply *fake_xrange(struct fake_db *db, const struct str *argv, size_t argc)
{
	return range(db, argv, argc, false);
}

struct redis_reply *fake_xrevrange(struct fake_db *db, const struct str *argv, size_t argc)
{
	return range(db, argv, argc, true);
}

struct redis_reply *fake_xlen(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	(void)argc;
	return error ? error : fake_reply_integer(key ? (int64_t)key->stream.count : 0);
}

/* XINFO STREAM and GROUPS, the fields that say something here. */
struct redis_reply *fake_xinfo(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	bool groups = argc == 3 && str_eq_nocase(argv[1], STR("GROUPS"));
	if (argc != 3 || (!groups && !str_eq_nocase(argv[1], STR("STREAM"))))
		return fake_reply_error("ERR syntax error");
	struct fake_key *key = fake_typed(db, argv[2], FAKE_STREAM, &error);
	if (error || !key)
		return error ? error : fake_reply_error("ERR no such key");
	if (groups)
		return fake_groups_info(&key->stream);
	struct fake_stream *stream = &key->stream;
	struct redis_reply *reply = fake_reply_array(12);
	static const char *const names[] = {
		"length",        "last-generated-id", "max-deleted-entry-id",
		"entries-added", "first-entry",       "last-entry"
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		fake_reply_put(reply, i * 2, fake_reply(REDIS_BULK, str_of(names[i])));
	fake_reply_put(reply, 1, fake_reply_integer((int64_t)stream->count));
	fake_reply_put(reply, 3, fake_id_reply(stream->last));
	fake_reply_put(reply, 5, fake_id_reply(stream->max_deleted));
	fake_reply_put(reply, 7, fake_reply_integer((int64_t)stream->added));
	if (stream->count) {
		fake_reply_put(reply, 9, fake_entry_reply(&stream->entries[0]));
		fake_reply_put(reply, 11, fake_entry_reply(&stream->entries[stream->count - 1]));
	}
	return reply;
}

/* A stream that has become empty needs an entry to exist at all. */
void fake_stream_dump(const struct fake_key *key,
		      void (*put)(void *ctx, const struct str *argv, size_t argc), void *ctx)
{
	const struct fake_stream *stream = &key->stream;
	char text[48], deleted[48], added[24];
	struct buf added_buf = buf_over(added, sizeof added);
	for (size_t i = 0; i < stream->count; i++) {
		const struct fake_entry *entry = &stream->entries[i];
		struct str argv[3 + 64] = { STR("XADD"), key->name, fake_id_text(entry->id, text) };
		CHECK(entry->count <= 64);
		memcpy(argv + 3, entry->items, entry->count * sizeof argv[0]);
		put(ctx, argv, 3 + entry->count);
	}
	if (!stream->count) {
		struct str argv[] = { STR("XADD"), key->name, STR("MAXLEN"), STR("0"),
				      STR("0-1"),  STR("x"),  STR("y") };
		put(ctx, argv, ARRAY_LEN(argv));
	}
	buf_u64(&added_buf, stream->added);
	struct str argv[] = { STR("XSETID"),
			      key->name,
			      fake_id_text(stream->last, text),
			      STR("ENTRIESADDED"),
			      buf_str(&added_buf),
			      STR("MAXDELETEDID"),
			      fake_id_text(stream->max_deleted, deleted) };
	put(ctx, argv, ARRAY_LEN(argv));
	fake_groups_dump(key, put, ctx);
}
