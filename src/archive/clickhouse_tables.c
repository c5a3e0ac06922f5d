#include <stdio.h>

#include "archive/clickhouse_impl.h"
#include "archive/native.h"
#include "base/check.h"

/* ---- what there is: lines of TabSeparated ---- */

/* A type may have quotes in it (a time zone's); they come escaped, and are of no type that
 * is wanted. */
static bool take_line(struct str *lines, struct str fields[], size_t count)
{
	struct str line;
	if (!lines->len || !str_split(lines, '\n', &line))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!line.ptr || !str_split(&line, '\t', &fields[i]))
			fields[i] = STR("");
	return true;
}

static bool is_type(struct str type, enum archive_column column, bool dictionary)
{
	char text[64];
	struct buf wanted = buf_over(text, sizeof text);
	native_type_put(&wanted, column, dictionary);
	return str_eq(type, buf_str(&wanted));
}

static void say(struct clickhouse *ch, enum archive_table table, const char *what, struct str is,
		const char *must)
{
	struct clickhouse_table *seen = &ch->tables[table];
	if (is.len > 80)
		is.len = 80;
	if (!seen->why[0])
		snprintf(seen->why, sizeof seen->why, "%.80s.%s%.40s is %.*s, must be %.100s",
			 ch->database, archive_table_row(table)->name, what, STR_ARG(is), must);
}

static void wrong_type(struct clickhouse *ch, enum archive_column column, struct str type)
{
	const struct archive_column_row *row = archive_column_row(column);
	char what[64], text[64];
	struct buf wanted = buf_over(text, sizeof text);
	native_type_put(&wanted, column, ch->major >= CLICKHOUSE_NEW);
	buf_char(&wanted, 0);
	snprintf(what, sizeof what, ".%s", row->name);
	say(ch, row->table, what, type, text);
}

static enum archive_column find_column(enum archive_table table, struct str name)
{
	const struct archive_table_row *row = archive_table_row(table);
	for (uint32_t i = 0; i < row->columns; i++)
		if (str_eq(name, str_of(archive_column_row(row->first + i)->name)))
			return row->first + i;
	return COLUMN_COUNT;
}

/* A column that weir does not know is the operator's own. */
static void take_column(struct clickhouse *ch, enum archive_table table, struct str name,
			struct str type)
{
	struct clickhouse_table *seen = &ch->tables[table];
	enum archive_column column = find_column(table, name);
	if (str_eq(name, STR("batch_id"))) {
		seen->has[ARCHIVE_COLUMNS_MAX] = true;
		if (!str_eq(type, STR("UInt64")))
			say(ch, table, ".batch_id", type, "UInt64");
	}
	if (column == COLUMN_COUNT)
		return;
	seen->has[column - archive_table_row(table)->first] = true;
	bool is_word = archive_column_row(column)->type == ARCHIVE_WORD;
	ch->dictionary[column] = is_word && is_type(type, column, true);
	if (!ch->dictionary[column] && !is_type(type, column, false))
		wrong_type(ch, column, type);
}

static void forget_columns(struct clickhouse *ch, enum archive_table table)
{
	struct clickhouse_table *seen = &ch->tables[table];
	memset(seen->has, 0, sizeof seen->has);
	seen->why[0] = 0;
}

static void say_missing(struct clickhouse *ch, enum archive_table table, const char *name)
{
	struct clickhouse_table *seen = &ch->tables[table];
	if (!seen->why[0])
		snprintf(seen->why, sizeof seen->why, "%.80s.%s has no column %s", ch->database,
			 archive_table_row(table)->name, name);
}

/* COLUMN_COUNT: none is missing, or only what cannot be added (said). */
static enum archive_column missing(struct clickhouse *ch, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	struct clickhouse_table *seen = &ch->tables[table];
	if (!seen->has[ARCHIVE_COLUMNS_MAX])
		say_missing(ch, table, "batch_id");
	for (uint32_t i = 0; i < row->columns; i++) {
		enum archive_column column = row->first + i;
		if (seen->has[i])
			continue;
		if (!archive_is_key(column) && column != row->time)
			return column;
		say_missing(ch, table, archive_column_row(column)->name);
	}
	return COLUMN_COUNT;
}

bool clickhouse_take_columns(struct clickhouse *ch, enum archive_table table, struct str lines,
			     bool *changed)
{
	const struct archive_table_row *row = archive_table_row(table);
	bool before[ARCHIVE_COLUMNS_MAX];
	struct str fields[2];
	memcpy(before, ch->dictionary + row->first, row->columns * sizeof(bool));
	forget_columns(ch, table);
	while (take_line(&lines, fields, 2))
		take_column(ch, table, fields[0], fields[1]);
	*changed = memcmp(before, ch->dictionary + row->first, row->columns * sizeof(bool)) != 0;
	enum archive_column column = missing(ch, table);
	if (column != COLUMN_COUNT)
		say_missing(ch, table, archive_column_row(column)->name);
	return !ch->tables[table].why[0];
}

void clickhouse_columns_sql(struct clickhouse *ch, enum archive_table table)
{
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT name, type FROM system.columns WHERE database = "));
	clickhouse_literal_put(&ch->sql, str_of(ch->database));
	buf_str_put(&ch->sql, STR(" AND table = "));
	clickhouse_literal_put(&ch->sql, str_of(archive_table_row(table)->name));
}

/* ---- look, mend, look again ---- */

static void look_at_tables(struct clickhouse_call *call);

static void end(struct clickhouse_call *call, enum sink_outcome outcome, const char *why)
{
	sink_fn fn = call->fn;
	call->busy = false;
	fn(call->ctx, outcome, why);
}

/* What the server does not let weir do is the table's trouble, not the sink's. */
static void mended(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
		   struct str body)
{
	(void)body;
	struct clickhouse *ch = call->owner;
	if (outcome == SINK_AWAY) {
		end(call, outcome, why);
		return;
	}
	if (outcome == SINK_HELD)
		snprintf(ch->tables[call->table].why, sizeof ch->tables[0].why, "%s", why);
	else
		ch->tables[call->table].there = false; /* as far as is known: it is looked at */
	look_at_tables(call);
}

static void mend(struct clickhouse_call *call, enum archive_table table, enum archive_column column)
{
	struct clickhouse *ch = call->owner;
	buf_clear(&ch->sql);
	if (column == COLUMN_COUNT)
		clickhouse_create_table(&ch->sql, str_of(ch->database), table, ch->major);
	else
		clickhouse_add_column(&ch->sql, str_of(ch->database), column, ch->major);
	if (call->made_table == table && call->made_column == column) {
		say(ch, table, "", STR("not there although it was made"), "shown to its user");
		look_at_tables(call);
		return;
	}
	call->table = call->made_table = table;
	call->made_column = column;
	call->next = mended;
	clickhouse_ask(call);
}

/* The first thing to be mended that nothing was said about yet; false: there is none. */
static bool mend_next(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	enum archive_set set = ch->config.set;
	for (unsigned i = archive_set_first(set); i < archive_set_end(set); i++) {
		enum archive_table table = (enum archive_table)i;
		enum archive_column column = COLUMN_COUNT;
		if (ch->tables[i].why[0])
			continue;
		if (ch->tables[i].there)
			column = missing(ch, table);
		if (ch->tables[i].there && column == COLUMN_COUNT)
			continue;
		mend(call, table, column);
		return true;
	}
	return false;
}

static void columns_seen(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			 struct str body)
{
	struct clickhouse *ch = call->owner;
	struct str fields[3];
	if (outcome != SINK_DONE) {
		end(call, outcome, why);
		return;
	}
	while (take_line(&body, fields, 3)) {
		enum archive_table table = archive_set_find(ch->config.set, fields[0]);
		if (table != TABLE_COUNT)
			take_column(ch, table, fields[1], fields[2]);
	}
	if (!mend_next(call))
		end(call, SINK_DONE, "");
}

static void look_at_columns(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql,
		    STR("SELECT table, name, type FROM system.columns WHERE database = "));
	clickhouse_literal_put(&ch->sql, str_of(ch->database));
	call->next = columns_seen;
	clickhouse_ask(call);
}

/* 18.16 escapes the quotes of the partition key once in the column and once in the line. */
static void put_plain(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '\\' && text.ptr[i] != ' ' && text.ptr[i] != '`')
			buf_char(out, text.ptr[i]);
}

static bool same_text(struct str is, struct str must)
{
	char a[512], b[512];
	struct buf plain_is = buf_over(a, sizeof a), plain_must = buf_over(b, sizeof b);
	put_plain(&plain_is, is);
	put_plain(&plain_must, must);
	return !plain_is.overflow && str_eq(buf_str(&plain_is), buf_str(&plain_must));
}

/* A table in one partition takes any batch whole, too. */
static void take_table(struct clickhouse *ch, enum archive_table table, struct str engine,
		       struct str partition)
{
	static const struct str ending = { "ReplacingMergeTree", 18 };
	char text[256];
	struct buf month = buf_over(text, sizeof text);
	clickhouse_partition_put(&month, table);
	ch->tables[table].there = true;
	if (engine.len < ending.len || !str_eq(str_skip(engine, engine.len - ending.len), ending))
		say(ch, table, "'s engine", engine, "ReplacingMergeTree(batch_id)");
	if (partition.len && archive_is_moved(table))
		say(ch, table, "'s partition", partition, "none");
	else if (partition.len && !same_text(partition, buf_str(&month))) {
		buf_char(&month, 0);
		say(ch, table, "'s partition", partition, text);
	}
}

static void tables_seen(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			struct str body)
{
	struct clickhouse *ch = call->owner;
	struct str fields[3];
	if (outcome != SINK_DONE) {
		end(call, outcome, why);
		return;
	}
	for (unsigned i = 0; i < TABLE_END_OF_ALL; i++) {
		ch->tables[i].there = false;
		memset(ch->tables[i].has, 0, sizeof ch->tables[i].has);
	}
	while (take_line(&body, fields, 3)) {
		enum archive_table table = archive_set_find(ch->config.set, fields[0]);
		if (table != TABLE_COUNT)
			take_table(ch, table, fields[1], fields[2]);
	}
	look_at_columns(call);
}

static void look_at_tables(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql,
		    STR("SELECT name, engine, partition_key FROM system.tables WHERE database = "));
	clickhouse_literal_put(&ch->sql, str_of(ch->database));
	call->next = tables_seen;
	clickhouse_ask(call);
}

static void database_made(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			  struct str body)
{
	(void)body;
	if (outcome != SINK_DONE)
		end(call, outcome, why);
	else
		look_at_tables(call);
}

static void databases_seen(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			   struct str body)
{
	struct clickhouse *ch = call->owner;
	if (outcome != SINK_DONE) {
		end(call, outcome, why);
	} else if (str_eq(str_trim(body), STR("1"))) {
		look_at_tables(call);
	} else {
		buf_clear(&ch->sql);
		clickhouse_create_database(&ch->sql, str_of(ch->database));
		call->next = database_made;
		clickhouse_ask(call);
	}
}

static void version_seen(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
			 struct str body)
{
	struct clickhouse *ch = call->owner;
	int major = outcome == SINK_DONE ? clickhouse_major(str_trim(body)) : 0;
	if (outcome == SINK_DONE && !major) {
		end(call, SINK_AWAY, "what answers is no ClickHouse: no version");
		return;
	}
	if (outcome != SINK_DONE) {
		end(call, outcome, why);
		return;
	}
	ch->major = major;
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT count() FROM system.databases WHERE name = "));
	clickhouse_literal_put(&ch->sql, str_of(ch->database));
	call->next = databases_seen;
	clickhouse_ask(call);
}

/* Mending ends: each turn of it makes a table or column that was missing, or says why it
 * cannot be made, and what was said is not tried again before the next open. */
void clickhouse_look(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	for (unsigned i = 0; i < TABLE_END_OF_ALL; i++)
		ch->tables[i] = (struct clickhouse_table){ 0 };
	call->made_table = TABLE_COUNT;
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT version()"));
	call->next = version_seen;
	clickhouse_ask(call);
}
