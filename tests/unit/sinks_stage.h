/* sinks_stage.h - sinks over a real archive file, fake servers behind them, and time that the
 * test moves. Include after cmocka.h. */
#pragma once

#include "archive/sinks_impl.h"
#include "fake_sink.h"
#include "writer_stage.h"

enum { STAGE_SINKS = 2 };

struct sinks_stage {
	struct stage file;
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_server *server[STAGE_SINKS];
	struct fake_sink fake[STAGE_SINKS];
	size_t count; /* of sinks */
	struct sinks *sinks;
	int64_t keep_days, close_rows;
	uint64_t seed;
	double away_s, held_s, away_max_s; /* of the first sink */
	unsigned next;                     /* of result ids */
	bool closed;
};

static inline int64_t sim_now(void *ctx) { return ((struct sinks_stage *)ctx)->now_ns; }

static inline void sim_state(void *ctx, const char *sink, double away_s, double held_s,
			     const char *why)
{
	struct sinks_stage *stage = ctx;
	(void)why;
	if (strcmp(sink, "first") != 0)
		return;
	stage->away_s = away_s;
	stage->held_s = held_s;
	if (away_s > stage->away_max_s)
		stage->away_max_s = away_s;
}

/* The writer and the sinks, on the folder and servers that are there. */
static inline void sim_open(struct sinks_stage *stage)
{
	static const char *const names[STAGE_SINKS] = { "first", "second" };
	struct sinks_config config = { .loop = stage->file.loop,
				       .count = stage->count,
				       .settle_ms = 5000,
				       .close_ms = 3600000,
				       .close_rows = stage->close_rows,
				       .keep_days = stage->keep_days,
				       .seed = stage->seed,
				       .on_state = sim_state,
				       .ctx = stage,
				       .timers = stage->timers,
				       .clock = &stage->clock };
	struct err err = { 0 };
	memset(stage->file.config.sinks, 0, sizeof stage->file.config.sinks);
	for (size_t i = 0; i < stage->count; i++) {
		fake_sink_init(&stage->fake[i], names[i], stage->server[i], stage->timers,
			       &stage->now_ns);
		config.sinks[i] = &stage->fake[i].sink;
		stage->file.config.sinks[i] = names[i];
	}
	stage_open(&stage->file);
	config.writer = stage->file.writer;
	assert_int_equal(sinks_open(&config, &stage->sinks, &err), STATUS_OK);
}

static inline void sim_begin(struct sinks_stage *stage, size_t sinks)
{
	*stage = (struct sinks_stage){ .count = sinks, .close_rows = 10000, .seed = 1 };
	stage_begin(&stage->file);
	stage->now_ns = INT64_C(1000000000000);
	stage->clock = (struct clock_port){ sim_now, sim_now, stage };
	stage->timers = timers_create(64);
	for (size_t i = 0; i < STAGE_SINKS; i++)
		stage->server[i] = fake_server_create();
	sim_open(stage);
}

static inline bool sim_busy(const struct sinks_stage *stage)
{
	const struct sinks *sinks = stage->sinks;
	bool busy =
	    sinks->keep.runs || sinks->flushing.runs || sinks->growing.runs || sinks->adopt.runs;
	for (size_t i = 0; i < stage->count; i++)
		busy |= stage->sinks->lines[i].job_runs;
	return busy;
}

/* The thread has nothing to do for the sinks. */
static inline void sim_settle(struct sinks_stage *stage)
{
	while (!stage->closed && sim_busy(stage))
		loop_turn(stage->file.loop, 1000000);
}

/* What is due next happens; false: nothing is before then. */
static inline bool sim_step(struct sinks_stage *stage, int64_t end_ns)
{
	sim_settle(stage);
	int64_t next_ns = timers_next_ns(stage->timers);
	if (next_ns > end_ns)
		return false;
	if (next_ns > stage->now_ns)
		stage->now_ns = next_ns;
	timers_run(stage->timers, stage->now_ns, 1);
	return true;
}

static inline void sim_run(struct sinks_stage *stage, double seconds)
{
	int64_t end_ns = stage->now_ns + (int64_t)(seconds * 1e9);
	while (sim_step(stage, end_ns))
		;
	stage->now_ns = end_ns;
	sim_settle(stage);
}

/* Seconds until nothing waits. */
static inline double sim_drain(struct sinks_stage *stage, double patience_s)
{
	int64_t begin_ns = stage->now_ns;
	int64_t end_ns = begin_ns + (int64_t)(patience_s * 1e9);
	sinks_flush(stage->sinks);
	do
		sim_settle(stage);
	while (!sinks_idle(stage->sinks) && sim_step(stage, end_ns));
	if (!sinks_idle(stage->sinks))
		fail_msg("not idle after %.0f s: %s", patience_s, stage->sinks->lines[0].count.why);
	return (double)(stage->now_ns - begin_ns) / 1e9;
}

static inline void sim_on_closed(void *ctx) { ((struct sinks_stage *)ctx)->closed = true; }

static inline void sim_close(struct sinks_stage *stage)
{
	stage->closed = false;
	sinks_close(stage->sinks, sim_on_closed, stage);
	for (int i = 0; i < 10000 && !stage->closed; i++) {
		loop_turn(stage->file.loop, 1000000);
		int64_t next_ns = timers_next_ns(stage->timers);
		if (next_ns != INT64_MAX && next_ns > stage->now_ns)
			stage->now_ns = next_ns;
		timers_run(stage->timers, stage->now_ns, 8);
	}
	assert_true(stage->closed);
	stage->closed = false;
	stage->sinks = NULL;
	stage_close(&stage->file);
}

static inline void sim_end(struct sinks_stage *stage)
{
	if (stage->sinks)
		sim_close(stage);
	stage_end(&stage->file);
	timers_destroy(stage->timers);
	for (size_t i = 0; i < STAGE_SINKS; i++)
		fake_server_destroy(stage->server[i]);
}

/* ---- rows ---- */

/* One batch of the writer: ids r0, r1, … where no names are given. */
static inline void sim_put(struct sinks_stage *stage, const char *const *names, size_t count)
{
	struct writer_batch *batch = stage_take(&stage->file);
	for (size_t i = 0; i < count; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "r%u", stage->next++);
		stage_result(&batch->rows, names && names[i] ? names[i] : rid, 1, "refused",
			     stage_us);
	}
	assert_int_equal(stage_submit(&stage->file, batch).taken, count);
}

static inline void sim_alert(struct archive_rows *rows, const char *rule, int64_t told)
{
	archive_rows_begin(rows, TABLE_alert_log);
	archive_row_text(rows, COLUMN_alert_log_rule, str_of(rule));
	archive_row_text(rows, COLUMN_alert_log_scope, STR("x"));
	archive_row_int(rows, COLUMN_alert_log_first_us, stage_us);
	archive_row_text(rows, COLUMN_alert_log_severity, STR("warn"));
	archive_row_text(rows, COLUMN_alert_log_state, STR("firing"));
	archive_row_int(rows, COLUMN_alert_log_last_us, stage_us);
	archive_row_int(rows, COLUMN_alert_log_told, told);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

/* a<from> … a<to - 1>, which may have been there before. */
static inline void sim_put_alerts(struct sinks_stage *stage, size_t from, size_t to)
{
	struct writer_batch *batch = stage_take(&stage->file);
	for (size_t i = from; i < to; i++) {
		char rule[32];
		snprintf(rule, sizeof rule, "a%zu", i);
		sim_alert(&batch->rows, rule, 0);
	}
	stage_submit(&stage->file, batch);
}

static inline enum status sim_close_batches(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	return db_batches_close_all(db, err);
}

/* What was put until now is a batch of its own. */
static inline void sim_cut(struct sinks_stage *stage)
{
	assert_int_equal(stage_run(&stage->file, sim_close_batches, NULL, NULL), STATUS_OK);
}

static inline void expect_ask(struct sinks_stage *stage, const char *sql, const char *answer)
{
	assert_string_equal(stage_ask(&stage->file, sql), answer);
}

/* Each of r0 … is at the server, once by its key; so many rows in all. */
static inline void expect_all(struct sinks_stage *stage, size_t rows)
{
	for (unsigned i = 0; i < stage->next; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "r%u", i);
		if (!fake_having(stage->server[0], rid))
			fail_msg("%s is missing", rid);
	}
	assert_int_equal(stage->server[0]->count, rows);
}

/* ---- ids with room for parts ---- */

static inline enum status sim_align_tables(struct archive_db *db, void *ctx, struct err *err)
{
	static const char *const tables[] = { "trade_results", "alert_log", "dead_letters",
					      "trades", "batches" };
	enum status status = STATUS_OK;
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(tables) && !status; i++) {
		char sql[256];
		snprintf(sql, sizeof sql,
			 "UPDATE %s SET batch_id = ((batch_id >> 40) << 40) + (batch_id & "
			 "1099511627775) * 1024 WHERE batch_id %% 1024 <> 0",
			 tables[i]);
		status = db_exec(db, sql, DB_NONE, NULL, err);
	}
	return status;
}

static inline enum status sim_align_work(struct archive_db *db, void *ctx, struct err *err)
{
	return db_transact(db, sim_align_tables, ctx, err);
}

/* What was put is closed, and its ids are multiples of SINKS_PARTS, whatever the file gave. */
static inline void sim_cut_aligned(struct sinks_stage *stage)
{
	struct err err = { 0 };
	sim_cut(stage);
	if (stage_run(&stage->file, sim_align_work, NULL, &err))
		fail_msg("%s", err.text);
}
