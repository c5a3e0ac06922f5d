/* One sink: what is done next, and what is made of what it said. On the loop. */
#include <stdio.h>

#include "archive/sinks_impl.h"
#include "base/crash.h"

static const int64_t away_ms[] = { 5000, 15000, 30000, 60000 };

static void go_on(struct sinks_line *line);
static void submit(struct sinks_line *line);

static int64_t ms(int64_t value) { return value * 1000000; }

static void say(struct sinks_line *line, enum sink_outcome outcome, const char *why)
{
	line->count.state = outcome;
	if (outcome == SINK_DONE)
		return;
	snprintf(line->why, sizeof line->why, "%.*s", SINKS_WHY - 1, why);
	snprintf(line->count.why, sizeof line->count.why, "%.*s", (int)sizeof line->count.why - 1,
		 why);
}

static double seconds_since(const struct sinks_line *line, int64_t ns)
{
	/* 0 would say that there is nothing. */
	return ns ? (double)(sinks_now(line->sinks) - ns) / 1e9 + 0.001 : 0;
}

static int64_t held_since(const struct sinks_line *line)
{
	int64_t since = line->held_all_ns;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (line->held_ns[i] && (!since || line->held_ns[i] < since))
			since = line->held_ns[i];
	return since;
}

void sinks_line_report(struct sinks_line *line)
{
	const struct sinks_config *config = &line->sinks->config;
	if (config->on_state)
		config->on_state(config->ctx, line->sink->ops->name,
				 seconds_since(line, line->away_ns),
				 seconds_since(line, held_since(line)), line->why);
}

void sinks_line_report_again(struct sinks_line *line)
{
	if (line->away_ns || held_since(line))
		sinks_line_report(line);
}

/* ---- waiting ---- */

static void on_timer(void *ctx)
{
	struct sinks_line *line = ctx;
	line->after(line);
}

static void wait_ns(struct sinks_line *line, int64_t delay_ns, void (*after)(struct sinks_line *))
{
	line->phase = SINKS_WAITING;
	line->after = after;
	timers_arm(line->sinks->timers, &line->timer, sinks_now(line->sinks) + delay_ns);
}

/* Uniform in [d/2, d], so that many do not come back together. */
static int64_t jittered_ms(struct sinks_line *line, int64_t delay_ms)
{
	return delay_ms / 2 + (int64_t)rng_below(&line->sinks->rng, (uint64_t)(delay_ms / 2) + 1);
}

static void away(struct sinks_line *line, const char *why)
{
	size_t step = line->fails < ARRAY_LEN(away_ms) ? line->fails : ARRAY_LEN(away_ms) - 1;
	line->fails++;
	line->count.away++;
	line->opened = false;
	line->now = NULL;
	if (!line->away_ns)
		line->away_ns = sinks_now(line->sinks);
	say(line, SINK_AWAY, why);
	sinks_line_report(line);
	wait_ns(line, ms(jittered_ms(line, away_ms[step])), go_on);
}

static void is_there(struct sinks_line *line)
{
	bool was_away = line->away_ns != 0;
	line->fails = 0;
	line->away_ns = 0;
	if (was_away)
		sinks_line_report(line);
}

static void hold_table(struct sinks_line *line, enum archive_table table, const char *why)
{
	int64_t now_ns = sinks_now(line->sinks);
	line->count.held++;
	if (!line->held_ns[table])
		line->held_ns[table] = now_ns;
	line->until_ns[table] = now_ns + ms(SINKS_HELD_MS);
	line->job.looks_again = true;
	say(line, SINK_HELD, why);
	sinks_line_report(line);
}

static void table_is_well(struct sinks_line *line, enum archive_table table)
{
	if (!line->held_ns[table])
		return;
	line->held_ns[table] = line->until_ns[table] = 0;
	sinks_line_report(line);
}

/* Tables whose time has come are tried again, and before that the sink is looked at. */
static void let_go(struct sinks_line *line)
{
	int64_t now_ns = sinks_now(line->sinks);
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (line->until_ns[i] && line->until_ns[i] <= now_ns) {
			line->until_ns[i] = 0;
			line->opened = false;
			line->job.looks_again = true;
		}
}

/* ---- open ---- */

static void opened(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct sinks_line *line = ctx;
	bool was_held = line->held_all_ns != 0;
	if (outcome == SINK_HELD) {
		line->count.held++;
		if (!was_held)
			line->held_all_ns = sinks_now(line->sinks);
		say(line, outcome, why);
		sinks_line_report(line);
		wait_ns(line, ms(SINKS_HELD_MS), go_on);
		return;
	}
	if (outcome != SINK_DONE) {
		away(line, why);
		return;
	}
	line->opened = true;
	line->held_all_ns = 0;
	if (was_held)
		sinks_line_report(line);
	go_on(line);
}

/* ---- expire: once a day, a table after the other ---- */

static void expired(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct sinks_line *line = ctx;
	if (outcome == SINK_AWAY) {
		away(line, why);
		return;
	}
	if (outcome != SINK_DONE)
		say(line, outcome, why);
	if (++line->expire_table == TABLE_COUNT) {
		line->expire_table = 0;
		line->expire_ns += ms(SINKS_EXPIRE_MS);
	}
	go_on(line);
}

static void expire(struct sinks_line *line)
{
	line->phase = SINKS_EXPIRING;
	line->sink->ops->expire(line->sink, (enum archive_table)line->expire_table,
				clock_wall_ns(line->sinks->clock) / 1000, expired, line);
}

/* ---- send ---- */

static void begin(struct sinks_line *line, struct sinks_ready *ready);

static struct sinks_ready *other(struct sinks_line *line, const struct sinks_ready *ready)
{
	return ready == &line->ready[0] ? &line->ready[1] : &line->ready[0];
}

/* What was read ahead is not sent now; marked as it is, it would be asked for first. */
static void drop_ahead(struct sinks_line *line, struct sinks_ready *ahead)
{
	if (ahead->there && ahead->marked && !ahead->part.was_sent) {
		line->job.unsent = ahead->part;
		line->job.unsent.is_new = false;
	}
	ahead->there = false;
}

/* A newer batch takes rows of an older one away where both have a row of one key, and a count of
 * the older one is then too small for ever. So its end is recorded before the newer one is sent;
 * results, of which a row never comes again, need not wait. */
static bool may_take_away(const struct sinks_line *line, const struct sinks_part *newer)
{
	enum archive_table table = line->job.told.table;
	return !line->sink->ops->idempotent && newer->table == table &&
	       table != TABLE_trade_results;
}

static bool may_follow(const struct sinks_line *line, const struct sinks_ready *next)
{
	return next->there && next->marked && next->rows &&
	       (!next->part.tries || !line->sink->ops->probes) && !may_take_away(line, &next->part);
}

/* An answer, and the thread is not at work for this line: both are needed to go on. The next
 * one, which is marked already, is sent while this one's end is recorded, where it may be, so
 * that the sink does not wait for the file. */
static void settle_answer(struct sinks_line *line)
{
	struct sinks_job *job = &line->job;
	struct sinks_ready *ready = line->now, *next = other(line, line->now);
	job->told = ready->part;
	job->told.tries++; /* as it was recorded */
	job->told.is_new = false;
	job->told_rows = ready->rows;
	job->outcome = line->outcome;
	snprintf(job->why, sizeof job->why, "%s", line->answer_why);
	job->records = true;
	ready->there = false;
	line->now = NULL;
	if (line->outcome != SINK_DONE || line->sinks->closing) {
		drop_ahead(line, next);
	} else if (may_follow(line, next)) {
		line->now = next;
		submit(line);
		begin(line, next);
		return;
	}
	submit(line);
}

static void answered(struct sinks_line *line, enum sink_outcome outcome, const char *why)
{
	line->answered = true;
	line->outcome = outcome;
	snprintf(line->answer_why, sizeof line->answer_why, "%.*s", SINKS_WHY - 1,
		 outcome == SINK_DONE ? "" : why);
	if (line->phase == SINKS_ENDING)
		timers_cancel(line->sinks->timers, &line->timer);
	say(line, outcome, why);
	if (!line->job_runs)
		settle_answer(line);
}

static void confirmed(struct sinks_line *line)
{
	crash_point(CRASH_ch_ok);
	line->count.batches++;
	line->count.rows += line->now->rows;
	is_there(line);
	table_is_well(line, line->now->part.table);
	answered(line, SINK_DONE, "");
}

static void sent(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct sinks_line *line = ctx;
	if (outcome == SINK_DONE)
		confirmed(line);
	else
		answered(line, outcome, why);
}

static void send_now(struct sinks_line *line)
{
	const struct sinks_ready *ready = line->now;
	const struct sink_batch batch = { .table = ready->part.table,
					  .month = ready->part.month,
					  .batch_id = ready->part.part_id,
					  .rows = ready->rows,
					  .body = buf_str(&ready->body) };
	line->phase = SINKS_SENDING;
	line->count.resent += ready->part.tries > 0;
	line->sink->ops->send(line->sink, &batch, sent, line);
	if (!line->job_runs)
		submit(line);
}

/* ---- probe ---- */

static void probe(struct sinks_line *line);

/* What it was about to say of them is looked for again. */
static void drop_all(struct sinks_line *line)
{
	line->ready[0].there = line->ready[1].there = false;
	line->job.looks_again = true;
}

/* Where sending again does no harm it is done if only some are there: the others may be of another
 * batch with the same keys. */
static void probed(void *ctx, enum sink_outcome outcome, uint64_t count, const char *why)
{
	struct sinks_line *line = ctx;
	const struct sinks_ready *ready = line->now;
	bool idempotent = line->sink->ops->idempotent;
	char text[SINKS_WHY];
	if (outcome == SINK_DONE && count >= ready->rows) {
		confirmed(line);
	} else if (outcome == SINK_DONE && count && !idempotent) {
		snprintf(text, sizeof text, "it holds %llu of %u rows of batch %lld of %s",
			 (unsigned long long)count, (unsigned)ready->rows,
			 (long long)ready->part.part_id,
			 archive_table_row(ready->part.table)->name);
		answered(line, SINK_HELD, text);
	} else if (outcome == SINK_DONE && !count && --line->probes_left > 0) {
		wait_ns(line, ms(line->sinks->config.settle_ms), probe);
	} else if (outcome == SINK_DONE) {
		send_now(line);
	} else if (outcome == SINK_HELD) {
		answered(line, SINK_HELD, why);
	} else {
		drop_all(line);
		away(line, why);
	}
}

static void probe(struct sinks_line *line)
{
	line->phase = SINKS_PROBING;
	line->count.probes++;
	line->sink->ops->probe(line->sink, line->now->part.table, line->now->part.part_id, probed,
			       line);
}

/* What was sent and left no word may still be under way: `none` must be said twice. */
static void begin(struct sinks_line *line, struct sinks_ready *ready)
{
	line->now = ready;
	line->answered = false;
	if (!ready->rows) {
		confirmed(line);
		return;
	}
	if (!ready->part.tries || !line->sink->ops->probes) {
		send_now(line);
		return;
	}
	line->probes_left = ready->part.was_sent ? 2 : 1;
	probe(line);
}

/* ---- the thread ---- */

static void after_failure(struct sinks_line *line)
{
	const struct sinks_job *job = &line->job;
	switch (job->outcome) {
	case SINK_AWAY: away(line, job->why); break;
	case SINK_UNKNOWN:
		line->count.unknown++;
		wait_ns(line, ms(line->sinks->config.settle_ms), go_on);
		break;
	case SINK_HELD:
		hold_table(line, job->told.table, job->why);
		go_on(line);
		break;
	default: go_on(line);
	}
}

static void nothing_to_send(struct sinks_line *line)
{
	int64_t delay_ns = ms(SINKS_POLL_MS), now_ns = sinks_now(line->sinks);
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (line->until_ns[i] > now_ns && line->until_ns[i] - now_ns < delay_ns)
			delay_ns = line->until_ns[i] - now_ns;
	for (size_t i = 0; i < ARRAY_LEN(line->ready); i++)
		sinks_body_init(line, i); /* its memory goes back */
	is_there(line);
	line->settled = true;
	wait_ns(line, delay_ns, go_on);
}

/* The books could not be changed: that is the writer's trouble, and nothing was lost. */
static void books_failed(struct sinks_line *line)
{
	drop_all(line);
	say(line, SINK_AWAY, line->job.err.text);
	wait_ns(line, ms(SINKS_HOUSE_MS), go_on);
}

/* What the thread did while nothing was being sent. */
static void settle_told(struct sinks_line *line)
{
	struct sinks_job *job = &line->job;
	bool failed = job->records && job->outcome != SINK_DONE;
	job->records = false;
	if (line->sinks->closing) {
		sinks_line_end(line);
	} else if (job->status != STATUS_OK) {
		books_failed(line);
	} else if (job->held) {
		hold_table(line, job->held_table, job->held_why);
		go_on(line);
	} else if (failed) {
		after_failure(line);
	} else if (job->ready->there) {
		begin(line, job->ready);
	} else {
		nothing_to_send(line);
	}
}

static void worked(struct writer_job *base, enum status status)
{
	struct sinks_job *job = (struct sinks_job *)base;
	struct sinks_line *line = job->line;
	line->job_runs = false;
	job->looks_again = false;
	if (job->status == STATUS_OK && status == STATUS_OK)
		job->unsent.part_id = -1;
	if (status != STATUS_OK) { /* the writer is being closed, and did not run it */
		job->status = status;
		snprintf(job->err.text, sizeof job->err.text, "%s", status_text(status));
	}
	line->count.waiting_batches = job->waiting_batches;
	line->count.waiting_rows = job->waiting_rows;
	line->count.poison += job->poison;
	if (!line->now) {
		settle_told(line);
		return;
	}
	job->records = false; /* what could not be recorded is asked for again */
	if (job->status != STATUS_OK || job->held) {
		job->ready->there = false;
		job->looks_again = true;
	}
	if (job->held)
		hold_table(line, job->held_table, job->held_why);
	if (line->answered)
		settle_answer(line);
}

/* The one that was read ahead, or one to read into. */
static struct sinks_ready *slot(struct sinks_line *line)
{
	struct sinks_ready *first = &line->ready[0], *second = &line->ready[1];
	if (line->now)
		return line->now == first ? second : first;
	return second->there ? second : first;
}

/* The end of what was sent is recorded, and what is ready as sent, which begins when that is
 * done and nothing else is being sent. */
static void submit(struct sinks_line *line)
{
	struct sinks_job *job = &line->job;
	int64_t now_ns = sinks_now(line->sinks);
	bool fails = job->records && job->outcome != SINK_DONE;
	CHECK(!line->job_runs);
	job->ready = slot(line);
	job->prepares = job->marks = !fails && !line->sinks->closing;
	job->held = job->ended = false;
	job->poison = 0;
	job->busy_id = line->now ? line->now->part.part_id : -1;
	if (!job->records)
		job->told.part_id = -1;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		job->skip[i] = line->until_ns[i] > now_ns;
	if (!line->now)
		line->phase = SINKS_WORKING;
	line->settled = false;
	line->job_runs = true;
	writer_run(line->sinks->config.writer, &job->job);
}

/* ---- what is next ---- */

static void go_on(struct sinks_line *line)
{
	struct sinks *sinks = line->sinks;
	let_go(line);
	if (!line->opened) {
		line->phase = SINKS_OPENING;
		line->ready[0].there = line->ready[1].there = false; /* made for what was */
		line->sink->ops->open(line->sink, opened, line);
	} else if (sinks_now(sinks) >= line->expire_ns) {
		expire(line);
	} else {
		submit(line);
	}
}

void sinks_body_init(struct sinks_line *line, size_t slot_index)
{
	size_t limit = line->sink->ops->bytes_max;
	buf_deinit(&line->ready[slot_index].body);
	buf_init(&line->ready[slot_index].body,
		 limit < SINKS_BODY_BYTES ? limit : SINKS_BODY_BYTES);
}

void sinks_line_init(struct sinks_line *line)
{
	line->timer = (struct timer){ .fn = on_timer, .ctx = line };
	line->job.line = line;
	line->job.job.work = sinks_work;
	line->job.job.done = worked;
	line->job.told.part_id = line->job.busy_id = line->job.unsent.part_id = -1;
	line->count.name = line->sink->ops->name;
	for (size_t i = 0; i < ARRAY_LEN(line->ready); i++)
		sinks_body_init(line, i);
	archive_rows_init(&line->job.letters, 16 * SINKS_LETTER_BYTES);
}

void sinks_line_deinit(struct sinks_line *line)
{
	for (size_t i = 0; i < ARRAY_LEN(line->ready); i++)
		buf_deinit(&line->ready[i].body);
	archive_rows_deinit(&line->job.letters);
}

void sinks_line_start(struct sinks_line *line)
{
	line->expire_ns = sinks_now(line->sinks) + ms(SINKS_KEEP_MS);
	go_on(line);
}

void sinks_line_wake(struct sinks_line *line)
{
	line->settled = false;
	if (line->phase == SINKS_WAITING && line->opened && line->after == go_on && !line->fails)
		wait_ns(line, 0, go_on);
}

/* ---- its end ---- */

static void closed(void *ctx) { sinks_ended(((struct sinks_line *)ctx)->sinks); }

static void close_sink(struct sinks_line *line)
{
	line->phase = SINKS_STOPPED;
	line->sink->ops->close(line->sink, closed, line);
}

/* No answer in the time there was: it is asked for at the next start. */
static void give_up(struct sinks_line *line)
{
	if (line->job_runs)
		wait_ns(line, ms(10), give_up);
	else
		close_sink(line);
}

/* What the thread is at work on ends first, and calls again. */
void sinks_line_end(struct sinks_line *line)
{
	CHECK(line->phase != SINKS_STOPPED);
	timers_cancel(line->sinks->timers, &line->timer);
	if (line->phase == SINKS_SENDING) {
		wait_ns(line, ms(SINKS_LAST_MS), give_up);
		line->phase = SINKS_ENDING;
	} else if (!line->job_runs) {
		close_sink(line);
	}
}
