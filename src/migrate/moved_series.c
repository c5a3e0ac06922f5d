/* indicator_data: numbers with a time, out of the shapes in which people keep them. */
#include <stdio.h>

#include "archive/num.h"
#include "base/check.h"
#include "migrate/moved_impl.h"

/* Where a row stands beside its name and value. */
struct place {
	int64_t ts;
	struct str symbol, timeframe;
};

/* ---- a row ---- */

static void put_row(struct moved *moved, const struct place *place, struct str name,
		    struct str value)
{
	struct archive_rows *rows = moved->rows;
	char kept[MOVED_NAME_MAX + 1];
	if (moved->status || !moved_key_word(moved, name))
		return;
	if (!moved_is_text(value)) {
		moved_fail(moved, STATUS_INVALID, "bytes that are not UTF-8");
		return;
	}
	/* What is in scratch may be the value: a name that must be printed is printed first. */
	struct buf plain = buf_over(kept, sizeof kept);
	bool is_plain = moved_is_text(name);
	for (size_t i = 0; is_plain && i < name.len; i++)
		is_plain = (unsigned char)name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f &&
			   name.ptr[i] != '\\';
	if (!is_plain) {
		audit_name_print(&plain, name);
		name = buf_str(&plain);
	}
	if (plain.overflow)
		moved_fail(moved, STATUS_INVALID, "a name of more than 400 bytes");
	uint64_t hash = moved_mix((uint64_t)place->ts * 31 + 1, name);
	hash = moved_mix(moved_mix(hash, place->symbol), place->timeframe);
	int64_t seq = moved_seen_count(moved, hash);
	archive_rows_begin(rows, TABLE_moved_indicator_data);
	archive_row_text(rows, COLUMN_moved_indicator_data_symbol, place->symbol);
	archive_row_text(rows, COLUMN_moved_indicator_data_timeframe, place->timeframe);
	archive_row_int(rows, COLUMN_moved_indicator_data_ts, place->ts);
	archive_row_text(rows, COLUMN_moved_indicator_data_name, name);
	archive_row_num(rows, COLUMN_moved_indicator_data_value, value);
	archive_row_text(rows, COLUMN_moved_indicator_data_family, str_of(moved->family));
	archive_row_text(rows, COLUMN_moved_indicator_data_source, moved->key.name);
	archive_row_int(rows, COLUMN_moved_indicator_data_seq, seq);
	if (moved->status)
		archive_rows_cancel(rows);
	else
		moved_row_end(moved);
}

/* ---- objects ---- */

/* The plan's other name for a member. */
static struct str told_name(const struct moved *moved, struct str name)
{
	const struct migrate_family *family = moved->key.family;
	for (size_t i = 0; i < family->n_fields; i++)
		if (family->fields[i].from[0] == '.' &&
		    str_eq(str_of(family->fields[i].from + 1), name))
			return str_of(family->fields[i].name);
	return name;
}

static void put_members(struct moved *moved, const struct place *place,
			const struct moved_members *members, const struct json_member * not,
			struct str prefix, int depth);

static void put_member(struct moved *moved, const struct place *place,
		       const struct json_member *member, struct str prefix, int depth)
{
	char text[MOVED_NAME_MAX + 1];
	struct buf name = buf_over(text, sizeof text);
	struct moved_members inner = { 0 };
	buf_str_put(&name, prefix);
	if (prefix.len)
		buf_char(&name, '.');
	buf_str_put(&name, member->name);
	if (name.overflow) {
		moved_fail(moved, STATUS_INVALID, "a name of more than 400 bytes");
		return;
	}
	if (!member->scalar && depth < MOVED_DEPTH_MAX &&
	    moved_members_read(&inner, member->value) == JSON_SHAPE_OBJECT)
		put_members(moved, place, &inner, NULL, buf_str(&name), depth + 1);
	else
		put_row(moved, place, told_name(moved, buf_str(&name)), moved_value(moved, member));
	moved_members_free(&inner);
}

static void put_members(struct moved *moved, const struct place *place,
			const struct moved_members *members, const struct json_member * not,
			struct str prefix, int depth)
{
	for (size_t i = 0; !moved->status && i < members->count; i++)
		if (&members->at[i] != not )
			put_member(moved, place, &members->at[i], prefix, depth);
}

/* The plan's tag, else a member that is called so, where the name has none. */
static struct str tag_of(const struct moved *moved, const struct moved_members *members,
			 const char *tag, const char *const *usual, struct str of_name)
{
	const struct migrate_family *family = moved->key.family;
	const struct json_member *member = NULL;
	for (size_t i = 0; i < family->n_tags; i++)
		if (strcmp(family->tags[i].name, tag) == 0 && family->tags[i].from[0] == '.')
			member = moved_named(members, family->tags[i].from);
	if (!member && !of_name.len)
		member = moved_find(members, usual);
	bool is_word = member && member->scalar && member->plain && member->value.len <= 64 &&
		       moved_is_text(member->value);
	for (size_t i = 0; is_word && i < member->value.len; i++)
		is_word =
		    (unsigned char)member->value.ptr[i] > 0x20 && member->value.ptr[i] != '\\';
	return is_word ? member->value : of_name;
}

static void put_object(struct moved *moved, const struct place *place,
		       const struct moved_members *members)
{
	static const char *const symbols[] = { "symbol", "pair", "market", NULL },
				 *const frames[] = { "timeframe", "tf", "interval", NULL };
	struct place at = *place;
	bool exact = false;
	const struct json_member *time = moved_find_time(moved, members, &at.ts, &exact);
	at.symbol = tag_of(moved, members, "symbol", symbols, place->symbol);
	at.timeframe = tag_of(moved, members, "timeframe", frames, place->timeframe);
	put_members(moved, &at, members, exact ? time : NULL, STR(""), 0);
}

/* ---- lists ---- */

/* What exchanges answer: Binance's twelve (its REST documentation, klines), and the first of them.
 */
static struct str candle_name(size_t index, size_t count, char at[24])
{
	static const char *const names[] = { "time",   "open",       "high",        "low",
					     "close",  "volume",     "close_time",  "quote_volume",
					     "trades", "taker_base", "taker_quote", "ignored" };
	if (count == 2)
		return STR("value");
	if (count >= 5 && (index < 6 || count == ARRAY_LEN(names)) && index < ARRAY_LEN(names))
		return str_of(names[index]);
	snprintf(at, 24, "c%zu", index);
	return str_of(at);
}

static void put_candle(struct moved *moved, const struct place *place,
		       const struct moved_members *members)
{
	struct place at = *place;
	char name[24];
	bool exact = false;
	size_t first = 0;
	if (members->count > 1 && members->at[0].scalar &&
	    moved_time(moved_value(moved, &members->at[0]), &at.ts, &exact) && exact)
		first = 1;
	else
		at.ts = place->ts;
	for (size_t i = first; !moved->status && i < members->count; i++)
		put_row(moved, &at, candle_name(i, first ? members->count : 0, name),
			moved_value(moved, &members->at[i]));
}

static void put_value(struct moved *moved, const struct place *place, struct str value, int depth);

static void put_list(struct moved *moved, const struct place *place,
		     const struct moved_members *members, int depth)
{
	for (size_t i = 0; !moved->status && i < members->count; i++) {
		const struct json_member *member = &members->at[i];
		struct moved_members inner = { 0 };
		if (member->scalar)
			put_row(moved, place, str_of(moved->base), moved_value(moved, member));
		else if (depth == 0 &&
			 moved_members_read(&inner, member->value) == JSON_SHAPE_ARRAY)
			put_candle(moved, place, &inner);
		else
			put_value(moved, place, member->value, depth + 1);
		moved_members_free(&inner);
	}
}

/* Any text: an object, a list, a number, words. A list that is one candle is one: a list's element.
 */
static void put_value(struct moved *moved, const struct place *place, struct str value, int depth)
{
	struct moved_members members;
	enum json_shape_kind kind = moved_members_read(&members, value);
	if (kind == JSON_SHAPE_OBJECT)
		put_object(moved, place, &members);
	else if (kind == JSON_SHAPE_ARRAY && depth == 1 && members.count && members.at[0].scalar)
		put_candle(moved, place, &members);
	else if (kind == JSON_SHAPE_ARRAY && depth <= 1)
		put_list(moved, place, &members, depth);
	else
		put_row(moved, place, str_of(moved->base), value);
	moved_members_free(&members);
}

/* ---- keys ---- */

static struct place place_of(const struct moved *moved)
{
	return (struct place){ .symbol = moved->symbol, .timeframe = moved->timeframe };
}

/* 1700000000123-0 */
static void put_entry(struct moved *moved, const struct audit_element *element)
{
	struct place place = place_of(moved);
	struct moved_members fields;
	bool exact;
	struct str id = str_make(element->field.ptr, str_find_char(element->field, '-'));
	if (!moved_time(id, &place.ts, &exact))
		place.ts = 0;
	if (!moved_members_packed(&fields, element->value))
		moved_fail(moved, STATUS_INVALID, "an entry that is none");
	else if (moved->key.family->time[0] == '.')
		put_object(moved, &place, &fields);
	else
		put_members(moved, &place, &fields, NULL, STR(""), MOVED_DEPTH_MAX);
	moved_members_free(&fields);
}

/* A member that begins with its own score, to be told from others of the same value: `time:value`.
 */
static struct str behind_score(struct str member, struct str score)
{
	bool begins = str_starts(member, score) && member.len > score.len + 1 &&
		      strchr(":|_", member.ptr[score.len]);
	return begins ? str_skip(member, score.len + 1) : member;
}

static void put_scored(struct moved *moved, const struct audit_element *element)
{
	struct place place = place_of(moved);
	bool exact = false;
	struct str name = moved_name(moved, element->value);
	if (moved_time(element->field, &place.ts, &exact) && exact) {
		put_value(moved, &place, behind_score(element->value, element->field), 1);
		return;
	}
	place.ts = 0;
	if (!moved_seen_count(moved, moved_mix(3, element->value)))
		put_row(moved, &place, name, element->field);
}

static bool time_of_name(const struct moved *moved, int64_t *us)
{
	const char *told = moved->key.family->time;
	struct str text, part = str_of(told);
	bool exact;
	return told[0] == '{' && part.len > 2 &&
	       pattern_part(moved->key.match, str_make(told + 1, part.len - 2), &text) &&
	       moved_time(text, us, &exact);
}

void moved_series_element(struct moved *moved, const struct audit_element *element)
{
	struct place place = place_of(moved);
	switch (moved->key.type) {
	case AUDIT_STREAM: put_entry(moved, element); return;
	case AUDIT_ZSET: put_scored(moved, element); return;
	default: break;
	}
	if (!time_of_name(moved, &place.ts))
		place.ts = 0;
	put_value(moved, &place, element->value, moved->key.type == AUDIT_LIST);
}

/* A hash's fields are its members; or its fields are times, and then its values are as elements
 * are. */
void moved_series_hash(struct moved *moved, const struct moved_members *members)
{
	struct place place = place_of(moved);
	bool exact = false, by_time = members->count > 0;
	if (!time_of_name(moved, &place.ts))
		place.ts = 0;
	for (size_t i = 0; by_time && i < members->count; i++) {
		int64_t us;
		by_time = moved_time(members->at[i].name, &us, &exact) && exact;
	}
	if (!by_time) {
		put_object(moved, &place, members);
		return;
	}
	for (size_t i = 0; !moved->status && i < members->count; i++)
		if (moved_time(members->at[i].name, &place.ts, &exact))
			put_value(moved, &place, members->at[i].value, 1);
}
