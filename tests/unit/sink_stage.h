/* sink_stage.h - a sink and its calls, one at a time, on a real loop. After cmocka.h. */
#pragma once

#include <stdio.h>

#include "archive/sink.h"
#include "os/loop.h"
#include "random_rows.h"

static const int64_t stage_patience_ns = INT64_C(60000000000);

struct stage {
	struct loop *loop;
	struct sink *sink;
	struct archive_rows rows;
	struct buf body;
	bool done;
	enum sink_outcome outcome;
	uint64_t count;
	char why[500];
};

static inline void stage_told(struct stage *stage, enum sink_outcome outcome, const char *why)
{
	assert_false(stage->done); /* once */
	stage->done = true;
	stage->outcome = outcome;
	snprintf(stage->why, sizeof stage->why, "%s", why);
	assert_true((outcome == SINK_DONE) == (why[0] == 0));
	assert_null(strchr(why, '\n'));
}

static inline void stage_on_end(void *ctx, enum sink_outcome outcome, const char *why)
{
	stage_told(ctx, outcome, why);
}

static inline void stage_on_count(void *ctx, enum sink_outcome outcome, uint64_t count,
				  const char *why)
{
	((struct stage *)ctx)->count = count;
	stage_told(ctx, outcome, why);
}

static inline void stage_set(void *flag) { *(bool *)flag = true; }

static inline enum sink_outcome stage_wait(struct stage *stage)
{
	assert_true(loop_turn_until(stage->loop, &stage->done, stage_patience_ns));
	return stage->outcome;
}

static inline void stage_begin(struct stage *stage) { stage->done = false; }

static inline enum sink_outcome stage_open(struct stage *stage)
{
	stage_begin(stage);
	stage->sink->ops->open(stage->sink, stage_on_end, stage);
	assert_false(stage->done);
	return stage_wait(stage);
}

static inline void stage_expect(struct stage *stage, enum sink_outcome outcome)
{
	if (stage->outcome != outcome)
		print_error("%s: %s\n", sink_outcome_text(stage->outcome), stage->why);
	assert_int_equal(stage->outcome, outcome);
}

static inline void stage_encode(struct stage *stage, int64_t batch_id)
{
	size_t bad;
	buf_clear(&stage->body);
	assert_int_equal(stage->sink->ops->encode(stage->sink, &stage->rows, 0, stage->rows.count,
						  batch_id, &stage->body, &bad),
			 STATUS_OK);
}

/* What is encoded; for stage_wait. */
static inline void stage_send_begin(struct stage *stage, enum archive_table table, int64_t batch_id)
{
	const struct sink_batch batch = { .table = table,
					  .batch_id = batch_id,
					  .rows = (uint32_t)stage->rows.count,
					  .body = buf_str(&stage->body) };
	stage_begin(stage);
	stage->sink->ops->send(stage->sink, &batch, stage_on_end, stage);
	assert_false(stage->done);
}

static inline enum sink_outcome stage_send(struct stage *stage, enum archive_table table,
					   int64_t batch_id)
{
	stage_encode(stage, batch_id);
	stage_send_begin(stage, table, batch_id);
	return stage_wait(stage);
}

static inline enum sink_outcome stage_probe(struct stage *stage, enum archive_table table,
					    int64_t batch_id)
{
	stage_begin(stage);
	stage->sink->ops->probe(stage->sink, table, batch_id, stage_on_count, stage);
	return stage_wait(stage);
}

static inline enum sink_outcome stage_count(struct stage *stage, enum archive_table table)
{
	stage_begin(stage);
	stage->sink->ops->count(stage->sink, table, stage_on_count, stage);
	return stage_wait(stage);
}

static inline enum sink_outcome stage_expire(struct stage *stage, enum archive_table table,
					     int64_t now_us)
{
	stage_begin(stage);
	stage->sink->ops->expire(stage->sink, table, now_us, stage_on_end, stage);
	return stage_wait(stage);
}

/* Rows from..to-1 of the table, of a seed, in place of those that were there. */
static inline void stage_rows(struct stage *stage, enum archive_table table, uint64_t from,
			      uint64_t to, uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	archive_rows_clear(&stage->rows);
	for (uint64_t i = from; i < to; i++)
		random_row(&stage->rows, table, i, &rng);
}

static inline void stage_init(struct stage *stage)
{
	struct err err;
	*stage = (struct stage){ 0 };
	assert_int_equal(loop_create(64, &stage->loop, &err), STATUS_OK);
	archive_rows_init(&stage->rows, 256 << 20);
	buf_init(&stage->body, 256 << 20);
}

static inline void stage_close_sink(struct stage *stage)
{
	bool closed = false;
	stage->sink->ops->close(stage->sink, stage_set, &closed);
	assert_false(closed);
	assert_true(loop_turn_until(stage->loop, &closed, stage_patience_ns));
	stage->sink = NULL;
}

static inline void stage_deinit(struct stage *stage)
{
	if (stage->sink)
		stage_close_sink(stage);
	assert_int_equal(timers_next_ns(loop_timers(stage->loop)), INT64_MAX);
	loop_destroy(stage->loop);
	archive_rows_deinit(&stage->rows);
	buf_deinit(&stage->body);
}
