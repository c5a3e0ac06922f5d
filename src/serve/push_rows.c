/* Which rows of an answer have changed. */
#include <stdlib.h>

#include "serve/json_in.h"
#include "serve/push_impl.h"

bool push_rows_open(struct push_rows *rows)
{
	if (!rows->rows)
		rows->rows = calloc(PUSH_ROWS, sizeof rows->rows[0]);
	return rows->rows != NULL;
}

/* ---- rows in ---- */

/* Behind its brace. False: it cannot be read, or has no name. */
static bool read_row(struct json_in *json, const char *key, struct push_row *row)
{
	struct json_in_token token;
	size_t begin = json->at - 1;
	*row = (struct push_row){ .at = (uint32_t)begin };
	while (json_in_next(json, &token) == JSON_IN_KEY) {
		bool is_key = str_eq(token.text, str_of(key));
		enum json_in_kind kind = json_in_next(json, &token);
		if (kind == JSON_IN_BAD ||
		    ((kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY) && !json_in_skip(json)))
			return false;
		if (is_key && kind == JSON_IN_STRING) {
			row->key_at = (uint32_t)(token.text.ptr - json->text.ptr);
			row->key_len = (uint32_t)token.text.len;
		}
	}
	row->len = (uint32_t)(json->at - begin);
	return token.kind == JSON_IN_OBJECT_END && row->key_len > 0;
}

static bool read_list(struct push_rows *rows, struct json_in *json, const char *key)
{
	struct json_in_token token;
	while (json_in_next(json, &token) == JSON_IN_OBJECT) {
		if (rows->count == PUSH_ROWS || !read_row(json, key, &rows->rows[rows->count]))
			return false;
		rows->count++;
	}
	return token.kind == JSON_IN_ARRAY_END;
}

void push_rows_read(struct push_rows *rows, struct str text, const char *list, const char *key)
{
	struct json_in json;
	struct json_in_token token;
	rows->count = 0;
	rows->known = false;
	json_in_init(&json, text);
	if (json_in_next(&json, &token) != JSON_IN_OBJECT)
		return;
	while (json_in_next(&json, &token) == JSON_IN_KEY) {
		bool is_list = str_eq(token.text, str_of(list));
		enum json_in_kind kind = json_in_next(&json, &token);
		if (is_list && kind == JSON_IN_ARRAY) {
			rows->known = read_list(rows, &json, key);
			return;
		}
		if ((kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY) && !json_in_skip(&json))
			return;
	}
}

/* ---- what differs ---- */

static struct str row_text(struct str text, const struct push_row *row)
{
	return str_make(text.ptr + row->at, row->len);
}

static struct str row_key(struct str text, const struct push_row *row)
{
	return str_make(text.ptr + row->key_at, row->key_len);
}

/* Rows mostly keep their order: looked for from where the last one was. */
static const struct push_row *find(const struct push_rows *rows, struct str text, struct str key,
				   size_t *hint)
{
	for (size_t i = 0; i < rows->count; i++) {
		size_t at = *hint + i < rows->count ? *hint + i : *hint + i - rows->count;
		if (str_eq(row_key(text, &rows->rows[at]), key)) {
			*hint = at + 1 < rows->count ? at + 1 : 0;
			return &rows->rows[at];
		}
	}
	return NULL;
}

static void put_changed(const struct push_rows *was, struct str was_text,
			const struct push_rows *now, struct str now_text, struct buf *out)
{
	size_t hint = 0;
	bool first = true;
	for (size_t i = 0; i < now->count; i++) {
		struct str text = row_text(now_text, &now->rows[i]);
		const struct push_row *before =
		    find(was, was_text, row_key(now_text, &now->rows[i]), &hint);
		if (before && str_eq(row_text(was_text, before), text))
			continue;
		if (!first)
			buf_char(out, ',');
		buf_str_put(out, text);
		first = false;
	}
}

static void put_gone(const struct push_rows *was, struct str was_text, const struct push_rows *now,
		     struct str now_text, struct buf *out)
{
	size_t hint = 0;
	bool first = true;
	for (size_t i = 0; i < was->count; i++) {
		struct str key = row_key(was_text, &was->rows[i]);
		if (find(now, now_text, key, &hint))
			continue;
		buf_put(out, first ? "\"" : ",\"", first ? 1 : 2);
		buf_str_put(out, key);
		buf_char(out, '"');
		first = false;
	}
}

void push_rows_put(const struct push_rows *was, struct str was_text, const struct push_rows *now,
		   struct str now_text, struct buf *out)
{
	buf_put(out, "\"changed\":[", 11);
	put_changed(was, was_text, now, now_text, out);
	buf_put(out, "],\"gone\":[", 10);
	put_gone(was, was_text, now, now_text, out);
	buf_char(out, ']');
}
