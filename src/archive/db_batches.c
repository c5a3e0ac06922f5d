/* Batches for the sinks: which rows go together, and when no more are added to them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "archive/db_impl.h"
#include "base/check.h"

enum { ROWS_MAX = 10000, ROWS_MOST = 100000, AGE_MS = 5000, LEFT_MAX = 4096, LEAP = 1 << 16 };

#define SEQUENCE DB_BATCH_SEQUENCE
#define PREFIX   "batch_prefix"

enum status db_batch_close(struct archive_db *db, const struct db_batch *batch, struct err *err)
{
	struct str table = str_of(archive_table_row(batch->table)->name);
	return db_exec(db, "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
		       DB_ARGS(DB_INT(batch->id), DB_TEXT(table), DB_INT(batch->month),
			       DB_INT(batch->rows), DB_INT(db_now_us(db))),
		       NULL, err);
}

static enum status close_at(struct archive_db *db, size_t at, struct err *err)
{
	struct db_batches *batches = &db->batches;
	enum status status = db_batch_close(db, &batches->open[at], err);
	if (!status)
		batches->open[at] = batches->open[--batches->count];
	return status;
}

int64_t db_batch_id(const struct archive_db *db, int64_t number)
{
	CHECK(number > 0 && number < INT64_C(1) << (DB_BATCH_BITS - DB_PART_BITS));
	return db->batches.prefix << DB_BATCH_BITS | number << DB_PART_BITS;
}

int64_t db_batch_next_id(struct archive_db *db)
{
	db_count(db, SEQUENCE, 1);
	return db_batch_id(db, db->batches.next++);
}

static size_t oldest(const struct db_batches *batches)
{
	size_t found = 0;
	for (size_t i = 1; i < batches->count; i++)
		if (batches->open[i].first_us < batches->open[found].first_us)
			found = i;
	return found;
}

static enum status open_one(struct archive_db *db, enum archive_table table, uint32_t month,
			    struct err *err)
{
	struct db_batches *batches = &db->batches;
	if (batches->count == DB_BATCHES_OPEN_MAX) {
		enum status status = close_at(db, oldest(batches), err);
		if (status)
			return status;
	}
	batches->open[batches->count++] = (struct db_batch){
		.id = db_batch_next_id(db),
		.first_us = db_now_us(db),
		.month = month,
		.table = table,
	};
	return STATUS_OK;
}

static size_t find(const struct db_batches *batches, enum archive_table table, uint32_t month)
{
	size_t i = 0;
	while (i < batches->count &&
	       (batches->open[i].table != table || batches->open[i].month != month))
		i++;
	return i;
}

enum status db_batch_for(struct archive_db *db, enum archive_table table, uint32_t month,
			 size_t *rows, int64_t *id, struct err *err)
{
	struct db_batches *batches = &db->batches;
	*id = 0;
	if (!db->config.sinks)
		return STATUS_OK;
	size_t at = find(batches, table, month);
	enum status status = STATUS_OK;
	if (at < batches->count && batches->open[at].rows >= batches->rows_max) {
		status = close_at(db, at, err);
		at = batches->count;
	}
	if (!status && at == batches->count) {
		status = open_one(db, table, month, err);
		at = batches->count - 1;
	}
	if (status)
		return status;
	size_t room = (size_t)(batches->rows_max - batches->open[at].rows);
	if (*rows > room)
		*rows = room;
	*id = batches->open[at].id;
	return STATUS_OK;
}

static size_t find_id(const struct db_batches *batches, int64_t id)
{
	size_t i = 0;
	while (i < batches->count && batches->open[i].id != id)
		i++;
	return i;
}

enum status db_batch_took(struct archive_db *db, int64_t id, size_t rows, struct err *err)
{
	if (!id)
		return STATUS_OK;
	struct db_batches *batches = &db->batches;
	size_t at = find_id(batches, id);
	CHECK(at < batches->count);
	batches->open[at].rows += (int64_t)rows;
	return batches->open[at].rows >= batches->rows_max ? close_at(db, at, err) : STATUS_OK;
}

bool db_batch_is_open(const struct archive_db *db, int64_t id)
{
	return find_id(&db->batches, id) < db->batches.count;
}

void db_batch_lost(struct archive_db *db, int64_t id)
{
	size_t at = find_id(&db->batches, id);
	if (at < db->batches.count)
		db->batches.open[at].rows--;
}

/* ---- by time ---- */

static bool is_due(const struct db_batches *batches, size_t at, int64_t now_us)
{
	return batches->open[at].rows > 0 && now_us - batches->open[at].first_us >= batches->age_us;
}

bool db_batches_due(const struct archive_db *db)
{
	int64_t now_us = db_now_us(db);
	for (size_t i = 0; i < db->batches.count; i++)
		if (is_due(&db->batches, i, now_us))
			return true;
	return false;
}

static enum status close_due(struct archive_db *db, void *ctx, struct err *err)
{
	const bool *all = ctx;
	int64_t now_us = db_now_us(db);
	enum status status = STATUS_OK;
	for (size_t i = db->batches.count; !status && i-- > 0;)
		if (db->batches.open[i].rows > 0 && (*all || is_due(&db->batches, i, now_us)))
			status = close_at(db, i, err);
	return status;
}

enum status db_batches_close(struct archive_db *db, bool all, struct err *err)
{
	if (!db->batches.count)
		return STATUS_OK;
	return db_transact(db, close_due, &all, err);
}

enum status db_batches_close_all(struct archive_db *db, struct err *err)
{
	return db_batches_close(db, true, err);
}

size_t db_batches_open(const struct archive_db *db) { return db->batches.count; }

void db_batches_limit(struct archive_db *db, int64_t rows, int64_t ms)
{
	CHECK(rows >= 1 && rows <= ROWS_MOST && ms >= 0);
	db->batches.rows_max = rows;
	db->batches.age_us = ms * 1000;
}

/* ---- a dead letter that goes ---- */

struct letters {
	struct archive_db *db;
	int64_t rows;
};

static bool take_letter(void *ctx, const struct db_row *row)
{
	struct letters *letters = ctx;
	letters->rows++;
	db_batch_lost(letters->db, db_row_int(row, 0, 0));
	return true;
}

/* Those of closed batches are fewer by them (db.h). */
enum status db_drop_letter(struct archive_db *db, struct str origin_of, struct str id,
			   struct err *err)
{
	struct letters letters = { db, 0 };
	struct db_value origin = DB_TEXT(origin_of), letter = DB_TEXT(id);
	enum status status =
	    db_each(db, "SELECT batch_id FROM dead_letters WHERE origin = ? AND letter_id = ?",
		    DB_ARGS(origin, letter), take_letter, &letters, err);
	if (status || !letters.rows)
		return status;
	status =
	    db_exec(db,
		    "UPDATE batches SET rows = rows - (SELECT count(*) FROM dead_letters d "
		    "WHERE d.batch_id = batches.batch_id AND d.origin = ? AND d.letter_id = ?) "
		    "WHERE tbl = 'dead_letters' AND batch_id IN (SELECT batch_id FROM "
		    "dead_letters WHERE origin = ? AND letter_id = ?)",
		    DB_ARGS(origin, letter, origin, letter), NULL, err);
	if (!status)
		status = db_exec(db, "DELETE FROM dead_letters WHERE origin = ? AND letter_id = ?",
				 DB_ARGS(origin, letter), NULL, err);
	db_count_gone(db, TABLE_dead_letters, letters.rows);
	return status;
}

/* ---- at the start ---- */

struct left {
	struct db_batch batches[LEFT_MAX];
	size_t count;
	enum archive_table table;
};

static bool take_left(void *ctx, const struct db_row *row)
{
	struct left *left = ctx;
	left->batches[left->count++] = (struct db_batch){
		.id = db_row_int(row, 0, 0),
		.rows = db_row_int(row, 1, 0),
		.month = archive_month(db_row_int(row, 2, 0)),
		.table = left->table,
	};
	return left->count < LEFT_MAX;
}

static enum status find_left(struct archive_db *db, struct left *left, struct err *err)
{
	enum status status = STATUS_OK;
	left->count = 0;
	for (unsigned i = 0; !status && i < TABLE_COUNT && left->count < LEFT_MAX; i++) {
		const struct archive_table_row *table = archive_table_row((enum archive_table)i);
		char sql[512];
		snprintf(sql, sizeof sql,
			 "SELECT batch_id, count(*), min(%s) FROM %s WHERE batch_id > 0 AND "
			 "batch_id NOT IN (SELECT batch_id FROM batches) GROUP BY batch_id "
			 "ORDER BY batch_id",
			 archive_column_row(table->time)->name, table->name);
		left->table = (enum archive_table)i;
		status = db_each(db, sql, DB_NONE, take_left, left, err);
	}
	return status;
}

static enum status close_left(struct archive_db *db, void *ctx, struct err *err)
{
	struct left *left = ctx;
	enum status status = STATUS_OK;
	do {
		status = find_left(db, left, err);
		for (size_t i = 0; !status && i < left->count; i++)
			status = db_batch_close(db, &left->batches[i], err);
	} while (!status && left->count == LEFT_MAX);
	return status;
}

/* Ids that a damaged WAL took back may have been sent: the sequence leaps over what one WAL
 * can hold. */
static enum status begin_ids(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	char text[DB_VALUE_MAX + 1];
	uint32_t word = 0;
	db_count(db, SEQUENCE, LEAP);
	if (db_books_mark(&db->books, STR(PREFIX), text).len)
		return STATUS_OK;
	if (getrandom(&word, sizeof word, 0) != sizeof word)
		return err_set(err, STATUS_UNAVAILABLE, "the kernel gave no random bytes");
	snprintf(text, sizeof text, "%" PRIu32, (word & ((1 << 17) - 1)) | 1);
	db_mark(db, STR(PREFIX), str_of(text));
	return STATUS_OK;
}

/* What was open when weir ended is closed: its rows may be sent, and it takes no more. */
static enum status close_all_left(struct archive_db *db, struct err *err)
{
	struct left *left = malloc(sizeof *left);
	if (!left)
		return err_set(err, STATUS_NO_MEMORY, "no memory to close batches");
	enum status status = find_left(db, left, err);
	if (!status && left->count)
		status = db_try(db, close_left, left, err);
	free(left);
	return status;
}

enum status db_batches_load(struct archive_db *db, struct err *err)
{
	struct db_batches *batches = &db->batches;
	char text[DB_VALUE_MAX + 1];
	batches->count = 0;
	if (!batches->rows_max)
		db_batches_limit(db, ROWS_MAX, AGE_MS);
	enum status status = db->config.sinks ? db_try(db, begin_ids, NULL, err) : STATUS_OK;
	if (!status)
		status = db_adopt_load(db, err);
	if (status || !db->config.sinks)
		return status;
	status = str_to_i64(db_books_mark(&db->books, STR(PREFIX), text), &batches->prefix);
	if (status || batches->prefix < 1 || batches->prefix >= 1 << 17)
		return err_set(err, STATUS_FORMAT, "sync_state: batch_prefix '%s' is none", text);
	batches->next = db_books_count(&db->books, SEQUENCE) + 1;
	return close_all_left(db, err);
}
