/* Consumer groups of streams as Redis 7.0 has them, one stream in an XREADGROUP. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "fake_value.h"

static const char needs_key[] =
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to "
    "use the MKSTREAM option to create an empty stream automatically.";

static void group_clear(struct fake_group *group)
{
	for (size_t i = 0; i < group->count; i++)
		free((void *)group->pending[i].consumer.ptr);
	free(group->pending);
	free((void *)group->name.ptr);
}

void fake_groups_free(struct fake_stream *stream)
{
	for (size_t i = 0; i < stream->n_groups; i++)
		group_clear(&stream->groups[i]);
	free(stream->groups);
}

static struct fake_group *group_of(struct fake_key *key, struct str name)
{
	for (size_t i = 0; key && i < key->stream.n_groups; i++)
		if (str_eq(key->stream.groups[i].name, name))
			return &key->stream.groups[i];
	return NULL;
}

static size_t pending_at(const struct fake_group *group, struct fake_id id)
{
	size_t at = 0;
	while (at < group->count && fake_id_cmp(group->pending[at].id, id) < 0)
		at++;
	return at;
}

static bool is_pending(const struct fake_group *group, size_t at, struct fake_id id)
{
	return at < group->count && fake_id_cmp(group->pending[at].id, id) == 0;
}

static struct fake_pending *pend(struct fake_group *group, struct fake_id id, struct str consumer,
				 int64_t now_ms)
{
	size_t at = pending_at(group, id);
	if (!is_pending(group, at, id)) {
		if (group->count == group->room) {
			group->room = group->room * 2 + 16;
			group->pending =
			    realloc(group->pending, group->room * sizeof(group->pending[0]));
			CHECK(group->pending);
		}
		memmove(&group->pending[at + 1], &group->pending[at],
			(group->count++ - at) * sizeof(group->pending[0]));
		group->pending[at] = (struct fake_pending){ .id = id };
	}
	free((void *)group->pending[at].consumer.ptr);
	group->pending[at].consumer = fake_copy(consumer);
	group->pending[at].given_ms = now_ms;
	return &group->pending[at];
}

static bool unpend(struct fake_group *group, struct fake_id id)
{
	size_t at = pending_at(group, id);
	if (!is_pending(group, at, id))
		return false;
	free((void *)group->pending[at].consumer.ptr);
	memmove(&group->pending[at], &group->pending[at + 1],
		(--group->count - at) * sizeof(group->pending[0]));
	return true;
}

static struct redis_reply *no_group(const struct str *argv, const char *tail)
{
	char text[300];
	snprintf(text, sizeof text, "NOGROUP No such key '%.*s' or consumer group '%.*s'%s",
		 STR_ARG(argv[0]), STR_ARG(argv[1]), tail);
	return fake_reply_error(text);
}

/* ---- XGROUP CREATE, SETID and DESTROY ---- */

static struct redis_reply *create(struct fake_db *db, struct fake_key *key, const struct str *argv,
				  size_t argc)
{
	bool make = argc > 5 && str_eq_nocase(argv[5], STR("MKSTREAM"));
	struct fake_id from = key ? key->stream.last : (struct fake_id){ 0 };
	if (argc < 5 || argc > 6 || (argc == 6 && !make))
		return fake_reply_error("ERR syntax error");
	if (!key && !make)
		return fake_reply_error(needs_key);
	if (!str_eq(argv[4], STR("$")) && !fake_id_parse(argv[4], 0, &from))
		return fake_reply_error(fake_bad_id);
	if (!key)
		key = fake_make(db, argv[2], FAKE_STREAM);
	if (group_of(key, argv[3]))
		return fake_reply_error("BUSYGROUP Consumer Group name already exists");
	struct fake_stream *stream = &key->stream;
	stream->groups = realloc(stream->groups, (stream->n_groups + 1) * sizeof *stream->groups);
	CHECK(stream->groups);
	stream->groups[stream->n_groups++] =
	    (struct fake_group){ .name = fake_copy(argv[3]), .last = from };
	return fake_reply_ok();
}

static struct redis_reply *set_id(struct fake_key *key, const struct str *argv)
{
	struct fake_group *group = group_of(key, argv[3]);
	struct fake_id id = key ? key->stream.last : (struct fake_id){ 0 };
	char text[300];
	if (!key)
		return fake_reply_error(needs_key);
	if (!group) {
		snprintf(text, sizeof text,
			 "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
			 STR_ARG(argv[3]), STR_ARG(argv[2]));
		return fake_reply_error(text);
	}
	if (!str_eq(argv[4], STR("$")) && !fake_id_parse(argv[4], 0, &id))
		return fake_reply_error(fake_bad_id);
	group->last = id;
	return fake_reply_ok();
}

static struct redis_reply *destroy(struct fake_key *key, struct str name)
{
	struct fake_group *group = group_of(key, name);
	if (!key)
		return fake_reply_error(needs_key);
	if (!group)
		return fake_reply_integer(0);
	group_clear(group);
	struct fake_stream *stream = &key->stream;
	memmove(group, group + 1,
		(size_t)(stream->groups + --stream->n_groups - group) * sizeof *group);
	return fake_reply_integer(1);
}

struct redis_reply *fake_xgroup(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[2], FAKE_STREAM, &error);
	if (error)
		return error;
	if (str_eq_nocase(argv[1], STR("CREATE")))
		return create(db, key, argv, argc);
	if (str_eq_nocase(argv[1], STR("SETID")) && argc == 5)
		return set_id(key, argv);
	if (str_eq_nocase(argv[1], STR("DESTROY")) && argc == 4)
		return destroy(key, argv[3]);
	return fake_reply_error("ERR syntax error");
}

/* ---- reading and acknowledging ---- */

struct reading {
	struct str key, group, consumer, id;
	int64_t count; /* 0: all */
};

/* XREADGROUP GROUP group consumer [COUNT n] STREAMS key id. */
static const char *reading_parse(const struct str *argv, size_t argc, struct reading *out)
{
	size_t at = 4;
	*out = (struct reading){ .group = argv[2], .consumer = argv[3] };
	if (!str_eq_nocase(argv[1], STR("GROUP")))
		return "ERR syntax error";
	if (str_eq_nocase(argv[at], STR("COUNT"))) {
		if (str_to_i64(argv[at + 1], &out->count))
			return "ERR value is not an integer or out of range";
		at += 2;
	}
	if (argc - at != 3 || !str_eq_nocase(argv[at], STR("STREAMS")))
		return "ERR syntax error";
	out->key = argv[at + 1];
	out->id = argv[at + 2];
	out->count = out->count < 0 ? 0 : out->count;
	return NULL;
}

static struct redis_reply *deleted_reply(struct fake_id id)
{
	struct redis_reply *reply = fake_reply_array(2);
	fake_reply_put(reply, 0, fake_id_reply(id));
	return reply;
}

static const struct fake_entry *entry_of(const struct fake_stream *stream, struct fake_id id)
{
	for (size_t i = 0; i < stream->count; i++)
		if (fake_id_cmp(stream->entries[i].id, id) == 0)
			return &stream->entries[i];
	return NULL;
}

static struct redis_reply *read_pending(struct fake_stream *stream, struct fake_group *group,
					const struct reading *reading, struct fake_id after,
					int64_t now_ms)
{
	struct redis_reply *reply = fake_reply_array(group->count);
	size_t found = 0;
	for (size_t i = 0; i < group->count; i++) {
		struct fake_pending *pending = &group->pending[i];
		if (reading->count && found == (size_t)reading->count)
			break;
		if (fake_id_cmp(pending->id, after) <= 0 ||
		    !str_eq(pending->consumer, reading->consumer))
			continue;
		const struct fake_entry *entry = entry_of(stream, pending->id);
		pending->times += entry != NULL;
		pending->given_ms = entry ? now_ms : pending->given_ms;
		fake_reply_put(reply, found++,
			       entry ? fake_entry_reply(entry) : deleted_reply(pending->id));
	}
	reply->count = found;
	return reply;
}

static struct redis_reply *read_new(struct fake_stream *stream, struct fake_group *group,
				    const struct reading *reading, int64_t now_ms)
{
	struct redis_reply *reply = fake_reply_array(stream->count);
	size_t found = 0;
	for (size_t i = 0; i < stream->count; i++) {
		const struct fake_entry *entry = &stream->entries[i];
		if (reading->count && found == (size_t)reading->count)
			break;
		if (fake_id_cmp(entry->id, group->last) <= 0)
			continue;
		fake_reply_put(reply, found++, fake_entry_reply(entry));
		pend(group, entry->id, reading->consumer, now_ms)->times = 1;
		group->last = entry->id;
	}
	reply->count = found;
	return reply;
}

struct redis_reply *fake_xreadgroup(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct reading reading;
	struct fake_id after;
	const char *why = reading_parse(argv, argc, &reading);
	if (why)
		return fake_reply_error(why);
	struct fake_key *key = fake_typed(db, reading.key, FAKE_STREAM, &error);
	if (error)
		return error;
	struct fake_group *group = group_of(key, reading.group);
	if (!group)
		return no_group((struct str[]){ reading.key, reading.group },
				" in XREADGROUP with GROUP option");
	bool only_new = str_eq(reading.id, STR(">"));
	if (!only_new && !fake_id_parse(reading.id, 0, &after))
		return fake_reply_error(fake_bad_id);
	struct redis_reply *entries =
	    only_new ? read_new(&key->stream, group, &reading, db->now_ms)
		     : read_pending(&key->stream, group, &reading, after, db->now_ms);
	if (only_new && !entries->count) {
		fake_reply_free(entries);
		return fake_reply(REDIS_NIL, (struct str){ 0 });
	}
	struct redis_reply *one = fake_reply_array(2), *reply = fake_reply_array(1);
	fake_reply_put(one, 0, fake_reply(REDIS_BULK, reading.key));
	fake_reply_put(one, 1, entries);
	fake_reply_put(reply, 0, one);
	return reply;
}

struct redis_reply *fake_xack(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	struct fake_group *group = error ? NULL : group_of(key, argv[2]);
	struct fake_id id;
	int64_t gone = 0;
	for (size_t i = 3; !error && group && i < argc; i++)
		if (!fake_id_parse(argv[i], 0, &id))
			error = fake_reply_error(fake_bad_id);
	for (size_t i = 3; !error && group && i < argc; i++) {
		CHECK(fake_id_parse(argv[i], 0, &id));
		gone += unpend(group, id);
	}
	return error ? error : fake_reply_integer(gone);
}

/* ---- XPENDING ---- */

static size_t pending_of(const struct fake_group *group, struct str consumer)
{
	size_t count = 0;
	for (size_t i = 0; i < group->count; i++)
		count += str_eq(group->pending[i].consumer, consumer);
	return count;
}

/* The next consumer by name that has some pending; NULL: there is none behind. */
static const struct str *next_consumer(const struct fake_group *group, const struct str *after)
{
	const struct str *found = NULL;
	for (size_t i = 0; i < group->count; i++) {
		const struct str *name = &group->pending[i].consumer;
		if ((!after || str_cmp(*name, *after) > 0) &&
		    (!found || str_cmp(*name, *found) < 0))
			found = name;
	}
	return found;
}

static struct redis_reply *consumers_reply(const struct fake_group *group)
{
	struct redis_reply *reply = fake_reply_array(group->count);
	size_t found = 0;
	for (const struct str *name = NULL; (name = next_consumer(group, name)); found++) {
		char storage[24];
		struct buf count = buf_over(storage, sizeof storage);
		struct redis_reply *one = fake_reply_array(2);
		buf_u64(&count, pending_of(group, *name));
		fake_reply_put(one, 0, fake_reply(REDIS_BULK, *name));
		fake_reply_put(one, 1, fake_reply(REDIS_BULK, buf_str(&count)));
		fake_reply_put(reply, found, one);
	}
	reply->count = found;
	return reply;
}

static struct redis_reply *summary(const struct fake_group *group)
{
	struct redis_reply *reply = fake_reply_array(4);
	fake_reply_put(reply, 0, fake_reply_integer((int64_t)group->count));
	if (!group->count)
		return reply;
	fake_reply_put(reply, 1, fake_id_reply(group->pending[0].id));
	fake_reply_put(reply, 2, fake_id_reply(group->pending[group->count - 1].id));
	fake_reply_put(reply, 3, consumers_reply(group));
	return reply;
}

static struct redis_reply *pending_reply(const struct fake_pending *pending, int64_t now_ms)
{
	struct redis_reply *reply = fake_reply_array(4);
	fake_reply_put(reply, 0, fake_id_reply(pending->id));
	fake_reply_put(reply, 1, fake_reply(REDIS_BULK, pending->consumer));
	fake_reply_put(reply, 2, fake_reply_integer(now_ms - pending->given_ms));
	fake_reply_put(reply, 3, fake_reply_integer((int64_t)pending->times));
	return reply;
}

/* start end count [consumer] */
static struct redis_reply *pending_range(const struct fake_group *group, const struct str *argv,
					 size_t argc, int64_t now_ms)
{
	struct fake_id low, high;
	uint64_t count;
	const char *why = fake_range_end(argv[0], true, &low);
	if (!why)
		why = fake_range_end(argv[1], false, &high);
	if (!why && str_to_u64(argv[2], &count))
		why = "ERR value is not an integer or out of range";
	if (why)
		return fake_reply_error(why);
	struct redis_reply *reply = fake_reply_array(group->count);
	size_t found = 0;
	for (size_t i = 0; i < group->count && found < count; i++) {
		const struct fake_pending *pending = &group->pending[i];
		if (fake_id_cmp(pending->id, low) >= 0 && fake_id_cmp(pending->id, high) <= 0 &&
		    (argc < 4 || str_eq(argv[3], pending->consumer)))
			fake_reply_put(reply, found++, pending_reply(pending, now_ms));
	}
	reply->count = found;
	return reply;
}

struct redis_reply *fake_xpending(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	if (error)
		return error;
	struct fake_group *group = group_of(key, argv[2]);
	if (argc != 3 && argc != 6 && argc != 7)
		return fake_reply_error("ERR syntax error");
	if (!group)
		return no_group(argv + 1, "");
	return argc == 3 ? summary(group) : pending_range(group, argv + 3, argc - 3, db->now_ms);
}

/* ---- XAUTOCLAIM ---- */

struct claiming {
	struct str consumer;
	int64_t idle_ms;
	struct fake_id from;
	uint64_t count;
	bool just_id;
};

/* min-idle-time start [COUNT n] [JUSTID] */
static const char *claiming_parse(const struct str *argv, size_t argc, struct claiming *out)
{
	const char *why = NULL;
	*out = (struct claiming){ .consumer = argv[3], .count = 100 };
	if (str_to_i64(argv[4], &out->idle_ms))
		return "ERR Invalid min-idle-time argument for XAUTOCLAIM";
	out->idle_ms = out->idle_ms < 0 ? 0 : out->idle_ms;
	why = fake_range_end(argv[5], true, &out->from);
	for (size_t i = 6; i < argc && !why; i++) {
		if (str_eq_nocase(argv[i], STR("JUSTID")))
			out->just_id = true;
		else if (!str_eq_nocase(argv[i], STR("COUNT")) || ++i == argc)
			why = "ERR syntax error";
		else if (str_to_u64(argv[i], &out->count) || !out->count)
			why = "ERR COUNT must be > 0";
	}
	return why;
}

/* What is gone from the stream is gone from the pending ones now, however long it was. */
static struct redis_reply *claim_all(struct fake_db *db, struct fake_stream *stream,
				     struct fake_group *group, const struct claiming *claiming)
{
	struct redis_reply *claimed = fake_reply_array(group->count),
			   *deleted = fake_reply_array(group->count), *reply = fake_reply_array(3);
	size_t at = pending_at(group, claiming->from), n_claimed = 0, n_deleted = 0;
	uint64_t attempts = claiming->count * 10, left = claiming->count;
	for (; at < group->count && left && attempts; attempts--) {
		struct fake_pending *pending = &group->pending[at];
		const struct fake_entry *entry = entry_of(stream, pending->id);
		if (!entry) {
			fake_reply_put(deleted, n_deleted++, fake_id_reply(pending->id));
			unpend(group, pending->id);
			left--;
		} else if (db->now_ms - pending->given_ms < claiming->idle_ms) {
			at++;
		} else {
			pend(group, pending->id, claiming->consumer, db->now_ms);
			pending->times += !claiming->just_id;
			fake_reply_put(claimed, n_claimed++,
				       claiming->just_id ? fake_id_reply(pending->id)
							 : fake_entry_reply(entry));
			left--;
			at++;
		}
	}
	fake_reply_put(
	    reply, 0,
	    fake_id_reply(at < group->count ? group->pending[at].id : (struct fake_id){ 0 }));
	claimed->count = n_claimed;
	deleted->count = n_deleted;
	fake_reply_put(reply, 1, claimed);
	fake_reply_put(reply, 2, deleted);
	return reply;
}

struct redis_reply *fake_xautoclaim(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct claiming claiming;
	const char *why = claiming_parse(argv, argc, &claiming);
	if (why)
		return fake_reply_error(why);
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	if (error)
		return error;
	struct fake_group *group = group_of(key, argv[2]);
	return group ? claim_all(db, &key->stream, group, &claiming) : no_group(argv + 1, "");
}

struct redis_reply *fake_groups_info(const struct fake_stream *stream)
{
	struct redis_reply *reply = fake_reply_array(stream->n_groups);
	for (size_t i = 0; i < stream->n_groups; i++) {
		const struct fake_group *group = &stream->groups[i];
		struct redis_reply *one = fake_reply_array(6);
		fake_reply_put(one, 0, fake_reply(REDIS_BULK, STR("name")));
		fake_reply_put(one, 1, fake_reply(REDIS_BULK, group->name));
		fake_reply_put(one, 2, fake_reply(REDIS_BULK, STR("pending")));
		fake_reply_put(one, 3, fake_reply_integer((int64_t)group->count));
		fake_reply_put(one, 4, fake_reply(REDIS_BULK, STR("last-delivered-id")));
		fake_reply_put(one, 5, fake_id_reply(group->last));
		fake_reply_put(reply, i, one);
	}
	return reply;
}

/* ---- dumps ---- */

struct redis_reply *fake_set_pending(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STREAM, &error);
	struct fake_group *group = group_of(key, argv[2]);
	struct fake_id id;
	uint64_t times;
	CHECK(argc == 6 && group && fake_id_parse(argv[4], 0, &id) && !str_to_u64(argv[5], &times));
	pend(group, id, argv[3], db->now_ms)->times = times;
	return fake_reply_ok();
}

void fake_groups_dump(const struct fake_key *key,
		      void (*put)(void *ctx, const struct str *argv, size_t argc), void *ctx)
{
	for (size_t i = 0; i < key->stream.n_groups; i++) {
		const struct fake_group *group = &key->stream.groups[i];
		char text[48], times[24];
		struct str argv[] = { STR("XGROUP"), STR("CREATE"), key->name, group->name,
				      fake_id_text(group->last, text) };
		put(ctx, argv, ARRAY_LEN(argv));
		for (size_t j = 0; j < group->count; j++) {
			const struct fake_pending *pending = &group->pending[j];
			struct buf count = buf_over(times, sizeof times);
			buf_u64(&count, pending->times);
			struct str one[] = { STR("FAKEPENDING"),
					     key->name,
					     group->name,
					     pending->consumer,
					     fake_id_text(pending->id, text),
					     buf_str(&count) };
			put(ctx, one, ARRAY_LEN(one));
		}
	}
}
