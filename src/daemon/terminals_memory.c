/* What is done about memory that runs out, as far as the terminals have it. */
#include "daemon/terminals_impl.h"
#include "memory/valve.h"

enum { HISTORY_THIN_MS = 10000, HISTORY_HOURS = 6 };

static bool acts(uint32_t actions, enum valve_action action) { return actions >> action & 1; }

void terminals_shed(struct terminals *terminals, uint32_t actions)
{
	bool trades = acts(actions, VALVE_BIT_fleet_rts);
	bool results = acts(actions, VALVE_BIT_fleet_rtrs);
	instance_store_thin(terminals->instances,
			    acts(actions, VALVE_BIT_history_rows) ? HISTORY_THIN_MS : 0);
	instance_store_keep(terminals->instances,
			    acts(actions, VALVE_BIT_history_age) ? HISTORY_HOURS : 0);
	execution_store_pause(terminals->executions, acts(actions, VALVE_BIT_logs));
	deliveries_refuse_opening(terminals->deliveries, trades ? "memory" : NULL);
	terminals_step(terminals);
	fleet_throttle(terminals->fleet, trades || results);
	terminals_arm(terminals);
}
