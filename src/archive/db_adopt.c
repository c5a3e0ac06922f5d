/* Rows of no batch: they were archived while no sink was named, and one is named now.
 *
 * A row's batch is its version: of rows with one key the newest batch wins, at the sinks and in
 * the views. So what is older than the first row that this run writes needs ids below all of
 * this run's: a range of the sequence is set aside before the first one is given, and is used
 * up, step by step, in the order of the rows in the file. A run without a sink ends the range,
 * as what it writes is newer than the batches of before. */
#include <stdio.h>

#include "archive/db_impl.h"
#include "base/check.h"
#include "base/crash.h"

enum { RANGE = 1 << 24, LEAP = 1 << 16, LEAPS = 4096, MONTHS_MAX = 24, STEP_ROWS = 10000 };

#define NEXT "adopt_next"
#define END  "adopt_end"

static int64_t range_left(struct archive_db *db)
{
	return db_counted(db, END) - db_counted(db, NEXT);
}

/* ---- at the start ---- */

static enum status look_at_tables(struct archive_db *db, bool *some, struct err *err)
{
	enum status status = STATUS_OK;
	*some = false;
	for (unsigned i = 0; !status && i < TABLE_COUNT; i++) {
		char sql[160];
		int64_t left = 0;
		snprintf(sql, sizeof sql,
			 "SELECT count(*) FROM (SELECT 1 FROM %s WHERE batch_id = 0 LIMIT 1)",
			 archive_table_row((enum archive_table)i)->name);
		status = db_scalar(db, sql, DB_NONE, 0, &left, err);
		db->adopt.left[i] = left > 0;
		db->adopt.from[i] = 0;
		*some |= left > 0;
	}
	return status;
}

static enum status end_range(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx, (void)err;
	db_count(db, NEXT, range_left(db));
	return STATUS_OK;
}

/* Ids that a damaged WAL took back may have been sent: they are leapt over, and after an opening
 * that found no damage some of them all the same. Never all that are left: the next range would
 * lie above ids that newer rows have. */
static enum status leap(struct archive_db *db, void *ctx, struct err *err)
{
	int64_t left = range_left(db), by = db->kept[0] ? left / 2 : left / LEAPS;
	(void)ctx, (void)err;
	db_count(db, NEXT, by < LEAP ? by : LEAP);
	return STATUS_OK;
}

static enum status set_aside(struct archive_db *db, void *ctx, struct err *err)
{
	int64_t first = db_counted(db, DB_BATCH_SEQUENCE) + 1;
	(void)ctx, (void)err;
	db_count(db, NEXT, first - db_counted(db, NEXT));
	db_count(db, END, first + RANGE - db_counted(db, END));
	db_count(db, DB_BATCH_SEQUENCE, RANGE);
	return STATUS_OK;
}

/* With the checkpoint no WAL that is cut takes a range back, whose ids would be given twice. */
static enum status make_range(struct archive_db *db, struct err *err)
{
	enum status status = db_try(db, set_aside, NULL, err);
	return status ? status : db_checkpoint(db, err);
}

enum status db_adopt_load(struct archive_db *db, struct err *err)
{
	bool some = false;
	db->adopt = (struct db_adopt){ 0 };
	if (!db->config.sinks)
		return range_left(db) > 0 ? db_try(db, end_range, NULL, err) : STATUS_OK;
	enum status status = STATUS_OK;
	if (range_left(db) > 0)
		status = db_try(db, leap, NULL, err);
	if (!status)
		status = look_at_tables(db, &some, err);
	return status || !some || range_left(db) > 0 ? status : make_range(db, err);
}

/* ---- a step ---- */

struct month {
	uint32_t month;
	int64_t first_us, last_us; /* of its rows in the step */
};

struct step {
	struct archive_db *db;
	enum archive_table table;
	int64_t from, to; /* rowids; none: to is less */
	struct month months[MONTHS_MAX];
	size_t count;
};

static bool take_row(void *ctx, const struct db_row *row)
{
	struct step *step = ctx;
	int64_t at_us = db_row_int(row, 1, 0);
	uint32_t month = archive_month(at_us);
	size_t i = 0;
	while (i < step->count && step->months[i].month != month)
		i++;
	if (i == MONTHS_MAX)
		return false; /* from here on in the next step */
	if (i == step->count)
		step->months[step->count++] = (struct month){ month, at_us, at_us };
	struct month *mine = &step->months[i];
	mine->first_us = at_us < mine->first_us ? at_us : mine->first_us;
	mine->last_us = at_us > mine->last_us ? at_us : mine->last_us;
	step->to = db_row_int(row, 0, 0);
	if (step->from < 0)
		step->from = step->to;
	return true;
}

/* The file's order, as there is one thread. */
static enum status find_rows(struct step *step, struct err *err)
{
	const struct archive_table_row *table = archive_table_row(step->table);
	int64_t most = step->db->batches.rows_max;
	char sql[256];
	snprintf(sql, sizeof sql,
		 "SELECT rowid, coalesce(%s, 0) FROM %s WHERE batch_id = 0 AND rowid >= ? LIMIT ?",
		 archive_column_row(table->time)->name, table->name);
	step->count = 0;
	step->from = step->to = -1;
	return db_each(step->db, sql,
		       DB_ARGS(DB_INT(step->db->adopt.from[step->table]),
			       DB_INT(most < STEP_ROWS ? most : STEP_ROWS)),
		       take_row, step, err);
}

static enum status give_batch(struct step *step, const struct month *month, struct err *err)
{
	struct archive_db *db = step->db;
	const struct archive_table_row *table = archive_table_row(step->table);
	struct db_batch batch = { .table = step->table, .month = month->month };
	char sql[256];
	batch.id = db_batch_id(db, db->adopt.next++);
	snprintf(sql, sizeof sql,
		 "UPDATE %s SET batch_id = ? WHERE batch_id = 0 AND rowid >= ? AND rowid <= ? AND "
		 "coalesce(%s, 0) >= ? AND coalesce(%s, 0) <= ?",
		 table->name, archive_column_row(table->time)->name,
		 archive_column_row(table->time)->name);
	enum status status = db_exec(db, sql,
				     DB_ARGS(DB_INT(batch.id), DB_INT(step->from), DB_INT(step->to),
					     DB_INT(month->first_us), DB_INT(month->last_us)),
				     &batch.rows, err);
	crash_point(CRASH_append);
	return status ? status : db_batch_close(db, &batch, err);
}

static enum status adopt_some(struct archive_db *db, void *ctx, struct err *err)
{
	struct step *step = ctx;
	enum status status = find_rows(step, err);
	if ((int64_t)step->count > range_left(db)) {
		step->count = 0; /* the rest at the next start, which sets others aside */
		db_count(db, NEXT, range_left(db));
	}
	db->adopt.next = db_counted(db, NEXT);
	for (size_t i = 0; !status && i < step->count; i++)
		status = give_batch(step, &step->months[i], err);
	if (!status && step->count)
		db_count(db, NEXT, (int64_t)step->count);
	return status;
}

static enum archive_table first_left(const struct db_adopt *adopt)
{
	unsigned i = 0;
	while (i < TABLE_COUNT && !adopt->left[i])
		i++;
	return (enum archive_table)i;
}

enum status db_batches_adopt(struct archive_db *db, bool *more, struct err *err)
{
	struct db_adopt *adopt = &db->adopt;
	struct step step = { .db = db, .table = first_left(adopt) };
	*more = db->config.sinks && step.table != TABLE_COUNT;
	if (!*more)
		return STATUS_OK;
	enum status status = db_transact(db, adopt_some, &step, err);
	if (status)
		return status;
	/* A checkpoint may give rows other numbers: only what is looked for from the begin and
	 * not found is not there. */
	if (!step.count && !adopt->from[step.table])
		adopt->left[step.table] = false;
	adopt->from[step.table] = step.count ? step.to + 1 : 0;
	*more = first_left(adopt) != TABLE_COUNT;
	if (step.count)
		crash_point(CRASH_batch);
	return STATUS_OK;
}
