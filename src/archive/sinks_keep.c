/* What is old leaves the archive file. On the writer's thread. */
#include <stdio.h>

#include "archive/sinks_impl.h"
#include "base/crash.h"

/* A transaction takes so many rows at most, so that the writer does not wait for long. */
enum { KEEP_ROWS = 100000, KEEP_BATCHES = 256 };

#define DAY_US INT64_C(86400000000)

/* A deal stays until its position has ended: a trade is summed of all of them. */
#define OPEN_DEAL                                                                                  \
	"coalesce(deal_ticket, 0) > 0 AND coalesce(position_id, 0) > 0 AND NOT EXISTS (SELECT 1 "  \
	"FROM trades t WHERE t.trade_id = trade_results.instance || '-' || "                       \
	"trade_results.position_id::VARCHAR)"

struct old {
	enum archive_table table;
	const struct sinks *sinks;
	int64_t before_us;
	char ids[KEEP_BATCHES][24];
	struct str texts[KEEP_BATCHES];
	size_t count;
	int64_t rows, gone;
};

static bool is_kept(enum archive_table table) { return table == TABLE_dead_letters; }

static bool take_batch(void *ctx, const struct db_row *row)
{
	struct old *old = ctx;
	old->rows += db_row_int(row, 1, 0);
	if (old->count && old->rows > KEEP_ROWS)
		return false;
	int len = snprintf(old->ids[old->count], sizeof old->ids[0], "%lld",
			   (long long)db_row_int(row, 0, 0));
	old->texts[old->count] = str_make(old->ids[old->count], (size_t)len);
	return ++old->count < KEEP_BATCHES;
}

/* Deals of open positions make a batch stay, smaller: those were looked at less than a day
 * ago are not looked at again. */
static enum status find_batches(struct archive_db *db, struct old *old, struct err *err)
{
	const struct sinks *sinks = old->sinks;
	old->count = 0;
	old->rows = 0;
	return db_each(db,
		       "SELECT b.batch_id, b.rows FROM batches b WHERE b.tbl = ? AND b.batch_id IN "
		       "(SELECT s.batch_id FROM batch_sinks s WHERE s.part_id = s.batch_id AND "
		       "s.state = 'done' AND s.at_us < ? AND s.sink IN (SELECT unnest(?)) "
		       "GROUP BY s.batch_id HAVING count(DISTINCT s.sink) = ?) AND NOT EXISTS "
		       "(SELECT 1 FROM batch_sinks k WHERE k.batch_id = b.batch_id AND "
		       "k.sink = '' AND k.state = 'kept' AND k.at_us > ?) "
		       "ORDER BY b.batch_id LIMIT 256",
		       DB_ARGS(DB_TEXT(str_of(archive_table_row(old->table)->name)),
			       DB_INT(old->before_us), DB_TEXTS(sinks->names, sinks->config.count),
			       DB_INT((int64_t)sinks->config.count),
			       DB_INT(db_now_us(db) - DAY_US)),
		       take_batch, old, err);
}

#define IDS "(SELECT unnest(?)::BIGINT)"

static enum status delete_rows(struct archive_db *db, struct old *old, struct err *err)
{
	char sql[640];
	bool deals = old->table == TABLE_trade_results;
	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE batch_id IN " IDS "%s%s%s",
		 archive_table_row(old->table)->name, deals ? " AND NOT (" : "",
		 deals ? OPEN_DEAL : "", deals ? ")" : "");
	return db_exec(db, sql, DB_ARGS(DB_TEXTS(old->texts, old->count)), &old->gone, err);
}

/* What is left of those batches is counted anew, and looked at again tomorrow. */
static enum status mend_books(struct archive_db *db, struct old *old, struct err *err)
{
	const struct db_value ids = DB_TEXTS(old->texts, old->count);
	char sql[256];
	snprintf(sql, sizeof sql,
		 "UPDATE batches SET rows = (SELECT count(*) FROM %s r WHERE r.batch_id = "
		 "batches.batch_id) WHERE batch_id IN " IDS,
		 archive_table_row(old->table)->name);
	enum status status = db_exec(db, sql, DB_ARGS(ids), NULL, err);
	if (!status)
		status = db_exec(db,
				 "DELETE FROM batch_sinks WHERE batch_id IN (SELECT batch_id FROM "
				 "batches WHERE rows = 0 AND batch_id IN " IDS ")",
				 DB_ARGS(ids), NULL, err);
	if (!status)
		status = db_exec(db, "DELETE FROM batches WHERE rows = 0 AND batch_id IN " IDS,
				 DB_ARGS(ids), NULL, err);
	if (!status)
		status = db_exec(db,
				 "UPDATE batch_sinks SET state = 'kept', at_us = ? WHERE sink = '' "
				 "AND batch_id IN " IDS,
				 DB_ARGS(DB_INT(db_now_us(db)), ids), NULL, err);
	return status;
}

static enum status expire_batches(struct archive_db *db, void *ctx, struct err *err)
{
	struct old *old = ctx;
	enum status status = delete_rows(db, old, err);
	if (!status)
		status = mend_books(db, old, err);
	if (!status)
		db_count_gone(db, old->table, old->gone);
	return status;
}

/* ---- without a sink: by the rows' own time, the oldest day first ---- */

static enum status expire_rows(struct archive_db *db, void *ctx, struct err *err)
{
	struct old *old = ctx;
	const char *time = archive_column_row(archive_table_row(old->table)->time)->name;
	bool deals = old->table == TABLE_trade_results;
	char sql[640];
	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE batch_id = 0 AND %s < ?%s%s%s",
		 archive_table_row(old->table)->name, time, deals ? " AND NOT (" : "",
		 deals ? OPEN_DEAL : "", deals ? ")" : "");
	enum status status = db_exec(db, sql, DB_ARGS(DB_INT(old->before_us)), &old->gone, err);
	if (status || !old->gone)
		return status;
	char name[DB_NAME_MAX + 1];
	snprintf(name, sizeof name, "shipped.%s", archive_table_row(old->table)->name);
	db_count(db, name, old->gone); /* a sink that is named later has nothing to wait for */
	db_count_gone(db, old->table, old->gone);
	return STATUS_OK;
}

static enum status oldest_day(struct archive_db *db, struct old *old, struct err *err)
{
	const char *time = archive_column_row(archive_table_row(old->table)->time)->name;
	bool deals = old->table == TABLE_trade_results;
	char sql[640];
	int64_t first_us = INT64_MAX;
	snprintf(sql, sizeof sql, "SELECT min(%s) FROM %s WHERE batch_id = 0%s%s%s", time,
		 archive_table_row(old->table)->name, deals ? " AND NOT (" : "",
		 deals ? OPEN_DEAL : "", deals ? ")" : "");
	enum status status = db_scalar(db, sql, DB_NONE, INT64_MAX, &first_us, err);
	old->count = !status && first_us < old->before_us;
	if (old->count && first_us < old->before_us - DAY_US)
		old->before_us = (first_us / DAY_US + 1) * DAY_US;
	return status;
}

/* ---- a job: one table, one transaction ---- */

static enum status keep(struct archive_db *db, struct sinks_keep *keep, struct err *err)
{
	struct sinks *sinks = keep->sinks;
	struct old old = { .table = (enum archive_table)keep->table, .sinks = sinks };
	bool has_sinks = sinks->config.count > 0;
	keep->more = false;
	if (is_kept(old.table))
		return STATUS_OK;
	old.before_us = db_now_us(db) - sinks->config.keep_days * DAY_US;
	if (old.table == TABLE_trades) /* it says of its deals that they may go: they go first */
		old.before_us -= 2 * DAY_US;
	enum status status = has_sinks ? find_batches(db, &old, err) : oldest_day(db, &old, err);
	if (status || !old.count)
		return status;
	status = db_transact(db, has_sinks ? expire_batches : expire_rows, &old, err);
	if (!status)
		crash_point(CRASH_expire);
	keep->more = status == STATUS_OK;
	return status;
}

void sinks_keep_work(struct archive_db *db, struct writer_job *job)
{
	struct sinks_keep *kept = (struct sinks_keep *)job;
	kept->err = (struct err){ 0 };
	kept->status = keep(db, kept, &kept->err);
}
