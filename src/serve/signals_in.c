#include "serve/signals_in.h"

#include <stdlib.h>

#include "base/check.h"
#include "serve/serve.h"

static const char *const names[] = {
#define SIGNAL(key, type, meaning)      #key,
#define SIGNAL_WIRE(key, type, meaning) #key,
#include "def/signals.def"
#undef SIGNAL
#undef SIGNAL_WIRE
};
enum { NAMES = sizeof names / sizeof names[0], NAME_BYTES_MAX = 16, FIELD_ID = 0 };
_Static_assert(sizeof names / sizeof names[0] <= (size_t)SIGNALS_IN_FIELDS_MAX, "room for all");

/* Where a field's text lies in signals_in.text: it moves while it grows. */
struct place {
	uint32_t at, len;
};

struct row {
	struct place values[NAMES];
	uint32_t present; /* bit n: names[n] */
	int8_t fault;     /* names[fault], -1 none */
};

struct signals_in {
	struct buf text;
	struct row *rows;
	size_t count, room;
};

void signals_in_destroy(struct signals_in *signals)
{
	if (!signals)
		return;
	buf_deinit(&signals->text);
	free(signals->rows);
	free(signals);
}

size_t signals_in_count(const struct signals_in *signals) { return signals->count; }

static struct str text_at(const struct signals_in *signals, struct place place)
{
	return place.len ? str_make(signals->text.ptr + place.at, place.len) : STR("");
}

struct signal_in signals_in_at(const struct signals_in *signals, size_t index)
{
	CHECK(index < signals->count);
	const struct row *row = &signals->rows[index];
	struct signal_in out = { .why = row->fault < 0 ? NULL : names[row->fault] };
	for (size_t i = 0; i < NAMES; i++) {
		if (!(row->present >> i & 1))
			continue;
		out.keys[out.count] = str_of(names[i]);
		out.values[out.count++] = text_at(signals, row->values[i]);
	}
	out.id = row->present & 1u << FIELD_ID ? text_at(signals, row->values[FIELD_ID]) : STR("");
	return out;
}

static struct row *add_row(struct signals_in *signals)
{
	if (signals->count == signals->room) {
		size_t room = signals->room ? signals->room * 4 : 1;
		struct row *rows = realloc(signals->rows, room * sizeof rows[0]);
		if (!rows)
			return NULL;
		signals->rows = rows;
		signals->room = room;
	}
	struct row *row = &signals->rows[signals->count++];
	*row = (struct row){ .fault = -1 };
	return row;
}

/* Which field; -1: none of ours. Names in the text may be written with escapes. */
static int field_of(struct str key)
{
	char storage[NAME_BYTES_MAX];
	struct buf name = buf_over(storage, sizeof storage);
	json_in_unescape(key, &name);
	for (int i = 0; i < NAMES && !name.overflow; i++)
		if (str_eq(buf_str(&name), str_of(names[i])))
			return i;
	return -1;
}

static void keep(struct signals_in *signals, struct row *row, int field,
		 const struct json_in_token *value)
{
	size_t from = signals->text.len;
	switch (value->kind) {
	case JSON_IN_NULL: return;
	case JSON_IN_STRING: json_in_unescape(value->text, &signals->text); break;
	case JSON_IN_NUMBER: buf_str_put(&signals->text, value->text); break;
	case JSON_IN_TRUE: buf_char(&signals->text, '1'); break;
	case JSON_IN_FALSE: buf_char(&signals->text, '0'); break;
	default: row->fault = (int8_t)field; return;
	}
	if (row->present >> field & 1)
		row->fault = (int8_t)field;
	row->present |= 1u << field;
	row->values[field] = (struct place){ (uint32_t)from, (uint32_t)(signals->text.len - from) };
}

static bool read_member(struct signals_in *signals, struct json_in *json, struct row *row,
			struct str key)
{
	struct json_in_token value;
	int field = field_of(key);
	enum json_in_kind kind = json_in_next(json, &value);
	if (kind <= JSON_IN_END)
		return false;
	if (field >= 0)
		keep(signals, row, field, &value);
	bool nested = kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY;
	return !nested || json_in_skip(json);
}

/* Behind its brace. */
static bool read_object(struct signals_in *signals, struct json_in *json)
{
	struct json_in_token token;
	struct row *row = add_row(signals);
	if (!row)
		signals->text.overflow = true;
	while (row && json_in_next(json, &token) == JSON_IN_KEY)
		if (!read_member(signals, json, row, token.text))
			return false;
	return row && token.kind == JSON_IN_OBJECT_END;
}

/* NULL, or why not; of malformed JSON json->why says it. */
static const char *read_array(struct signals_in *signals, struct json_in *json)
{
	struct json_in_token token;
	for (;;) {
		switch (json_in_next(json, &token)) {
		case JSON_IN_ARRAY_END: return signals->count ? NULL : "an array without a signal";
		case JSON_IN_OBJECT: break;
		case JSON_IN_BAD: return json->why;
		default: return "an array of something else than objects";
		}
		if (signals->count == SERVE_SIGNALS_MAX)
			return "more than 1000 signals";
		if (!read_object(signals, json))
			return json->why;
	}
}

static const char *read_document(struct signals_in *signals, struct json_in *json)
{
	struct json_in_token token;
	const char *why = "neither an object nor an array of objects";
	enum json_in_kind kind = json_in_next(json, &token);
	if (kind == JSON_IN_OBJECT)
		why = read_object(signals, json) ? NULL : json->why;
	else if (kind == JSON_IN_ARRAY)
		why = read_array(signals, json);
	else if (kind == JSON_IN_BAD)
		why = json->why;
	if (!why && json_in_next(json, &token) != JSON_IN_END)
		why = json->why;
	return why;
}

struct signals_in *signals_in_read(struct str body, struct buf *why)
{
	struct signals_in *signals = calloc(1, sizeof *signals);
	struct json_in json;
	const char *fault = "no memory";
	json_in_init(&json, body);
	if (signals) {
		buf_init(&signals->text, body.len + 1);
		fault = read_document(signals, &json);
	}
	if (signals && !fault && !signals->text.overflow)
		return signals;
	buf_printf(why, "JSON, byte %zu: %s", json.at, fault ? fault : "no memory");
	signals_in_destroy(signals);
	return NULL;
}
