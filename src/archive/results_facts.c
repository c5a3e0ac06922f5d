/* What the server says of the stream: its facts, its groups, and how many results were ever
 * added. That is entries-added of the stream and the field x of fleet:up:~, the results of
 * packed entries beyond one of each, which is written in one transaction with them:
 *
 *   HGET fleet:up:~ x → XINFO STREAM → HGET fleet:up:~ x
 *
 * The same x twice is that of the stream as it was in between. A MULTI would be the shorter
 * way, and a server that is full refuses whatever is queued in one. */
#include "archive/results_impl.h"

enum { FACTS_TRIES = 16 };

/* ---- answers ---- */

bool results_no_key(enum status status, const struct redis_reply *reply)
{
	return status == STATUS_REDIS_ERR && reply &&
	       str_starts(reply->text, STR("ERR no such key"));
}

static const struct redis_reply *member(const struct redis_reply *map, const char *name)
{
	for (size_t i = 0; i + 1 < map->count; i += 2)
		if (str_eq(map->items[i].text, str_of(name)))
			return &map->items[i + 1];
	return NULL;
}

static bool id_member(const struct redis_reply *map, const char *name, struct results_id *out)
{
	const struct redis_reply *value = member(map, name);
	return value && results_id_parse(value->text, out) == STATUS_OK;
}

static bool count_member(const struct redis_reply *map, const char *name, uint64_t *out)
{
	const struct redis_reply *value = member(map, name);
	if (!value || value->type != REDIS_INTEGER || value->integer < 0)
		return false;
	*out = (uint64_t)value->integer;
	return true;
}

static bool stream_read(const struct redis_reply *reply, struct stream_facts *out)
{
	struct stream_facts facts = { .there = true };
	if (reply->type != REDIS_ARRAY || !id_member(reply, "last-generated-id", &facts.last) ||
	    !count_member(reply, "length", &facts.length))
		return false;
	facts.added_known = count_member(reply, "entries-added", &facts.added);
	*out = facts;
	return true;
}

static bool read_group(const struct redis_reply *map, struct group_facts *out)
{
	const struct redis_reply *name = member(map, "name");
	return map->type == REDIS_ARRAY && name &&
	       !str_copy(name->text, out->name, sizeof out->name) &&
	       id_member(map, "last-delivered-id", &out->last) &&
	       count_member(map, "pending", &out->pending);
}

bool results_groups_read(const struct redis_reply *reply, struct groups_facts *out)
{
	*out = (struct groups_facts){ .own = GROUPS_MAX };
	if (reply->type != REDIS_ARRAY)
		return false;
	out->too_many = reply->count > GROUPS_MAX;
	for (size_t i = 0; i < reply->count; i++) {
		struct group_facts group = { 0 };
		bool known = read_group(&reply->items[i], &group);
		bool own = known && str_eq(str_of(group.name), results_group);
		out->too_many |= !known; /* a name that is not kept: nothing is trimmed */
		if (out->count == GROUPS_MAX && own)
			out->count--;
		if (!known || out->count == GROUPS_MAX)
			continue;
		out->own = own ? out->count : out->own;
		out->groups[out->count++] = group;
	}
	return true;
}

/* ---- asking ---- */

/* What is no hash there, or no number, counts nothing; *known says whether there is one. */
static enum status beyond_of(enum status status, const struct redis_reply *reply, uint64_t *beyond,
			     bool *known)
{
	*beyond = 0;
	*known = !status && reply->type == REDIS_BULK && !str_to_u64(reply->text, beyond);
	return status == STATUS_REDIS_WRONGTYPE ? STATUS_OK : status;
}

static void answered(struct results *results, enum status status)
{
	struct facts *facts = &results->facts;
	CHECK(facts->due > 0);
	if (!facts->status)
		facts->status = status;
	if (--facts->due > 0)
		return;
	bool moved = !facts->status && facts->stream.beyond != facts->before;
	if (moved && !results->stopped && ++facts->tries < FACTS_TRIES &&
	    results_ask_facts(results, facts->fn))
		return;
	facts->tries = 0;
	facts->fn(results, moved ? STATUS_UNAVAILABLE : facts->status);
}

static void on_before(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct facts *facts = &results->facts;
	bool known;
	answered(results, beyond_of(status, reply, &facts->before, &known));
}

static void on_stream(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	if (results_no_key(status, reply))
		status = STATUS_OK;
	else if (!status && !stream_read(reply, &results->facts.stream))
		status = STATUS_REDIS_PROTOCOL;
	answered(results, status);
}

static void on_after(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct stream_facts *stream = &results->facts.stream;
	answered(results, beyond_of(status, reply, &stream->beyond, &stream->beyond_known));
}

static void ask_one(struct results *results, const struct str *argv, size_t argc, redis_reply_fn fn)
{
	struct facts *facts = &results->facts;
	if (facts->status)
		return;
	facts->status = results_send(results, argv, argc, fn);
	facts->due += facts->status == STATUS_OK;
}

/* What could be sent is answered before it ends. */
bool results_ask_facts(struct results *results,
		       void (*fn)(struct results *results, enum status status))
{
	struct facts *facts = &results->facts;
	struct key up, stream;
	struct str beyond[] = { STR("HGET"), key_fleet_up(&up, STR("~")), STR("x") };
	struct str info[] = { STR("XINFO"), STR("STREAM"), key_trade_results(&stream) };
	if (facts->due > 0)
		return false;
	*facts = (struct facts){ .fn = fn, .tries = facts->tries };
	ask_one(results, beyond, ARRAY_LEN(beyond), on_before);
	ask_one(results, info, ARRAY_LEN(info), on_stream);
	ask_one(results, beyond, ARRAY_LEN(beyond), on_after);
	return facts->due > 0;
}
