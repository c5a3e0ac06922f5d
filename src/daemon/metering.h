/* metering.h - what /metrics shows and nobody else counts: rates and mean times of the newest
 * 10 s, the length of trade_signals (asked once a second), what printing costs; and the trade
 * meter (trade/trade_meter.h), which the fleet's wires tell.
 *
 *   create → start (each second from now; segments and terminals may be NULL) → stop → destroy
 *
 * Mean times are those of the newest 10 s in which there was any. Uses one timer; no allocation
 * after create. Loop thread. */
#pragma once

#include "base/rise.h"
#include "daemon/terminals.h"
#include "trade/trade_meter.h"

struct metering;

struct metering_mean {
	bool known;
	double value;
};

struct metering_segment {
	struct metering_mean commands_per_s, read_us, write_us;
};

struct metering_facts {
	struct metering_segment segments[SEGMENT_COUNT];
	struct metering_mean updates_per_s, update_us, set_us;
	struct metering_mean signal_ms, slippage_points, execution_ms;
	bool has_stream;
	uint64_t stream_length; /* trade_signals */
};

struct metering *metering_create(struct loop *loop); /* NULL: no memory */
void metering_destroy(struct metering *metering);    /* NULL is fine; stopped, ports closed */
void metering_start(struct metering *metering, struct segments *segments,
		    struct terminals *terminals);
void metering_stop(struct metering *metering);
struct trade_meter *metering_trade(struct metering *metering);
const struct metering_facts *metering_facts(const struct metering *metering);

/* A page was printed: its cost and, of /metrics, its samples. */
void metering_printed(struct metering *metering, int64_t began_ns, struct str page);
const struct hist *metering_prints(const struct metering *metering);
uint64_t metering_series(const struct metering *metering);
