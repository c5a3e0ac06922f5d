#include "daemon/terminals.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/terminals_impl.h"
#include "os/process.h"

enum { LISTENER_PLAIN, LISTENER_TLS };
enum {
	FILES_BESIDE = 256,   /* segments, venues, logs */
	SESSIONS_BESIDE = 64, /* strangers, and terminals that come again */
	LINGERING = 256,      /* connections that are ending */
};
static const int64_t last_words_ns = 50000000;

struct fleet_settings terminals_settings(const struct config *config)
{
	struct fleet_settings out = fleet_settings_default();
	out.start_ns = config_i64(config, CONFIG_fleet_start_time) * 1000000;
	out.sync_ns = config_i64(config, CONFIG_fleet_sync) * 1000000;
	out.suspect_ns = config_i64(config, CONFIG_fleet_suspect) * 1000000;
	out.dead_ns = config_i64(config, CONFIG_fleet_dead) * 1000000;
	out.grace_ns = config_i64(config, CONFIG_fleet_grace) * 1000000;
	out.recover_ns = config_i64(config, CONFIG_fleet_recover_time) * 1000000;
	out.reset_ns = config_i64(config, CONFIG_fleet_reset) * 1000000;
	out.backoff_ns = config_i64(config, CONFIG_fleet_backoff) * 1000000;
	out.attempts_max = (uint32_t)config_i64(config, CONFIG_fleet_attempts);
	out.lag_ms = config_i64(config, CONFIG_fleet_lag);
	out.memory_budget_mb = (double)config_i64(config, CONFIG_fleet_memory_budget) / 1048576;
	out.rate = (uint32_t)config_i64(config, CONFIG_fleet_rate);
	out.refuse_queue = (uint32_t)config_i64(config, CONFIG_fleet_refuse_queue);
	out.suspect_share = config_number(config, CONFIG_fleet_suspect_share);
	out.load_per_core = config_bool(config, CONFIG_fleet_load_per_core);
	out.recover = config_bool(config, CONFIG_fleet_recover);
	return out;
}

/* ---- time ---- */

static void on_queues(void *ctx)
{
	struct terminals *terminals = ctx;
	uint32_t count = terminals->changed_count;
	terminals->changed_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = terminals->changed[i];
		struct terminal_queue *queue = &terminals->queues[slot];
		queue->changed = false;
		if (fleet_at(terminals->fleet, slot))
			fleet_queue(terminals->fleet, slot, queue->waiting, queue->in_flight);
	}
}

void terminals_step(struct terminals *terminals)
{
	int64_t wall_ms = loop_wall_ns(terminals->config.loop) / 1000000;
	if (!terminals->started)
		return;
	fleet_step(terminals->fleet, loop_now_ns(terminals->config.loop), wall_ms);
	deliveries_step(terminals->deliveries, wall_ms);
	terminals_watch_spill(terminals);
	terminals_arm(terminals);
}

/* Deliveries count in wall time: what they wait for is asked for again at the latest in a
 * second, should the clock jump. */
static void arm(void *ctx)
{
	struct terminals *terminals = ctx;
	struct loop *loop = terminals->config.loop;
	int64_t now_ns = loop_now_ns(loop), now_ms = loop_wall_ns(loop) / 1000000;
	int64_t next_ns = fleet_next_ns(terminals->fleet);
	int64_t next_ms = deliveries_next_ms(terminals->deliveries);
	int64_t wait_ms = next_ms <= now_ms ? 0 : next_ms - now_ms;
	if (!terminals->started)
		return;
	if (wait_ms > 1000)
		wait_ms = 1000;
	if (next_ns > now_ns + wait_ms * 1000000)
		next_ns = now_ns + wait_ms * 1000000;
	timers_arm(loop_timers(loop), &terminals->timer, next_ns);
}

void terminals_arm(struct terminals *terminals)
{
	loop_at_end(terminals->config.loop, &terminals->arm_task);
}

static void on_timer(void *ctx)
{
	struct terminals *terminals = ctx;
	terminals->config.step_alerts(terminals->config.ctx);
	terminals_step(terminals);
}

void terminals_alert(struct terminals *terminals, enum alert_rule rule, struct str scope,
		     bool firing)
{
	fleet_alert(terminals->fleet, rule, scope, firing);
}

/* ---- parts that answer later: restore, drain ---- */

static void part_failed(struct terminals *terminals, enum status status, const char *why)
{
	if (!status || terminals->part_status)
		return;
	terminals->part_status = status;
	terminals->part_why = why;
}

static void on_part_restored(void *ctx, enum status status, const char *why)
{
	struct terminals *terminals = ctx;
	part_failed(terminals, status, why);
	if (--terminals->restoring == 0)
		terminals->on_restored(terminals->ctx, terminals->part_status, terminals->part_why);
}

/* What results were spilled is told with whose they are. */
static void on_instances_restored(void *ctx, enum status status, const char *why)
{
	struct terminals *terminals = ctx;
	result_store_restore(terminals->results, on_part_restored, terminals);
	on_part_restored(terminals, status, why);
}

void terminals_restore(struct terminals *terminals,
		       void (*done)(void *ctx, enum status status, const char *why), void *ctx)
{
	terminals->on_restored = done;
	terminals->ctx = ctx;
	terminals->restoring = 4;
	terminals->part_status = STATUS_OK;
	terminals->part_why = "";
	instance_store_restore(terminals->instances, on_instances_restored, terminals);
	account_store_restore(terminals->accounts, on_part_restored, terminals);
	signal_store_restore(terminals->signals, &terminals->halts, on_part_restored, terminals);
}

static void on_part_drained(void *ctx, enum status status)
{
	struct terminals *terminals = ctx;
	part_failed(terminals, status, "");
	if (--terminals->draining == 0)
		terminals->on_drained(terminals->ctx, terminals->part_status);
}

/* What came in is recorded; terminals keep what was not acknowledged. */
void terminals_drain(struct terminals *terminals, void (*done)(void *ctx, enum status status),
		     void *ctx)
{
	terminals->on_drained = done;
	terminals->ctx = ctx;
	terminals->draining = 4;
	terminals->part_status = STATUS_OK;
	signal_store_stop(terminals->signals);
	instance_store_drain(terminals->instances, on_part_drained, terminals);
	account_store_drain(terminals->accounts, on_part_drained, terminals);
	result_store_drain(terminals->results, on_part_drained, terminals);
	signal_store_drain(terminals->signals, on_part_drained, terminals);
}

/* ---- listeners ---- */

static enum status listen_at(struct terminals *terminals, int which, enum config_id address,
			     struct err *err)
{
	const struct config *config = terminals->config.config;
	char host[64];
	uint16_t port;
	if (!config_str(config, address).len)
		return STATUS_OK;
	config_address(config, address, host, &port);
	const struct line_server_config server = {
		.host = host,
		.port = port,
		.connections_max = (size_t)config_i64(config, CONFIG_fleet_room) + SESSIONS_BESIDE +
				   GATE_REFUSALS + LINGERING,
		.line_bytes_max = MFP_LINE_MAX,
		.outgoing_bytes_max = GATE_OUT_BYTES_MAX,
		.too_long_answer = gate_too_long(),
		.cert_file =
		    which == LISTENER_TLS ? config_str(config, CONFIG_fleet_tls_cert).ptr : NULL,
		.key_file =
		    which == LISTENER_TLS ? config_str(config, CONFIG_fleet_tls_key).ptr : NULL,
		.events = gate_line_events(terminals->gate),
	};
	enum status status = line_server_open(terminals->config.loop, &server,
					      &terminals->listeners[which].server, err);
	return status ? err_wrap(err, status, "fleet.%s", config_row(address)->key) : STATUS_OK;
}

static enum status start_sim(struct terminals *terminals, struct err *err)
{
	const struct line_server *server = terminals->listeners[LISTENER_PLAIN].server;
	if (!terminals->simulated || !server)
		return STATUS_OK;
	return terminals_open_sim(terminals, line_server_port(server), err);
}

enum status terminals_start(struct terminals *terminals, struct err *err)
{
	terminals->started = true;
	terminals_step(terminals);
	instance_store_start(terminals->instances);
	account_store_start(terminals->accounts);
	execution_store_start(terminals->executions);
	signal_store_start(terminals->signals);
	enum status status = listen_at(terminals, LISTENER_PLAIN, CONFIG_fleet_listen, err);
	if (!status)
		status = listen_at(terminals, LISTENER_TLS, CONFIG_fleet_tls_listen, err);
	return status ? status : start_sim(terminals, err);
}

static void on_part_closed(void *ctx)
{
	struct terminals *terminals = ctx;
	if (--terminals->closing == 0)
		terminals->on_closed(terminals->ctx);
}

static void on_sim_closed(void *ctx)
{
	((struct terminals *)ctx)->sim = NULL;
	on_part_closed(ctx);
}

static void on_listener_closed(void *ctx)
{
	struct terminals_listener *listener = ctx;
	listener->server = NULL;
	on_part_closed(listener->terminals);
}

static void on_last_words(void *ctx)
{
	struct terminals *terminals = ctx;
	for (size_t i = 0; i < TERMINALS_LISTENERS; i++) {
		if (!terminals->listeners[i].server)
			continue;
		terminals->closing++;
		line_server_close(terminals->listeners[i].server, on_listener_closed,
				  &terminals->listeners[i]);
	}
	if (terminals->sim) {
		terminals->closing++;
		sim_fleet_close(terminals->sim, on_sim_closed, terminals);
	}
	on_part_closed(terminals);
}

/* Everybody is told to come again, and has a moment to hear it; then connections end. */
void terminals_close(struct terminals *terminals, void (*done)(void *ctx), void *ctx)
{
	terminals->on_closed = done;
	terminals->ctx = ctx;
	terminals->closing = 1; /* this call's own */
	terminals->started = false;
	if (!terminals->listeners[LISTENER_PLAIN].server &&
	    !terminals->listeners[LISTENER_TLS].server) {
		on_part_closed(terminals);
		return;
	}
	gate_stop(terminals->gate);
	loop_timer_after(terminals->config.loop, &terminals->close_timer, last_words_ns);
}

/* ---- build ---- */

static enum status build_stores(struct terminals *terminals, struct err *err)
{
	struct segments *segments = terminals->config.segments;
	struct timers *timers = loop_timers(terminals->config.loop);
	const struct clock_port *clock = loop_clock(terminals->config.loop);
	const struct result_store_hooks results = terminals_result_hooks(terminals);
	const struct signal_store_hooks signals = terminals_signal_hooks(terminals);
	struct fleet *fleet = terminals->fleet;
	terminals->instances =
	    instance_store_create(segments_redis(segments, SEGMENT_RIS), fleet, timers, clock);
	terminals->accounts =
	    account_store_create(segments_redis(segments, SEGMENT_RTS), fleet, timers, clock);
	terminals->results = result_store_create(segments_redis(segments, SEGMENT_RTRS), fleet,
						 timers, clock, &results);
	terminals->signals = signal_store_create(
	    segments_redis(segments, SEGMENT_RTSS), timers, clock,
	    config_bool(terminals->config.config, CONFIG_streams_packed), &signals);
	const struct execution_store_hooks executions = terminals_execution_hooks(terminals);
	terminals->executions = execution_store_create(segments_redis(segments, SEGMENT_RLS),
						       segments_redis(segments, SEGMENT_RTRS),
						       timers, clock, &executions);
	if (!terminals->instances || !terminals->accounts || !terminals->results ||
	    !terminals->signals || !terminals->executions)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the fleet's stores");
	result_store_use_packing(terminals->results,
				 config_bool(terminals->config.config, CONFIG_streams_packed));
	terminals_meter_accounts(terminals);
	terminals_meet_archive(terminals);
	return terminals_open_spill(terminals, err);
}

static enum status build_gate(struct terminals *terminals, uint32_t room, struct err *err)
{
	const struct config *config = terminals->config.config;
	const struct gate_hooks hooks = terminals_gate_hooks(terminals);
	const struct gate_config gate = {
		.server = "weir/" WEIR_VERSION,
		.state_ms = 1000,
		.account_ms = 1000,
		.dead_ms = config_i64(config, CONFIG_fleet_dead),
		.hello_ns = INT64_C(10000000000),
		.probe_ns = INT64_C(5000000000),
		.ack_ns = 5000000,
		.sessions_max = room + SESSIONS_BESIDE,
	};
	terminals->gate = gate_create(&gate, terminals->fleet, loop_timers(terminals->config.loop),
				      loop_clock(terminals->config.loop), &hooks);
	if (!terminals->gate)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the gate");
	return gate_set_tokens(terminals->gate, terminals->tokens, err);
}

static enum status build_cores(struct terminals *terminals, uint32_t room, struct err *err)
{
	const struct fleet_settings settings = terminals_settings(terminals->config.config);
	const struct fleet_hooks hooks = terminals_fleet_hooks(terminals);
	uint64_t seed = (uint64_t)loop_wall_ns(terminals->config.loop);
	terminals->fleet = fleet_create(room, &settings, terminals->config.alerts, seed, &hooks);
	terminals->commands = host_commands_create(terminals->config.loop);
	terminals->queues = calloc(room, sizeof terminals->queues[0]);
	terminals->changed = calloc(room, sizeof terminals->changed[0]);
	if (!terminals->fleet || !terminals->commands || !terminals->queues || !terminals->changed)
		return err_set(err, STATUS_NO_MEMORY, "no memory for %u terminals", room);
	return terminals_build_trade(terminals, room, err);
}

enum status terminals_create(const struct terminals_config *config, struct terminals **out,
			     struct err *err)
{
	struct terminals *terminals = calloc(1, sizeof *terminals);
	uint32_t room = (uint32_t)config_i64(config->config, CONFIG_fleet_room);
	if (!terminals)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the fleet");
	uint64_t files = process_raise_files();
	if (files < room + FILES_BESIDE)
		log_line(LOG_WARN, "fleet",
			 "only %llu files may be open: room for fewer than the %u terminals of "
			 "fleet.room (ulimit -n)",
			 (unsigned long long)files, room);
	terminals->config = *config;
	terminals->timer = (struct timer){ .fn = on_timer, .ctx = terminals };
	terminals->close_timer = (struct timer){ .fn = on_last_words, .ctx = terminals };
	terminals->queue_task = (struct loop_task){ .fn = on_queues, .ctx = terminals };
	terminals->arm_task = (struct loop_task){ .fn = arm, .ctx = terminals };
	for (size_t i = 0; i < TERMINALS_LISTENERS; i++)
		terminals->listeners[i].terminals = terminals;
	enum status status = terminals_read_tokens(terminals, err);
	if (!status)
		status = build_cores(terminals, room, err);
	if (!status)
		status = build_stores(terminals, err);
	if (!status)
		status = build_gate(terminals, room, err);
	if (status) {
		terminals_destroy(terminals);
		return status;
	}
	*out = terminals;
	return STATUS_OK;
}

void terminals_destroy(struct terminals *terminals)
{
	if (!terminals)
		return;
	CHECK(!terminals->sim);
	timers_cancel(loop_timers(terminals->config.loop), &terminals->timer);
	timers_cancel(loop_timers(terminals->config.loop), &terminals->close_timer);
	loop_task_cancel(&terminals->queue_task);
	loop_task_cancel(&terminals->arm_task);
	gate_destroy(terminals->gate);
	instance_store_destroy(terminals->instances);
	account_store_destroy(terminals->accounts);
	result_store_destroy(terminals->results);
	signal_store_destroy(terminals->signals);
	execution_store_destroy(terminals->executions);
	host_commands_destroy(terminals->commands);
	terminals_destroy_trade(terminals);
	fleet_destroy(terminals->fleet);
	tokens_destroy(terminals->tokens);
	free(terminals->queues);
	free(terminals->changed);
	free(terminals);
}

void terminals_configure(struct terminals *terminals, const struct config *config)
{
	struct err err = { 0 };
	const struct fleet_settings settings = terminals_settings(config);
	struct tokens *old = terminals->tokens;
	terminals->config.config = config;
	fleet_configure(terminals->fleet, &settings);
	if (terminals_configure_trade(terminals, config))
		log_line(LOG_ERROR, "fleet", "limits and symbols stay as they were: %s",
			 status_text(STATUS_NO_MEMORY));
	enum status status = terminals_read_tokens(terminals, &err);
	if (!status)
		status = gate_set_tokens(terminals->gate, terminals->tokens, &err);
	if (!status) {
		tokens_destroy(old);
		terminals_step(terminals);
		return;
	}
	log_line(LOG_ERROR, "fleet", "the tokens stay as they were: %s", err.text);
	if (terminals->tokens != old)
		tokens_destroy(terminals->tokens);
	terminals->tokens = old;
	status = gate_set_tokens(terminals->gate, old, &err);
	CHECK(status == STATUS_OK); /* there was room for them before */
	terminals_step(terminals);
}

void terminals_reconnected(struct terminals *terminals, enum segment segment)
{
	if (segment == SEGMENT_RIS)
		instance_store_reconnected(terminals->instances);
	else if (segment == SEGMENT_RTS)
		account_store_reconnected(terminals->accounts);
	else if (segment == SEGMENT_RTRS)
		result_store_reconnected(terminals->results);
	else if (segment == SEGMENT_RLS)
		execution_store_reconnected(terminals->executions);
	else if (segment == SEGMENT_RTSS)
		signal_store_reconnected(terminals->signals);
}

void terminals_disconnected(struct terminals *terminals, enum segment segment)
{
	if (segment == SEGMENT_RTRS)
		result_store_disconnected(terminals->results);
}

void terminals_flush_history(struct terminals *terminals, uint32_t slot)
{
	instance_store_flush(terminals->instances, fleet_at(terminals->fleet, slot));
}

/* ---- for those who look ---- */

struct fleet *terminals_fleet(struct terminals *terminals) { return terminals->fleet; }

const struct gate *terminals_gate(const struct terminals *terminals) { return terminals->gate; }

const struct line_server *terminals_listener(const struct terminals *terminals)
{
	return terminals->listeners[LISTENER_PLAIN].server;
}

const struct line_server *terminals_tls_listener(const struct terminals *terminals)
{
	return terminals->listeners[LISTENER_TLS].server;
}

const struct result_store *terminals_results(const struct terminals *terminals)
{
	return terminals->results;
}

const struct instance_store *terminals_instances(const struct terminals *terminals)
{
	return terminals->instances;
}

const struct account_store *terminals_accounts(const struct terminals *terminals)
{
	return terminals->accounts;
}

const struct signal_store *terminals_signals(const struct terminals *terminals)
{
	return terminals->signals;
}

const struct deliveries *terminals_deliveries(const struct terminals *terminals)
{
	return terminals->deliveries;
}

const struct limits *terminals_limits(const struct terminals *terminals)
{
	return terminals->limits;
}

const struct execution_store *terminals_executions(const struct terminals *terminals)
{
	return terminals->executions;
}

bool terminals_simulated(const struct terminals *terminals) { return terminals->simulated; }
