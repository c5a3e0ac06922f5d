/* writer_stage.h - an archive file in a temporary folder behind a real loop and the real
 * DuckDB. Include after cmocka.h. Skips (77) where DuckDB is not there. */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/db.h"
#include "archive/writer.h"
#include "base/check.h"

static const int64_t stage_patience_ns = INT64_C(60) * 1000000000;

struct stage {
	char dir[64], path[96], temp[96];
	struct loop *loop;
	struct writer *writer;
	struct writer_config config;
	bool opened, closed, salvaged;
	enum status open_status;
	struct err open_err;
	uint64_t checkpointed, kept_bytes, damaged_bytes;
	char kept[256], trouble[256];
	unsigned troubles;
};

static inline void stage_on_open(void *ctx, enum status status, const struct err *err)
{
	struct stage *stage = ctx;
	stage->opened = true;
	stage->open_status = status;
	if (err)
		stage->open_err = *err;
}

static inline void stage_on_salvaged(void *ctx, const struct writer_salvage *what)
{
	struct stage *stage = ctx;
	stage->salvaged = true;
	snprintf(stage->kept, sizeof stage->kept, "%s", what->kept);
	stage->damaged_bytes = what->wal_bytes;
	stage->kept_bytes = what->wal_bytes_kept;
}

static inline void stage_on_checkpoint(void *ctx, uint64_t number)
{
	struct stage *stage = ctx;
	stage->checkpointed = number;
}

static inline void stage_on_trouble(void *ctx, enum status status, const char *why)
{
	struct stage *stage = ctx;
	stage->troubles += status != STATUS_OK;
	snprintf(stage->trouble, sizeof stage->trouble, "%s", why);
}

static inline void stage_begin(struct stage *stage)
{
	*stage = (struct stage){ .dir = "/tmp/weir_writer_XXXXXX" };
	if (!mkdtemp(stage->dir))
		abort();
	snprintf(stage->path, sizeof stage->path, "%s/archive.duckdb", stage->dir);
	snprintf(stage->temp, sizeof stage->temp, "%s/tmp", stage->dir);
	stage->config = (struct writer_config){
		.path = stage->path,
		.temp_dir = stage->temp,
		.memory_bytes = 128 << 20,
		.checkpoint_ms = 60000,
		.wal_bytes_max = 256 << 20,
		.keep_days = 30,
	};
	struct err err;
	if (loop_create(64, &stage->loop, &err))
		abort();
}

static inline void stage_try_open(struct stage *stage)
{
	struct err err;
	struct writer_hooks hooks = { stage_on_open,       stage_on_salvaged, NULL,
				      stage_on_checkpoint, stage_on_trouble,  stage };
	stage->opened = stage->closed = stage->salvaged = false;
	assert_int_equal(writer_open(stage->loop, &stage->config, &hooks, &stage->writer, &err), 0);
	assert_true(loop_turn_until(stage->loop, &stage->opened, stage_patience_ns));
	if (stage->open_status == STATUS_UNAVAILABLE) {
		print_message("skipped: %s\n", stage->open_err.text);
		_exit(77);
	}
}

static inline void stage_open(struct stage *stage)
{
	stage_try_open(stage);
	if (stage->open_status)
		fail_msg("%s", stage->open_err.text);
}

static inline void stage_flag(void *ctx) { *(bool *)ctx = true; }

static inline void stage_close(struct stage *stage)
{
	writer_close(stage->writer, stage_flag, &stage->closed);
	assert_true(loop_turn_until(stage->loop, &stage->closed, stage_patience_ns));
	stage->writer = NULL;
}

static inline void stage_end(struct stage *stage)
{
	if (stage->writer)
		stage_close(stage);
	loop_destroy(stage->loop);
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", stage->dir);
	assert_int_equal(system(command), 0);
}

/* ---- batches ---- */

struct done {
	bool is;
	enum status status;
	uint64_t number;
	uint32_t known, taken;
};

static inline void stage_done(void *ctx, struct writer_batch *batch, enum status status)
{
	struct done *done = ctx;
	*done = (struct done){ true, status, batch->number, batch->rows_known, batch->rows_taken };
}

static inline struct done stage_submit(struct stage *stage, struct writer_batch *batch)
{
	struct done done = { false, STATUS_OK, 0, 0, 0 };
	batch->done = stage_done;
	batch->ctx = &done;
	writer_submit(stage->writer, batch);
	assert_true(loop_turn_until(stage->loop, &done.is, stage_patience_ns));
	return done;
}

static inline struct writer_batch *stage_take(struct stage *stage)
{
	struct writer_batch *batch = writer_batch_take(stage->writer);
	assert_non_null(batch);
	return batch;
}

static const int64_t stage_us = INT64_C(1795000000000000); /* 2026-11-18 */

/* A refused result: no deal, no money. */
static inline void stage_result(struct archive_rows *rows, const char *rid, int64_t sid,
				const char *status, int64_t at_us)
{
	archive_rows_begin(rows, TABLE_trade_results);
	archive_row_text(rows, COLUMN_trade_results_result_id, str_of(rid));
	archive_row_int(rows, COLUMN_trade_results_sid, sid);
	archive_row_text(rows, COLUMN_trade_results_instance, STR("mt5-017"));
	archive_row_text(rows, COLUMN_trade_results_status, str_of(status));
	archive_row_int(rows, COLUMN_trade_results_received_us, at_us);
	archive_row_int(rows, COLUMN_trade_results_event_us, at_us);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

struct stage_deal {
	int64_t deal, position;
	const char *side;
	int64_t volume, price, pnl, commission; /* 10^-8 */
	int64_t at_us;
};

static inline void stage_deal(struct archive_rows *rows, const struct stage_deal *deal)
{
	char rid[64];
	snprintf(rid, sizeof rid, "deal:Broker-Live:9001:%" PRId64, deal->deal);
	archive_rows_begin(rows, TABLE_trade_results);
	archive_row_text(rows, COLUMN_trade_results_result_id, str_of(rid));
	archive_row_text(rows, COLUMN_trade_results_instance, STR("mt5-017"));
	archive_row_text(rows, COLUMN_trade_results_server, STR("Broker-Live"));
	archive_row_int(rows, COLUMN_trade_results_login, 9001);
	archive_row_text(rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(rows, COLUMN_trade_results_deal_ticket, deal->deal);
	archive_row_int(rows, COLUMN_trade_results_position_id, deal->position);
	archive_row_text(rows, COLUMN_trade_results_symbol, STR("EURUSD"));
	archive_row_text(rows, COLUMN_trade_results_side, str_of(deal->side));
	archive_row_dec(rows, COLUMN_trade_results_volume, deal->volume);
	archive_row_dec(rows, COLUMN_trade_results_price, deal->price);
	archive_row_dec(rows, COLUMN_trade_results_pnl, deal->pnl);
	archive_row_dec(rows, COLUMN_trade_results_commission, deal->commission);
	archive_row_int(rows, COLUMN_trade_results_server_time_ms, deal->at_us / 1000 + 10800000);
	archive_row_int(rows, COLUMN_trade_results_received_us, deal->at_us);
	archive_row_int(rows, COLUMN_trade_results_event_us, deal->at_us);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

/* ---- questions ---- */

struct ask {
	struct writer_job job;
	const char *sql;
	int64_t value;
	char text[256];
	enum status status;
	struct err err;
	bool done;
};

static inline bool ask_row(void *ctx, const struct db_row *row)
{
	struct ask *ask = ctx;
	struct str text = db_row_text(row, 0);
	(void)!str_copy(text, ask->text, sizeof ask->text);
	return false;
}

static inline void ask_work(struct archive_db *db, struct writer_job *job)
{
	struct ask *ask = (struct ask *)(void *)job;
	char sql[4096];
	snprintf(sql, sizeof sql, "SELECT (%s)::VARCHAR", ask->sql);
	ask->status = db_each(db, sql, DB_NONE, ask_row, ask, &ask->err);
}

static inline void ask_done(struct writer_job *job, enum status status)
{
	struct ask *ask = (struct ask *)(void *)job;
	if (status)
		ask->status = status;
	ask->done = true;
}

/* The text of one value; lives until the next. */
static inline const char *stage_ask(struct stage *stage, const char *sql)
{
	static struct ask ask;
	ask = (struct ask){ .sql = sql, .job = { .work = ask_work, .done = ask_done } };
	writer_run(stage->writer, &ask.job);
	assert_true(loop_turn_until(stage->loop, &ask.done, stage_patience_ns));
	if (ask.status)
		fail_msg("%s: %s", sql, ask.err.text);
	return ask.text;
}

/* Work on the thread: a function of the test, waited for. */
struct errand {
	struct writer_job job;
	enum status (*fn)(struct archive_db *db, void *ctx, struct err *err);
	void *ctx;
	enum status status;
	struct err err;
	bool done;
};

static inline void errand_work(struct archive_db *db, struct writer_job *job)
{
	struct errand *errand = (struct errand *)(void *)job;
	errand->status = errand->fn(db, errand->ctx, &errand->err);
}

static inline void errand_done(struct writer_job *job, enum status status)
{
	struct errand *errand = (struct errand *)(void *)job;
	if (status)
		errand->status = status;
	errand->done = true;
}

static inline enum status
stage_run(struct stage *stage, enum status (*fn)(struct archive_db *db, void *ctx, struct err *err),
	  void *ctx, struct err *err)
{
	struct errand errand = { .fn = fn,
				 .ctx = ctx,
				 .job = { .work = errand_work, .done = errand_done } };
	writer_run(stage->writer, &errand.job);
	assert_true(loop_turn_until(stage->loop, &errand.done, stage_patience_ns));
	if (err)
		*err = errand.err;
	return errand.status;
}
