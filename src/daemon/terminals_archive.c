/* The archive's side of the terminals: ends of deliveries, closed trades, steps on the way,
 * and halts, which operators give. */
#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving.h"
#include "daemon/day_loss.h"
#include "daemon/terminals_impl.h"
#include "os/files.h"
#include "trade/trade_meter.h"

/* ---- ends of deliveries ---- */

static void tell_end(struct terminals *terminals, const struct delivery_end *end)
{
	const struct execution_step step = {
		.sid = end->sid,
		.instance = end->instance,
		.kind = DELIVERY_STEP_ENDED,
		.at_ms = end->ended_ms,
		.sent = end->sent,
		.why = end->why.len ? end->why : end->st,
	};
	execution_store_step(terminals->executions, &step);
	if (end->unknown_ms)
		execution_store_matched(terminals->executions, end->sid, end->instance);
}

static enum delivery_told on_ended(void *ctx, const struct delivery_end *end)
{
	struct terminals *terminals = ctx;
	if (!terminals->config.archiving) {
		execution_store_archived(terminals->executions, end->sid, end->instance);
		trade_meter_end(terminals->config.meter, end);
		return DELIVERY_TOLD_GONE;
	}
	enum delivery_told told = archiving_delivery(terminals->config.archiving, end);
	if (told == DELIVERY_TOLD_KEPT)
		tell_end(terminals, end);
	if (told != DELIVERY_TOLD_LATER)
		trade_meter_end(terminals->config.meter, end);
	return told;
}

void terminals_ended_hook(struct delivery_hooks *hooks) { hooks->ended = on_ended; }

void terminals_delivery_archived(struct terminals *terminals, uint64_t tag, uint64_t sid,
				 struct str instance)
{
	execution_store_archived(terminals->executions, sid, instance);
	deliveries_archived(terminals->deliveries, tag);
	terminals_arm(terminals);
}

/* ---- steps, for people who look on ---- */

void terminals_note_step(struct terminals *terminals, const struct delivery_view *view)
{
	bool sent = view->state == DELIVERY_SENT;
	const struct execution_step step = {
		.sid = view->sid,
		.instance = view->instance,
		.kind = sent ? DELIVERY_STEP_SENT : DELIVERY_STEP_CONFIRMED,
		.at_ms = sent ? view->sent_ms : view->confirmed_ms,
		.sent = view->sent,
	};
	execution_store_step(terminals->executions, &step);
}

void terminals_note_result(struct terminals *terminals, const struct result *result)
{
	uint64_t sid;
	if (!str_eq(result->fields[RESULT_st], STR("unk")) ||
	    str_to_u64(result->fields[RESULT_sid], &sid))
		return;
	const struct execution_unknown unknown = {
		.sid = sid,
		.instance = result->fields[RESULT_ins],
		.id = result->fields[RESULT_id],
		.since_ms = loop_wall_ns(terminals->config.loop) / 1000000,
		.why = result->fields[RESULT_why],
	};
	execution_store_unknown(terminals->executions, &unknown);
}

struct sought {
	struct str instance;
	bool found;
};

static void look(void *ctx, const struct delivery_view *view)
{
	struct sought *sought = ctx;
	sought->found |= str_eq(view->instance, sought->instance);
}

static bool is_under_way(void *ctx, uint64_t sid, struct str instance)
{
	struct terminals *terminals = ctx;
	struct sought sought = { .instance = instance };
	deliveries_each(terminals->deliveries, sid, look, &sought);
	return sought.found;
}

struct execution_store_hooks terminals_execution_hooks(struct terminals *terminals)
{
	return (struct execution_store_hooks){ is_under_way, terminals };
}

/* ---- results that their segment refuses ---- */

static void on_spilled(void *ctx, const struct str *values) { day_loss_of_values(ctx, values); }

enum status terminals_open_spill(struct terminals *terminals, struct err *err)
{
	char path[PATH_BYTES_MAX];
	enum status status =
	    path_format(path, err, "%s/spill/trade_results", terminals->config.state_dir);
	const struct spill_config config = {
		.loop = terminals->config.loop,
		.path = path,
		.bytes_max = (uint64_t)config_i64(terminals->config.config, CONFIG_archive_spill),
	};
	if (!status)
		status = spill_open(&config, &terminals->spill, err);
	if (!status)
		result_store_use_spill(terminals->results, terminals->spill);
	result_store_tell_spilled(terminals->results, on_spilled, terminals);
	return status;
}

void terminals_save_room(struct terminals *terminals, bool saving)
{
	result_store_save_room(terminals->results, saving);
}

static void watch_stuck(struct terminals *terminals)
{
	char storage[192];
	struct buf text = buf_over(storage, sizeof storage);
	const char *why = result_store_stuck(terminals->results);
	if (why)
		buf_printf(&text, "results are not acknowledged: %s", why);
	alert_value(terminals->config.alerts, ALERT_results_stuck,
		    str_of(segment_row(SEGMENT_RTRS)->name), why != NULL, buf_str(&text));
	if (terminals->stuck == (why != NULL))
		return;
	terminals->stuck = why != NULL;
	log_line(why ? LOG_ERROR : LOG_INFO, "fleet",
		 why ? "new signals are refused until results can be kept"
		     : "results are kept again: new signals are taken");
	terminals->config.on_refuse(terminals->config.ctx, why ? "disk" : NULL);
}

void terminals_watch_spill(struct terminals *terminals)
{
	char storage[128];
	watch_stuck(terminals);
	struct buf text = buf_over(storage, sizeof storage);
	uint64_t bytes = result_store_counts(terminals->results).spilled_bytes;
	if (bytes)
		buf_printf(&text, "%llu bytes of results wait in the spill file",
			   (unsigned long long)bytes);
	alert_value(terminals->config.alerts, ALERT_results_spill,
		    str_of(segment_row(SEGMENT_RTRS)->name), (double)bytes, buf_str(&text));
}

void terminals_end(struct terminals *terminals, void (*fn)(void *ctx), void *ctx)
{
	struct spill *spill = terminals->spill;
	terminals->spill = NULL;
	if (!spill) {
		fn(ctx);
		return;
	}
	result_store_leave_spill(terminals->results);
	spill_close(spill, fn, ctx);
}

/* ---- closed trades ---- */

static void on_closed_found(void *ctx, struct str instance, uint64_t position)
{
	struct terminals *terminals = ctx;
	archiving_closed(terminals->config.archiving, instance, position);
}

void terminals_meet_archive(struct terminals *terminals)
{
	if (terminals->config.archiving)
		account_store_with_archive(terminals->accounts, on_closed_found, terminals);
	else
		account_store_without_archive(terminals->accounts);
}

void terminals_trade_archived(struct terminals *terminals, const struct trade_sum *trade)
{
	account_store_archived(terminals->accounts, str_of(trade->instance),
			       (uint64_t)trade->position, trade);
}

/* ---- what was before ---- */

void terminals_remember(struct terminals *terminals, struct str id, uint64_t sid)
{
	deliveries_remember(terminals->deliveries, id, sid);
}

void terminals_remember_deal(struct terminals *terminals, struct str server, int64_t login,
			     uint64_t deal, int64_t at_ms, int64_t profit)
{
	limits_step(terminals->limits, loop_wall_ns(terminals->config.loop) / 1000000);
	limits_deal(terminals->limits, server, login, deal, at_ms, profit);
}

/* ---- what operators and the disk stop ---- */

void terminals_refuse_signals(struct terminals *terminals, const char *why)
{
	deliveries_refuse_all(terminals->deliveries, why);
	terminals_step(terminals);
}

static void on_halts_written(void *ctx, enum status status)
{
	(void)ctx;
	if (status)
		log_line(LOG_WARN, "fleet", "the halts are not in segment rtss yet: %s",
			 status_text(status));
}

/* Known here, it holds at once; that it is written matters for the next start. */
static void write_halts(struct terminals *terminals)
{
	enum status status =
	    signal_store_write_halts(terminals->signals, on_halts_written, terminals);
	if (status && status != STATUS_FULL)
		on_halts_written(terminals, status);
}

enum status terminals_halt(struct terminals *terminals, struct str scope, struct err *err)
{
	enum status status = halts_add(&terminals->halts, scope);
	if (status == STATUS_EXISTS)
		return err_set(err, status, "is halted already");
	if (status)
		return err_set(err, status, "%s",
			       status == STATUS_FULL ? "too many halts" : "is no scope");
	deliveries_halted(terminals->deliveries);
	write_halts(terminals);
	terminals_step(terminals);
	return STATUS_OK;
}

enum status terminals_resume(struct terminals *terminals, struct str scope, struct err *err)
{
	if (halts_lift(&terminals->halts, scope))
		return err_set(err, STATUS_NOT_FOUND, "is not halted");
	write_halts(terminals);
	terminals_step(terminals);
	return STATUS_OK;
}

const struct halts *terminals_halts(const struct terminals *terminals) { return &terminals->halts; }

struct signal_store *terminals_signal_store(struct terminals *terminals)
{
	return terminals->signals;
}

struct deliveries *terminals_trade_core(struct terminals *terminals)
{
	return terminals->deliveries;
}
