/* Lengths and samples of values, and the telling of a key. */
#include <stdlib.h>

#include "base/check.h"
#include "survey/live_impl.h"

/* A key's sample while it is read. */
struct sample {
	struct live *live;
	struct live_keyed *keyed;
	struct audit_key key;
	int64_t told; /* elements the server told, kept or not */
	bool nothing; /* nil, or an empty collection: it vanished */
};

/* ---- what is kept of a text ---- */

static struct str keep(struct live *live, struct str text, size_t most)
{
	struct live_arena *arena = &live->arena;
	size_t len = text.len < most ? text.len : most;
	if (len > LIVE_ARENA_BYTES - arena->used)
		len = LIVE_ARENA_BYTES - arena->used;
	char *at = arena->at + arena->used;
	if (len)
		memcpy(at, text.ptr, len);
	arena->used += len;
	return str_make(at, len);
}

static void note_length(struct sample *sample, const struct wire_token *token)
{
	if (token->number > sample->key.longest)
		sample->key.longest = token->number;
}

/* The number of a reply that is an integer's or a bulk's text. */
static double score_of(struct str text)
{
	char copy[64];
	return str_copy(text, copy, sizeof copy) ? 0 : strtod(copy, NULL);
}

static struct audit_element *next_element(struct sample *sample)
{
	struct live *live = sample->live;
	if (sample->key.count == AUDIT_ELEMENTS_MAX)
		return NULL;
	struct audit_element *element = &live->elements[sample->key.count++];
	*element = (struct audit_element){ 0 };
	sample->key.elements = live->elements;
	return element;
}

/* ---- replies by command ---- */

static enum status read_length(struct sample *sample, const struct wire_token *token)
{
	if (token->type == REDIS_INTEGER) {
		sample->key.length = token->number;
		sample->nothing = token->number == 0 && sample->key.type != AUDIT_STREAM &&
				  sample->key.type != AUDIT_STRING;
	}
	return wire_skip(sample->live->wire, token);
}

static enum status read_string(struct sample *sample, const struct wire_token *token)
{
	sample->nothing = token->type == REDIS_NIL;
	if (token->type != REDIS_BULK)
		return wire_skip(sample->live->wire, token);
	if (sample->key.length < token->number)
		sample->key.length = token->number;
	sample->key.longest = sample->key.length;
	sample->key.value = keep(sample->live, token->text, AUDIT_VALUE_MAX);
	if ((int64_t)sample->key.value.len == sample->key.length)
		sample->key.digest = audit_digest(sample->key.value);
	return STATUS_OK;
}

/* Elements from `skip` on; the others are read and forgotten. */
static enum status read_members(struct sample *sample, const struct wire_token *head, int64_t skip)
{
	struct wire_token token;
	enum status status = STATUS_OK;
	int64_t n = head->type == REDIS_ARRAY ? head->number : 0;
	for (int64_t i = 0; i < n && !status; i++) {
		status = wire_next(sample->live->wire, &token);
		if (status)
			break;
		note_length(sample, &token);
		sample->told++;
		struct audit_element *element = i < skip ? NULL : next_element(sample);
		if (element)
			element->value = keep(sample->live, token.text, AUDIT_ELEMENT_MAX);
	}
	return status;
}

/* What the tail tells again of the head is skipped; all of it where the length is unknown. */
static enum status read_tail(struct sample *sample, const struct wire_token *head)
{
	int64_t both = (int64_t)sample->key.count + head->number;
	int64_t again = sample->key.length < 0 ? head->number : both - sample->key.length;
	return read_members(sample, head, again);
}

static enum status read_pairs(struct sample *sample, const struct wire_token *head)
{
	struct wire_token first, second;
	enum status status = STATUS_OK;
	bool scored = sample->key.type == AUDIT_ZSET;
	int64_t n = head->type == REDIS_ARRAY ? head->number / 2 : 0;
	for (int64_t i = 0; i < n && !status; i++) {
		status = wire_next(sample->live->wire, &first);
		if (status)
			break;
		note_length(sample, &first);
		sample->told++;
		struct audit_element *element = next_element(sample);
		struct str text = { 0 };
		if (element)
			text = keep(sample->live, first.text, AUDIT_ELEMENT_MAX);
		status = wire_next(sample->live->wire, &second);
		if (status || !element)
			continue;
		if (scored) {
			element->value = text;
			element->score = score_of(second.text);
		} else {
			note_length(sample, &second);
			element->field = text;
			element->value = keep(sample->live, second.text, AUDIT_ELEMENT_MAX);
		}
	}
	return status;
}

/* SSCAN, HSCAN: a cursor, which is 0 when all of it was told, then the elements. */
static enum status read_scanned(struct sample *sample, const struct wire_token *head)
{
	struct wire_token token;
	if (head->type != REDIS_ARRAY || head->number != 2)
		return wire_skip(sample->live->wire, head);
	enum status status = wire_next(sample->live->wire, &token);
	bool whole = !status && str_eq(token.text, STR("0"));
	if (!status)
		status = wire_next(sample->live->wire, &token);
	if (!status)
		status = sample->key.type == AUDIT_SET ? read_members(sample, &token, 0)
						       : read_pairs(sample, &token);
	if (whole && sample->key.length < 0) {
		sample->key.length = sample->told;
		sample->nothing = sample->told == 0;
	}
	return status;
}

/* ---- streams ---- */

static int64_t ms_of(struct str id)
{
	int64_t ms;
	return str_to_i64(str_make(id.ptr, str_find_char(id, '-')), &ms) ? 0 : ms;
}

/* An entry: its id, and its fields behind it. */
static enum status read_entry_id(struct sample *sample, const struct wire_token *head, int64_t *ms)
{
	struct wire_token token;
	if (head->type != REDIS_ARRAY || head->number < 1)
		return wire_skip(sample->live->wire, head);
	enum status status = wire_next(sample->live->wire, &token);
	if (!status)
		*ms = ms_of(token.text);
	for (int64_t i = 1; i < head->number && !status; i++) {
		status = wire_next(sample->live->wire, &token);
		if (!status)
			status = wire_skip(sample->live->wire, &token);
	}
	return status;
}

static enum status read_xinfo(struct sample *sample, const struct wire_token *head)
{
	struct wire_token name, value;
	enum status status = STATUS_OK;
	struct audit_stream *stream = &sample->key.stream;
	int64_t n = head->type == REDIS_ARRAY ? head->number : 0;
	for (int64_t i = 0; i + 1 < n && !status; i += 2) {
		char word[24] = "";
		status = wire_next(sample->live->wire, &name);
		if (status)
			break;
		if (str_copy(name.text, word, sizeof word))
			word[0] = 0;
		status = wire_next(sample->live->wire, &value);
		if (status)
			break;
		if (strcmp(word, "first-entry") == 0) {
			status = read_entry_id(sample, &value, &stream->first_ms);
			continue;
		}
		if (strcmp(word, "last-entry") == 0) {
			status = read_entry_id(sample, &value, &stream->last_ms);
			continue;
		}
		if (strcmp(word, "length") == 0)
			sample->key.length = value.number;
		else if (strcmp(word, "entries-added") == 0)
			stream->added = value.number;
		else if (strcmp(word, "groups") == 0 && !stream->groups)
			stream->groups = value.number;
		status = wire_skip(sample->live->wire, &value);
	}
	return status;
}

static enum status read_fields(struct sample *sample, int64_t n, struct str *value)
{
	struct live_arena *arena = &sample->live->arena;
	struct wire_token token;
	enum status status = STATUS_OK;
	size_t from = arena->used;
	for (int64_t i = 0; i < n && !status; i++) {
		status = wire_next(sample->live->wire, &token);
		size_t used = arena->used - from;
		if (status || used + 2 > AUDIT_ELEMENT_MAX)
			continue;
		note_length(sample, &token);
		keep(sample->live, token.text, AUDIT_ELEMENT_MAX - used - 1);
		keep(sample->live, STR("\0"), 1);
	}
	*value = str_make(arena->at + from, arena->used - from);
	return status;
}

static enum status read_entries(struct sample *sample, const struct wire_token *head)
{
	struct wire_token entry, token;
	enum status status = STATUS_OK;
	int64_t n = head->type == REDIS_ARRAY ? head->number : 0;
	for (int64_t i = 0; i < n && !status; i++) {
		status = wire_next(sample->live->wire, &entry);
		if (!status && (entry.type != REDIS_ARRAY || entry.number != 2)) {
			status = wire_skip(sample->live->wire, &entry);
			continue;
		}
		if (!status)
			status = wire_next(sample->live->wire, &token);
		if (status)
			break;
		struct audit_element *element = next_element(sample), other;
		element = element ? element : &other;
		element->field = keep(sample->live, token.text, AUDIT_ELEMENT_MAX);
		status = wire_next(sample->live->wire, &token);
		if (!status)
			status = read_fields(sample, token.type == REDIS_ARRAY ? token.number : 0,
					     &element->value);
	}
	return status;
}

static enum status read_consumer(struct sample *sample, int64_t items)
{
	struct wire_token name, value;
	int64_t pending = 0, idle_ms = 0;
	enum status status = STATUS_OK;
	for (int64_t i = 0; i + 1 < items && !status; i += 2) {
		char word[16] = "";
		status = wire_next(sample->live->wire, &name);
		if (status)
			break;
		if (str_copy(name.text, word, sizeof word))
			word[0] = 0;
		status = wire_next(sample->live->wire, &value);
		if (status)
			break;
		if (strcmp(word, "pending") == 0)
			pending = value.number;
		else if (strcmp(word, "idle") == 0)
			idle_ms = value.number;
		status = wire_skip(sample->live->wire, &value);
	}
	if (pending > 0 && idle_ms > sample->live->config.stale_ms)
		sample->key.stream.stale_consumers++;
	return status;
}

static enum status read_consumers(struct sample *sample, const struct wire_token *head)
{
	struct wire_token consumer;
	enum status status = STATUS_OK;
	int64_t n = head->type == REDIS_ARRAY ? head->number : 0;
	for (int64_t i = 0; i < n && !status; i++) {
		status = wire_next(sample->live->wire, &consumer);
		if (!status)
			status = consumer.type == REDIS_ARRAY
				     ? read_consumer(sample, consumer.number)
				     : wire_skip(sample->live->wire, &consumer);
	}
	return status;
}

/* ---- a key ---- */

static enum status read_reply(struct sample *sample, enum live_command command,
			      const struct wire_token *token)
{
	switch (command) {
	case LIVE_GET:
	case LIVE_GETRANGE: return read_string(sample, token);
	case LIVE_LRANGE_HEAD: return read_members(sample, token, 0);
	case LIVE_LRANGE_TAIL: return read_tail(sample, token);
	case LIVE_SSCAN:
	case LIVE_HSCAN: return read_scanned(sample, token);
	case LIVE_ZRANGE: return read_pairs(sample, token);
	case LIVE_XINFO: return read_xinfo(sample, token);
	case LIVE_XRANGE: return read_entries(sample, token);
	case LIVE_CONSUMERS: return read_consumers(sample, token);
	default: return read_length(sample, token);
	}
}

struct audit_key live_key_of(const struct live *live, const struct live_page *page,
			     const struct live_keyed *keyed)
{
	return (struct audit_key){ .db = live->database,
				   .name = live_name(page, keyed),
				   .type = keyed->type,
				   .encoding = keyed->encoding,
				   .length = -1,
				   .expires_ms = keyed->expires_ms,
				   .bytes = keyed->bytes,
				   .idle_s = keyed->idle_s,
				   .stream = keyed->stream };
}

enum status live_tell(struct live *live, const struct live_keyed *keyed,
		      const struct audit_key *key)
{
	enum status added = seen_add(&live->seen, keyed->digest);
	if (added == STATUS_EXISTS) {
		live->result->duplicates++;
		return STATUS_OK;
	}
	live->result->unremembered += added == STATUS_FULL;
	live->result->keys++;
	live->told_all++;
	enum status status = live->config.on_key(live->config.ctx, key);
	if (status)
		live->stopped = true;
	return status;
}

enum status live_read_value(struct live *live, struct live_page *page, struct live_keyed *keyed,
			    uint32_t refused)
{
	enum live_command plan[LIVE_PLAN_MAX];
	struct wire_token token;
	struct sample sample = { .live = live,
				 .keyed = keyed,
				 .key = live_key_of(live, page, keyed) };
	size_t n = live_plan(live, keyed, refused, plan);
	enum status status = STATUS_OK;
	live->arena.used = 0;
	for (size_t i = 0; i < n && !status; i++) {
		status = wire_next(live->wire, &token);
		if (status)
			break;
		status = token.type == REDIS_ERROR ? live_refusal(live, plan[i], keyed, token.text)
						   : read_reply(&sample, plan[i], &token);
	}
	if (status)
		return status;
	if (sample.nothing && !keyed->gone) {
		keyed->gone = true;
		live->result->vanished++;
	}
	return keyed->gone ? STATUS_OK : live_tell(live, keyed, &sample.key);
}
