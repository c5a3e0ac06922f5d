#include "serve/paging.h"

#include "base/check.h"
#include "serve/json_in.h"

/* ---- cursors in ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As the text of an SQL literal: quotes twice. */
static enum status put_literal(struct str hex, struct buf *sql)
{
	if (hex.len % 2)
		return STATUS_FORMAT;
	buf_char(sql, '\'');
	for (size_t i = 0; i < hex.len; i += 2) {
		int high = hex_digit(hex.ptr[i]), low = hex_digit(hex.ptr[i + 1]);
		if (high < 0 || low < 0 || high * 16 + low == 0)
			return STATUS_FORMAT;
		char c = (char)(high * 16 + low);
		if (c == '\'')
			buf_char(sql, c);
		buf_char(sql, c);
	}
	buf_char(sql, '\'');
	return STATUS_OK;
}

/* (a < 1 OR (a = 1 AND (b > 'x' OR (b = 'x' AND (c > 'y'))))) */
enum status paging_condition(const struct paging *paging, struct str cursor, struct buf *sql)
{
	struct str part;
	int64_t number;
	if (cursor.len > PAGING_CURSOR_MAX || !str_split(&cursor, '.', &part) ||
	    str_to_i64(part, &number))
		return STATUS_FORMAT;
	buf_printf(sql, " (%s < %lld", paging->keys[0], (long long)number);
	if (paging->n_keys > 1)
		buf_printf(sql, " OR (%s = %lld AND", paging->keys[0], (long long)number);
	for (size_t i = 1; i < paging->n_keys; i++) {
		bool last = i + 1 == paging->n_keys;
		if (!str_split(&cursor, '.', &part))
			return STATUS_FORMAT;
		buf_printf(sql, " (%s > ", paging->keys[i]);
		if (put_literal(part, sql))
			return STATUS_FORMAT;
		if (last)
			break;
		buf_printf(sql, " OR (%s = ", paging->keys[i]);
		if (put_literal(part, sql))
			return STATUS_FORMAT;
		buf_printf(sql, " AND");
	}
	for (size_t i = 0; i + 1 < 2 * paging->n_keys; i++)
		buf_char(sql, ')');
	return cursor.ptr ? STATUS_FORMAT : sql->overflow ? STATUS_FULL : STATUS_OK;
}

void paging_order(const struct paging *paging, struct buf *sql)
{
	buf_printf(sql, " ORDER BY %s DESC", paging->keys[0]);
	for (size_t i = 1; i < paging->n_keys; i++)
		buf_printf(sql, ", %s", paging->keys[i]);
	buf_printf(sql, " LIMIT %lld", (long long)paging->limit + 1);
}

/* ---- pages out ---- */

struct page_row {
	struct str keys[PAGING_KEYS_MAX]; /* as written in the JSON */
	size_t begin, end;
};

static void note_key(const struct paging *paging, struct str name, struct str value,
		     struct page_row *row)
{
	for (size_t i = 0; i < paging->n_keys; i++)
		if (str_eq(name, str_of(paging->keys[i])))
			row->keys[i] = value;
}

/* Behind its brace. */
static bool read_row(const struct paging *paging, struct json_in *json, struct page_row *row)
{
	struct json_in_token token;
	*row = (struct page_row){ .begin = json->at - 1 };
	while (json_in_next(json, &token) == JSON_IN_KEY) {
		struct str name = token.text;
		enum json_in_kind kind = json_in_next(json, &token);
		if (kind <= JSON_IN_END)
			return false;
		if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY) {
			if (!json_in_skip(json))
				return false;
			continue;
		}
		note_key(paging, name, token.text, row);
	}
	row->end = json->at;
	return token.kind == JSON_IN_OBJECT_END;
}

static bool has_keys(const struct paging *paging, const struct page_row *row)
{
	for (size_t i = 0; i < paging->n_keys; i++)
		if (!row->keys[i].ptr)
			return false;
	return true;
}

static enum status put_cursor(const struct paging *paging, const struct page_row *row,
			      struct buf *out)
{
	static const char digits[] = "0123456789abcdef";
	char storage[PAGING_CURSOR_MAX];
	if (!has_keys(paging, row))
		return STATUS_FORMAT;
	buf_char(out, '"');
	buf_str_put(out, row->keys[0]);
	for (size_t i = 1; i < paging->n_keys; i++) {
		struct buf text = buf_over(storage, sizeof storage);
		json_in_unescape(row->keys[i], &text);
		if (text.overflow)
			return STATUS_FORMAT;
		buf_char(out, '.');
		for (size_t j = 0; j < text.len; j++) {
			unsigned char c = (unsigned char)storage[j];
			buf_char(out, digits[c >> 4]);
			buf_char(out, digits[c & 15]);
		}
	}
	buf_char(out, '"');
	return STATUS_OK;
}

enum status paging_put(const struct paging *paging, struct str rows, bool cut, struct buf *out)
{
	struct json_in json;
	struct json_in_token token;
	struct page_row row, last = { 0 };
	size_t begin = 0;
	int64_t count = 0;
	bool more = cut;
	json_in_init(&json, rows);
	if (json_in_next(&json, &token) != JSON_IN_ARRAY)
		return STATUS_FORMAT;
	while (json_in_next(&json, &token) == JSON_IN_OBJECT) {
		if (count == paging->limit) {
			more = true;
			break;
		}
		if (!read_row(paging, &json, &row))
			return STATUS_FORMAT;
		begin = count ? begin : row.begin;
		last = row;
		count++;
	}
	if (token.kind != JSON_IN_ARRAY_END && token.kind != JSON_IN_OBJECT)
		return STATUS_FORMAT;
	buf_printf(out, "\"%s\":[", paging->name);
	buf_put(out, rows.ptr + begin, last.end - begin);
	buf_put(out, "],\"next\":", 9);
	if (more && count)
		return put_cursor(paging, &last, out);
	buf_put(out, "null", 4);
	return STATUS_OK;
}
