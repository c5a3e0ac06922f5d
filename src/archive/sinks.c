#include "archive/sinks.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/sinks_impl.h"

/* ---- its end ---- */

static void free_sinks(struct sinks *sinks)
{
	for (size_t i = 0; i < sinks->config.count; i++)
		sinks_line_deinit(&sinks->lines[i]);
	archive_rows_deinit(&sinks->rows);
	archive_rows_deinit(&sinks->distinct);
	free(sinks->places);
	free(sinks);
}

/* Never from inside sinks_close: a timer runs it. */
static void last(void *ctx)
{
	struct sinks *sinks = ctx;
	void (*fn)(void *ctx) = sinks->on_closed;
	void *fn_ctx = sinks->closed_ctx;
	free_sinks(sinks);
	if (fn)
		fn(fn_ctx);
}

void sinks_ended(struct sinks *sinks)
{
	CHECK(sinks->closing && sinks->ending > 0);
	if (--sinks->ending)
		return;
	sinks->house.fn = last;
	timers_arm(sinks->timers, &sinks->house, 0);
}

static void close_unstarted(void *ctx) { sinks_ended(ctx); }

void sinks_close(struct sinks *sinks, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!sinks->closing);
	sinks->closing = true;
	sinks->on_closed = fn;
	sinks->closed_ctx = ctx;
	sinks->ending = sinks->config.count + sinks->keep.runs + sinks->flushing.runs +
			sinks->growing.runs + sinks->adopt.runs + 1;
	timers_cancel(sinks->timers, &sinks->house);
	timers_cancel(sinks->timers, &sinks->adopt.timer);
	for (size_t i = 0; i < sinks->config.count; i++) {
		struct sink *sink = sinks->config.sinks[i];
		if (sinks->started)
			sinks_line_end(&sinks->lines[i]);
		else
			sink->ops->close(sink, close_unstarted, sinks);
	}
	sinks_ended(sinks);
}

/* ---- its house: what is told again and again, and what is old ---- */

static void kept(struct writer_job *job, enum status status)
{
	struct sinks_keep *keep = (struct sinks_keep *)job;
	struct sinks *sinks = keep->sinks;
	bool is_well = status == STATUS_OK && keep->status == STATUS_OK;
	if (!is_well || !keep->more)
		keep->table++;
	keep->runs = false;
	if (sinks->closing) {
		sinks_ended(sinks);
	} else if (status == STATUS_OK && keep->table < TABLE_COUNT) {
		keep->runs = true;
		writer_run(sinks->config.writer, &keep->job);
	} else {
		keep->due_ns = sinks_now(sinks) + SINKS_KEEP_MS * INT64_C(1000000);
	}
}

static void look_for_old(struct sinks *sinks)
{
	struct sinks_keep *keep = &sinks->keep;
	if (keep->runs || !sinks->config.keep_days || sinks_now(sinks) < keep->due_ns)
		return;
	keep->runs = true;
	keep->table = 0;
	writer_run(sinks->config.writer, &keep->job);
}

/* Open batches grow while closed ones wait for any of the sinks, to what each of them takes. */
static int64_t rows_wanted(const struct sinks *sinks)
{
	const struct sinks_config *config = &sinks->config;
	int64_t rows = SINKS_ROWS_GROWN;
	bool some_wait = false;
	for (size_t i = 0; i < config->count; i++) {
		int64_t most = (int64_t)config->sinks[i]->ops->rows_max;
		some_wait |= sinks->lines[i].away_ns || sinks->lines[i].count.waiting_batches > 1;
		rows = most < rows ? most : rows;
	}
	return some_wait && rows > config->close_rows ? rows : config->close_rows;
}

static void limit_batches(struct archive_db *db, struct writer_job *job)
{
	const struct sinks_errand *growing = (struct sinks_errand *)job;
	db_batches_limit(db, growing->rows, growing->sinks->config.close_ms);
}

static void limited(struct writer_job *job, enum status status)
{
	struct sinks_errand *growing = (struct sinks_errand *)job;
	growing->runs = false;
	if (growing->sinks->closing)
		sinks_ended(growing->sinks);
	else if (status != STATUS_OK)
		growing->rows = 0; /* not done */
}

static void let_grow(struct sinks *sinks)
{
	struct sinks_errand *growing = &sinks->growing;
	if (growing->runs || !sinks->config.count || growing->rows == rows_wanted(sinks))
		return;
	growing->rows = rows_wanted(sinks);
	growing->runs = true;
	writer_run(sinks->config.writer, &growing->job);
}

static void house(void *ctx)
{
	struct sinks *sinks = ctx;
	let_grow(sinks);
	for (size_t i = 0; i < sinks->config.count; i++)
		sinks_line_report_again(&sinks->lines[i]);
	look_for_old(sinks);
	timers_arm(sinks->timers, &sinks->house,
		   sinks_now(sinks) + SINKS_HOUSE_MS * INT64_C(1000000));
}

/* ---- flush ---- */

static void close_batches(struct archive_db *db, struct writer_job *job)
{
	struct err err = { 0 };
	(void)job;
	if (db_batches_close_all(db, &err) != STATUS_OK)
		return; /* they close by their age */
}

static void flushed(struct writer_job *job, enum status status)
{
	struct sinks_errand *flushing = (struct sinks_errand *)job;
	struct sinks *sinks = flushing->sinks;
	(void)status;
	flushing->runs = false;
	if (sinks->closing) {
		sinks_ended(sinks);
		return;
	}
	for (size_t i = 0; i < sinks->config.count; i++)
		sinks_line_wake(&sinks->lines[i]);
}

void sinks_flush(struct sinks *sinks)
{
	CHECK(sinks->started && !sinks->closing);
	for (size_t i = 0; i < sinks->config.count; i++)
		sinks->lines[i].settled = false;
	if (sinks->flushing.runs)
		return;
	sinks->flushing.runs = true;
	writer_run(sinks->config.writer, &sinks->flushing.job);
}

bool sinks_idle(const struct sinks *sinks)
{
	bool idle = !sinks->flushing.runs && !sinks->adopt.more;
	for (size_t i = 0; i < sinks->config.count; i++)
		idle &= sinks->lines[i].settled && !sinks->lines[i].count.waiting_batches;
	return idle;
}

/* ---- its beginning ---- */

enum status sinks_open(const struct sinks_config *config, struct sinks **out, struct err *err)
{
	struct sinks *sinks = calloc(1, sizeof *sinks);
	CHECK(config->count <= SINKS_MAX && config->close_rows >= 1);
	if (!sinks)
		return err_set(err, STATUS_NO_MEMORY, "sinks: out of memory");
	sinks->config = *config;
	sinks->timers = config->timers ? config->timers : loop_timers(config->loop);
	sinks->clock = config->clock ? config->clock : loop_clock(config->loop);
	sinks->house = (struct timer){ .fn = house, .ctx = sinks };
	sinks->keep =
	    (struct sinks_keep){ .job = { .work = sinks_keep_work, .done = kept }, .sinks = sinks };
	sinks->flushing = (struct sinks_errand){ .job = { .work = close_batches, .done = flushed },
						 .sinks = sinks };
	sinks->growing = (struct sinks_errand){ .job = { .work = limit_batches, .done = limited },
						.sinks = sinks };
	sinks_adopt_init(sinks);
	rng_init(&sinks->rng, config->seed);
	archive_rows_init(&sinks->rows, SINKS_READ_BYTES);
	archive_rows_init(&sinks->distinct, SINKS_READ_BYTES);
	for (size_t i = 0; i < config->count; i++) {
		struct sinks_line *line = &sinks->lines[i];
		CHECK(config->sinks[i]->ops->probes || config->sinks[i]->ops->idempotent);
		*line = (struct sinks_line){ .sinks = sinks, .sink = config->sinks[i], .index = i };
		sinks->names[i] = str_of(config->sinks[i]->ops->name);
		sinks_line_init(line);
	}
	*out = sinks;
	return STATUS_OK;
}

void sinks_start(struct sinks *sinks)
{
	CHECK(!sinks->started && !sinks->closing);
	sinks->started = true;
	sinks->keep.due_ns = sinks_now(sinks) + 60 * INT64_C(1000000000);
	let_grow(sinks);
	for (size_t i = 0; i < sinks->config.count; i++)
		sinks_line_start(&sinks->lines[i]);
	sinks_adopt_start(sinks);
	timers_arm(sinks->timers, &sinks->house,
		   sinks_now(sinks) + SINKS_HOUSE_MS * INT64_C(1000000));
}

/* ---- what is known of them ---- */

int64_t sinks_shipped(const struct sinks *sinks, enum archive_table table)
{
	char name[DB_NAME_MAX + 1];
	if (!sinks->config.count)
		return writer_rows(sinks->config.writer, table);
	snprintf(name, sizeof name, "shipped.%s", archive_table_row(table)->name);
	return writer_counted(sinks->config.writer, name);
}

int64_t sinks_confirmed(const struct sinks *sinks, size_t sink, enum archive_table table)
{
	char name[DB_NAME_MAX + 1];
	CHECK(sink < sinks->config.count);
	snprintf(name, sizeof name, "sink.%s.%s", sinks->config.sinks[sink]->ops->name,
		 archive_table_row(table)->name);
	return writer_counted(sinks->config.writer, name);
}

void sinks_ask_count(struct sinks *sinks, size_t sink, enum archive_table table, sink_probe_fn fn,
		     void *ctx)
{
	CHECK(sink < sinks->config.count && !sinks->closing);
	struct sink *asked = sinks->config.sinks[sink];
	asked->ops->count(asked, table, fn, ctx);
}

size_t sinks_counts(const struct sinks *sinks, struct sinks_count *out, size_t room)
{
	size_t count = sinks->config.count < room ? sinks->config.count : room;
	for (size_t i = 0; i < count; i++)
		out[i] = sinks->lines[i].count;
	return count;
}
