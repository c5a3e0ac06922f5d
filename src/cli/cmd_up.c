/* weir up: the daemon with a status view. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "daemon/config_file.h"
#include "daemon/daemon.h"
#include "daemon/sources.h"
#include "daemon/status_view.h"
#include "daemon/venue_probe.h"

enum {
	VIEW_BYTES = 64 * 1024,
	RECORDINGS_MAX = 64,
	DEMO_WAITS = 300, /* tenths of a second: then with what is there */
};
static const int64_t view_every_ns = 1000000000;

struct up {
	const struct args *args;
	struct daemon *daemon;
	struct timer timer;
	bool terminal, demo_said;
	int demo_waited; /* how often the history was not there yet */
	bool simulated;
	struct err no_venue; /* why the simulator stands in; "" when it was asked for */
	struct buf view;
};

/* A terminal that was closed ends a weir that was started in it, cleanly. */
static void put_view(struct up *up)
{
	fwrite(up->view.ptr, 1, up->view.len, stdout);
	bool gone = fflush(stdout) != 0 || ferror(stdout);
	buf_clear(&up->view);
	if (!gone || !up->terminal)
		return;
	up->terminal = false;
	log_line(LOG_WARN, "daemon", "the terminal is gone: stopping");
	daemon_stop(up->daemon);
}

/* Home, each line with its old rest cleared, and the screen below. */
static void draw(struct up *up)
{
	struct buf block;
	struct str rest, line;
	buf_init(&block, VIEW_BYTES / 2);
	status_view_print(up->daemon, &block);
	buf_printf(&block, "\nask from another terminal: weir ask /cvd ETH 5m      Ctrl-C ends");
	rest = buf_str(&block);
	buf_printf(&up->view, "\033[H");
	while (str_split(&rest, '\n', &line)) {
		buf_str_put(&up->view, line);
		buf_printf(&up->view, "\033[K\n");
	}
	buf_printf(&up->view, "\033[J");
	buf_deinit(&block);
	put_view(up);
}

/* A newcomer's first answers, once there is something to answer with. */
static void say_demo(struct up *up)
{
	static const char *const questions[] = { "/price BTC", "/cvd ETH 5m", "/flow SOL",
						 "/fleet" };
	if (up->demo_said ||
	    (!sources_complete(daemon_sources(up->daemon)) && ++up->demo_waited < DEMO_WAITS))
		return;
	up->demo_said = true;
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		buf_printf(&up->view, "\n> %s\n", questions[i]);
		daemon_ask(up->daemon, ASK_TEXT, str_of(questions[i]), &up->view);
	}
	buf_printf(&up->view,
		   "\nAsk more from another terminal: build/weir ask /help. Ctrl-C ends this.\n");
	put_view(up);
}

static void on_timer(void *ctx)
{
	struct up *up = ctx;
	if (up->terminal)
		draw(up);
	else if (args_has(up->args, FLAG_demo))
		say_demo(up);
	bool waiting = !up->terminal && !up->demo_said; /* for the history: look again soon */
	loop_timer_after(daemon_loop(up->daemon), &up->timer,
			 waiting ? view_every_ns / 10 : view_every_ns);
}

static void on_ready(void *ctx, struct daemon *daemon)
{
	struct up *up = ctx;
	up->daemon = daemon;
	if (up->terminal)
		buf_printf(&up->view, "\033[2J");
	buf_printf(&up->view,
		   "weir: segments answered after %.0f ms, %zu markets back after %.0f ms\n",
		   (double)daemon_segments_ready_ns(daemon) / 1e6,
		   markets_count(daemon_markets(daemon)), (double)daemon_restored_ns(daemon) / 1e6);
	if (up->no_venue.text[0])
		buf_printf(&up->view, "weir: %s; the simulator stands in\n", up->no_venue.text);
	if (up->simulated)
		buf_printf(&up->view,
			   "weir: *** market data is SIMULATED: no trade shown here ever "
			   "happened ***\n");
	put_view(up);
	up->timer = (struct timer){ .fn = on_timer, .ctx = up };
	loop_timer_after(daemon_loop(daemon), &up->timer, view_every_ns / 10);
}

/* auto: the venues when one answers; else the simulator, and everybody is told. */
static enum daemon_feed choose_auto(struct up *up, const struct config *config)
{
	int64_t patience_ns = config_i64(config, CONFIG_market_live_timeout_ms) * 1000000;
	return venue_probe(config, patience_ns, &up->no_venue) ? DAEMON_FEED_SIMULATOR
							       : DAEMON_FEED_LIVE;
}

static enum daemon_feed choose_feed(struct up *up, const struct config *config, bool recording)
{
	struct str feed = config_str(config, CONFIG_market_feed);
	if (recording)
		return DAEMON_FEED_RECORDING;
	if (str_eq(feed, STR("off")))
		return DAEMON_FEED_NONE;
	if (str_eq(feed, STR("live")))
		return DAEMON_FEED_LIVE;
	if (str_eq(feed, STR("sim")))
		return DAEMON_FEED_SIMULATOR;
	return choose_auto(up, config);
}

static int run(struct up *up, const struct config *config, const char *config_path)
{
	struct err err = { 0 };
	struct daemon *daemon = NULL;
	const char *recordings[RECORDINGS_MAX];
	struct daemon_options options = {
		.config = config,
		.config_path = config_path,
		.state_dir = args_str(up->args, FLAG_state).ptr,
		.store = true,
		.restore = true,
		.stay = true,
		.segments = SEGMENTS_ALL,
		.control = true,
		.fleet = true,
		.archive = true,
		.serve = true,
		.demo = args_has(up->args, FLAG_demo),
		.recording = { .paths = recordings },
		.log_to_state = up->terminal,
		.on_ready = on_ready,
		.ctx = up,
	};
	for (size_t i = 0; i < args_count(up->args, FLAG_replay) && i < RECORDINGS_MAX; i++)
		recordings[options.recording.n_paths++] = args_at(up->args, FLAG_replay, i).ptr;
	options.recording.has_as =
	    args_source(up->args, FLAG_as, &options.recording.venue, &options.recording.kind);
	options.recording.speed = args_speed(up->args, FLAG_speed, 1);
	options.feed = choose_feed(up, config, options.recording.n_paths > 0);
	up->simulated = options.feed == DAEMON_FEED_SIMULATOR;
	if (daemon_create(&options, &daemon, &err))
		return cli_fail(up->args, &err);
	int exit_status = daemon_run(daemon);
	if (exit_status) {
		err_set(&err, STATUS_IO, "%s", daemon_error(daemon));
		cli_fail(up->args, &err);
	} else {
		printf("weir: stopped, the state is in %s\n", options.state_dir);
	}
	timers_cancel(loop_timers(daemon_loop(daemon)), &up->timer);
	daemon_destroy(daemon);
	return exit_status;
}

int cmd_up(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	struct up up = { .args = args, .terminal = isatty(STDOUT_FILENO) };
	const char *config_path = cli_config_path(args);
	if (config_file_load(config_path, &config, NULL, &err))
		return cli_fail(args, &err);
	buf_init(&up.view, VIEW_BYTES);
	int exit_status = run(&up, config, config_path);
	buf_deinit(&up.view);
	config_destroy(config);
	return exit_status;
}
