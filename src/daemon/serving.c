#include "daemon/serving.h"

#include <stdlib.h>

#include "base/check.h"
#include "daemon/serving_impl.h"
#include "daemon/terminals.h"
#include "serve/push.h"

/* One a connection, one for the signals that are held, one for WebSockets. */
size_t serving_timers(const struct config *config)
{
	return (size_t)config_i64(config, CONFIG_serve_room) + 2;
}

/* ---- beginning ---- */

static struct serve_hooks hooks_of(struct serving *serving)
{
	const struct serving_config *config = &serving->config;
	struct serve_hooks hooks = {
		.ask = serving_ask,
		.metrics = serving_metrics,
		.metrics_design = serving_metrics_design,
		.metrics_ids = serving_metrics_ids,
		.now = serving_now,
		.markets = serving_markets,
		.bars = serving_bars,
		.bar = serving_bar,
		.alerts = serving_alerts,
		.alert_say = serving_alert_say,
		.ready = serving_ready,
		.chart = serving_chart,
		.intake = serving_intake,
		.ctx = serving,
	};
	if (daemon_terminals(config->daemon)) {
		hooks.fleet = serving_fleet;
		hooks.terminal = serving_terminal;
	}
	if (config->world->rules)
		hooks.alert_test = serving_alert_test;
	if (daemon_budgets(config->daemon))
		hooks.memory = serving_memory;
	if (serving->sink.signals)
		hooks.signal = serving_signal;
	if (serving->sink.signals || config->writer)
		hooks.trace = serving_trace;
	if (config->writer) {
		hooks.query = serving_query;
		hooks.ledger = serving_ledger;
	}
	if (serving->sessions) {
		hooks.state_get = serving_state_get;
		hooks.state_put = serving_state_put;
		hooks.session_end = serving_session_end;
	}
	return hooks;
}

static enum status open_sessions(struct serving *serving, struct err *err)
{
	struct segments *segments = daemon_segments(serving->config.daemon);
	if (!segments || !segments_status(segments, SEGMENT_RSS).wanted)
		return STATUS_OK;
	serving->sessions = session_store_create(segments_redis(segments, SEGMENT_RSS),
						 loop_clock(serving->loop), 0);
	return serving->sessions ? STATUS_OK
				 : err_set(err, STATUS_NO_MEMORY, "no memory for the sessions");
}

static bool has_tls(const struct config *config)
{
	return config_str(config, CONFIG_serve_tls_cert).len > 0;
}

static enum status check_settings(const struct config *config, struct err *err)
{
	char host[64];
	uint16_t port;
	config_address(config, CONFIG_serve_listen, host, &port);
	if (has_tls(config) != (config_str(config, CONFIG_serve_tls_key).len > 0))
		return err_set(err, STATUS_INVALID,
			       "serve.tls_cert and serve.tls_key: one without the other");
	return serve_check_listener(host, has_tls(config),
				    config_str(config, CONFIG_serve_tokens_file).len > 0, err);
}

static enum status build(struct serving *serving, struct err *err)
{
	const struct config *config = serving->config.config;
	enum status status = check_settings(config, err);
	if (!status)
		status = open_sessions(serving, err);
	const struct serve_config serve = {
		.clock = loop_clock(serving->loop),
		.hooks = hooks_of(serving),
		.tokens_file = config_str(config, CONFIG_serve_tokens_file).ptr,
		.hosts = config_str(config, CONFIG_serve_hosts).ptr,
	};
	return status ? status : serve_create(&serve, &serving->serve, err);
}

static void free_serving(struct serving *serving)
{
	timers_cancel(loop_timers(serving->loop), &serving->push_timer);
	session_store_destroy(serving->sessions);
	serve_destroy(serving->serve);
	buf_deinit(&serving->ledger.text);
	free(serving);
}

enum status serving_create(const struct serving_config *config, struct serving **out,
			   struct err *err)
{
	if (!config_str(config->config, CONFIG_serve_listen).len)
		return STATUS_OK;
	struct serving *serving = calloc(1, sizeof *serving);
	if (!serving)
		return err_set(err, STATUS_NO_MEMORY, "serve: out of memory");
	serving->config = *config;
	serving->loop = daemon_loop(config->daemon);
	serving->created_ns = loop_now_ns(serving->loop);
	buf_init(&serving->ledger.text, SERVING_LEDGER_BYTES);
	serving->held_end = &serving->held;
	serving->held_timer = (struct timer){ .fn = serving_release, .ctx = serving };
	struct terminals *terminals = daemon_terminals(config->daemon);
	if (terminals)
		serving->sink = (struct signal_sink){ terminals_signal_store(terminals),
						      terminals_trade_core(terminals) };
	enum status status = build(serving, err);
	if (status)
		free_serving(serving);
	else
		*out = serving;
	return status;
}

static void run_push(void *ctx)
{
	struct serving *serving = ctx;
	serve_step(serving->serve);
	loop_timer_after(serving->loop, &serving->push_timer, PUSH_STEP_MS * INT64_C(1000000));
}

enum status serving_start(struct serving *serving, struct err *err)
{
	const struct config *config = serving->config.config;
	bool tls = has_tls(config);
	char host[64];
	struct http_server_config server = {
		.host = host,
		.cert_file = tls ? config_str(config, CONFIG_serve_tls_cert).ptr : NULL,
		.key_file = tls ? config_str(config, CONFIG_serve_tls_key).ptr : NULL,
		.connections_max = (size_t)config_i64(config, CONFIG_serve_room),
		.headers = serve_headers(),
		.events = { serve_request, serving->serve },
	};
	config_address(config, CONFIG_serve_listen, host, &server.port);
	serve_set_rate(serving->serve, config_i64(config, CONFIG_serve_rate));
	serving->push_timer = (struct timer){ .fn = run_push, .ctx = serving };
	run_push(serving);
	return http_server_open(serving->loop, &server, &serving->server, err);
}

enum status serving_configure(struct serving *serving, const struct config *config, struct err *err)
{
	serving->config.config = config;
	serve_set_rate(serving->serve, config_i64(config, CONFIG_serve_rate));
	return serve_set_tokens(serving->serve, config_str(config, CONFIG_serve_tokens_file).ptr,
				err);
}

void serving_refuse(struct serving *serving, const char *why) { serving->refuse_why = why; }

uint16_t serving_port(const struct serving *serving)
{
	return serving->server ? http_server_port(serving->server) : 0;
}

const struct http_server_stats *serving_stats(const struct serving *serving)
{
	static const struct http_server_stats none;
	return serving->server ? http_server_stats(serving->server) : &none;
}

const struct push_counts *serving_push_counts(const struct serving *serving)
{
	return serve_push_counts(serving->serve);
}

const struct serve_counts *serving_counts(const struct serving *serving)
{
	return serve_counts(serving->serve);
}

/* ---- the end ---- */

void serving_begin(struct serving *serving) { serving->waiting++; }

void serving_end(struct serving *serving)
{
	CHECK(serving->waiting > 0);
	if (!--serving->waiting && serving->is_closed)
		free_serving(serving);
}

/* The owner is told when nobody is connected; what was asked of the stores may still end. */
static void on_server_closed(void *ctx)
{
	struct serving *serving = ctx;
	void (*fn)(void *ctx) = serving->on_closed;
	void *fn_ctx = serving->on_closed_ctx;
	serving->server = NULL;
	serving->is_closed = true;
	serving_end(serving);
	if (fn)
		fn(fn_ctx);
}

void serving_close(struct serving *serving, void (*fn)(void *ctx), void *ctx)
{
	serving->on_closed = fn;
	serving->on_closed_ctx = ctx;
	serving->is_closing = true;
	serving_begin(serving);
	serving_drop_held(serving);
	timers_cancel(loop_timers(serving->loop), &serving->push_timer);
	if (serving->server)
		http_server_close(serving->server, on_server_closed, serving);
	else
		on_server_closed(serving);
}
