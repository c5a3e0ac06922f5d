/* The day's deals in the archive file. On the writer's thread. */
#include <stdlib.h>

#include "daemon/day_loss_impl.h"

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

/* A deal may be in the file twice, as a result and as a deal: the first with money counts. */
#define FIRST "coalesce(arg_min(profit, id) FILTER (WHERE profit <> 0), 0::DECIMAL(18,8))"
static const char newest_deals[] =
    "SELECT server, login, instance, deal_ticket, max(event_us) AS at_us, " FIRST " FROM "
    "(SELECT " WHOSE ", deal_ticket, event_us, " PROFIT ", rowid AS id " OF_DAY
    " ORDER BY event_us DESC, rowid DESC LIMIT $2) GROUP BY server, login, instance, deal_ticket "
    "ORDER BY at_us";

static const char sums_of_part[] =
    "SELECT server, login, instance, 0, $1::BIGINT, CAST(greatest(-9999999999, least(9999999999, "
    "sum(profit))) AS DECIMAL(18,8)) FROM (SELECT server, login, instance, " FIRST " AS "
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

/* ---- which deals it has ---- */

static uint64_t key_of(struct str name, int64_t login, uint64_t deal)
{
	uint64_t key = str_hash(name) ^ (uint64_t)login * UINT64_C(0x9e3779b97f4a7c15);
	key = ((key ^ key >> 29) + deal) * UINT64_C(0xbf58476d1ce4e5b9);
	return key ^ key >> 32;
}

static bool take_known(void *ctx, const struct db_row *row)
{
	struct day_known *known = ctx;
	struct str server = db_row_text(row, 0), instance = db_row_text(row, 2);
	if (known->count == known->room) {
		size_t room = known->room ? 2 * known->room : 4096;
		uint64_t *keys = realloc(known->keys, room * sizeof *keys);
		known->no_room = !keys;
		if (!keys)
			return false;
		known->keys = keys;
		known->room = room;
	}
	uint64_t deal = (uint64_t)db_row_int(row, 3, 0);
	known->keys[known->count++] =
	    server.len ? key_of(server, db_row_int(row, 1, 0), deal) : key_of(instance, 0, deal);
	return known->count < known->most;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

enum status day_known_load(struct archive_db *db, int64_t today_us, struct day_known *known,
			   struct err *err)
{
	enum status status =
	    db_each(db,
		    "SELECT server, login, instance, deal_ticket FROM (SELECT " WHOSE
		    ", deal_ticket, " PROFIT " " OF_DAY ") WHERE profit <> 0",
		    DB_ARGS(DB_INT(today_us)), take_known, known, err);
	if (!status && known->no_room)
		status = err_set(err, STATUS_NO_MEMORY, "no memory for the deals of the day");
	if (!status && known->count)
		qsort(known->keys, known->count, sizeof known->keys[0], compare);
	return status;
}

void day_known_free(struct day_known *known)
{
	free(known->keys);
	known->keys = NULL;
	known->count = known->room = 0;
}

static bool has(const struct day_known *known, uint64_t key)
{
	return known->count &&
	       bsearch(&key, known->keys, known->count, sizeof known->keys[0], compare);
}

bool day_known_has(const struct day_known *known, const struct day_deal *deal, struct str server,
		   int64_t login)
{
	return has(known, key_of(server, login, deal->deal)) ||
	       (deal->instance.len && has(known, key_of(deal->instance, 0, deal->deal)));
}

/* ---- what is no row ---- */

struct letters {
	void (*each)(void *ctx, struct str payload, struct str entry_id);
	void *ctx;
};

static bool take_letter(void *ctx, const struct db_row *row)
{
	const struct letters *letters = ctx;
	letters->each(letters->ctx, db_row_text(row, 0), db_row_text(row, 1));
	return true;
}

enum status day_loss_letters(struct archive_db *db, int64_t today_us,
			     void (*each)(void *ctx, struct str payload, struct str entry_id),
			     void *ctx, struct err *err)
{
	struct letters letters = { each, ctx };
	return db_each(db,
		       "SELECT payload, entry_id FROM retries WHERE origin = 'trade_results' UNION "
		       "ALL SELECT payload, entry_id FROM dead_letters WHERE origin = "
		       "'trade_results' AND at_us >= ? LIMIT 65536",
		       DB_ARGS(DB_INT(today_us)), take_letter, &letters, err);
}
