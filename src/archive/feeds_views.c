#include "archive/feeds_views.h"

#define NEWEST(table, key)                                                                         \
	{                                                                                          \
		TABLE_##table, "v_" #table,                                                        \
		    "SELECT * FROM " #table " QUALIFY row_number() OVER (PARTITION BY " key        \
		    " ORDER BY rowid DESC) = 1"                                                    \
	}

static const struct feeds_view views[] = {
	NEWEST(bars_1m, "market, minute_us"),
	NEWEST(alert_log, "rule, scope, first_us"),
	NEWEST(indicator_values, "market, timeframe, bar_us, name"),
	NEWEST(instance_minutes, "instance, minute_us"),
};

const struct feeds_view *feeds_view_at(size_t index)
{
	return index < sizeof views / sizeof views[0] ? &views[index] : NULL;
}
