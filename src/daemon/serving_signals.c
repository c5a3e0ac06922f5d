/* Signals that came over HTTP: whether any are taken now, and each on its way to the store.
 *
 * After a start, what producers added before it may not be known yet: an id could be taken
 * for new that is in the stream already. Such a signal is held until it is known, which takes
 * a few milliseconds, at most HELD_MS. */
#include <stdlib.h>

#include "daemon/budgets.h"
#include "daemon/serving_impl.h"

enum { HELD_MAX = 4096, HELD_MS = 5000 };
static const int64_t ms_ns = 1000000;

/* Producers are slowed down while the signals' or the results' memory runs out (redis.md 4):
 * the segment's name, or NULL. */
static const char *nearly_full(const struct serving *serving)
{
	const struct budgets *budgets = daemon_budgets(serving->config.daemon);
	if (budgets_acts(budgets, VALVE_BIT_http_rtss))
		return segment_row(SEGMENT_RTSS)->name;
	if (budgets_acts(budgets, VALVE_BIT_http_rtrs))
		return segment_row(SEGMENT_RTRS)->name;
	return NULL;
}

enum serve_intake serving_intake(void *ctx, struct buf *why, int *retry_s)
{
	const struct serving *serving = ctx;
	const struct writer *writer = serving->config.writer;
	*retry_s = 5;
	if (serving->refuse_why) {
		buf_printf(why, "new signals are refused: %.100s", serving->refuse_why);
		return SERVE_TROUBLE;
	}
	if (writer && writer_state(writer) != WRITER_READY) {
		buf_printf(why, "new signals are refused: the archive is in trouble");
		return SERVE_TROUBLE;
	}
	const char *segment = nearly_full(serving);
	if (!serving->sink.signals || !segment)
		return SERVE_OPEN;
	buf_printf(why, "segment %s is nearly full", segment);
	return SERVE_FULL;
}

/* ---- one signal ---- */

struct serving_adding {
	struct serving *serving;
	struct serving_adding *next; /* of those held */
	serve_signal_fn done;
	void *done_ctx;
	int64_t held_until_ns;
	struct serve_signal signal; /* held: in texts */
	struct str texts[];
};

static void end(struct serving_adding *adding, const struct serve_signal_end *how)
{
	struct serving *serving = adding->serving;
	adding->done(adding->done_ctx, how);
	free(adding);
	serving_end(serving);
}

static void on_added(void *ctx, const struct serve_signal_end *how) { end(ctx, how); }

/* With a copy of the texts behind it. NULL: no memory. */
static struct serving_adding *copy(const struct serve_signal *signal)
{
	size_t bytes = 0;
	for (size_t i = 0; i < signal->count; i++)
		bytes += signal->keys[i].len + signal->values[i].len;
	struct serving_adding *adding =
	    malloc(sizeof *adding + 2 * signal->count * sizeof adding->texts[0] + bytes);
	if (!adding)
		return NULL;
	char *at = (char *)(adding->texts + 2 * signal->count);
	for (size_t i = 0; i < 2 * signal->count; i++) {
		struct str from =
		    i < signal->count ? signal->keys[i] : signal->values[i - signal->count];
		memcpy(at, from.ptr, from.len);
		adding->texts[i] = str_make(at, from.len);
		at += from.len;
	}
	adding->signal =
	    (struct serve_signal){ adding->texts, adding->texts + signal->count, signal->count };
	return adding;
}

static bool must_be_held(const struct serving *serving)
{
	return serving->held || signal_store_is_behind(serving->sink.signals);
}

static void hold(struct serving_adding *adding)
{
	struct serving *serving = adding->serving;
	adding->next = NULL;
	*serving->held_end = adding;
	serving->held_end = &adding->next;
	serving->held_count++;
	adding->held_until_ns = loop_now_ns(serving->loop) + HELD_MS * ms_ns;
	if (serving->held == adding)
		loop_timer_after(serving->loop, &serving->held_timer, SIGNAL_POLL_MS * ms_ns);
}

static struct serving_adding *take_held(struct serving *serving)
{
	struct serving_adding *adding = serving->held;
	serving->held = adding->next;
	if (!serving->held)
		serving->held_end = &serving->held;
	serving->held_count--;
	return adding;
}

/* In the order in which they came. */
void serving_release(void *ctx)
{
	struct serving *serving = ctx;
	int64_t now_ns = loop_now_ns(serving->loop);
	while (serving->held && !signal_store_is_behind(serving->sink.signals)) {
		struct serving_adding *adding = take_held(serving);
		signal_adding(&serving->sink, &adding->signal, on_added, adding);
	}
	while (serving->held && serving->held->held_until_ns <= now_ns)
		end(take_held(serving),
		    &(struct serve_signal_end){ SERVE_BUSY, 0, STR("starting") });
	if (serving->held)
		loop_timer_after(serving->loop, &serving->held_timer, SIGNAL_POLL_MS * ms_ns);
}

void serving_drop_held(struct serving *serving)
{
	timers_cancel(loop_timers(serving->loop), &serving->held_timer);
	while (serving->held)
		end(take_held(serving),
		    &(struct serve_signal_end){ SERVE_BUSY, 0, STR("stopping") });
}

void serving_signal(void *ctx, const struct serve_signal *signal, serve_signal_fn done,
		    void *done_ctx)
{
	struct serving *serving = ctx;
	struct serving_adding *adding = serving->held_count < HELD_MAX ? copy(signal) : NULL;
	if (!adding) {
		done(done_ctx, &(struct serve_signal_end){ SERVE_BUSY, 0, STR("busy") });
		return;
	}
	adding->serving = serving;
	adding->done = done;
	adding->done_ctx = done_ctx;
	serving_begin(serving);
	if (must_be_held(serving))
		hold(adding);
	else
		signal_adding(&serving->sink, signal, on_added, adding);
}
