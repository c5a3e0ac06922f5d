#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/source_impl.h"

enum { CURSOR_BYTES = 48, SCAN_COUNT = 200 };

struct walk {
	struct migrate_server *server;
	struct str name;
	enum audit_type type;
	struct arena texts;
	struct digesting sum;
	struct audit_element *elements;
	size_t count;
	int64_t piece;             /* elements asked for at once */
	int64_t at;                /* list, string: where the next piece begins */
	char cursor[CURSOR_BYTES]; /* scans: of the server; streams: the next id */
	bool ended;
	enum status status;
};

static void take_elements(struct walk *walk, const struct redis_reply *reply)
{
	if (!source_elements(walk->type, reply, &walk->texts, &walk->sum, &walk->elements,
			     &walk->count))
		walk->status = STATUS_NO_MEMORY;
}

/* ---- a piece of each type ---- */

static void on_bytes(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	bool failed = false;
	if (status || reply->type != REDIS_BULK) {
		walk->status = status ? status : STATUS_REDIS_PROTOCOL;
		return;
	}
	digest_bytes(&walk->sum, reply->text);
	walk->elements = arena_take(&walk->texts, sizeof *walk->elements);
	walk->count = reply->text.len > 0;
	walk->ended = reply->text.len < SOURCE_PIECE_BYTES;
	walk->at += (int64_t)reply->text.len;
	if (walk->elements)
		walk->elements[0] = (struct audit_element){
			.value = arena_copy(&walk->texts, reply->text, &failed),
		};
	if (failed || !walk->elements)
		walk->status = STATUS_NO_MEMORY;
}

static void on_list(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	walk->status = status;
	if (status)
		return;
	take_elements(walk, reply);
	walk->at += (int64_t)walk->count;
	walk->ended = walk->count < (size_t)walk->piece;
}

static void on_scan(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	walk->status = status;
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 2 ||
			str_copy(reply->items[0].text, walk->cursor, sizeof walk->cursor)))
		walk->status = STATUS_REDIS_PROTOCOL;
	if (walk->status)
		return;
	take_elements(walk, &reply->items[1]);
	walk->ended = strcmp(walk->cursor, "0") == 0;
}

/* The id behind it: ranges that exclude their beginning are newer than streams. */
static bool next_id(const char *id, char out[CURSOR_BYTES])
{
	char *end;
	unsigned long long ms = strtoull(id, &end, 10);
	unsigned long long seq = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
	if (ms == UINT64_MAX && seq == UINT64_MAX)
		return false;
	snprintf(out, CURSOR_BYTES, "%llu-%llu", seq == UINT64_MAX ? ms + 1 : ms,
		 seq == UINT64_MAX ? 0 : seq + 1);
	return true;
}

static void on_stream(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	char last[CURSOR_BYTES];
	walk->status = status;
	if (status)
		return;
	take_elements(walk, reply);
	walk->ended = walk->count < (size_t)walk->piece;
	if (walk->status || !walk->count)
		return;
	if (str_copy(walk->elements[walk->count - 1].field, last, sizeof last))
		walk->status = STATUS_REDIS_PROTOCOL;
	else if (!next_id(last, walk->cursor))
		walk->ended = true;
}

static void on_groups(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	if (!status)
		source_digest_groups(&walk->sum, reply);
	else if (!source_is_gone(status, reply))
		walk->status = status;
}

static void ask_piece(struct walk *walk)
{
	char from[24], to[24], count[24];
	int64_t size = walk->type == AUDIT_STRING ? SOURCE_PIECE_BYTES : walk->piece;
	snprintf(from, sizeof from, "%lld", (long long)walk->at);
	snprintf(to, sizeof to, "%lld", (long long)(walk->at + size - 1));
	snprintf(count, sizeof count, "%lld", (long long)walk->piece);
	const struct str ranged[] = { walk->type == AUDIT_STRING ? STR("GETRANGE") : STR("LRANGE"),
				      walk->name, str_of(from), str_of(to) };
	const struct str scanned[] = { walk->type == AUDIT_SET    ? STR("SSCAN")
				       : walk->type == AUDIT_ZSET ? STR("ZSCAN")
								  : STR("HSCAN"),
				       walk->name, str_of(walk->cursor), STR("COUNT"),
				       str_of(count) };
	const struct str entries[] = { STR("XRANGE"), walk->name,   str_of(walk->cursor),
				       STR("+"),      STR("COUNT"), str_of(count) };
	if (walk->type == AUDIT_STRING || walk->type == AUDIT_LIST)
		migrate_server_put(walk->server, ranged, 4,
				   walk->type == AUDIT_STRING ? on_bytes : on_list, walk);
	else if (walk->type == AUDIT_STREAM)
		migrate_server_put(walk->server, entries, 6, on_stream, walk);
	else
		migrate_server_put(walk->server, scanned, 5, on_scan, walk);
}

static void on_number(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type == REDIS_INTEGER)
		*(int64_t *)ctx = reply->integer;
}

/* Fewer elements at once where they are large. */
static enum status measure(struct walk *walk, struct err *err)
{
	static const char *const lengths[] = {
		[AUDIT_STRING] = "STRLEN", [AUDIT_LIST] = "LLEN", [AUDIT_SET] = "SCARD",
		[AUDIT_ZSET] = "ZCARD",    [AUDIT_HASH] = "HLEN", [AUDIT_STREAM] = "XLEN",
	};
	const struct str length[] = { str_of(lengths[walk->type]), walk->name };
	const struct str usage[] = { STR("MEMORY"), STR("USAGE"), walk->name };
	int64_t elements = 0, bytes = 0;
	walk->piece = SOURCE_PIECE_ELEMENTS;
	if (walk->type == AUDIT_STRING)
		return STATUS_OK;
	migrate_server_put(walk->server, length, ARRAY_LEN(length), on_number, &elements);
	migrate_server_put(walk->server, usage, ARRAY_LEN(usage), on_number, &bytes);
	enum status status = migrate_server_settle(walk->server, err);
	int64_t each = elements > 0 ? bytes / elements : 0;
	if (each > SOURCE_REPLY_BYTES / SOURCE_PIECE_ELEMENTS)
		walk->piece = each < SOURCE_REPLY_BYTES ? SOURCE_REPLY_BYTES / each : 1;
	return status;
}

static enum status step(struct walk *walk, source_piece_fn fn, void *ctx, struct err *err)
{
	arena_clear(&walk->texts);
	walk->count = 0;
	ask_piece(walk);
	enum status status = migrate_server_settle(walk->server, err);
	if (status)
		return status;
	if (walk->status)
		return err_set(err, walk->status, "a key cannot be read: %s",
			       status_text(walk->status));
	return fn && walk->count ? fn(ctx, walk->elements, walk->count, err) : STATUS_OK;
}

enum status source_walk(struct migrate_server *server, struct str name, enum audit_type type,
			source_piece_fn fn, void *ctx, struct digest *digest, struct err *err)
{
	struct walk walk = { .server = server, .name = name, .type = type, .cursor = "0" };
	const struct str groups[] = { STR("XINFO"), STR("GROUPS"), name };
	enum status status;
	CHECK(type < AUDIT_MODULE);
	if (type == AUDIT_STREAM)
		strcpy(walk.cursor, "0-0");
	digest_begin(&walk.sum, type);
	status = measure(&walk, err);
	while (!status && !walk.ended)
		status = step(&walk, fn, ctx, err);
	if (!status && type == AUDIT_STREAM) {
		migrate_server_put(server, groups, 3, on_groups, &walk);
		status = migrate_server_settle(server, err);
		if (!status && walk.status)
			status = err_set(err, walk.status, "a stream's groups cannot be read: %s",
					 status_text(walk.status));
	}
	if (!status)
		*digest = digest_end(&walk.sum);
	arena_deinit(&walk.texts);
	return status;
}

/* ---- names ---- */

struct scan {
	struct arena texts;
	struct str *names;
	size_t count;
	char cursor[CURSOR_BYTES];
	enum status status;
};

static void on_names(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct scan *scan = ctx;
	bool failed = false;
	scan->status = status;
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 2 ||
			reply->items[1].type != REDIS_ARRAY ||
			str_copy(reply->items[0].text, scan->cursor, sizeof scan->cursor)))
		scan->status = STATUS_REDIS_PROTOCOL;
	if (scan->status)
		return;
	const struct redis_reply *list = &reply->items[1];
	scan->names = arena_take(&scan->texts, (list->count + 1) * sizeof *scan->names);
	for (size_t i = 0; scan->names && i < list->count; i++)
		scan->names[i] = arena_copy(&scan->texts, list->items[i].text, &failed);
	scan->count = list->count;
	if (failed || !scan->names)
		scan->status = STATUS_NO_MEMORY;
}

enum status source_scan(struct migrate_server *server, source_names_fn fn, void *ctx,
			struct err *err)
{
	struct scan scan = { .cursor = "0" };
	char count[16];
	enum status status;
	snprintf(count, sizeof count, "%d", SCAN_COUNT);
	do {
		const struct str argv[] = { STR("SCAN"), str_of(scan.cursor), STR("COUNT"),
					    str_of(count) };
		arena_clear(&scan.texts);
		scan.count = 0;
		status = migrate_server_call(server, argv, ARRAY_LEN(argv), on_names, &scan, err);
		if (!status && scan.status)
			status = err_set(err, scan.status, "SCAN: %s", status_text(scan.status));
		if (!status && scan.count)
			status = fn(ctx, scan.names, scan.count, err);
	} while (!status && strcmp(scan.cursor, "0") != 0);
	arena_deinit(&scan.texts);
	return status;
}
