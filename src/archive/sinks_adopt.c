/* Rows that were archived before a sink was named: step by step they get batches. */
#include "archive/sinks_impl.h"

static void arm(struct sinks *sinks, int64_t delay_ms)
{
	timers_arm(sinks->timers, &sinks->adopt.timer,
		   sinks_now(sinks) + delay_ms * INT64_C(1000000));
}

/* So long that others have the thread for at least half of the time. */
static int64_t pause_ms(const struct sinks_adopt *adopt)
{
	int64_t took_ms = adopt->took_ns / 1000000;
	return adopt->status ? SINKS_HOUSE_MS : took_ms > SINKS_ADOPT_MS ? took_ms : SINKS_ADOPT_MS;
}

static void work(struct archive_db *db, struct writer_job *job)
{
	struct sinks_adopt *adopt = (struct sinks_adopt *)job;
	int64_t begin_ns = loop_precise_ns();
	adopt->err = (struct err){ 0 };
	adopt->status = db_batches_adopt(db, &adopt->found_more, &adopt->err);
	adopt->took_ns = loop_precise_ns() - begin_ns;
}

static void adopted(struct writer_job *job, enum status status)
{
	struct sinks_adopt *adopt = (struct sinks_adopt *)job;
	struct sinks *sinks = adopt->sinks;
	adopt->runs = false;
	if (status == STATUS_OK && adopt->status == STATUS_OK)
		adopt->more = adopt->found_more;
	if (sinks->closing) {
		sinks_ended(sinks);
		return;
	}
	for (size_t i = 0; i < sinks->config.count; i++)
		sinks_line_wake(&sinks->lines[i]);
	if (adopt->more && status == STATUS_OK)
		arm(sinks, pause_ms(adopt));
}

/* The sink that is furthest has so many before it. */
static bool enough_waits(const struct sinks *sinks)
{
	for (size_t i = 0; i < sinks->config.count; i++)
		if (sinks->lines[i].count.waiting_batches < SINKS_ADOPT_AHEAD)
			return false;
	return true;
}

/* A writer that is busy is left alone once, and not for ever. */
static void step(void *ctx)
{
	struct sinks *sinks = ctx;
	struct sinks_adopt *adopt = &sinks->adopt;
	bool waited = adopt->waited;
	adopt->waited = !waited && writer_waiting(sinks->config.writer) > 0;
	if (enough_waits(sinks) || adopt->waited) {
		arm(sinks, SINKS_ADOPT_LATER_MS);
		return;
	}
	adopt->runs = true;
	writer_run(sinks->config.writer, &adopt->job);
}

void sinks_adopt_init(struct sinks *sinks)
{
	sinks->adopt = (struct sinks_adopt){ .job = { .work = work, .done = adopted },
					     .sinks = sinks,
					     .timer = { .fn = step, .ctx = sinks } };
}

void sinks_adopt_start(struct sinks *sinks)
{
	sinks->adopt.more = sinks->config.count > 0;
	if (sinks->adopt.more)
		arm(sinks, 0);
}
