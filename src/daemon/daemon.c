#include "daemon/daemon.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/daemon_impl.h"
#include "daemon/day_loss.h"
#include "os/files.h"
#include "os/secret.h"

static const int64_t drain_patience_ns = 10000000000;

/* ---- errors end it ---- */

void daemon_fail(struct daemon *daemon, const struct err *err)
{
	if (daemon->exit_status == 0) {
		daemon->exit_status = 3;
		daemon->error = *err;
	}
	if (daemon->phase < PHASE_STOP)
		daemon_enter(daemon, PHASE_STOP);
}

/* ---- the feed ---- */

void daemon_step(void *ctx)
{
	struct daemon *daemon = ctx;
	struct err err = { 0 };
	if (daemon->phase != PHASE_RUN)
		return;
	switch (sources_step(daemon->sources, daemon->holding, &err)) {
	case SOURCES_MORE: loop_defer(daemon->loop, &daemon->step_task); break;
	case SOURCES_WAIT: break; /* a timer of the sources queues the task again */
	case SOURCES_END:
		daemon_step_series(daemon);
		if (!daemon->options.stay)
			daemon_stop(daemon);
		break;
	case SOURCES_FAILED: daemon_fail(daemon, &err); break;
	}
}

/* ---- phases ---- */

static void on_day_read(void *ctx, enum status status)
{
	struct daemon *daemon = ctx;
	struct err err;
	daemon->day_loss = NULL;
	if (daemon->phase != PHASE_RESTORE)
		return;
	if (status) {
		err_set(&err, status, "reading the day's results: %s", status_text(status));
		daemon_fail(daemon, &err);
		return;
	}
	daemon_enter(daemon, PHASE_RUN);
}

/* The state is back and the archive file is open: both took their time beside each other. What
 * the limits need to know of the day is then read, before any signal is. */
static void run_when_ready(struct daemon *daemon)
{
	bool open = !daemon->archiving || archiving_is_open(daemon->archiving);
	if (daemon->phase != PHASE_RESTORE || !daemon->restored || !open || !daemon->hushes_read)
		return;
	if (!daemon->terminals || !daemon->options.restore) {
		daemon_enter(daemon, PHASE_RUN);
		return;
	}
	const struct day_loss_config config = {
		.loop = daemon->loop,
		.terminals = daemon->terminals,
		.segments = daemon->segments,
		.writer = daemon->archiving ? archiving_writer(daemon->archiving) : NULL,
	};
	daemon->day_loss = day_loss_read(&config, on_day_read, daemon);
	CHECK(daemon->day_loss);
}

/* Without it alerts are told that somebody muted: told too much is better than not at all. */
static void on_hushes_read(void *ctx, enum status status)
{
	struct daemon *daemon = ctx;
	if (status)
		log_line(LOG_WARN, "alert", "what is muted and acknowledged was not read back: %s",
			 status_text(status));
	daemon->hushes_read = true;
	run_when_ready(daemon);
}

static void restore_hushes(struct daemon *daemon)
{
	if (daemon->hush_store && daemon->options.restore)
		hush_store_restore(daemon->hush_store, on_hushes_read, daemon);
	else
		on_hushes_read(daemon, STATUS_OK);
}

void daemon_archive_open(void *ctx, enum status status, const struct err *err)
{
	if (status)
		daemon_fail(ctx, err);
	else
		run_when_ready(ctx);
}

static void on_fleet_restored(void *ctx, enum status status, const char *why)
{
	struct daemon *daemon = ctx;
	struct err err;
	if (daemon->phase != PHASE_RESTORE)
		return;
	if (status) {
		err_set(&err, status, "reading the fleet's state back: %s: %s", why,
			status_text(status));
		daemon_fail(daemon, &err);
		return;
	}
	daemon->restored_ns = loop_precise_ns() - daemon->created_ns;
	daemon->restored = true;
	run_when_ready(daemon);
}

static void restore_fleet(struct daemon *daemon)
{
	if (daemon->terminals)
		terminals_restore(daemon->terminals, on_fleet_restored, daemon);
	else
		on_fleet_restored(daemon, STATUS_OK, "");
}

/* Samples and bars can be asked of the venues again: without them it goes on too. */
static void on_outputs_restored(void *ctx, enum status status)
{
	struct daemon *daemon = ctx;
	if (daemon->phase != PHASE_RESTORE)
		return;
	if (status)
		log_line(LOG_WARN, "store", "samples and bars were not all read back: %s",
			 status_text(status));
	restore_fleet(daemon);
}

static void on_restored(void *ctx, enum status status, const char *why)
{
	struct daemon *daemon = ctx;
	struct err err;
	if (daemon->phase != PHASE_RESTORE)
		return;
	if (status) {
		err_set(&err, status, "reading the state back: %s: %s", why, status_text(status));
		daemon_fail(daemon, &err);
		return;
	}
	const struct market_store_counts *counts = market_store_counts(daemon->store);
	if (counts->damaged_entries)
		log_line(LOG_WARN, "store", "%llu damaged entries were skipped",
			 (unsigned long long)counts->damaged_entries);
	if (daemon->outputs)
		market_outputs_restore(daemon->outputs, on_outputs_restored, daemon);
	else
		restore_fleet(daemon);
}

/* Simulated and real trades must never add up. */
static enum status check_origin(struct daemon *daemon, struct err *err)
{
	bool simulator = daemon->options.feed == DAEMON_FEED_SIMULATOR;
	if (daemon->options.feed == DAEMON_FEED_NONE)
		return STATUS_OK;
	for (size_t i = 0; i < markets_count(daemon->markets); i++) {
		if (market_simulated(markets_at(daemon->markets, i)) == simulator)
			continue;
		return err_set(err, STATUS_REFUSED,
			       "the state directory %s holds %s markets and the source is %s: name "
			       "another one with --state",
			       daemon->options.state_dir, simulator ? "real" : "SIMULATED",
			       simulator ? "the simulator" : "real");
	}
	return STATUS_OK;
}

static enum status open_control(struct daemon *daemon, struct err *err)
{
	char path[PATH_BYTES_MAX];
	enum status status = path_format(path, err, "%s/run/weir.sock", daemon->options.state_dir);
	if (status)
		return status;
	daemon->control = control_create(daemon);
	if (!daemon->control)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the control socket");
	struct line_server_config config = {
		.unix_path = path,
		.connections_max = CONTROL_CONNS_MAX,
		.line_bytes_max = CONTROL_LINE_MAX,
		.outgoing_bytes_max = CONTROL_ANSWER_MAX + CONTROL_LINE_MAX,
		.events = control_events(daemon->control),
	};
	return line_server_open(daemon->loop, &config, &daemon->control_server, err);
}

/* The archive knows the signals of before: it is there before any is taken. */
static enum status start_listeners(struct daemon *daemon, struct err *err)
{
	enum status status = STATUS_OK;
	if (daemon->archiving)
		status = archiving_start(daemon->archiving, daemon->terminals, err);
	if (!status && daemon->terminals)
		status = terminals_start(daemon->terminals, err);
	if (!status && daemon->options.serve)
		status = daemon_start_serving(daemon, err);
	if (!status && (daemon->terminals || daemon->serving))
		status = daemon_write_ports(daemon, err);
	return status;
}

/* Money of simulated terminals is none. */
static void start_accounting(struct daemon *daemon)
{
	bool real = daemon->terminals && !terminals_simulated(daemon->terminals);
	bool kept = segments_status(daemon->segments, SEGMENT_RSS).wanted;
	accounting_start(daemon->accounting, real ? daemon->world.fleet : NULL,
			 kept ? segments_redis(daemon->segments, SEGMENT_RSS) : NULL);
}

static void begin_run(struct daemon *daemon)
{
	struct err err = { 0 };
	if (check_origin(daemon, &err)) {
		daemon_fail(daemon, &err);
		return;
	}
	daemon_step_series(daemon); /* without a feed nobody does it later */
	/* Not before: an answer must not be made of a state that is half read. */
	if (daemon->options.control && open_control(daemon, &err)) {
		daemon_fail(daemon, &err);
		return;
	}
	if (start_listeners(daemon, &err)) {
		daemon_fail(daemon, &err);
		return;
	}
	daemon_start_alerts(daemon);
	if (daemon->budgets)
		budgets_start(daemon->budgets);
	metering_start(daemon->metering, daemon->segments, daemon->terminals);
	if (daemon->accounting)
		start_accounting(daemon);
	if (daemon->telegramming)
		telegramming_start(daemon->telegramming);
	if (daemon->options.on_ready)
		daemon->options.on_ready(daemon->options.ctx, daemon);
	if (daemon->phase != PHASE_RUN || daemon->options.feed == DAEMON_FEED_NONE)
		return;
	daemon_start_markets(daemon);
	if (sources_start(daemon->sources, &err))
		daemon_fail(daemon, &err);
	else
		loop_defer(daemon->loop, &daemon->step_task);
}

/* The one place that holds what each phase begins with. */
void daemon_enter(struct daemon *daemon, enum daemon_phase phase)
{
	CHECK(phase > daemon->phase || phase == PHASE_SEGMENTS);
	daemon->phase = phase;
	switch (phase) {
	case PHASE_SEGMENTS: break;
	case PHASE_RESTORE:
		restore_hushes(daemon);
		if (daemon->options.restore)
			market_store_restore(daemon->store, on_restored, daemon);
		else
			on_fleet_restored(daemon, STATUS_OK, "");
		break;
	case PHASE_RUN: begin_run(daemon); break;
	case PHASE_DRAIN:
		sources_stop(daemon->sources);
		if (daemon->budgets)
			budgets_stop(daemon->budgets);
		daemon->drain_until_ns = loop_now_ns(daemon->loop) + drain_patience_ns;
		if (daemon->telegramming)
			telegramming_drain(daemon->telegramming, daemon_people_drained, daemon);
		else
			daemon_drain_fleet(daemon);
		break;
	case PHASE_STOP: daemon_begin_stop(daemon); break;
	case PHASE_ENDED: loop_stop(daemon->loop); break;
	}
}

/* ---- events of the segments ---- */

static void on_segments_ready(void *ctx)
{
	struct daemon *daemon = ctx;
	if (daemon->phase != PHASE_SEGMENTS)
		return;
	daemon->segments_ready_ns = loop_precise_ns() - daemon->created_ns;
	if (daemon->stop_wanted)
		daemon_enter(daemon, PHASE_STOP);
	else
		daemon_enter(daemon, PHASE_RESTORE);
}

static void on_segments_failed(void *ctx, const struct err *err) { daemon_fail(ctx, err); }

static void on_segment_up(void *ctx, enum segment segment)
{
	struct daemon *daemon = ctx;
	if (daemon->phase != PHASE_RUN)
		return;
	log_line(LOG_INFO, "store", "segment %s answers again", segment_row(segment)->name);
	if (segment == SEGMENT_RMS)
		market_store_reconnected(daemon->store);
	if (daemon->terminals)
		terminals_reconnected(daemon->terminals, segment);
}

static void on_segment_down(void *ctx, enum segment segment, const struct err *why)
{
	struct daemon *daemon = ctx;
	if (daemon->terminals)
		terminals_disconnected(daemon->terminals, segment);
	log_line(LOG_WARN, "store", "segment %s does not answer: %s", segment_row(segment)->name,
		 why->text);
}

struct segment_events daemon_segment_events(struct daemon *daemon)
{
	return (struct segment_events){
		.on_ready = on_segments_ready,
		.on_failed = on_segments_failed,
		.on_up = on_segment_up,
		.on_down = on_segment_down,
		.ctx = daemon,
	};
}

/* ---- its life ---- */

enum status daemon_create(const struct daemon_options *options, struct daemon **out,
			  struct err *err)
{
	struct daemon *daemon = calloc(1, sizeof *daemon);
	if (!daemon)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	daemon->options = *options;
	daemon->config = options->config;
	enum status status = daemon_build(daemon, err);
	if (status) {
		daemon_fail(daemon, err);
		daemon_run(daemon); /* closes what was opened */
		daemon_destroy(daemon);
		return status;
	}
	*out = daemon;
	return STATUS_OK;
}

int daemon_run(struct daemon *daemon)
{
	if (!daemon->loop)
		return daemon->exit_status;
	if (!daemon->options.store && daemon->phase == PHASE_SEGMENTS)
		daemon_enter(daemon, PHASE_RUN);
	if (daemon->phase != PHASE_ENDED)
		loop_run(daemon->loop);
	return daemon->exit_status;
}

void daemon_stop(struct daemon *daemon)
{
	daemon->stop_wanted = true;
	if (daemon->phase == PHASE_RUN)
		daemon_enter(daemon, PHASE_DRAIN);
	else if (daemon->phase == PHASE_RESTORE)
		daemon_enter(daemon, PHASE_STOP);
}

void daemon_flush(struct daemon *daemon)
{
	if (daemon->store)
		market_store_flush(daemon->store);
}

/* Who is destroyed later finds neither people nor their rules. */
static void destroy_people(struct daemon *daemon)
{
	struct telegramming *telegramming = daemon->telegramming;
	daemon->telegramming = NULL;
	daemon->rules = NULL;
	daemon->world.rules = NULL;
	telegramming_destroy(telegramming);
	secret_wipe(&daemon->telegram_token);
}

void daemon_destroy(struct daemon *daemon)
{
	if (!daemon)
		return;
	control_destroy(daemon->control);
	if (daemon->picturing) /* made after the end, by a command that only looks */
		picturing_close(daemon->picturing, NULL, NULL);
	sources_destroy(daemon->sources);
	budgets_destroy(daemon->budgets);
	accounting_destroy(daemon->accounting);
	archiving_destroy(daemon->archiving);
	terminals_destroy(daemon->terminals);
	metering_destroy(daemon->metering);
	destroy_people(daemon);
	daemon_free_markets(daemon);
	daemon_free_alerts(daemon);
	alerts_destroy(daemon->alerts);
	state_folder_close(daemon->folder);
	loop_destroy(daemon->loop);
	config_destroy(daemon->reloaded);
	free(daemon);
}
