/* trades: records of trades, and where in a record people keep what. */
#include <stdio.h>

#include "archive/num.h"
#include "base/check.h"
#include "migrate/moved_impl.h"

enum { USUAL_MAX = 10 };

/* A column and the names its members usually have, the better first. */
static const struct {
	enum archive_column column;
	const char *names[USUAL_MAX];
} usual[] = {
	{ COLUMN_moved_trades_symbol,
	  { "symbol", "pair", "market", "instrument", "token", "coin", "s" } },
	{ COLUMN_moved_trades_side, { "side", "direction", "action", "type" } },
	{ COLUMN_moved_trades_price,
	  { "price", "entry_price", "open_price", "entry", "avg_price", "open", "p" } },
	{ COLUMN_moved_trades_price_close, { "exit_price", "close_price", "exit", "close" } },
	{ COLUMN_moved_trades_quantity,
	  { "quantity", "qty", "amount", "size", "volume", "lots", "q" } },
	{ COLUMN_moved_trades_pnl, { "pnl", "profit", "realized_pnl", "realizedpnl" } },
	{ COLUMN_moved_trades_status, { "status", "state" } },
};

static const char *const ids[] = { "trade_id", "tradeid", "id",   "order_id", "orderid",
				   "ticket",   "deal",    "uuid", "uid",      NULL };
static const char *const ends[] = { "closed_at", "close_time", "exit_time", "closed_ts", NULL };

static const struct json_member *member_of(const struct moved *moved,
					   const struct moved_members *members,
					   enum archive_column column, const char *const *names)
{
	const struct migrate_family *family = moved->key.family;
	for (size_t i = 0; i < family->n_fields; i++)
		if (strcmp(family->fields[i].name, archive_column_row(column)->name) == 0)
			return moved_named(members, family->fields[i].from);
	return moved_find(members, names);
}

static void put_columns(struct moved *moved, const struct moved_members *members)
{
	struct archive_rows *rows = moved->rows;
	archive_row_word(rows, COLUMN_moved_trades_symbol, moved->symbol);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		enum archive_column column = usual[i].column;
		const struct json_member *member =
		    member_of(moved, members, column, usual[i].names);
		if (!member || !member->scalar || !moved_is_text(member->value))
			continue;
		struct str value = moved_value(moved, member);
		if (!member->quoted && str_eq(value, STR("null")))
			continue;
		if (archive_column_row(column)->type == ARCHIVE_NUM)
			archive_row_num(rows, column, value);
		else
			archive_row_word(rows, column, value);
	}
}

static void put_times(struct moved *moved, const struct moved_members *members, int64_t ts)
{
	const struct json_member *member =
	    member_of(moved, members, COLUMN_moved_trades_closed_ts, ends);
	int64_t us;
	bool exact;
	if (ts >= 0)
		archive_row_int(moved->rows, COLUMN_moved_trades_ts, ts);
	if (member && member->scalar && moved_time(moved_value(moved, member), &us, &exact))
		archive_row_int(moved->rows, COLUMN_moved_trades_closed_ts, us);
}

/* The plan's members joined by colons; else the member that is an id; else `otherwise`. */
static void put_id(struct moved *moved, const struct moved_members *members, struct buf *id,
		   struct str otherwise)
{
	const struct migrate_family *family = moved->key.family;
	const struct json_member *member;
	for (size_t i = 0; i < family->n_key; i++) {
		const char *name = family->key[i] + (family->key[i][0] == '.');
		member = moved_find(members, (const char *const[]){ name, NULL });
		if (i)
			buf_char(id, ':');
		if (member && member->scalar)
			buf_str_put(id, moved_value(moved, member));
	}
	if (family->n_key)
		return;
	member = member_of(moved, members, COLUMN_moved_trades_trade_id, ids);
	if (member && member->scalar && member->value.len)
		otherwise = moved_value(moved, member);
	buf_str_put(id, otherwise);
}

/* Where a record stood in its key: what is not in the record itself. */
struct standing {
	struct str element, field; /* ptr NULL: none */
	struct str score;          /* of a zset */
	int64_t position;          /* -1: none */
	int64_t ts;                /* its element's time; -1: none */
};

static void put_standing(struct moved *moved, const struct standing *at)
{
	struct archive_rows *rows = moved->rows;
	if (at->element.ptr)
		archive_row_text(rows, COLUMN_moved_trades_element, moved_name(moved, at->element));
	if (at->field.ptr)
		archive_row_text(rows, COLUMN_moved_trades_field, moved_name(moved, at->field));
	if (at->position >= 0)
		archive_row_int(rows, COLUMN_moved_trades_position, at->position);
	if (moved->key.type == AUDIT_ZSET)
		archive_row_num(rows, COLUMN_moved_trades_score, at->score);
	archive_row_text(rows, COLUMN_moved_trades_kind, str_of(audit_type_text(moved->key.type)));
	moved_expires(moved, COLUMN_moved_trades_expires);
}

/* name: what the record is called where it has no id. */
static void put_trade(struct moved *moved, const struct moved_members *members, struct str name,
		      const struct standing *at, struct str raw)
{
	struct archive_rows *rows = moved->rows;
	char text[MOVED_NAME_MAX + 1], content[MOVED_CONTENT_BYTES];
	struct buf id = buf_over(text, sizeof text);
	int64_t us, ts = at->ts;
	bool exact;
	if (!moved_is_text(raw)) {
		moved_fail(moved, STATUS_INVALID, "bytes that are not UTF-8");
		return;
	}
	if (moved_find_time(moved, members, &us, &exact))
		ts = us;
	put_id(moved, members, &id, name.len ? name : moved_content_name(raw, content));
	name = moved_name(moved, buf_str(&id));
	if (id.overflow || !moved_key_word(moved, name)) {
		moved_fail(moved, STATUS_INVALID, "an id of more than 400 bytes");
		return;
	}
	int64_t seq = moved_seen_count(moved, moved_mix(1, name));
	archive_rows_begin(rows, TABLE_moved_trades);
	archive_row_text(rows, COLUMN_moved_trades_trade_id, name);
	put_columns(moved, members);
	put_times(moved, members, ts);
	archive_row_text(rows, COLUMN_moved_trades_raw, raw);
	put_standing(moved, at);
	archive_row_text(rows, COLUMN_moved_trades_family, str_of(moved->family));
	archive_row_text(rows, COLUMN_moved_trades_source, moved->key.name);
	archive_row_int(rows, COLUMN_moved_trades_seq, seq);
	if (moved->status)
		archive_rows_cancel(rows);
	else
		moved_row_end(moved);
}

/* A JSON object, or what else it is. */
static void put_record(struct moved *moved, struct str value, struct str name,
		       const struct standing *at)
{
	struct moved_members members;
	if (moved_members_read(&members, value) != JSON_SHAPE_OBJECT)
		members.count = 0;
	put_trade(moved, &members, name, at, value);
	moved_members_free(&members);
}

/* A list of records is as many; of anything else one. */
static void put_string(struct moved *moved, struct str value)
{
	struct moved_members members;
	struct standing at = { .position = -1, .ts = -1 };
	if (moved_members_read(&members, value) != JSON_SHAPE_ARRAY)
		put_record(moved, value, moved->key.name, &at);
	else
		for (size_t i = 0; !moved->status && i < members.count; i++) {
			at.position = (int64_t)i;
			put_record(moved, members.at[i].value, STR(""), &at);
		}
	moved_members_free(&members);
}

/* A record of fields, as the JSON object that they are. */
static void put_fields(struct moved *moved, const struct moved_members *members, struct str name,
		       const struct standing *at)
{
	struct buf raw;
	buf_init(&raw, 2 * MOVED_BYTES_MAX);
	for (size_t i = 0; i < members->count; i++) {
		const struct json_member *member = &members->at[i];
		if (!moved_is_text(member->name) || !moved_is_text(member->value))
			moved_fail(moved, STATUS_INVALID, "bytes that are not UTF-8");
		buf_char(&raw, i ? ',' : '{');
		buf_json_str(&raw, member->name);
		buf_char(&raw, ':');
		buf_json_str(&raw, member->value);
	}
	buf_char(&raw, '}');
	if (raw.overflow)
		moved_fail(moved, STATUS_INVALID, "more than 128 MB");
	if (!moved->status)
		put_trade(moved, members, name, at, buf_str(&raw));
	buf_deinit(&raw);
}

static int64_t time_of(const struct audit_element *element, enum audit_type type)
{
	int64_t us;
	bool exact;
	struct str text = element->field;
	if (type == AUDIT_STREAM)
		text.len = str_find_char(text, '-');
	bool has = (type == AUDIT_STREAM || type == AUDIT_ZSET) && moved_time(text, &us, &exact);
	return has ? us : -1;
}

static void put_entry(struct moved *moved, const struct audit_element *element, struct standing *at)
{
	struct moved_members fields;
	at->element = element->field;
	if (!moved_members_packed(&fields, element->value)) {
		moved_fail(moved, STATUS_INVALID, "an entry that is none");
	} else if (fields.count == 1) { /* {"json": "{…}"}, as people do */
		at->field = fields.at[0].name;
		put_record(moved, fields.at[0].value, element->field, at);
	} else {
		put_fields(moved, &fields, element->field, at);
	}
	moved_members_free(&fields);
}

void moved_trades_element(struct moved *moved, const struct audit_element *element)
{
	struct standing at = { .position = -1, .ts = time_of(element, moved->key.type) };
	bool is_set = moved->key.type == AUDIT_SET || moved->key.type == AUDIT_ZSET;
	if (is_set && moved_seen_count(moved, moved_mix(3, element->value)))
		return; /* a walk may see one twice */
	switch (moved->key.type) {
	case AUDIT_STRING: put_string(moved, element->value); return;
	case AUDIT_STREAM: put_entry(moved, element, &at); return;
	case AUDIT_LIST: at.position = moved->position; break;
	case AUDIT_ZSET: at.score = element->field; break;
	default: break;
	}
	put_record(moved, element->value, STR(""), &at);
}

/* Fields that hold objects are a record each; else the hash is one. */
void moved_trades_hash(struct moved *moved, const struct moved_members *members)
{
	struct standing at = { .position = -1, .ts = -1 };
	bool of_records = members->count > 0;
	for (size_t i = 0; of_records && i < members->count; i++) {
		struct moved_members inner;
		of_records = moved_members_read(&inner, members->at[i].value) == JSON_SHAPE_OBJECT;
		moved_members_free(&inner);
	}
	if (!of_records)
		put_fields(moved, members, moved->key.name, &at);
	for (size_t i = 0; of_records && !moved->status && i < members->count; i++) {
		at.element = members->at[i].name;
		put_record(moved, members->at[i].value, at.element, &at);
	}
}
