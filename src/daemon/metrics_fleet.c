/* What the fleet, its gate, its stores and its deliveries count. */
#include "base/check.h"
#include "daemon/metrics_print.h"
#include "daemon/terminals.h"
#include "store/execution_store.h"
#include "trade/limits.h"

static void put_labelled(struct buf *out, enum metric metric, const char *label, uint64_t value)
{
	const struct str word = str_of(label);
	metric_sample(out, metric, &word, 1, value);
}

void metrics_core_put(const struct fleet *fleet, struct buf *out)
{
	struct fleet_counts found = fleet_counts(fleet);
	const struct fleet_counts *counts = &found;
	metric_head(out, METRIC_fleet_terminals);
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++)
		put_labelled(out, METRIC_fleet_terminals, instance_state_text(state),
			     counts->states[state]);
	metrics_put(out, METRIC_fleet_suspect, counts->suspect);
	metrics_put(out, METRIC_fleet_held, counts->held);
	metrics_put(out, METRIC_fleet_connected, counts->connected);
	metrics_put(out, METRIC_fleet_guarded, counts->guarded);
	metric_head(out, METRIC_fleet_events);
	for (enum fleet_event_kind kind = 0; kind < FLEET_EVENTS; kind++)
		put_labelled(out, METRIC_fleet_events, fleet_event_text(kind),
			     counts->events[kind]);
	metric_head(out, METRIC_fleet_actions);
	for (enum fleet_action_kind kind = 0; kind < FLEET_ACTIONS; kind++)
		put_labelled(out, METRIC_fleet_actions, fleet_action_text(kind),
			     counts->actions[kind]);
	metrics_put(out, METRIC_fleet_refused_moves, counts->refused_moves);
}

static void put_cuts(const struct gate_counts *counts, struct buf *out)
{
	const struct {
		const char *reason;
		uint64_t value;
	} cuts[] = {
		{ "bad_mac", counts->bad_mac },     { "blocked", counts->blocked },
		{ "no_hello", counts->no_hello },   { "lease", counts->lease },
		{ "bad_frame", counts->bad_frame }, { "bad_verb", counts->bad_verb },
		{ "bad_seq", counts->bad_seq },     { "too_fast", counts->too_fast },
		{ "too_slow", counts->too_slow },   { "too_long", counts->too_long },
		{ "full", counts->full },
	};
	metric_head(out, METRIC_gate_cut);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
		put_labelled(out, METRIC_gate_cut, cuts[i].reason, cuts[i].value);
}

static void put_gate(const struct gate_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_gate_accepted, counts->accepted);
	metrics_put(out, METRIC_gate_live, counts->live);
	metrics_put(out, METRIC_gate_agents, counts->agents);
	metrics_put(out, METRIC_gate_frames, counts->frames);
	metrics_put(out, METRIC_gate_frames_sent, counts->frames_sent);
	metrics_put(out, METRIC_gate_bytes, counts->bytes);
	metrics_put(out, METRIC_gate_bytes_sent, counts->bytes_sent);
	metrics_put(out, METRIC_gate_repeated, counts->repeated);
	metrics_put(out, METRIC_gate_resumed, counts->resumed);
	put_cuts(counts, out);
	metrics_put(out, METRIC_gate_commands, counts->commands);
	metrics_put(out, METRIC_gate_commands_lost, counts->commands_lost);
}

static void put_results(const struct result_store_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_results_recorded, counts->results);
	metrics_put(out, METRIC_results_repeated, counts->repeated);
	metrics_put(out, METRIC_results_unread, counts->unread);
	metrics_put(out, METRIC_results_refused, counts->refused);
	metrics_put(out, METRIC_results_waiting, counts->waiting_bytes);
	metrics_put(out, METRIC_results_failed, counts->failed);
	metrics_put(out, METRIC_results_spilled, counts->spilled);
	metrics_put(out, METRIC_results_spilled_waiting, counts->spilled_bytes);
	metrics_put(out, METRIC_results_replayed, counts->replayed);
	metrics_put(out, METRIC_results_spill_failed, counts->spill_failed);
}

static void put_signal_store(const struct signal_store_counts *store, struct buf *out)
{
	metrics_put(out, METRIC_signals_read, store->read);
	metrics_put(out, METRIC_signals_unreadable, store->unreadable);
	metrics_put(out, METRIC_signals_added, store->added);
	metrics_put(out, METRIC_signals_joined, store->joined);
	metrics_put(out, METRIC_signals_add_failed, store->add_failed);
	metrics_put(out, METRIC_signals_add_full, store->add_full);
}

void metrics_deliveries_put(const struct deliveries *deliveries, struct buf *out)
{
	struct deliveries_counts found = deliveries_counts(deliveries);
	const struct deliveries_counts *counts = &found;
	metrics_put(out, METRIC_signals_repeated, counts->repeated);
	metrics_put(out, METRIC_signals_refused, counts->refused);
	metrics_put(out, METRIC_signals_sent, counts->sent);
	metrics_put(out, METRIC_signals_received, counts->received);
	metrics_put(out, METRIC_signals_expired, counts->expired);
	metrics_put(out, METRIC_signals_waiting, counts->waiting);
	metrics_put(out, METRIC_signals_in_flight, counts->in_flight);
	metric_head(out, METRIC_signals_ended);
	for (enum delivery_bucket bucket = 0; bucket < DELIVERY_BUCKETS; bucket++)
		put_labelled(out, METRIC_signals_ended, delivery_bucket_text(bucket),
			     counts->ended[bucket]);
}

static void put_limits(const struct limits_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_limits_refused, counts->refused);
	metrics_put(out, METRIC_limits_settled_early, counts->settled_early);
	metric_head(out, METRIC_limits_lost);
	put_labelled(out, METRIC_limits_lost, "scopes", counts->scopes_lost);
	put_labelled(out, METRIC_limits_lost, "accounts", counts->accounts_lost);
	metrics_put(out, METRIC_limits_deals_repeated, counts->deals_repeated);
	metrics_put(out, METRIC_limits_accounts, counts->accounts);
}

static void put_executions(const struct execution_store_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_execution_steps, counts->steps);
	metrics_put(out, METRIC_execution_dropped, counts->dropped);
	metrics_put(out, METRIC_execution_failed, counts->failed);
}

static void put_closed(const struct account_store_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_closed_moved, counts->moved);
	metrics_put(out, METRIC_closed_moving, counts->moving);
	metric_head(out, METRIC_closed_failed);
	put_labelled(out, METRIC_closed_failed, "full", counts->moves_refused);
	put_labelled(out, METRIC_closed_failed, "try", counts->moves_failed);
	put_labelled(out, METRIC_closed_failed, "lost", counts->moves_lost);
}

static void put_trade(struct terminals *terminals, struct buf *out)
{
	struct result_store_counts results = result_store_counts(terminals_results(terminals));
	struct signal_store_counts store = signal_store_counts(terminals_signals(terminals));
	struct limits_counts limits = limits_counts(terminals_limits(terminals));
	struct execution_store_counts executions =
	    execution_store_counts(terminals_executions(terminals));
	struct account_store_counts accounts = account_store_counts(terminals_accounts(terminals));
	put_results(&results, out);
	put_signal_store(&store, out);
	metrics_deliveries_put(terminals_deliveries(terminals), out);
	put_limits(&limits, out);
	put_executions(&executions, out);
	put_closed(&accounts, out);
}

static void put_instances(const struct instance_store_counts *counts, struct buf *out)
{
	metrics_put(out, METRIC_instance_batches, counts->batches);
	metrics_put(out, METRIC_instance_failed, counts->failed);
	metrics_put(out, METRIC_instance_rows, counts->chunk_rows);
	metrics_put(out, METRIC_instance_chunks_lost, counts->chunks_lost);
	metrics_put(out, METRIC_instance_events_lost, counts->events_lost);
}

void metrics_fleet_print(struct daemon *daemon, struct buf *out)
{
	struct terminals *terminals = daemon_terminals(daemon);
	if (!terminals)
		return;
	struct gate_counts gate = gate_counts(terminals_gate(terminals));
	struct instance_store_counts instances =
	    instance_store_counts(terminals_instances(terminals));
	metrics_core_put(terminals_fleet(terminals), out);
	put_gate(&gate, out);
	put_trade(terminals, out);
	put_instances(&instances, out);
	metrics_instances_put(terminals_fleet(terminals), out);
}
