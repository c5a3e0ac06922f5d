#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/source_impl.h"

enum { BLIND_ELEMENTS = 512 }; /* small by its elements, where the server tells no bytes */

struct source_reader {
	struct migrate_server *server;
	struct arena texts;
	enum status status; /* of the read under way: NO_MEMORY, what the server refused */
	char why[160];      /* its words */
	int64_t batch_bytes;
	bool full; /* the batch has its bytes: what comes is late */
};

/* A key on its way through the pipelines. */
struct reading {
	struct source_reader *reader;
	struct source_key *key;
	int wants;
	int64_t bytes; /* MEMORY USAGE; -1 unknown */
	struct digesting sum;
	bool failed; /* an error reply: it went, or has another type by now */
};

enum status source_reader_create(struct migrate_server *server, struct source_reader **out)
{
	struct source_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return STATUS_NO_MEMORY;
	reader->server = server;
	*out = reader;
	return STATUS_OK;
}

void source_reader_destroy(struct source_reader *reader)
{
	if (!reader)
		return;
	arena_deinit(&reader->texts);
	free(reader);
}

void source_reader_clear(struct source_reader *reader) { arena_clear(&reader->texts); }

/* ---- errors ---- */

bool source_is_gone(enum status status, const struct redis_reply *reply)
{
	return status == STATUS_REDIS_WRONGTYPE || str_starts(reply->text, STR("ERR no such key"));
}

/* An answer that is none says nothing of the key, least of all that it is not there. */
static void refused(struct reading *reading, enum status status, const struct redis_reply *reply)
{
	struct source_reader *reader = reading->reader;
	if (source_is_gone(status, reply)) {
		reading->failed = true;
	} else if (!reader->status) {
		reader->status = status;
		snprintf(reader->why, sizeof reader->why, ": %.*s",
			 (int)(reply->text.len < 140 ? reply->text.len : 140), reply->text.ptr);
	}
}

/* ---- what it is, and until when ---- */

static void on_type(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	if (status)
		refused(reading, status, reply);
	if (status || str_eq(reply->text, STR("none")))
		return;
	enum audit_type type = audit_type_find(reply->text);
	reading->key->there = true;
	reading->key->type = type == AUDIT_TYPES ? AUDIT_MODULE : type;
}

static void on_expires(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	if (status)
		refused(reading, status, reply);
	else
		reading->key->expires_ms = reply->integer >= 0 ? reply->integer : -1;
}

static void on_pttl(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	int64_t now_ms = migrate_server_now_ms(reading->reader->server);
	if (status)
		refused(reading, status, reply);
	else
		reading->key->expires_ms = reply->integer >= 0 ? now_ms + reply->integer : -1;
}

static void put_name(struct migrate_server *server, struct str command, struct str name,
		     redis_reply_fn fn, void *ctx)
{
	const struct str argv[] = { command, name };
	migrate_server_put(server, argv, ARRAY_LEN(argv), fn, ctx);
}

static void ask_what(struct reading *reading, struct str name)
{
	struct migrate_server *server = reading->reader->server;
	bool absolute = migrate_server_version(server) >= 70000;
	put_name(server, STR("TYPE"), name, on_type, reading);
	put_name(server, absolute ? STR("PEXPIRETIME") : STR("PTTL"), name,
		 absolute ? on_expires : on_pttl, reading);
}

/* ---- how long ---- */

static void on_length(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	if (status)
		refused(reading, status, reply);
	else
		reading->key->length = reply->integer;
}

static void on_bytes(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	if (!status && reply->type == REDIS_INTEGER)
		reading->bytes = reply->integer;
}

static bool reads_on(const struct reading *reading)
{
	return reading->key->there && reading->key->type != AUDIT_MODULE && !reading->failed;
}

static void ask_length(struct reading *reading, struct str name)
{
	static const char *const lengths[] = {
		[AUDIT_STRING] = "STRLEN", [AUDIT_LIST] = "LLEN", [AUDIT_SET] = "SCARD",
		[AUDIT_ZSET] = "ZCARD",    [AUDIT_HASH] = "HLEN", [AUDIT_STREAM] = "XLEN",
	};
	if (reads_on(reading))
		put_name(reading->reader->server, str_of(lengths[reading->key->type]), name,
			 on_length, reading);
}

/* All elements of what may come in one reply are looked at: one large one among small ones is not
 * missed. */
static void ask_bytes(struct reading *reading, struct str name)
{
	const struct source_key *key = reading->key;
	const struct str usage[] = { STR("MEMORY"), STR("USAGE"), name, STR("SAMPLES"), STR("0") };
	if (reads_on(reading) && key->type != AUDIT_STRING && key->length <= SOURCE_SMALL_ELEMENTS)
		migrate_server_put(reading->reader->server, usage, ARRAY_LEN(usage), on_bytes,
				   reading);
}

static bool is_big(const struct reading *reading)
{
	const struct source_key *key = reading->key;
	if (key->type == AUDIT_STRING)
		return key->length > SOURCE_SMALL_BYTES;
	return reading->bytes > SOURCE_SMALL_BYTES || key->length > SOURCE_SMALL_ELEMENTS ||
	       (reading->bytes < 0 && key->length > BLIND_ELEMENTS);
}

/* ---- content ---- */

static void on_value(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	bool failed = false;
	if (status)
		refused(reading, status, reply);
	if (status || reply->type != REDIS_BULK) {
		reading->failed = true;
		return;
	}
	digest_bytes(&reading->sum, reply->text);
	if (reading->wants & SOURCE_CONTENT)
		reading->key->value = arena_copy(&reading->reader->texts, reply->text, &failed);
	if (failed)
		reading->reader->status = STATUS_NO_MEMORY;
}

static void on_elements(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	struct source_key *key = reading->key;
	if (status) {
		refused(reading, status, reply);
		return;
	}
	bool keep = reading->wants & SOURCE_CONTENT;
	if (!source_elements(key->type, reply, &reading->reader->texts, &reading->sum,
			     keep ? &key->elements : NULL, &key->n_elements))
		reading->reader->status = STATUS_NO_MEMORY;
}

static void on_groups(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	if (status)
		refused(reading, status, reply);
	if (status || reply->type != REDIS_ARRAY)
		return;
	reading->key->groups = (int64_t)reply->count;
	source_digest_groups(&reading->sum, reply);
}

static void on_dump(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	bool failed = false;
	if (status)
		refused(reading, status, reply);
	if (status || reply->type != REDIS_BULK) {
		reading->failed = true;
		return;
	}
	reading->key->dump = arena_copy(&reading->reader->texts, reply->text, &failed);
	if (failed)
		reading->reader->status = STATUS_NO_MEMORY;
}

static void ask_elements(struct reading *reading, struct str name)
{
	struct migrate_server *server = reading->reader->server;
	const struct str list[] = { STR("LRANGE"), name, STR("0"), STR("-1") };
	const struct str zset[] = { STR("ZRANGE"), name, STR("0"), STR("-1"), STR("WITHSCORES") };
	const struct str stream[] = { STR("XRANGE"), name, STR("-"), STR("+") };
	const struct str groups[] = { STR("XINFO"), STR("GROUPS"), name };
	switch (reading->key->type) {
	case AUDIT_STRING: put_name(server, STR("GET"), name, on_value, reading); break;
	case AUDIT_SET: put_name(server, STR("SMEMBERS"), name, on_elements, reading); break;
	case AUDIT_HASH: put_name(server, STR("HGETALL"), name, on_elements, reading); break;
	case AUDIT_LIST: migrate_server_put(server, list, 4, on_elements, reading); break;
	case AUDIT_ZSET: migrate_server_put(server, zset, 5, on_elements, reading); break;
	default:
		migrate_server_put(server, stream, 4, on_elements, reading);
		migrate_server_put(server, groups, 3, on_groups, reading);
	}
}

/* A batch holds SOURCE_BATCH_BYTES, or one key. */
static bool comes_late(struct reading *reading)
{
	struct source_reader *reader = reading->reader;
	int64_t bytes = reading->key->type == AUDIT_STRING ? reading->key->length : reading->bytes;
	bool over = reader->batch_bytes && reader->batch_bytes + bytes > SOURCE_BATCH_BYTES;
	if (!(reading->wants & SOURCE_BOUNDED))
		return false;
	reader->full |= over;
	if (!reader->full)
		reader->batch_bytes += bytes > 0 ? bytes : 0;
	return reader->full;
}

static void ask_content(struct reading *reading, struct str name)
{
	struct source_key *key = reading->key;
	if (!reads_on(reading))
		return;
	key->big = is_big(reading);
	key->late = !key->big && comes_late(reading);
	if (key->big || key->late)
		return;
	digest_begin(&reading->sum, key->type);
	ask_elements(reading, name);
	if (reading->wants & SOURCE_DUMP)
		put_name(reading->reader->server, STR("DUMP"), name, on_dump, reading);
}

/* Vanished between two questions, or is another type's: it was not there in one piece. */
static void settle_key(struct reading *reading)
{
	struct source_key *key = reading->key;
	if (reading->failed)
		*key = (struct source_key){ .expires_ms = -1 };
	else if (key->there && !key->big && !key->late && key->type != AUDIT_MODULE)
		key->digest = digest_end(&reading->sum);
}

enum status source_read(struct source_reader *reader, const struct str *names,
			struct source_key *keys, size_t count, int wants, struct err *err)
{
	struct reading *readings = arena_take(&reader->texts, (count + 1) * sizeof *readings);
	static void (*const asks[])(struct reading * reading, struct str name) = {
		ask_what,
		ask_length,
		ask_bytes,
		ask_content,
	};
	if (!readings)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	reader->status = STATUS_OK;
	reader->why[0] = '\0';
	reader->batch_bytes = 0;
	reader->full = false;
	for (size_t i = 0; i < count; i++) {
		keys[i] = (struct source_key){ .expires_ms = -1 };
		readings[i] = (struct reading){ reader, &keys[i], wants, -1, { 0 }, false };
	}
	for (size_t step = 0; step < ARRAY_LEN(asks); step++) {
		for (size_t i = 0; i < count; i++)
			asks[step](&readings[i], names[i]);
		enum status status = migrate_server_settle(reader->server, err);
		if (status)
			return status;
	}
	for (size_t i = 0; i < count; i++)
		settle_key(&readings[i]);
	return reader->status ? err_set(err, reader->status, "a key cannot be read: %s%s",
					status_text(reader->status), reader->why)
			      : STATUS_OK;
}
