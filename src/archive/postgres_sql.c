#include "archive/postgres_sql.h"

static const char *type_name(enum archive_type type)
{
	switch (type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: return "text";
	case ARCHIVE_INT: return "bigint";
	case ARCHIVE_DEC: return "numeric(18,8)";
	case ARCHIVE_BIG: return "numeric(38,16)";
	case ARCHIVE_REAL: return "double precision";
	case ARCHIVE_TIME: return "timestamp with time zone";
	case ARCHIVE_NUM: return "numeric";
	}
	return "";
}

void postgres_put_name(struct buf *out, const char *name) { buf_printf(out, "\"%s\"", name); }

static void put_column_name(struct buf *out, enum archive_column column)
{
	postgres_put_name(out, archive_column_row(column)->name);
}

static void put_table_name(struct buf *out, enum archive_table table)
{
	postgres_put_name(out, archive_table_row(table)->name);
}

/* "weir_new_trades": where rows stand before they are merged. */
static void put_stage_name(struct buf *out, enum archive_table table)
{
	buf_printf(out, "\"weir_new_%s\"", archive_table_row(table)->name);
}

static void put_columns(struct buf *out, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	for (unsigned i = 0; i < row->columns; i++) {
		put_column_name(out, (enum archive_column)(row->first + i));
		buf_char(out, ',');
	}
	buf_str_put(out, STR("\"batch_id\""));
}

static void put_key(struct buf *out, enum archive_table table)
{
	struct str rest = str_of(archive_table_row(table)->key), word;
	for (const char *comma = ""; str_split(&rest, ' ', &word); comma = ",")
		buf_printf(out, "%s\"%.*s\"", comma, STR_ARG(word));
}

static void put_definitions(struct buf *out, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	for (unsigned i = 0; i < row->columns; i++) {
		enum archive_column column = (enum archive_column)(row->first + i);
		put_column_name(out, column);
		buf_printf(out, " %s%s,", type_name(archive_column_row(column)->type),
			   archive_column_row(column)->optional ? "" : " NOT NULL");
	}
	buf_str_put(out, STR("\"batch_id\" bigint NOT NULL"));
}

/* ---- what stands there ---- */

/* The archive's own `trades` has a position_id, which the moved one has not. */
void postgres_put_apart(struct buf *out)
{
	buf_str_put(out, STR("DO $$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_attribute"
			     " WHERE attrelid = pg_catalog.to_regclass('trades')"
			     " AND attname = 'position_id' AND NOT attisdropped) THEN"
			     " CREATE SCHEMA IF NOT EXISTS weir_moved;"
			     " SET search_path = weir_moved; END IF; END $$; "));
}

void postgres_put_look(struct buf *out, enum archive_set set)
{
	buf_str_put(
	    out, STR("SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),"
		     " EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid"
		     " AND i.indisprimary AND a.attnum = ANY (i.indkey))"
		     " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a"
		     " ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
		     " WHERE c.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(c.oid)"
		     " AND c.relname IN ("));
	unsigned first = archive_set_first(set);
	for (unsigned i = first; i < archive_set_end(set); i++)
		buf_printf(out, "%s'%s'", i > first ? "," : "",
			   archive_table_row((enum archive_table)i)->name);
	buf_char(out, ')');
}

static enum status see_column(uint64_t *columns, unsigned bit, struct str type, const char *wanted,
			      struct err *err)
{
	if (!str_eq(type, str_of(wanted)))
		return err_set(err, STATUS_INVALID, "is %.*s, not %s", STR_ARG(type), wanted);
	*columns |= UINT64_C(1) << bit;
	return STATUS_OK;
}

static enum status see(struct postgres_seen *seen, enum archive_table table,
		       const struct str cells[], struct err *err)
{
	const struct archive_table_row *row = archive_table_row(table);
	bool in_key = str_eq(cells[3], STR("t"));
	if (str_eq(cells[1], STR("batch_id")))
		return see_column(&seen->columns[table], row->columns, cells[2], "bigint", err);
	for (unsigned i = 0; i < row->columns; i++) {
		enum archive_column column = (enum archive_column)(row->first + i);
		if (!str_eq(cells[1], str_of(archive_column_row(column)->name)))
			continue;
		if (in_key != archive_is_key(column))
			return err_set(err, STATUS_INVALID, "%s of the primary key, which is (%s)",
				       in_key ? "must not be" : "must be", row->key);
		return see_column(&seen->columns[table], i, cells[2],
				  type_name(archive_column_row(column)->type), err);
	}
	return in_key ? err_set(err, STATUS_INVALID,
				"must not be of the primary key, which is (%s)", row->key)
		      : STATUS_OK;
}

enum status postgres_see(struct postgres_seen *seen, enum archive_set set, const struct str cells[],
			 struct err *err)
{
	enum archive_table table = archive_set_find(set, cells[0]);
	if (table == TABLE_COUNT)
		return STATUS_OK;
	seen->table[table] = true;
	enum status status = see(seen, table, cells, err);
	if (status)
		return err_wrap(err, status, "%.*s.%.*s", STR_ARG(cells[0]), STR_ARG(cells[1]));
	return STATUS_OK;
}

static void put_create(struct buf *out, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	buf_str_put(out, STR("CREATE TABLE "));
	put_table_name(out, table);
	buf_str_put(out, STR(" ("));
	put_definitions(out, table);
	buf_str_put(out, STR(",PRIMARY KEY ("));
	put_key(out, table);
	buf_str_put(out, STR("));\nCREATE INDEX ON "));
	put_table_name(out, table);
	buf_str_put(out, STR(" USING brin (\"batch_id\","));
	put_column_name(out, row->time);
	buf_str_put(out, STR(") WITH (autosummarize = on);\n"));
}

static void put_add(struct buf *out, enum archive_table table, const char *name, const char *type)
{
	buf_str_put(out, STR("ALTER TABLE "));
	put_table_name(out, table);
	buf_printf(out, " ADD COLUMN \"%s\" %s;\n", name, type);
}

void postgres_put_mend(struct buf *out, const struct postgres_seen *seen, enum archive_set set)
{
	for (unsigned i = archive_set_first(set); i < archive_set_end(set); i++) {
		enum archive_table table = (enum archive_table)i;
		const struct archive_table_row *row = archive_table_row(table);
		if (!seen->table[i]) {
			put_create(out, table);
			continue;
		}
		for (unsigned n = 0; n < row->columns; n++) {
			const struct archive_column_row *column =
			    archive_column_row((enum archive_column)(row->first + n));
			if (!(seen->columns[i] >> n & 1))
				put_add(out, table, column->name, type_name(column->type));
		}
		if (!(seen->columns[i] >> row->columns & 1))
			put_add(out, table, "batch_id", "bigint");
	}
}

/* ---- rows ---- */

void postgres_put_copy(struct buf *out, enum archive_table table)
{
	buf_str_put(out, STR("COPY "));
	put_table_name(out, table);
	buf_str_put(out, STR(" ("));
	put_columns(out, table);
	buf_str_put(out, STR(") FROM STDIN (FORMAT binary)"));
}

void postgres_put_stage(struct buf *out, enum archive_table table)
{
	buf_str_put(out, STR("CREATE TEMP TABLE "));
	put_stage_name(out, table);
	buf_str_put(out, STR(" ("));
	put_definitions(out, table);
	buf_str_put(out, STR(") ON COMMIT DROP; COPY "));
	put_stage_name(out, table);
	buf_str_put(out, STR(" FROM STDIN (FORMAT binary)"));
}

/* SET of all that is not the key. */
static void put_update(struct buf *out, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	for (unsigned i = 0; i < row->columns; i++) {
		enum archive_column column = (enum archive_column)(row->first + i);
		if (!archive_is_key(column))
			buf_printf(out, "\"%s\"=excluded.\"%s\",", archive_column_row(column)->name,
				   archive_column_row(column)->name);
	}
	buf_str_put(out, STR("\"batch_id\"=excluded.\"batch_id\" WHERE "));
	put_table_name(out, table);
	buf_str_put(out, STR(".\"batch_id\" IS NULL OR "));
	put_table_name(out, table);
	buf_str_put(out, STR(".\"batch_id\"<=excluded.\"batch_id\""));
}

/* ON CONFLICT touches a row once: of several with one key the last goes along. In a table
 * that was just filled ctid is the order of the rows. */
void postgres_put_merge(struct buf *out, enum archive_table table)
{
	bool once = table == TABLE_trade_results;
	buf_str_put(out, STR("INSERT INTO "));
	put_table_name(out, table);
	buf_str_put(out, STR(" ("));
	put_columns(out, table);
	buf_str_put(out, STR(") SELECT "));
	if (!once) {
		buf_str_put(out, STR("DISTINCT ON ("));
		put_key(out, table);
		buf_str_put(out, STR(") "));
	}
	put_columns(out, table);
	buf_str_put(out, STR(" FROM pg_temp."));
	put_stage_name(out, table);
	if (!once) {
		buf_str_put(out, STR(" ORDER BY "));
		put_key(out, table);
		buf_str_put(out, STR(",ctid DESC"));
	}
	buf_str_put(out, STR(" ON CONFLICT ("));
	put_key(out, table);
	buf_str_put(out, once ? STR(") DO NOTHING") : STR(") DO UPDATE SET "));
	if (!once)
		put_update(out, table);
}

static void put_read_column(struct buf *out, enum archive_column column)
{
	bool is_time = archive_column_row(column)->type == ARCHIVE_TIME;
	buf_str_put(out, is_time ? STR("(extract(epoch FROM ") : STR(""));
	put_column_name(out, column);
	buf_str_put(out, is_time ? STR(")*1000000)::bigint,") : STR(","));
}

void postgres_put_read(struct buf *out, enum archive_table table, int64_t batch_id, size_t rows_max)
{
	const struct archive_table_row *row = archive_table_row(table);
	buf_str_put(out, STR("SELECT "));
	for (unsigned i = 0; i < row->columns; i++)
		put_read_column(out, (enum archive_column)(row->first + i));
	buf_str_put(out, STR("\"batch_id\" FROM "));
	put_table_name(out, table);
	buf_printf(out, " WHERE \"batch_id\"=%lld LIMIT %zu", (long long)batch_id, rows_max);
}

/* ---- age ---- */

void postgres_put_expire(struct buf *out, enum archive_table table, int64_t before_us,
			 unsigned rows)
{
	buf_str_put(out, STR("DELETE FROM "));
	put_table_name(out, table);
	buf_str_put(out, STR(" WHERE ctid = ANY (ARRAY(SELECT ctid FROM "));
	put_table_name(out, table);
	buf_str_put(out, STR(" WHERE "));
	put_column_name(out, archive_table_row(table)->time);
	buf_printf(out, " < %lld LIMIT %u))", (long long)before_us, rows);
}

/* Days since 1970-01-01 to the month's first, by the civil calendar: eras of 400 years, the
 * year from March on (Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t month_begin(int64_t day)
{
	int64_t shifted = day + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t of_era = shifted - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* 0: March */
	int64_t of_month = of_year - (153 * month + 2) / 5;
	return day - of_month;
}

int64_t postgres_kept_from(int64_t days, int64_t now_us)
{
	const int64_t day_us = INT64_C(86400000000);
	int64_t day = (now_us >= 0 ? now_us : now_us - day_us + 1) / day_us - days;
	return month_begin(day) * day_us;
}
