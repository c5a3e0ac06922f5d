/* The day's deals in the archive file. On the writer's thread. */
#include "daemon/day_loss.h"

/* Grouped in parts, so that the groups of one fit DuckDB's memory. */
enum { PART_ROWS = 400000 };

#define MONEY(column) "coalesce(" column ", 0)::DECIMAL(38,8)"
#define PROFIT                                                                                     \
	"CAST(greatest(-9999999999, least(9999999999, " MONEY("pnl") " + " MONEY(                  \
	    "commission") " + " MONEY("swap") " + " MONEY("fee") ")) AS DECIMAL(18,8)) AS profit"
#define OF_DAY                                                                                     \
	"FROM trade_results WHERE event_us >= $1 AND deal_ticket > 0 AND (side IS NULL OR side "   \
	"IN ('buy', 'sell'))"
#define WHOSE                                                                                      \
	"coalesce(server, '') AS server, coalesce(login, 0) AS login, CASE WHEN server IS NULL "   \
	"THEN coalesce(instance, '') ELSE '' END AS instance"

/* A deal may be in the file twice, as a result and as a deal: the first counts. */
static const char newest_deals[] =
    "SELECT server, login, instance, deal_ticket, max(event_us) AS at_us, arg_min(profit, id) FROM "
    "(SELECT " WHOSE ", deal_ticket, event_us, " PROFIT ", rowid AS id " OF_DAY
    " ORDER BY event_us DESC, rowid DESC LIMIT $2) GROUP BY server, login, instance, deal_ticket "
    "ORDER BY at_us";

static const char sums_of_part[] =
    "SELECT server, login, instance, 0, $1::BIGINT, CAST(greatest(-9999999999, least(9999999999, "
    "sum(profit))) AS DECIMAL(18,8)) FROM (SELECT server, login, instance, arg_min(profit, id) AS "
    "profit FROM (SELECT " WHOSE ", deal_ticket, " PROFIT ", rowid AS id " OF_DAY
    " AND hash(deal_ticket) % $2 = $3) GROUP BY server, login, instance, deal_ticket) GROUP BY "
    "server, login, instance";

struct telling {
	void (*each)(void *ctx, const struct day_deal *deal);
	void *ctx;
	bool has_sums;
};

static bool take(void *ctx, const struct db_row *row)
{
	const struct telling *telling = ctx;
	struct day_deal deal = { .server = db_row_text(row, 0),
				 .login = db_row_int(row, 1, 0),
				 .instance = db_row_text(row, 2),
				 .deal = (uint64_t)db_row_int(row, 3, 0),
				 .at_us = db_row_int(row, 4, 0),
				 .profit = db_row_int(row, 5, 0) };
	telling->each(telling->ctx, &deal);
	if (!telling->has_sums || !deal.deal)
		return true;
	deal.deal = 0; /* it is in the sum, too */
	deal.profit = -deal.profit;
	telling->each(telling->ctx, &deal);
	return true;
}

enum status day_loss_of_file(struct archive_db *db, int64_t today_us, size_t newest,
			     void (*each)(void *ctx, const struct day_deal *deal), void *ctx,
			     struct err *err)
{
	struct telling telling = { .each = each, .ctx = ctx };
	int64_t rows = 0;
	enum status status =
	    db_scalar(db, "SELECT count(*) " OF_DAY, DB_ARGS(DB_INT(today_us)), 0, &rows, err);
	telling.has_sums = rows > (int64_t)newest;
	int64_t parts = telling.has_sums ? rows / PART_ROWS + 1 : 0;
	for (int64_t part = 0; part < parts && !status; part++)
		status = db_each(db, sums_of_part,
				 DB_ARGS(DB_INT(today_us), DB_INT(parts), DB_INT(part)), take,
				 &telling, err);
	if (status)
		return status;
	return db_each(db, newest_deals, DB_ARGS(DB_INT(today_us), DB_INT((int64_t)newest)), take,
		       &telling, err);
}
