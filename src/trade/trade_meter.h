/* trade_meter.h - what is counted of signals, their ends, results and updates of trades, for
 * metrics; and the newest METER_IDS signals, results and trades by their ids.
 *
 * What is counted has no ids: its size does not depend on how much there was. Told by who sees
 * it happen; time is told. Fixed memory, no allocation after create: 500 KB. Pure; one thread. */
#pragma once

#include "base/spread.h"
#include "trade/deliveries.h"

enum { METER_IDS = 1000, METER_TRADE_MAX = 88, METER_SIGNAL_MAX = 64 };

enum meter_action {
#define SIGNAL_NEEDS(act, keys) METER_##act,
#include "def/signals.def"
#undef SIGNAL_NEEDS
	METER_OTHER_ACTION, /* one that is not known, or is not there */
	METER_ACTIONS
};
enum meter_end { METER_DONE, METER_FAILED, METER_DROPPED, METER_ENDS };
enum meter_status {
	METER_ST_DONE,
	METER_ST_PART,
	METER_ST_FAIL,
	METER_ST_EXP,
	METER_ST_REFUSED,
	METER_ST_UNK,
	METER_ST_OTHER,
	METER_STATUSES
};
const char *meter_action_text(enum meter_action action); /* "open" … "other" */
const char *meter_end_text(enum meter_end end);          /* "done" "failed" "dropped" */
const char *meter_status_text(enum meter_status status); /* "done" … "other" */

struct meter_counts {
	uint64_t taken[METER_ACTIONS];
	uint64_t ended[METER_ACTIONS][METER_ENDS]; /* deliveries */
	uint64_t results[METER_STATUSES];
	struct spread signal_s, execution_s, slippage_points, update_s;
	/* Of updates and of their writes; sums of microseconds. */
	double updates_timed, update_us, set_us;
};

struct meter_signal {
	char id[METER_SIGNAL_MAX + 1];
	enum meter_action action;
	uint32_t ended[METER_ENDS];
	double latency_ms; /* of the newest end; below 0: none */
};

struct meter_result {
	char rid[RESULT_RID_MAX + 1];
	enum meter_status status;
	bool has_slippage, has_execution;
	double slippage, execution_ms;
};

struct meter_trade {
	char id[METER_TRADE_MAX + 1];      /* INSTANCE-POSITION */
	double update_us, set_us, read_us; /* below 0: none */
	int64_t second;                    /* of the newest update, and how many in it and before */
	uint8_t updates[10];
};

struct trade_meter;

struct trade_meter *trade_meter_create(void);        /* NULL: no memory */
void trade_meter_destroy(struct trade_meter *meter); /* NULL is fine */
/* An entry of trade_signals, taken in for the first time. */
void trade_meter_signal(struct trade_meter *meter, uint64_t sid, struct str id, struct str act);
/* A delivery whose end is recorded, once. */
void trade_meter_end(struct trade_meter *meter, const struct delivery_end *end);
void trade_meter_result(struct trade_meter *meter, const struct result *result);
/* A trade's state was written: since its terminal's word of it came, and since it was sent;
 * below 0: not measured. */
void trade_meter_update(struct trade_meter *meter, struct str instance, uint64_t position,
			int64_t whole_ns, int64_t set_ns, int64_t now_ms);
/* Price and profit alone: counts for a trade that is among the newest, and brings none in. */
void trade_meter_quiet(struct trade_meter *meter, struct str instance, uint64_t position,
		       int64_t now_ms);
void trade_meter_read(struct trade_meter *meter, struct str instance, uint64_t position,
		      int64_t took_ns);

const struct meter_counts *trade_meter_counts(const struct trade_meter *meter);
/* The newest first; NULL: no more. */
const struct meter_signal *trade_meter_signal_at(const struct trade_meter *meter, size_t back);
const struct meter_result *trade_meter_result_at(const struct trade_meter *meter, size_t back);
const struct meter_trade *trade_meter_trade_at(const struct trade_meter *meter, size_t back);
/* Updates a second over the last 10 s. */
double meter_trade_rate(const struct meter_trade *trade, int64_t now_ms);
