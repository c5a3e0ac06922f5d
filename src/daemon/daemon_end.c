/* How a daemon ends: what is held is written (DRAIN), then everything is closed (STOP), each part
 * when the one before it has ended. */
#include "base/log.h"
#include "daemon/daemon_impl.h"
#include "daemon/day_loss.h"

enum { DRAIN_RETRY_NS = 20000000 };
static const int64_t archive_patience_ns = 3000000000;

static void on_drained(void *ctx, enum status status);
static void drain_markets(struct daemon *daemon);
static void drain_archive(struct daemon *daemon);

/* What could not be written can be made again, or asked for again. */
static void on_outputs_drained(void *ctx, enum status status)
{
	struct daemon *daemon = ctx;
	(void)status;
	if (daemon->phase == PHASE_DRAIN)
		daemon_enter(daemon, PHASE_STOP);
}

void daemon_drain_timer(void *ctx)
{
	struct daemon *daemon = ctx;
	market_store_drain(daemon->store, on_drained, daemon);
}

/* A server that is being started again is waited for: the last second is in nobody
 * else's hands. */
static void on_drained(void *ctx, enum status status)
{
	struct daemon *daemon = ctx;
	struct err err;
	if (daemon->phase != PHASE_DRAIN)
		return;
	if (status && loop_now_ns(daemon->loop) < daemon->drain_until_ns) {
		loop_timer_after(daemon->loop, &daemon->drain_timer, DRAIN_RETRY_NS);
	} else if (status) {
		err_set(&err, status, "writing the last state to segment rms: %s",
			status_text(status));
		daemon_fail(daemon, &err);
	} else if (daemon->outputs) {
		market_outputs_drain(daemon->outputs, on_outputs_drained, daemon);
	} else {
		daemon_enter(daemon, PHASE_STOP);
	}
}

static void on_segments_closed(void *ctx) { daemon_enter(ctx, PHASE_ENDED); }

static void close_segments(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->segments)
		segments_close(daemon->segments, on_segments_closed, daemon);
	else
		daemon_enter(daemon, PHASE_ENDED);
}

static void close_archive(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->archiving)
		archiving_close(daemon->archiving, close_segments, daemon);
	else
		close_segments(daemon);
}

static void on_accounting_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->terminals)
		terminals_end(daemon->terminals, close_archive, daemon);
	else
		close_archive(daemon);
}

static void on_sources_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	accounting_close(daemon->accounting, on_accounting_closed, daemon);
}

static void on_fleet_closed(void *ctx);

static void on_pictures_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->terminals && !daemon->fleet_closed)
		terminals_close(daemon->terminals, on_fleet_closed, daemon);
	else
		sources_close(daemon->sources, on_sources_closed, daemon);
}

/* Nobody is left who could ask for one. */
static void on_control_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	struct picturing *picturing = daemon->picturing;
	daemon->control_server = NULL;
	daemon->picturing = NULL;
	if (picturing)
		picturing_close(picturing, on_pictures_closed, daemon);
	else
		on_pictures_closed(daemon);
}

static void drain_markets(struct daemon *daemon)
{
	if (daemon->store && daemon->options.feed != DAEMON_FEED_NONE)
		market_store_drain(daemon->store, on_drained, daemon);
	else
		daemon_enter(daemon, PHASE_STOP);
}

/* What could not be archived is in its streams still. */
static void on_archive_drained(void *ctx, enum status status)
{
	struct daemon *daemon = ctx;
	timers_cancel(loop_timers(daemon->loop), &daemon->archive_timer);
	if (daemon->phase != PHASE_DRAIN || daemon->archive_drained)
		return;
	daemon->archive_drained = true;
	if (status)
		log_line(LOG_WARN, "archive", "the rest is archived at the next start: %s",
			 status_text(status));
	drain_markets(daemon);
}

static void on_archive_timer(void *ctx) { on_archive_drained(ctx, STATUS_TIMEOUT); }

static void drain_archive(struct daemon *daemon)
{
	if (!daemon->archiving) {
		drain_markets(daemon);
		return;
	}
	daemon->archive_timer = (struct timer){ .fn = on_archive_timer, .ctx = daemon };
	loop_timer_after(daemon->loop, &daemon->archive_timer, archive_patience_ns);
	archiving_drain(daemon->archiving, on_archive_drained, daemon);
}

/* What is not recorded was not acknowledged: terminals have it still. */
static void on_fleet_drained(void *ctx, enum status status)
{
	struct daemon *daemon = ctx;
	if (status)
		log_line(LOG_WARN, "fleet", "not all of the last state was written: %s",
			 status_text(status));
	if (daemon->phase == PHASE_DRAIN)
		drain_archive(daemon);
}

static void on_fleet_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	daemon->fleet_closed = true;
	if (daemon->phase == PHASE_DRAIN)
		terminals_drain(daemon->terminals, on_fleet_drained, daemon);
	else
		sources_close(daemon->sources, on_sources_closed, daemon);
}

void daemon_drain_fleet(struct daemon *daemon)
{
	if (daemon->terminals)
		terminals_close(daemon->terminals, on_fleet_closed, daemon);
	else
		drain_archive(daemon);
}

void daemon_people_drained(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->phase == PHASE_DRAIN)
		daemon_drain_fleet(daemon);
}

static void on_people_closed(void *ctx);

static void on_serving_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	daemon->serving = NULL;
	if (daemon->telegramming)
		telegramming_close(daemon->telegramming, on_people_closed, daemon);
	else
		on_people_closed(daemon);
}

static void on_channels_closed(void *ctx);

static void on_people_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->notifying)
		notifying_close(daemon->notifying, on_channels_closed, daemon);
	else
		on_channels_closed(daemon);
}

static void on_channels_closed(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->control_server)
		line_server_close(daemon->control_server, on_control_closed, daemon);
	else
		on_control_closed(daemon);
}

void daemon_begin_stop(struct daemon *daemon)
{
	if (daemon->day_loss)
		day_loss_stop(daemon->day_loss);
	sources_stop(daemon->sources);
	timers_cancel(loop_timers(daemon->loop), &daemon->drain_timer);
	timers_cancel(loop_timers(daemon->loop), &daemon->alert_timer);
	daemon_stop_alerts(daemon);
	daemon_stop_markets(daemon);
	metering_stop(daemon->metering);
	if (daemon->budgets)
		budgets_stop(daemon->budgets);
	if (daemon->holding)
		timers_cancel(loop_timers(daemon->loop), &daemon->hold_timer);
	if (daemon->serving)
		serving_close(daemon->serving, on_serving_closed, daemon);
	else
		on_serving_closed(daemon);
}
