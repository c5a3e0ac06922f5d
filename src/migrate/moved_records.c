/* records: a row an element, whatever it is. */
#include <stdio.h>

#include "archive/num.h"
#include "migrate/digest.h"
#include "migrate/moved_impl.h"

static void put_base64(struct buf *out, struct str in)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < in.len; i += 3) {
		uint32_t bits = 0;
		for (size_t n = 0; n < 3; n++)
			bits = bits << 8 | (i + n < in.len ? (unsigned char)in.ptr[i + n] : 0);
		for (size_t n = 0; n < 4; n++)
			buf_char(out, i + n > in.len ? '=' : digits[bits >> (18 - 6 * n) & 63]);
	}
}

static void put_value(struct moved *moved, struct str value)
{
	bool is_text = moved_is_text(value);
	archive_row_text(moved->rows, COLUMN_moved_records_encoding,
			 is_text ? STR("text") : STR("base64"));
	if (!is_text) {
		buf_clear(&moved->scratch);
		put_base64(&moved->scratch, value);
		if (moved->scratch.overflow)
			moved_fail(moved, STATUS_INVALID, "more than 64 MB");
		value = buf_str(&moved->scratch);
	}
	archive_row_text(moved->rows, COLUMN_moved_records_value, value);
}

/* Where what it says is the time, or its member; a hash's field's time is its own. */
static bool time_of(struct moved *moved, const struct audit_element *element, int64_t *us)
{
	const char *told = moved->key.family->time;
	struct moved_members members;
	bool exact, found = false;
	struct str text;
	if (strcmp(told, "score") == 0 || strcmp(told, "id") == 0 || strcmp(told, "field") == 0) {
		text = element->field;
		text.len = moved->key.type == AUDIT_STREAM ? str_find_char(text, '-') : text.len;
		return moved_time(text, us, &exact);
	}
	if (told[0] == '{')
		return pattern_part(moved->key.match, str_make(told + 1, strlen(told) - 2),
				    &text) &&
		       moved_time(text, us, &exact);
	if (strcmp(told, "value") == 0)
		return moved_time(element->value, us, &exact);
	if (moved_members_read(&members, element->value) == JSON_SHAPE_OBJECT)
		found = moved_find_time(moved, &members, us, &exact) != NULL;
	moved_members_free(&members);
	return found;
}

static void put_kind(struct moved *moved, const struct audit_element *element)
{
	struct archive_rows *rows = moved->rows;
	archive_row_text(rows, COLUMN_moved_records_kind, str_of(audit_type_text(moved->key.type)));
	if (moved->key.type == AUDIT_LIST)
		archive_row_int(rows, COLUMN_moved_records_position, moved->position);
	if (moved->key.type == AUDIT_ZSET)
		archive_row_num(rows, COLUMN_moved_records_score, element->field);
}

/* One row. element, field: names as bytes; twice: one that comes again is another row. */
static void put_row(struct moved *moved, const struct audit_element *of, struct str element,
		    struct str field, struct str value, bool twice)
{
	struct archive_rows *rows = moved->rows;
	uint64_t hash = moved_mix(moved_mix(1, element), field);
	int64_t us, seq = moved_seen_count(moved, hash);
	if (moved->status || (seq && !twice))
		return;
	bool has_time = time_of(moved, of, &us);
	archive_rows_begin(rows, TABLE_moved_records);
	struct str name = moved_name(moved, element);
	if (moved_key_word(moved, name))
		archive_row_text(rows, COLUMN_moved_records_element, name);
	name = moved_name(moved, field);
	if (moved_key_word(moved, name))
		archive_row_text(rows, COLUMN_moved_records_field, name);
	put_kind(moved, of);
	if (has_time)
		archive_row_int(rows, COLUMN_moved_records_ts, us);
	moved_expires(moved, COLUMN_moved_records_expires);
	put_value(moved, value);
	archive_row_text(rows, COLUMN_moved_records_family, str_of(moved->family));
	archive_row_text(rows, COLUMN_moved_records_source, moved->key.name);
	archive_row_int(rows, COLUMN_moved_records_seq, seq);
	if (moved->status)
		archive_rows_cancel(rows);
	else
		moved_row_end(moved);
}

static void put_entry(struct moved *moved, const struct audit_element *element)
{
	struct moved_members fields;
	if (!moved_members_packed(&fields, element->value))
		moved_fail(moved, STATUS_INVALID, "an entry that is none");
	for (size_t i = 0; !moved->status && i < fields.count; i++)
		put_row(moved, element, element->field, fields.at[i].name, fields.at[i].value,
			true);
	moved_members_free(&fields);
}

/* What stays the element's when others come and go around it. */
struct str moved_content_name(struct str value, char at[MOVED_CONTENT_BYTES])
{
	struct digest digest = digest_of(value);
	int n = snprintf(at, MOVED_CONTENT_BYTES, "~%016llx%016llx", (unsigned long long)digest.a,
			 (unsigned long long)digest.b);
	return str_make(at, (size_t)n);
}

void moved_records_element(struct moved *moved, const struct audit_element *element)
{
	char name[MOVED_CONTENT_BYTES];
	struct str member = element->value;
	switch (moved->key.type) {
	case AUDIT_STREAM: put_entry(moved, element); break;
	case AUDIT_HASH: put_row(moved, element, element->field, STR(""), member, false); break;
	case AUDIT_LIST:
		put_row(moved, element, moved_content_name(member, name), STR(""), member, true);
		break;
	case AUDIT_SET:
	case AUDIT_ZSET:
		if (member.len > MOVED_NAME_MAX / 4)
			member = moved_content_name(member, name);
		put_row(moved, element, member, STR(""), element->value, false);
		break;
	default: put_row(moved, element, STR(""), STR(""), member, false);
	}
}
