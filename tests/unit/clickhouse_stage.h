/* clickhouse_stage.h - a loop, an HTTP client and the ClickHouse sink on them; each operation
 * waited for. Include after cmocka.h. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "archive/clickhouse.h"
#include "archive_random.h"
#include "os/http.h"

enum { STAGE_BYTES = 64 << 20 };

struct stage {
	struct loop *loop;
	struct http *http;
	struct sink *sink;
	struct archive_rows rows;
	struct buf body;
	struct rng rng;
	bool done, closed;
	enum sink_outcome outcome;
	uint64_t count;
	char why[512];
};

static inline void stage_told(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct stage *stage = ctx;
	assert_false(stage->done);
	stage->done = true;
	stage->outcome = outcome;
	snprintf(stage->why, sizeof stage->why, "%s", why);
	assert_null(strchr(stage->why, '\n'));
	assert_int_equal(outcome == SINK_DONE, !*why);
}

static inline void stage_counted(void *ctx, enum sink_outcome outcome, uint64_t count,
				 const char *why)
{
	((struct stage *)ctx)->count = count;
	stage_told(ctx, outcome, why);
}

static inline enum sink_outcome stage_wait(struct stage *stage)
{
	assert_false(stage->done); /* nothing is told from inside a call */
	assert_true(loop_turn_until(stage->loop, &stage->done, INT64_C(300000000000)));
	return stage->outcome;
}

static inline void stage_closed(void *ctx) { ((struct stage *)ctx)->closed = true; }

static inline void stage_init(struct stage *stage, const char *url, int64_t deadline_ms)
{
	struct err err = { 0 };
	*stage = (struct stage){ 0 };
	assert_int_equal(loop_create(16, &stage->loop, &err), STATUS_OK);
	assert_int_equal(http_open(stage->loop, &(struct http_config){ 0 }, &stage->http, &err),
			 STATUS_OK);
	const struct clickhouse_config config = { .http = http_client(stage->http),
						  .timers = loop_timers(stage->loop),
						  .url = str_of(url),
						  .deadline_ns = deadline_ms * 1000000 };
	assert_int_equal(clickhouse_create(&config, &stage->sink, &err), STATUS_OK);
	archive_rows_init(&stage->rows, STAGE_BYTES);
	buf_init(&stage->body, STAGE_BYTES);
	rng_init(&stage->rng, 1);
}

static inline void stage_deinit(struct stage *stage)
{
	stage->closed = false;
	stage->sink->ops->close(stage->sink, stage_closed, stage);
	assert_true(loop_turn_until(stage->loop, &stage->closed, INT64_C(60000000000)));
	stage->closed = false;
	http_close(stage->http, stage_closed, stage);
	assert_true(loop_turn_until(stage->loop, &stage->closed, INT64_C(60000000000)));
	loop_destroy(stage->loop);
	archive_rows_deinit(&stage->rows);
	buf_deinit(&stage->body);
}

static inline enum sink_outcome stage_open(struct stage *stage)
{
	stage->done = false;
	stage->sink->ops->open(stage->sink, stage_told, stage);
	return stage_wait(stage);
}

static inline void stage_encode(struct stage *stage, int64_t batch_id)
{
	size_t bad;
	buf_clear(&stage->body);
	assert_int_equal(stage->sink->ops->encode(stage->sink, &stage->rows, 0, stage->rows.count,
						  batch_id, &stage->body, &bad),
			 STATUS_OK);
}

static inline void stage_post(struct stage *stage, int64_t batch_id)
{
	const struct archive_row *row = archive_rows_next(&stage->rows, NULL);
	const struct sink_batch batch = { (enum archive_table)row->table, RANDOM_MONTH, batch_id,
					  (uint32_t)stage->rows.count, buf_str(&stage->body) };
	stage->done = false;
	stage->sink->ops->send(stage->sink, &batch, stage_told, stage);
}

/* The rows of the stage, as they are. */
static inline enum sink_outcome stage_send(struct stage *stage, int64_t batch_id)
{
	stage_encode(stage, batch_id);
	stage_post(stage, batch_id);
	return stage_wait(stage);
}

static inline void stage_rows(struct stage *stage, enum archive_table table, size_t count)
{
	archive_rows_clear(&stage->rows);
	for (size_t i = 0; i < count; i++)
		random_row(&stage->rows, table, &stage->rng, i);
}

static inline enum sink_outcome stage_probe(struct stage *stage, enum archive_table table,
					    int64_t batch_id)
{
	stage->done = false;
	stage->sink->ops->probe(stage->sink, table, batch_id, stage_counted, stage);
	return stage_wait(stage);
}
