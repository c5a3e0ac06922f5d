#include "archive/db_views.h"

#include "base/check.h"

#define TRADE_SUMS                                                                                 \
	"count(*) AS trades, "                                                                     \
	"count(*) FILTER (pnl + commission + swap + fee > 0) AS wins, "                            \
	"sum(volume) AS volume, sum(commission) AS commission, sum(swap) AS swap, "                \
	"sum(fee) AS fee, sum(pnl) AS pnl, sum(pnl + commission + swap + fee) AS net "             \
	"FROM v_trades GROUP BY ALL"
#define TRADE_DAY "make_timestamp(closed_us)::DATE AS day, "

#define RESULT_SUMS                                                                                \
	"count(*) AS results, count(*) FILTER (status = 'done') AS done, "                         \
	"count(*) FILTER (status = 'part') AS part, count(*) FILTER (status = 'fail') AS fail, "   \
	"count(*) FILTER (status = 'exp') AS exp, "                                                \
	"count(*) FILTER (status = 'refused') AS refused, "                                        \
	"count(*) FILTER (status = 'unk') AS unk, "                                                \
	"avg(slippage_points) AS slippage_points, max(slippage_points) AS slippage_points_max, "   \
	"avg(execution_ms) AS execution_ms, max(execution_ms) AS execution_ms_max, "               \
	"sum(commission) AS commission, sum(swap) AS swap, sum(fee) AS fee, sum(pnl) AS pnl "      \
	"FROM trade_results GROUP BY ALL"
#define RESULT_DAY "make_timestamp(event_us)::DATE AS day, "

static const struct db_view_row views[] = {
	{ "v_trades", "closed trades, each once: as it was told last",
	  "SELECT * FROM trades QUALIFY row_number() OVER "
	  "(PARTITION BY trade_id ORDER BY batch_id DESC, deals DESC, rowid DESC) = 1" },
	{ "v_dead_letters", "dead letters, each once: as it died last",
	  "SELECT * FROM dead_letters QUALIFY row_number() OVER "
	  "(PARTITION BY origin, letter_id ORDER BY at_us DESC, rowid DESC) = 1" },
	{ "v_daily", "trades by the day they closed", "SELECT " TRADE_DAY TRADE_SUMS },
	{ "v_daily_broker", "trades by broker and day", "SELECT server, " TRADE_DAY TRADE_SUMS },
	{ "v_daily_account", "trades by account and day",
	  "SELECT server, login, " TRADE_DAY TRADE_SUMS },
	{ "v_daily_instance", "trades by instance and day",
	  "SELECT instance, " TRADE_DAY TRADE_SUMS },
	{ "v_broker", "trades by broker", "SELECT server, " TRADE_SUMS },
	{ "v_account", "trades by account", "SELECT server, login, " TRADE_SUMS },
	{ "v_instance", "trades by instance", "SELECT instance, " TRADE_SUMS },
	{ "v_results_daily", "results by the day they happened", "SELECT " RESULT_DAY RESULT_SUMS },
	{ "v_results_daily_broker", "results by broker and day",
	  "SELECT server, " RESULT_DAY RESULT_SUMS },
	{ "v_results_daily_account", "results by account and day",
	  "SELECT server, login, " RESULT_DAY RESULT_SUMS },
	{ "v_results_daily_instance", "results by instance and day",
	  "SELECT instance, " RESULT_DAY RESULT_SUMS },
};

const struct db_view_row *db_view_row(size_t index)
{
	return index < ARRAY_LEN(views) ? &views[index] : NULL;
}
