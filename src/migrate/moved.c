#include "migrate/moved.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/moved_impl.h"

/* ---- what the plan says ---- */

enum archive_table moved_table(const struct migrate_family *family)
{
	enum archive_table table = archive_set_find(ARCHIVE_MOVED, str_of(family->table));
	if (family->sink == MIGRATE_INFLUX)
		return TABLE_moved_indicator_data;
	if (table == TABLE_COUNT && !family->table[0])
		return TABLE_moved_records;
	return table;
}

/* A measurement a family: what the plan calls it, else of its pattern what may be one:
 * {symbol}_{tf} is symbol_tf. */
void moved_put_family(struct buf *out, const struct migrate_family *family)
{
	bool is_named = family->sink == MIGRATE_INFLUX && family->table[0] &&
			archive_set_find(ARCHIVE_MOVED, str_of(family->table)) == TABLE_COUNT;
	struct str name = str_of(is_named ? family->table : family->match);
	for (size_t i = 0; i < name.len; i++)
		if (family->sink != MIGRATE_INFLUX || !strchr("{}\\\"=", name.ptr[i]))
			buf_char(out, name.ptr[i]);
}

static bool column_is_told(enum archive_table table, const char *name)
{
	const struct archive_table_row *row = archive_table_row(table);
	for (unsigned i = 0; i < row->columns; i++)
		if (strcmp(archive_column_row((enum archive_column)(row->first + i))->name, name) ==
		    0)
			return true;
	return false;
}

static enum status check_time(const char *time, struct err *err)
{
	static const char *const good[] = { "", "score", "id", "field", "value" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (strcmp(time, good[i]) == 0)
			return STATUS_OK;
	if (time[0] == '.' || time[0] == '{')
		return STATUS_OK;
	return err_set(
	    err, STATUS_FORMAT,
	    "time '%.40s': must be .member, {part}, score, id, field or value: rows that "
	    "were moved twice must be the same",
	    time);
}

static enum status check_fields(const struct migrate_family *family, enum archive_table table,
				struct err *err)
{
	for (size_t i = 0; i < family->n_fields; i++) {
		const struct migrate_field *field = &family->fields[i];
		bool is_trade = table == TABLE_moved_trades;
		if (table == TABLE_moved_records)
			return err_set(err, STATUS_FORMAT, "records takes values whole: no fields");
		if (is_trade && !column_is_told(table, field->name))
			return err_set(err, STATUS_FORMAT, "fields.%.40s is no column of trades",
				       field->name);
		if (field->from[0] != '.' && (is_trade || (strcmp(field->from, "value") != 0)))
			return err_set(err, STATUS_FORMAT, "fields.%.40s: must come from .member%s",
				       field->name, is_trade ? "" : " or value");
	}
	return STATUS_OK;
}

static enum status check_tags(const struct migrate_family *family, struct err *err)
{
	for (size_t i = 0; i < family->n_tags; i++) {
		const struct migrate_field *tag = &family->tags[i];
		if (strcmp(tag->name, "symbol") != 0 && strcmp(tag->name, "timeframe") != 0)
			return err_set(err, STATUS_FORMAT,
				       "tags.%.40s: only symbol and timeframe are tags", tag->name);
		if (tag->from[0] != '{' && tag->from[0] != '.')
			return err_set(err, STATUS_FORMAT,
				       "tags.%.40s: must come from {part} or .member", tag->name);
	}
	return STATUS_OK;
}

enum status moved_check(const struct migrate_family *family, struct err *err)
{
	enum archive_table table = moved_table(family);
	if (table == TABLE_COUNT)
		return err_set(err, STATUS_FORMAT,
			       "table '%.40s' is none of indicator_data, trades, records",
			       family->table);
	if (table == TABLE_moved_indicator_data && family->from == AUDIT_SET)
		return err_set(err, STATUS_FORMAT, "a set has no times: records or trades take it");
	for (size_t i = 0; i < family->n_key; i++)
		if (table != TABLE_moved_trades)
			return err_set(err, STATUS_FORMAT,
				       "key: only of trades; %s has its own business key",
				       archive_table_row(table)->name);
	enum status status = check_time(family->time, err);
	if (!status)
		status = check_fields(family, table, err);
	return status ? status : check_tags(family, err);
}

/* ---- small things ---- */

void moved_fail(struct moved *moved, enum status status, const char *reason)
{
	if (!moved->status)
		moved->status = err_set(&moved->err, status, "%s", reason);
}

void moved_row_end(struct moved *moved)
{
	enum status status = archive_rows_end(moved->rows);
	if (status)
		moved_fail(moved, status == STATUS_RANGE ? STATUS_INVALID : status,
			   "more rows than fit into memory");
}

uint64_t moved_mix(uint64_t hash, struct str text)
{
	hash = (hash ^ str_hash(text)) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 31;
}

static bool grow_seen(struct moved_seen *seen)
{
	struct moved_seen wider = { .room = seen->room ? seen->room * 2 : 1024 };
	wider.hashes = calloc(wider.room, sizeof *wider.hashes);
	wider.counts = calloc(wider.room, sizeof *wider.counts);
	if (!wider.hashes || !wider.counts) {
		free(wider.hashes);
		free(wider.counts);
		return false;
	}
	for (size_t i = 0; i < seen->room; i++) {
		size_t at = seen->hashes[i] & (wider.room - 1);
		if (!seen->hashes[i])
			continue;
		while (wider.hashes[at])
			at = (at + 1) & (wider.room - 1);
		wider.hashes[at] = seen->hashes[i];
		wider.counts[at] = seen->counts[i];
	}
	wider.count = seen->count;
	free(seen->hashes);
	free(seen->counts);
	*seen = wider;
	return true;
}

int64_t moved_seen_count(struct moved *moved, uint64_t hash)
{
	struct moved_seen *seen = &moved->seen;
	if (seen->count * 2 >= seen->room && !grow_seen(seen)) {
		moved_fail(moved, STATUS_NO_MEMORY, "no memory for the key's names");
		return 0;
	}
	hash += !hash;
	size_t at = hash & (seen->room - 1);
	while (seen->hashes[at] && seen->hashes[at] != hash)
		at = (at + 1) & (seen->room - 1);
	seen->count += !seen->hashes[at];
	seen->hashes[at] = hash;
	return seen->counts[at]++;
}

bool moved_is_text(struct str bytes)
{
	while (bytes.len) {
		size_t len = *bytes.ptr ? str_utf8_len(bytes) : 0;
		if (!len)
			return false;
		bytes = str_skip(bytes, len);
	}
	return true;
}

static bool is_plain(struct str bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if ((unsigned char)bytes.ptr[i] < 0x20 || bytes.ptr[i] == 0x7f ||
		    bytes.ptr[i] == '\\')
			return false;
	return moved_is_text(bytes);
}

struct str moved_name(struct moved *moved, struct str bytes)
{
	if (is_plain(bytes))
		return bytes;
	buf_clear(&moved->scratch);
	audit_name_print(&moved->scratch, bytes);
	return buf_str(&moved->scratch);
}

void moved_expires(struct moved *moved, enum archive_column column)
{
	int64_t ms = moved->key.expires_ms;
	if (ms > MOVED_LAST_S * 1000)
		moved_fail(moved, STATUS_INVALID, "it expires after the year 2261");
	else if (ms >= 0)
		archive_row_int(moved->rows, column, ms * 1000);
}

bool moved_key_word(struct moved *moved, struct str word)
{
	if (word.len > MOVED_NAME_MAX)
		moved_fail(moved, STATUS_INVALID, "a name of more than 400 bytes");
	return word.len <= MOVED_NAME_MAX;
}

/* ---- a key ---- */

enum status moved_create(struct moved **out)
{
	struct moved *moved = calloc(1, sizeof *moved);
	if (!moved)
		return STATUS_NO_MEMORY;
	buf_init(&moved->text, MOVED_BYTES_MAX);
	buf_init(&moved->scratch, 2 * MOVED_BYTES_MAX);
	*out = moved;
	return STATUS_OK;
}

void moved_destroy(struct moved *moved)
{
	if (!moved)
		return;
	free(moved->seen.hashes);
	free(moved->seen.counts);
	buf_deinit(&moved->text);
	buf_deinit(&moved->scratch);
	free(moved);
}

static bool is_apart(char c) { return c && strchr(":_-./|{}*", c); }

static void base_add(struct buf *base, struct str text)
{
	while (text.len && is_apart(*text.ptr))
		text = str_skip(text, 1);
	while (text.len && is_apart(text.ptr[text.len - 1]))
		text.len--;
	if (text.len && base->len)
		buf_char(base, '_');
	buf_str_put(base, text);
}

/* What the pattern says beside symbol and timeframe: BTC_1h_RSI14 of {symbol}_{tf}_RSI14 is RSI14.
 */
static void name_base(struct moved *moved)
{
	struct buf base = buf_over(moved->base, sizeof moved->base - 1);
	struct str rest = str_of(moved->key.family->match);
	for (size_t i = 0; i < moved->key.family->n_fields; i++)
		if (strcmp(moved->key.family->fields[i].from, "value") == 0) {
			buf_str_put(&base, str_of(moved->key.family->fields[i].name));
			rest.len = 0;
		}
	while (rest.len) {
		size_t open = str_find_char(rest, '{'), close = str_find_char(rest, '}');
		struct str part, text;
		base_add(&base, str_make(rest.ptr, open));
		if (open == rest.len || close < open)
			break;
		part = str_make(rest.ptr + open + 1, close - open - 1);
		rest = str_skip(rest, close + 1);
		if (!str_starts(part, STR("symbol")) && !str_starts(part, STR("tf")) &&
		    pattern_part(moved->key.match, part, &text))
			base_add(&base, text);
	}
	if (!base.len)
		buf_str_put(&base, STR("value"));
	moved->base[base.len] = 0;
	if (base.overflow)
		moved_fail(moved, STATUS_INVALID, "a name of more than 400 bytes");
}

/* The plan's tag, else the part that is called so. */
static struct str part_of(const struct moved *moved, const char *tag, struct str part)
{
	const struct migrate_family *family = moved->key.family;
	struct str text = STR("");
	for (size_t i = 0; i < family->n_tags; i++) {
		struct str from = str_of(family->tags[i].from);
		if (strcmp(family->tags[i].name, tag) == 0 && from.len > 2 && from.ptr[0] == '{')
			part = str_make(from.ptr + 1, from.len - 2);
	}
	if (!pattern_part(moved->key.match, part, &text))
		return STR("");
	return text;
}

void moved_begin(struct moved *moved, const struct moved_key *key, struct archive_rows *rows)
{
	struct buf family = buf_over(moved->family, sizeof moved->family - 1);
	moved->key = *key;
	moved->rows = rows;
	moved->status = STATUS_OK;
	moved->position = 0;
	moved->seen.count = 0;
	if (moved->seen.room) {
		memset(moved->seen.hashes, 0, moved->seen.room * sizeof *moved->seen.hashes);
		memset(moved->seen.counts, 0, moved->seen.room * sizeof *moved->seen.counts);
	}
	buf_clear(&moved->text);
	moved_put_family(&family, key->family);
	moved->family[family.len] = 0;
	moved->symbol = part_of(moved, "symbol", STR("symbol"));
	moved->timeframe = part_of(moved, "timeframe", STR("tf"));
	name_base(moved);
	if (family.overflow || family.len > MOVED_NAME_MAX)
		moved_fail(moved, STATUS_INVALID, "a pattern of more than 400 bytes");
	if (key->name.len > MOVED_NAME_MAX)
		moved_fail(moved, STATUS_INVALID, "a key's name of more than 400 bytes");
	if (key->type >= AUDIT_MODULE)
		moved_fail(moved, STATUS_INVALID, "a module's own type");
}

static void put_packed(struct moved *moved, struct str text)
{
	uint32_t length = (uint32_t)text.len;
	buf_put(&moved->text, &length, sizeof length);
	buf_str_put(&moved->text, text);
}

/* Strings come in pieces; what a hash is, only all its fields tell. */
static void take(struct moved *moved, const struct audit_element *element)
{
	enum archive_table table = moved_table(moved->key.family);
	if (moved->key.type == AUDIT_STRING) {
		buf_str_put(&moved->text, element->value);
	} else if (table == TABLE_moved_records) {
		moved_records_element(moved, element);
	} else if (moved->key.type == AUDIT_HASH) {
		put_packed(moved, element->field);
		put_packed(moved, element->value);
	} else if (table == TABLE_moved_trades) {
		moved_trades_element(moved, element);
	} else {
		moved_series_element(moved, element);
	}
	moved->position++;
	if (moved->text.overflow)
		moved_fail(moved, STATUS_INVALID, "more than 64 MB");
}

enum status moved_elements(struct moved *moved, const struct audit_element *elements, size_t count,
			   struct err *err)
{
	for (size_t i = 0; !moved->status && i < count; i++)
		take(moved, &elements[i]);
	if (moved->status)
		*err = moved->err;
	return moved->status;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct json_member *)a)->name,
		       ((const struct json_member *)b)->name);
}

/* In the order of names, each once: a walk may see one twice. */
static void sort_fields(struct moved_members *members)
{
	size_t kept = 0;
	if (!members->count)
		return;
	qsort(members->at, members->count, sizeof *members->at, by_name);
	for (size_t i = 1; i < members->count; i++)
		if (!str_eq(members->at[i].name, members->at[kept].name))
			members->at[++kept] = members->at[i];
	members->count = kept + 1;
}

static void end_hash(struct moved *moved)
{
	struct moved_members members;
	if (!moved_members_packed(&members, buf_str(&moved->text)))
		moved_fail(moved, STATUS_INVALID, "too many fields");
	sort_fields(&members);
	if (moved->status)
		;
	else if (moved_table(moved->key.family) == TABLE_moved_trades)
		moved_trades_hash(moved, &members);
	else
		moved_series_hash(moved, &members);
	moved_members_free(&members);
}

static void end_string(struct moved *moved)
{
	const struct audit_element whole = { .value = buf_str(&moved->text) };
	switch (moved_table(moved->key.family)) {
	case TABLE_moved_records: moved_records_element(moved, &whole); break;
	case TABLE_moved_trades: moved_trades_element(moved, &whole); break;
	default: moved_series_element(moved, &whole);
	}
}

enum status moved_end(struct moved *moved, struct err *err)
{
	if (!moved->status && moved->key.type == AUDIT_STRING)
		end_string(moved);
	else if (!moved->status && moved->key.type == AUDIT_HASH &&
		 moved_table(moved->key.family) != TABLE_moved_records)
		end_hash(moved);
	if (moved->status)
		*err = moved->err;
	return moved->status;
}
