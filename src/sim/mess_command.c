/* A key as the commands that write it. */
#include <stdio.h>

#include "sim/mess_impl.h"

enum {
	WORDS_MAX = 2 + 2 * 512, /* of one command: longer values are written by several */
	TEXTS = 8,
	TEXT_BYTES = 32,
	EVENT_PARTS = 6,
};

/* One command that is put together, and the numbers in it. */
struct line {
	const struct mess_sink *sink;
	struct str words[WORDS_MAX];
	size_t count;
	char texts[TEXTS][TEXT_BYTES];
	size_t used;
};

static void add(struct line *line, struct str word)
{
	CHECK(line->count < WORDS_MAX);
	line->words[line->count++] = word;
}

static void add_i64(struct line *line, int64_t number)
{
	CHECK(line->used < TEXTS);
	char *text = line->texts[line->used++];
	snprintf(text, TEXT_BYTES, "%lld", (long long)number);
	add(line, str_of(text));
}

static void say(struct line *line)
{
	line->sink->command(line->sink->ctx, line->words, line->count);
	line->count = line->used = 0;
}

static void begin(struct line *line, struct str verb, struct str name)
{
	CHECK(!line->count);
	add(line, verb);
	add(line, name);
}

static void say_restore(struct mess *mess, struct line *line, const struct mess_key *key,
			struct str name)
{
	buf_clear(&mess->payload);
	mess_payload(&mess->value, mess->config.now_ms, &mess->payload);
	begin(line, STR("RESTORE"), name);
	add_i64(line, key->ttl ? key->ttl_s * 1000 : 0);
	add(line, buf_str(&mess->payload));
	add(line, STR("REPLACE"));
	add(line, STR("IDLETIME"));
	add_i64(line, key->idle_s);
	say(line);
}

static void say_set(const struct mess *mess, struct line *line, const struct mess_key *key,
		    struct str name)
{
	begin(line, STR("SET"), name);
	add(line, mess_part_at(&mess->value, 0));
	if (key->ttl) {
		add(line, STR("EX"));
		add_i64(line, key->ttl_s);
	}
	say(line);
}

/* Parts in order, but for sorted sets, which want the score first. */
static void say_parts(const struct mess *mess, struct line *line, struct str name)
{
	static const char *const verbs[] = {
		[AUDIT_LIST] = "RPUSH",
		[AUDIT_SET] = "SADD",
		[AUDIT_ZSET] = "ZADD",
		[AUDIT_HASH] = "HSET",
	};
	const struct mess_value *value = &mess->value;
	size_t swap = value->type == AUDIT_ZSET;
	for (size_t i = 0; i < value->parts;) {
		begin(line, str_of(verbs[value->type]), name);
		while (i < value->parts && line->count < WORDS_MAX)
			add(line, mess_part_at(value, i++ ^ swap));
		say(line);
	}
}

/* Entries by explicit ids; a stream that is trimmed is told twice as many as it keeps. */
static void say_entry(const struct mess *mess, struct line *line, struct str name, size_t entry,
		      size_t keep, size_t entries)
{
	static const int64_t first_ms = 1700000000000;
	begin(line, STR("XADD"), name);
	if (keep) {
		add(line, STR("MAXLEN"));
		add(line, STR("="));
		add_i64(line, (int64_t)keep);
	}
	add_i64(line, first_ms + (int64_t)entry * 250);
	for (size_t i = 0; i < EVENT_PARTS; i++)
		add(line, mess_part_at(&mess->value, entry % entries * EVENT_PARTS + i));
	say(line);
}

static void say_group(struct line *line, struct str name)
{
	begin(line, STR("XGROUP"), STR("CREATE"));
	add(line, name);
	add(line, STR("workers"));
	add(line, STR("0"));
	say(line);
	begin(line, STR("XREADGROUP"), STR("GROUP"));
	add(line, STR("workers"));
	add(line, STR("worker-1"));
	add(line, STR("COUNT"));
	add(line, STR("5"));
	add(line, STR("STREAMS"));
	add(line, name);
	add(line, STR(">"));
	say(line);
}

static void say_stream(const struct mess *mess, struct line *line, const struct mess_key *key,
		       struct str name)
{
	size_t entries = mess->value.parts / EVENT_PARTS;
	bool trimmed = !(mess_kind_facts(key->kind) & MESS_UNTRIMMED);
	for (size_t i = 0; i < (trimmed ? 2 * entries : entries); i++)
		say_entry(mess, line, name, i, trimmed ? entries : 0, entries);
	if (key->kind == MESS_grouped)
		say_group(line, name);
}

static void say_value(struct mess *mess, struct line *line, const struct mess_key *key,
		      struct str name)
{
	if (key->idle_s || mess_kind_facts(key->kind) & MESS_STALE) {
		say_restore(mess, line, key, name);
		return;
	}
	if (mess->value.type == AUDIT_STRING) {
		say_set(mess, line, key, name);
		return;
	}
	if (mess->value.type == AUDIT_STREAM)
		say_stream(mess, line, key, name);
	else
		say_parts(mess, line, name);
	if (key->ttl) {
		begin(line, STR("EXPIRE"), name);
		add_i64(line, key->ttl_s);
		say(line);
	}
}

void mess_tell_commands(struct mess *mess, const struct mess_key *key, struct str name,
			const struct mess_sink *sink)
{
	struct line line = { .sink = sink };
	int db = mess->rows[key->row].db;
	if (db != mess->db) {
		add(&line, STR("SELECT"));
		add_i64(&line, db);
		say(&line);
		mess->db = db;
	}
	say_value(mess, &line, key, name);
}
