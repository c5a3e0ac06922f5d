#include "archive/feeds.h"

#include <stdlib.h>

#include "archive/feeds_impl.h"
#include "base/check.h"

enum { SERIES_A_TICK = 32 };

static const int64_t ms_ns = 1000000;

/* ---- the writer's batches: one for the streams, one for the cores ---- */

static struct writer_batch *take_for_streams(void *ctx)
{
	return writer_batch_take(((struct feeds *)ctx)->config.writer);
}

static void drain_step(struct feeds *feeds);

static void on_streams_committed(void *ctx, const struct writer_batch *batch, enum status status)
{
	struct feeds *feeds = ctx;
	(void)batch;
	(void)status;
	drain_step(feeds);
}

static void on_committed(void *ctx, struct writer_batch *batch, enum status status)
{
	struct feeds *feeds = ctx;
	(void)batch;
	(void)status;
	feeds->at_writer = false;
	feeds_flush(feeds);
	drain_step(feeds);
}

bool feeds_mark_fits(const struct feeds *feeds, struct str name)
{
	return feeds->batch_marks < WRITER_MARKS_MAX ||
	       str_eq(name, str_make(feeds->marked, feeds->marked_len));
}

void feeds_mark(struct feeds *feeds, struct str name, struct str value)
{
	feeds->batch_marks += !str_eq(name, str_make(feeds->marked, feeds->marked_len));
	feeds->marked_len = name.len;
	memcpy(feeds->marked, name.ptr, name.len);
	writer_mark(feeds->batch, name, value);
}

/* False: no room for it, or for the mark that goes with it. */
static bool put_row(struct feeds *feeds, const struct archive_row *row)
{
	char name_text[WRITER_MARK_BYTES], value_text[WRITER_MARK_BYTES];
	struct buf name = buf_over(name_text, sizeof name_text);
	struct buf value = buf_over(value_text, sizeof value_text);
	if (row->table == TABLE_accounts)
		feeds_account_mark(row, &name, &value);
	else if (row->table == TABLE_indicator_values)
		feeds_series_mark(row, &name, &value);
	CHECK(!name.overflow && !value.overflow);
	if ((name.len && !feeds_mark_fits(feeds, buf_str(&name))) ||
	    archive_rows_copy(&feeds->batch->rows, row))
		return false;
	if (name.len)
		feeds_mark(feeds, buf_str(&name), buf_str(&value));
	feeds->counts.rows[row->table]++;
	return true;
}

static void fill_from(struct feeds *feeds, struct feeds_queue *queue)
{
	const struct archive_row *row;
	while (feeds->batch->rows.count < FEEDS_BATCH_ROWS && (row = feeds_queue_first(queue)) &&
	       put_row(feeds, row))
		feeds_queue_take(queue);
}

static bool rows_wait(const struct feeds *feeds)
{
	for (int i = 0; i < FEEDS_QUEUES; i++)
		if (feeds_queue_count(&feeds->queues[i]))
			return true;
	return feeds_bars_wait(feeds);
}

static void submit(struct feeds *feeds)
{
	struct writer_batch *batch = feeds->batch;
	feeds->batch = NULL;
	feeds->at_writer = true;
	batch->done = on_committed;
	batch->ctx = feeds;
	writer_submit(feeds->config.writer, batch);
}

void feeds_flush(struct feeds *feeds)
{
	if (!feeds->started || feeds->stopped || feeds->at_writer || !rows_wait(feeds) ||
	    writer_state(feeds->config.writer) != WRITER_READY)
		return;
	feeds->batch = writer_batch_take(feeds->config.writer);
	if (!feeds->batch)
		return;
	feeds->batch_marks = feeds->marked_len = 0;
	for (int i = 0; i < FEEDS_QUEUES; i++)
		fill_from(feeds, &feeds->queues[i]);
	feeds_fill_bars(feeds);
	if (feeds->batch->rows.count || feeds->batch_marks) {
		submit(feeds);
		return;
	}
	writer_batch_drop(feeds->config.writer, feeds->batch); /* minutes are as they were told */
	feeds->batch = NULL;
}

/* ---- time ---- */

static void note_lag(struct feeds *feeds, int64_t now_ns)
{
	if (!rows_wait(feeds) && !feeds->at_writer)
		feeds->waiting_since_ns = 0;
	else if (!feeds->waiting_since_ns)
		feeds->waiting_since_ns = now_ns;
}

static void step_second(struct feeds *feeds)
{
	if (feeds->config.fleet)
		feeds_close_minutes(feeds, false);
	feeds_look_at_markets(feeds);
	feeds_flush(feeds);
}

static void on_tick(void *ctx)
{
	struct feeds *feeds = ctx;
	int64_t now_ns = feeds_now_ns(feeds);
	timers_arm(feeds->config.timers, &feeds->timer, now_ns + FEEDS_TICK_MS * ms_ns);
	stream_feeds_step(feeds->streams);
	feeds_step_series(feeds, SERIES_A_TICK);
	if (now_ns >= feeds->next_alerts_ns) {
		feeds->next_alerts_ns = now_ns + FEEDS_ALERTS_MS * ms_ns;
		feeds_tell_alerts(feeds);
	}
	if (now_ns >= feeds->next_second_ns) {
		feeds->next_second_ns = now_ns + 1000 * ms_ns;
		step_second(feeds);
	}
	note_lag(feeds, now_ns);
	drain_step(feeds);
}

/* ---- the end ---- */

static void end_drain(struct feeds *feeds, enum status status)
{
	void (*done)(void *ctx, enum status status) = feeds->drained;
	feeds->drained = NULL;
	done(feeds->drain_ctx, status);
}

static void drain_step(struct feeds *feeds)
{
	enum status status;
	if (!feeds->drained)
		return;
	if (feeds->stopped || writer_state(feeds->config.writer) != WRITER_READY)
		end_drain(feeds, STATUS_UNAVAILABLE);
	else if (stream_feeds_drained(feeds->streams, &status) && !rows_wait(feeds) &&
		 !feeds->at_writer)
		end_drain(feeds, status);
}

void feeds_drain(struct feeds *feeds, void (*done)(void *ctx, enum status status), void *ctx)
{
	CHECK(!feeds->drained);
	feeds->drained = done;
	feeds->drain_ctx = ctx;
	if (!feeds->started) {
		end_drain(feeds, STATUS_OK);
		return;
	}
	if (feeds->config.fleet)
		feeds_close_minutes(feeds, true);
	feeds_tell_alerts(feeds);
	feeds_look_at_markets(feeds);
	feeds_step_series(feeds, SIZE_MAX);
	stream_feeds_drain(feeds->streams);
	stream_feeds_step(feeds->streams);
	feeds_flush(feeds);
	drain_step(feeds);
}

void feeds_stop(struct feeds *feeds)
{
	timers_cancel(feeds->config.timers, &feeds->timer);
	feeds->stopped = true;
	stream_feeds_stop(feeds->streams);
	drain_step(feeds);
}

/* ---- life ---- */

static void on_gap(void *ctx, struct str stream, uint64_t entries)
{
	const struct feeds_config *config = &((struct feeds *)ctx)->config;
	if (config->on_gap)
		config->on_gap(config->ctx, stream, entries);
}

static void on_remade(void *ctx, struct str stream)
{
	const struct feeds_config *config = &((struct feeds *)ctx)->config;
	if (config->on_remade)
		config->on_remade(config->ctx, stream);
}

static bool create_parts(struct feeds *feeds)
{
	const struct stream_feeds_config streams = {
		.writer = feeds->config.writer,
		.clock = feeds->config.clock,
		.room = 1 + 3 * MARKETS_MAX,
		.take = take_for_streams,
		.freed = on_streams_committed,
		.on_gap = on_gap,
		.on_remade = on_remade,
		.ctx = feeds,
	};
	struct key key;
	feeds->terminals_room = feeds->config.fleet ? fleet_room(feeds->config.fleet) : 0;
	feeds->terminals = calloc(feeds->terminals_room + 1, sizeof feeds->terminals[0]);
	feeds->firing = calloc(ALERTS_MAX, sizeof feeds->firing[0]);
	feeds->listed = calloc(ALERTS_MAX, sizeof feeds->listed[0]);
	feeds->streams = stream_feeds_create(&streams);
	if (!feeds->terminals || !feeds->firing || !feeds->listed || !feeds->streams)
		return false;
	return !feeds->config.ris ||
	       !stream_feeds_add(feeds->streams, feeds->config.ris, key_instance_events(&key),
				 STR(""), &feeds_events_kind);
}

struct feeds *feeds_create(const struct feeds_config *config)
{
	struct feeds *feeds = calloc(1, sizeof *feeds);
	if (!feeds)
		return NULL;
	feeds->config = *config;
	feeds->timer = (struct timer){ .fn = on_tick, .ctx = feeds };
	feeds_queues_init(feeds->queues);
	if (create_parts(feeds))
		return feeds;
	feeds_destroy(feeds);
	return NULL;
}

void feeds_destroy(struct feeds *feeds)
{
	if (!feeds)
		return;
	timers_cancel(feeds->config.timers, &feeds->timer);
	for (size_t i = 0; i < feeds->markets_count; i++)
		free(feeds->markets[i]);
	feeds_queues_deinit(feeds->queues);
	stream_feeds_destroy(feeds->streams);
	free(feeds->listed);
	free(feeds->firing);
	free(feeds->terminals);
	free(feeds);
}

void feeds_start(struct feeds *feeds)
{
	int64_t now_ns = feeds_now_ns(feeds);
	CHECK(!feeds->started);
	feeds->started = true;
	feeds->started_ns = now_ns;
	feeds->next_alerts_ns = now_ns + FEEDS_ALERTS_MS * ms_ns;
	feeds->next_second_ns = now_ns;
	feeds_restore_accounts(feeds);
	feeds_look_at_markets(feeds);
	timers_arm(feeds->config.timers, &feeds->timer, now_ns + FEEDS_TICK_MS * ms_ns);
}

struct feeds_counts feeds_counts(const struct feeds *feeds)
{
	struct feeds_counts counts = feeds->counts;
	counts.streams = stream_feeds_counts(feeds->streams);
	for (int i = 0; i < TABLE_COUNT; i++)
		counts.rows[i] += counts.streams.rows[i];
	for (int i = 0; i < FEEDS_QUEUES; i++)
		counts.dropped[feeds->queues[i].table] = feeds->queues[i].dropped;
	if (feeds->waiting_since_ns)
		counts.lag_ms = (feeds_now_ns(feeds) - feeds->waiting_since_ns) / ms_ns;
	if (counts.streams.behind_ms > counts.lag_ms)
		counts.lag_ms = counts.streams.behind_ms;
	return counts;
}
