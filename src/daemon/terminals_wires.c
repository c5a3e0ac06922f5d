/* Who tells whom: the fleet's events and actions, what comes through the gate, what the
 * stores have recorded. Policy stands in the cores; here are only wires. */
#include "base/check.h"
#include "base/crash.h"
#include "base/log.h"
#include "daemon/archiving.h"
#include "daemon/terminals_impl.h"
#include "trade/trade_meter.h"

enum { FLAT_WAIT_MS = 30000 };

/* ---- from the fleet ---- */

static void on_event(void *ctx, const struct fleet_event *event)
{
	struct terminals *terminals = ctx;
	bool grave = event->kind == FLEET_FAILED || event->kind == FLEET_SOCKET ||
		     event->kind == FLEET_DEGRADED || event->kind == FLEET_NETWORK;
	bool quiet = event->suppressed || event->repeat;
	log_line(quiet   ? LOG_DEBUG
		 : grave ? LOG_WARN
			 : LOG_INFO,
		 "fleet", "%s %s: %s to %s, %s", event->instance->identity.id,
		 fleet_event_text(event->kind), instance_state_text(event->from),
		 instance_state_text(event->to), event->reason);
	instance_store_event(terminals->instances, event);
}

static void on_moved(void *ctx, const struct instance *instance, enum instance_state from)
{
	struct terminals *terminals = ctx;
	instance_store_moved(terminals->instances, instance, from);
	terminals->config.on_moved(terminals->config.ctx, instance, from);
	deliveries_rate(terminals->deliveries, instance->slot, instance->rate);
	int64_t above = config_i64(terminals->config.config, CONFIG_fleet_refuse_queue);
	deliveries_refuse(terminals->deliveries, instance->slot,
			  instance->refuses ? (uint32_t)above : UINT32_MAX);
}

static void on_position(void *ctx, const struct instance *instance, enum position_change change,
			const struct position *position)
{
	struct terminals *terminals = ctx;
	account_store_position(terminals->accounts, instance, change, position);
}

/* To the terminal itself; what cannot be said now is kept by the gate until it is back. */
static void command(struct terminals *terminals, const struct fleet_action *action, enum gate_op op)
{
	const struct gate_command what = {
		.op = op,
		.rate = action->rate,
		.for_ms = action->for_ms,
		.code = 75,
		.wait_ms = action->wait_ms,
		.clean = action->clean,
		.flat = action->flat,
		.key = op == GATE_SET ? "trim" : NULL,
		.value = op == GATE_SET ? "1" : NULL,
	};
	enum status status = gate_command(terminals->gate, action->instance->slot, &what);
	if (status == STATUS_UNAVAILABLE)
		log_line(LOG_WARN, "fleet", "%s: no down number for the command now",
			 action->instance->identity.id);
}

/* To the host: its agent, or the operator's programs. False: nobody is there to do it. */
static bool host(struct terminals *terminals, const struct fleet_action *action, enum gate_op op)
{
	const struct instance *instance = action->instance;
	const struct config *config = terminals->config.config;
	struct str start = config_str(config, CONFIG_fleet_start_command);
	struct str stop = config_str(config, CONFIG_fleet_stop_command);
	/* Positions are closed first: the process has to live until they are. */
	int64_t wait_ms =
	    action->flat && action->wait_ms < FLAT_WAIT_MS ? FLAT_WAIT_MS : action->wait_ms;
	const struct gate_command what = {
		.op = op, .wait_ms = wait_ms, .clean = action->clean, .code = 75
	};
	if (gate_agent_command(terminals->gate, instance->slot, &what) != STATUS_NOT_FOUND)
		return true;
	const char *id = instance->identity.id;
	int64_t after_ns = wait_ms * 1000000;
	enum status status = STATUS_NOT_FOUND;
	if (op == GATE_STOP || op == GATE_RESTART)
		status = host_commands_run(terminals->commands, stop, id, false, after_ns);
	if (op == GATE_START || op == GATE_RESTART)
		status = host_commands_run(terminals->commands, start, id, action->clean, after_ns);
	return status == STATUS_OK;
}

static void restart(struct terminals *terminals, const struct fleet_action *action)
{
	if (action->instance->connected)
		command(terminals, action, GATE_RESTART);
	if (!host(terminals, action, GATE_RESTART) && !action->instance->connected)
		log_line(LOG_WARN, "fleet",
			 "%s cannot be restarted: it is not connected, its host has no agent, and "
			 "fleet.start_command is not set",
			 action->instance->identity.id);
}

/* One that is connected runs: it takes signals again. */
static void start(struct terminals *terminals, const struct fleet_action *action)
{
	if (action->instance->connected)
		command(terminals, action, GATE_START);
	else
		host(terminals, action, GATE_START);
}

static void stop(struct terminals *terminals, const struct fleet_action *action)
{
	if (action->instance->connected)
		command(terminals, action, GATE_STOP);
	host(terminals, action, GATE_STOP);
}

static void on_action(void *ctx, const struct fleet_action *action)
{
	struct terminals *terminals = ctx;
	uint32_t slot = action->instance->slot;
	log_line(LOG_INFO, "fleet", "%s: %s, %s", action->instance->identity.id,
		 fleet_action_text(action->kind), action->reason);
	switch (action->kind) {
	case FLEET_THROTTLE:
		deliveries_rate(terminals->deliveries, slot, (uint32_t)action->rate);
		command(terminals, action, GATE_THROTTLE);
		break;
	case FLEET_RECONNECT:
		if (action->instance
			->connected) /* not kept for later: it would cut what is whole */
			command(terminals, action, GATE_RECONNECT);
		break;
	case FLEET_PROBE:
		if (action->instance->connected)
			gate_probe(terminals->gate, slot);
		break;
	case FLEET_SNAPSHOT: command(terminals, action, GATE_SNAPSHOT); break;
	case FLEET_TRIM: command(terminals, action, GATE_SET); break;
	case FLEET_CLOSE: gate_close(terminals->gate, slot, -1); break;
	case FLEET_RESTART: restart(terminals, action); break;
	case FLEET_STOP: stop(terminals, action); break;
	case FLEET_START: start(terminals, action); break;
	case FLEET_POKE: host(terminals, action, GATE_POKE); break;
	case FLEET_DELIVER:
		deliveries_open(terminals->deliveries, slot, action->instance->rate);
		break;
	case FLEET_PAUSE: deliveries_pause(terminals->deliveries, slot); break;
	case FLEET_UNKNOWN: deliveries_unknown(terminals->deliveries, slot); break;
	case FLEET_DROP: deliveries_drop(terminals->deliveries, slot, action->reason); break;
	case FLEET_ACTIONS: break;
	}
}

struct fleet_hooks terminals_fleet_hooks(struct terminals *terminals)
{
	return (struct fleet_hooks){ on_event, on_moved, on_action, on_position, terminals };
}

/* ---- from the gate ---- */

/* What a terminal reported of an order, for its own numbers. */
static void observe_result(struct terminals *terminals, uint32_t slot,
			   const struct mfp_frame *frame)
{
	const struct instance *instance = fleet_at(terminals->fleet, slot);
	if (mfp_has(frame, MFP_result_ex))
		fleet_observe(terminals->fleet, slot, SAMPLE_lat, mfp_number(frame, MFP_result_ex));
	if (mfp_has(frame, MFP_result_slp))
		fleet_observe(terminals->fleet, slot, SAMPLE_slp,
			      mfp_number(frame, MFP_result_slp));
	if (!str_eq(mfp_raw(frame, MFP_result_st), STR("fail")))
		return;
	struct number failed = instance->latest.values[SAMPLE_fail];
	failed.mantissa++;
	fleet_observe(terminals->fleet, slot, SAMPLE_fail, failed);
}

static enum status on_record(struct terminals *terminals, const struct instance *instance,
			     int64_t epoch_ms, uint64_t seq, const struct mfp_frame *frame)
{
	struct result result;
	const struct result_owner owner = {
		.instance = str_of(instance->identity.id),
		.server = str_of(instance->server),
		.login = instance->login,
	};
	int64_t now_ms = loop_wall_ns(terminals->config.loop) / 1000000;
	uint64_t tag = 0;
	enum status status = result_of_frame(&result, frame, &owner, now_ms);
	if (status) /* longer than any result: its number is recorded, the loss is said */
		log_line(LOG_ERROR, "gate", "%s: frame %llu does not fit a result: %s",
			 instance->identity.id, (unsigned long long)seq, status_text(status));
	else if (frame->verb == MFP_VERB_result) {
		uint64_t sid = (uint64_t)mfp_i64(frame, MFP_result_sid, 0);
		result.fields[RESULT_id] = deliveries_id(terminals->deliveries, sid);
		tag = deliveries_result(terminals->deliveries, instance->slot, &result);
		observe_result(terminals, instance->slot, frame);
	}
	enum status taken = result_store_take(terminals->results, instance->slot, epoch_ms, seq,
					      status ? NULL : &result, tag);
	if (!status && !taken) {
		if (terminals->config.on_result)
			terminals->config.on_result(terminals->config.ctx, &result);
		trade_meter_result(terminals->config.meter, &result);
		terminals_note_deal(terminals, instance, &result, now_ms);
		account_store_result(terminals->accounts, instance, &result);
	}
	return taken;
}

static void on_answer(struct terminals *terminals, const struct instance *instance,
		      const struct mfp_frame *frame)
{
	if (mfp_has(frame, MFP_ack_sid))
		deliveries_ack(terminals->deliveries, instance->slot, frame);
}

static enum status on_reliable(void *ctx, const struct instance *instance, int64_t epoch_ms,
			       uint64_t seq, const struct mfp_frame *frame)
{
	struct terminals *terminals = ctx;
	enum status status;
	if (frame->verb == MFP_VERB_result || frame->verb == MFP_VERB_deal) {
		status = on_record(terminals, instance, epoch_ms, seq, frame);
	} else {
		status =
		    result_store_take(terminals->results, instance->slot, epoch_ms, seq, NULL, 0);
		if (!status && frame->verb == MFP_VERB_ack)
			on_answer(terminals, instance, frame);
	}
	terminals_arm(terminals);
	return status;
}

static void on_mark(void *ctx, const struct instance *instance, int64_t epoch_ms,
		    struct gate_mark *mark)
{
	struct terminals *terminals = ctx;
	struct result_store_mark held = result_store_mark(terminals->results, instance->slot);
	*mark = (struct gate_mark){
		.up = held.epoch_ms == epoch_ms ? held.up : 0,
		.deal = held.deal,
		.deal_ms = held.deal_ms,
	};
}

static void on_welcome(void *ctx, const struct instance *instance, uint64_t down)
{
	struct terminals *terminals = ctx;
	deliveries_resume(terminals->deliveries, instance->slot, down);
	terminals_arm(terminals);
}

static void on_gone(void *ctx, const struct instance *instance)
{
	struct terminals *terminals = ctx;
	deliveries_gone(terminals->deliveries, instance->slot);
	terminals_arm(terminals);
}

static void on_state(void *ctx, const struct instance *instance)
{
	struct terminals *terminals = ctx;
	instance_store_sample(terminals->instances, instance);
	if (terminals->config.archiving)
		archiving_sample(terminals->config.archiving, instance);
}

static void on_account(void *ctx, const struct instance *instance)
{
	struct terminals *terminals = ctx;
	account_store_account(terminals->accounts, instance);
	if (terminals->config.archiving)
		archiving_account(terminals->config.archiving, instance);
}

static void on_quote(void *ctx, const struct instance *instance, const struct mfp_frame *frame)
{
	account_store_quote(((struct terminals *)ctx)->accounts, instance, frame);
}

/* Its results stay: they are the archive's. */
static void on_removed(void *ctx, const struct instance *instance)
{
	struct terminals *terminals = ctx;
	deliveries_remove(terminals->deliveries, instance->slot);
	instance_store_forget(terminals->instances, instance);
	account_store_forget(terminals->accounts, instance);
	result_store_forget(terminals->results, instance);
}

static uint64_t next_down(void *ctx)
{
	return signal_store_next_down(((struct terminals *)ctx)->signals);
}

/* Input comes before timers in a turn: who knows the time is told it first. */
static void on_turn(void *ctx)
{
	struct terminals *terminals = ctx;
	terminals->config.step_alerts(terminals->config.ctx);
	terminals_step(terminals);
}

static void on_note(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_WARN, "gate", "%s", line);
}

struct gate_hooks terminals_gate_hooks(struct terminals *terminals)
{
	return (struct gate_hooks){
		.on_reliable = on_reliable,
		.mark = on_mark,
		.on_welcome = on_welcome,
		.on_gone = on_gone,
		.on_state = on_state,
		.on_account = on_account,
		.on_quote = on_quote,
		.on_removed = on_removed,
		.next_down = next_down,
		.on_turn = on_turn,
		.on_note = on_note,
		.ctx = terminals,
	};
}

/* ---- from the stores ---- */

static void on_durable(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	gate_durable(((struct terminals *)ctx)->gate, slot, epoch_ms, seq);
}

static void on_recorded(void *ctx, uint64_t tag)
{
	struct terminals *terminals = ctx;
	crash_point(CRASH_result_put);
	deliveries_recorded(terminals->deliveries, tag);
	terminals_arm(terminals);
}

struct result_store_hooks terminals_result_hooks(struct terminals *terminals)
{
	return (struct result_store_hooks){ on_durable, on_recorded, terminals };
}

static bool on_signal(void *ctx, const struct signal_entry *entry)
{
	struct terminals *terminals = ctx;
	const struct delivery_entry what = {
		.id = { entry->id.ms, entry->id.seq },
		.sid = entry->sid,
		.keys = entry->keys,
		.values = entry->values,
		.count = entry->count,
		.fault = entry->fault,
		.again = entry->again,
		.members = entry->members,
		.member_count = entry->member_count,
	};
	deliveries_step(terminals->deliveries, loop_wall_ns(terminals->config.loop) / 1000000);
	bool is_new = terminals_meter_is_new(terminals, entry);
	bool taken = deliveries_take(terminals->deliveries, &what);
	if (taken && is_new)
		terminals_meter_signal(terminals, entry);
	terminals_arm(terminals);
	return taken;
}

static void on_routed(void *ctx, uint64_t sid, enum status status)
{
	struct terminals *terminals = ctx;
	deliveries_routed(terminals->deliveries, sid, status);
	terminals_arm(terminals);
}

struct signal_store_hooks terminals_signal_hooks(struct terminals *terminals)
{
	return (struct signal_store_hooks){ on_signal, on_routed, terminals };
}

/* ---- from the deliveries ---- */

static enum status send_signal(void *ctx, uint32_t slot, struct str line)
{
	enum status status = gate_send(((struct terminals *)ctx)->gate, slot, line);
	if (!status)
		crash_point(CRASH_signal_sent);
	return status;
}

static enum status keep_route(void *ctx, uint64_t sid, struct delivery_entry_id entry,
			      const struct str *instances, size_t count)
{
	(void)entry; /* the sid says it */
	return signal_store_route(((struct terminals *)ctx)->signals, sid, instances, count);
}

static enum status put_result(void *ctx, const struct result *result, uint64_t tag)
{
	struct terminals *terminals = ctx;
	enum status status = result_store_put(terminals->results, result, tag);
	if (!status) {
		terminals_note_result(terminals, result);
		trade_meter_result(terminals->config.meter, result);
	}
	return status;
}

static void on_delivery(void *ctx, const struct delivery_view *delivery)
{
	struct terminals *terminals = ctx;
	const struct signal_stand stand = {
		.sid = delivery->sid,
		.instance = delivery->instance,
		.id = delivery->id,
		.st = delivery->state == DELIVERY_SENT ? "sent" : "received",
		.down = delivery->down,
		.sent = delivery->sent,
		.sent_ms = delivery->sent_ms,
		.confirmed_ms = delivery->confirmed_ms,
		.expires_ms = delivery->expires_ms,
	};
	signal_store_state(terminals->signals, &stand);
	terminals_note_step(terminals, delivery);
}

static void on_done(void *ctx, uint64_t sid, struct delivery_entry_id entry)
{
	const struct stream_id id = { entry.ms, entry.seq };
	signal_store_done(((struct terminals *)ctx)->signals, sid, id);
}

/* The fleet may be in the middle of telling: it hears of it when the turn ends. */
static void on_queue(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight)
{
	struct terminals *terminals = ctx;
	struct terminal_queue *queue = &terminals->queues[slot];
	queue->waiting = waiting;
	queue->in_flight = in_flight;
	if (!queue->changed)
		terminals->changed[terminals->changed_count++] = slot;
	queue->changed = true;
	loop_at_end(terminals->config.loop, &terminals->queue_task);
}

static bool has_ended(void *ctx, uint64_t sid, struct str instance)
{
	return result_store_ended(((struct terminals *)ctx)->results, sid, instance);
}

struct delivery_hooks terminals_delivery_hooks(struct terminals *terminals)
{
	struct delivery_hooks hooks = {
		.route = keep_route,
		.next_down = next_down,
		.send = send_signal,
		.result = put_result,
		.state = on_delivery,
		.done = on_done,
		.queue = on_queue,
		.has_ended = has_ended,
		.ctx = terminals,
	};
	terminals_members_hooks(&hooks);
	terminals_ended_hook(&hooks);
	return hooks;
}
