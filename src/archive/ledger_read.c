/* The ledger's counts: one job on the writer's thread, then each sink is asked. */
#include <stdlib.h>

#include "archive/db.h"
#include "archive/ledger_impl.h"
#include "base/check.h"

struct ledger_job {
	struct writer_job job;
	struct ledger_sources sources;
	struct ledger_counted counted;
	struct ledger ledger;
	enum status status; /* of counting */
	struct err err;
	size_t sink; /* that is being asked */
	void (*fn)(void *ctx, const struct ledger *ledger, const char *why);
	void *ctx;
};

/* ---- on the writer's thread ---- */

static void read_counters(struct archive_db *db, const struct ledger_sources *sources,
			  struct ledger_counted *counted)
{
	for (int i = 0; i < DELIVERY_RECORDED; i++)
		counted->ended[i] = db_counted(db, ledger_end_name((enum delivery_bucket)i));
	counted->read = db_counted(db, "read");
	counted->lost = db_counted(db, "lost");
	counted->known = db_counted(db, LEDGER_KNOWN);
	counted->retrying = db_counted(db, "retrying");
	counted->dead = db_counted(db, "dead");
	counted->dropped = db_counted(db, "dropped");
	counted->rows = writer_rows(sources->writer, TABLE_trade_results);
	counted->gone = writer_rows_gone(sources->writer, TABLE_trade_results);
	counted->signal_rows = writer_rows(sources->writer, TABLE_signals);
	counted->signals_gone = writer_rows_gone(sources->writer, TABLE_signals);
	counted->shipped = sources->sinks ? db_counted(db, "shipped.trade_results") : -1;
}

static bool take_end(void *ctx, const struct db_row *row)
{
	struct ledger_counted *counted = ctx;
	enum delivery_bucket bucket =
	    delivery_bucket_of(db_row_text(row, 0), db_row_int(row, 1, 0) ? 0 : 1);
	counted->rows_ended[bucket] += db_row_int(row, 2, 0);
	counted->delivery_rows += db_row_int(row, 2, 0);
	return true;
}

static bool take_results(void *ctx, const struct db_row *row)
{
	struct ledger_counted *counted = ctx;
	counted->result_rows += db_row_int(row, 0, 0);
	counted->result_ids += db_row_int(row, 1, 0);
	return true;
}

static bool take_joined(void *ctx, const struct db_row *row)
{
	struct ledger_counted *counted = ctx;
	counted->ends_missing += db_row_int(row, 0, 0);
	counted->ends_many += db_row_int(row, 1, 0);
	return true;
}

static bool take_signals(void *ctx, const struct db_row *row)
{
	struct ledger_counted *counted = ctx;
	counted->deliveries += db_row_int(row, 0, 0);
	counted->signals += db_row_int(row, 1, 0);
	return true;
}

/* What is grouped is counted in parts, so that the groups of one fit DuckDB's memory however
 * many rows there are, and by a hash of 64 bits of what it is grouped by, as groups of texts
 * take some ten times as much. Two that have one hash would be a fault that is none: once in a
 * million for six million rows. */
enum { PART_ROWS = 400000 };

static const char results_of_part[] =
    "SELECT coalesce(sum(n), 0)::BIGINT, count(*) FROM (SELECT hash(result_id) AS h, count(*) AS n "
    "FROM trade_results WHERE hash(result_id) % ? = ? GROUP BY h)";

static const char signals_of_part[] =
    "SELECT count(*), count(DISTINCT sid) FROM (SELECT hash(sid, instance) AS h, any_value(sid) AS "
    "sid FROM signals WHERE hash(sid) % ? = ? GROUP BY h)";

/* Final is what is neither a part nor unknown; an end that stays unknown has its `unk`. Ends
 * whose results may be past their days are left out: two days, as what repeats may come late. */
static const char joined_of_part[] =
    "WITH r AS (SELECT hash(sid, coalesce(instance, '')) AS h, "
    "count(*) FILTER (status IN ('done', 'fail', 'exp', 'refused')) AS finals, "
    "count(*) FILTER (status = 'unk') AS unknown FROM trade_results "
    "WHERE sid > 0 AND hash(sid) % $1 = $2 GROUP BY h), "
    "s AS (SELECT hash(sid, instance) AS h, status FROM signals WHERE hash(sid) % $1 = $2 AND "
    "($3 = 0 OR ended_us > (SELECT min(event_us) FROM trade_results) + 172800000000)), "
    "j AS (SELECT s.status, coalesce(r.finals, 0) AS finals, coalesce(r.unknown, 0) AS unknown "
    "FROM s LEFT JOIN r ON s.h = r.h) "
    "SELECT count(*) FILTER (finals = 0 AND (status <> 'unk' OR unknown = 0)), "
    "count(*) FILTER (finals > 1) FROM j";

static int64_t parts_of(int64_t rows) { return rows > 0 ? rows / PART_ROWS + 1 : 1; }

static enum status count_parts(struct archive_db *db, struct ledger_counted *counted,
			       struct err *err)
{
	int64_t results = counted->rows - counted->gone;
	int64_t signals = counted->signal_rows - counted->signals_gone;
	int64_t parts = parts_of(results > signals ? results : signals);
	enum status status = STATUS_OK;
	for (int64_t part = 0; part < parts && !status; part++) {
		status = db_each(db, results_of_part, DB_ARGS(DB_INT(parts), DB_INT(part)),
				 take_results, counted, err);
		if (!status && signals > 0)
			status =
			    db_each(db, joined_of_part,
				    DB_ARGS(DB_INT(parts), DB_INT(part), DB_INT(counted->gone)),
				    take_joined, counted, err);
	}
	return status;
}

static enum status count_signals(struct archive_db *db, struct ledger_counted *counted,
				 struct err *err)
{
	int64_t parts = parts_of(counted->signal_rows - counted->signals_gone);
	enum status status = STATUS_OK;
	for (int64_t part = 0; part < parts && !status; part++)
		status = db_each(db, signals_of_part, DB_ARGS(DB_INT(parts), DB_INT(part)),
				 take_signals, counted, err);
	return status;
}

static enum status count_rows(struct archive_db *db, struct ledger_counted *counted,
			      struct err *err)
{
	enum status status = count_parts(db, counted, err);
	if (!status)
		status = db_each(db,
				 "SELECT status, (attempt = 0)::BIGINT, count(*) FROM signals "
				 "GROUP BY ALL",
				 DB_NONE, take_end, counted, err);
	if (!status)
		status = db_scalar(db, "SELECT count(*) FROM retries", DB_NONE, 0,
				   &counted->retry_rows, err);
	if (!status)
		status = db_scalar(db,
				   "SELECT count(DISTINCT letter_id) FROM dead_letters WHERE "
				   "origin = 'trade_results'",
				   DB_NONE, 0, &counted->letters, err);
	return status;
}

static void work(struct archive_db *db, struct writer_job *of)
{
	struct ledger_job *job = (struct ledger_job *)of;
	struct ledger_counted *counted = &job->counted;
	read_counters(db, &job->sources, counted);
	job->status = count_signals(db, counted, &job->err);
	if (!job->status && job->ledger.deep)
		job->status = count_rows(db, counted, &job->err);
}

/* ---- on the loop ---- */

static void end(struct ledger_job *job)
{
	ledger_check(&job->ledger, &job->counted);
	job->fn(job->ctx, &job->ledger, NULL);
	free(job);
}

static void ask_sink(struct ledger_job *job);

static void on_sink(void *ctx, enum sink_outcome outcome, uint64_t count, const char *why)
{
	struct ledger_job *job = ctx;
	struct sinks_count sinks[SINKS_MAX];
	size_t known = sinks_counts(job->sources.sinks, sinks, SINKS_MAX);
	const char *name = job->sink < known ? sinks[job->sink].name : "a sink";
	int64_t confirmed = sinks_confirmed(job->sources.sinks, job->sink, TABLE_trade_results);
	if (outcome != SINK_DONE)
		ledger_fault(&job->ledger, "%s could not be asked: %s", name, why ? why : "");
	else if ((int64_t)count < confirmed)
		ledger_fault(&job->ledger, "%s confirmed %lld results and holds %lld", name,
			     (long long)confirmed, (long long)count);
	job->sink++;
	ask_sink(job);
}

/* InfluxDB is no ledger: points with equal tags and time are one there (archive.md 4). */
static void ask_sink(struct ledger_job *job)
{
	struct sinks_count sinks[SINKS_MAX];
	size_t count = job->sources.sinks ? sinks_counts(job->sources.sinks, sinks, SINKS_MAX) : 0;
	while (job->sink < count && str_starts(str_of(sinks[job->sink].name), STR("influx")))
		job->sink++;
	if (job->sink < count)
		sinks_ask_count(job->sources.sinks, job->sink, TABLE_trade_results, on_sink, job);
	else
		end(job);
}

static void done(struct writer_job *of, enum status status)
{
	struct ledger_job *job = (struct ledger_job *)of;
	struct deliveries_counts deliveries = { 0 };
	struct results_counts results = { 0 };
	if (!status)
		status = job->status;
	if (status) {
		job->fn(job->ctx, NULL, job->err.text[0] ? job->err.text : status_text(status));
		free(job);
		return;
	}
	if (job->sources.deliveries)
		deliveries = deliveries_counts(job->sources.deliveries);
	if (job->sources.results)
		results = results_counts(job->sources.results);
	ledger_sum(&job->ledger, &job->counted, &deliveries, &results);
	if (job->ledger.deep)
		ask_sink(job);
	else
		end(job);
}

void ledger_read(const struct ledger_sources *sources, bool deep,
		 void (*fn)(void *ctx, const struct ledger *ledger, const char *why), void *ctx)
{
	struct ledger_job *job = calloc(1, sizeof *job);
	if (!job) {
		fn(ctx, NULL, status_text(STATUS_NO_MEMORY));
		return;
	}
	job->sources = *sources;
	job->ledger.deep = deep;
	job->fn = fn;
	job->ctx = ctx;
	job->job.work = work;
	job->job.done = done;
	writer_run(sources->writer, &job->job);
}
