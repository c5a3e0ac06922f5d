/* A row that a sink refused, and that is a dead letter, goes to that sink once more: as a batch
 * of its own. Every sink has the batch it was in, or refused it, so no set of rows that is being
 * sent or asked for changes; those that have the row are told to have the new batch, too, and
 * nothing is counted twice. On the writer's thread. */
#include "archive/sinks_again.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/db_impl.h"
#include "archive/results_row.h"

struct found {
	enum archive_table table;
	int64_t rowid, batch_id;
	bool may_go;
};

/* ---- the row of a letter ---- */

static struct str value_of(const struct results_payload *payload, const char *name)
{
	for (size_t i = 0; i + 1 < payload->count; i += 2)
		if (str_eq(payload->items[i].text, str_of(name)))
			return payload->items[i + 1].text;
	return (struct str){ NULL, 0 };
}

static const char *type_of(enum archive_type type)
{
	switch (type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: return "VARCHAR";
	case ARCHIVE_INT: return "BIGINT";
	case ARCHIVE_DEC: return "DECIMAL(18,8)";
	case ARCHIVE_BIG: return "DECIMAL(38,16)";
	default: return "DOUBLE";
	}
}

static bool take_row(void *ctx, const struct db_row *row)
{
	struct found *found = ctx;
	found->rowid = db_row_int(row, 0, 0);
	found->batch_id = db_row_int(row, 1, 0);
	found->may_go = db_row_int(row, 2, 0) != 0;
	return false;
}

/* By its key the newest, as that is the one a sink keeps: an older one would win over it with a
 * new batch, so it never goes in its place. One of no batch yet may be newer than any that has
 * one. Not of a batch that is being sent to somebody: its parts are told by their place in it. */
static enum status find_row(struct archive_db *db, const struct results_payload *payload,
			    struct found *found, struct err *err)
{
	const struct archive_table_row *table = archive_table_row(found->table);
	struct db_value values[ARCHIVE_COLUMNS_MAX];
	size_t count = 0;
	char storage[2048];
	struct buf sql = buf_over(storage, sizeof storage - 1);
	buf_printf(
	    &sql,
	    "SELECT id, batch_id, batch_id > 0 AND EXISTS (SELECT 1 FROM batch_sinks s WHERE "
	    "s.sink = '' AND s.batch_id = t.batch_id) AND NOT EXISTS (SELECT 1 FROM "
	    "batch_sinks s WHERE s.state IN ('new', 'sent') AND s.batch_id = t.batch_id) "
	    "FROM (SELECT rowid AS id, batch_id FROM %s WHERE batch_id >= 0",
	    table->name);
	for (uint32_t i = 0; i < table->columns; i++) {
		const struct archive_column_row *column = archive_column_row(table->first + i);
		if (!archive_is_key(table->first + i))
			continue;
		struct str value = value_of(payload, column->name);
		values[count++] = value.ptr ? DB_TEXT(value) : DB_NULL;
		buf_printf(&sql, " AND %s IS NOT DISTINCT FROM TRY_CAST(?::VARCHAR AS %s)",
			   column->name, type_of(column->type));
	}
	buf_printf(&sql, " ORDER BY batch_id = 0 DESC, batch_id DESC, rowid DESC LIMIT 1) t");
	storage[sql.len] = 0;
	return db_each(db, storage, (struct db_args){ values, count }, take_row, found, err);
}

static enum status find(struct archive_db *db, struct str json, struct found *found,
			struct err *err)
{
	*found = (struct found){ .table = TABLE_COUNT };
	struct results_payload *payload = malloc(sizeof *payload);
	if (!payload)
		return err_set(err, STATUS_NO_MEMORY, "no memory for a dead letter");
	enum status status = STATUS_OK;
	if (results_payload_read(payload, json) == STATUS_OK && !payload->cut)
		found->table = archive_table_find(value_of(payload, "table"));
	if (found->table != TABLE_COUNT)
		status = find_row(db, payload, found, err);
	free(payload);
	return status;
}

/* ---- its batch ---- */

static enum status move_row(struct archive_db *db, const struct found *found, int64_t id,
			    struct err *err)
{
	char sql[160];
	snprintf(sql, sizeof sql, "UPDATE %s SET batch_id = ? WHERE rowid = ?",
		 archive_table_row(found->table)->name);
	enum status status = db_exec(db, sql, DB_ARGS(DB_INT(id), DB_INT(found->rowid)), NULL, err);
	if (!status)
		status = db_exec(
		    db,
		    "INSERT INTO batches SELECT ?::BIGINT, tbl, month, 1, ?::BIGINT "
		    "FROM batches WHERE batch_id = ?",
		    DB_ARGS(DB_INT(id), DB_INT(db_now_us(db)), DB_INT(found->batch_id)), NULL, err);
	if (!status)
		status = db_exec(db, "UPDATE batches SET rows = rows - 1 WHERE batch_id = ?",
				 DB_ARGS(DB_INT(found->batch_id)), NULL, err);
	return status;
}

static enum status send_again(struct archive_db *db, struct str sink, const struct found *found,
			      struct err *err)
{
	int64_t id = db_batch_next_id(db);
	enum status status = move_row(db, found, id, err);
	if (!status)
		status = db_exec(db,
				 "INSERT INTO batch_sinks SELECT sink, ?::BIGINT, 'done', 0, "
				 "?::BIGINT, 0, 1, ?::BIGINT, '' FROM batch_sinks WHERE batch_id = "
				 "? AND part_id = batch_id AND sink <> ?",
				 DB_ARGS(DB_INT(id), DB_INT(db_now_us(db)), DB_INT(id),
					 DB_INT(found->batch_id), DB_TEXT(sink)),
				 NULL, err);
	return status;
}

/* ---- letters ---- */

static bool is_named(const struct sinks_again *again, struct str sink)
{
	for (size_t i = 0; i < again->sinks; i++)
		if (str_eq(sink, again->names[i]))
			return true;
	return false;
}

static bool is_same(const struct archive_row *a, const struct archive_row *b)
{
	return str_eq(archive_cell_text(a, COLUMN_dead_letters_letter_id),
		      archive_cell_text(b, COLUMN_dead_letters_letter_id)) &&
	       str_eq(archive_cell_text(a, COLUMN_dead_letters_origin),
		      archive_cell_text(b, COLUMN_dead_letters_origin));
}

/* With the first letter of a row all of them are dropped. */
static bool is_repeated(const struct sinks_again *again, const struct archive_row *letter)
{
	const struct archive_row *row = NULL;
	while ((row = archive_rows_next(again->letters, row)) && row != letter)
		if (is_same(row, letter))
			return true;
	return false;
}

static enum status take_letter(struct archive_db *db, struct sinks_again *again,
			       const struct archive_row *letter, struct err *err)
{
	struct str sink = archive_cell_text(letter, COLUMN_dead_letters_origin);
	struct str id = archive_cell_text(letter, COLUMN_dead_letters_letter_id);
	struct found found;
	if (!is_named(again, sink)) {
		again->unnamed++;
		return STATUS_OK;
	}
	enum status status =
	    find(db, archive_cell_text(letter, COLUMN_dead_letters_payload), &found, err);
	if (status || !found.may_go) {
		again->stuck += !status;
		return status;
	}
	status = send_again(db, sink, &found, err);
	if (!status)
		status = db_drop_letter(db, sink, id, err);
	again->sent += !status;
	return status;
}

bool sinks_again_wants(const struct archive_row *letter)
{
	return !str_eq(archive_cell_text(letter, COLUMN_dead_letters_origin), STR("trade_results"));
}

enum status sinks_again(struct archive_db *db, void *ctx, struct err *err)
{
	struct sinks_again *again = ctx;
	const struct archive_row *row = NULL;
	enum status status = STATUS_OK;
	again->sent = again->stuck = again->unnamed = 0;
	while (!status && (row = archive_rows_next(again->letters, row)))
		if (sinks_again_wants(row) && !is_repeated(again, row))
			status = take_letter(db, again, row, err);
	return status;
}
