/* What is asked of an exchange, page by page, and what its answers say to the book. */
#include "base/check.h"
#include "feed/account_link_impl.h"

enum { HOUR_MS = 3600000 };
static const int64_t week_ms = INT64_C(7) * 24 * HOUR_MS, day_ms = INT64_C(24) * HOUR_MS,
		     history_ms = INT64_C(30) * 24 * HOUR_MS;

/* Weights: the venues' pages, 2026; Bybit counts requests. */
static const struct account_ask asks[] = {
	{ VENUE_BINANCE, ACCOUNT_SAID_SPOT, KIND_SPOT, "/api/v3/account", "omitZeroBalances=true",
	  20 },
	{ VENUE_BINANCE, ACCOUNT_SAID_PERP, KIND_PERP, "/fapi/v3/balance", "", 5 },
	{ VENUE_BINANCE, ACCOUNT_SAID_POSITIONS, KIND_PERP, "/fapi/v3/positionRisk", "", 5 },
	{ VENUE_BINANCE, ACCOUNT_SAID_INCOME, KIND_PERP, "/fapi/v1/income", "limit=1000", 30 },
	{ VENUE_BYBIT, ACCOUNT_SAID_UNIFIED, KIND_SPOT, "/v5/account/wallet-balance",
	  "accountType=UNIFIED", 1 },
	{ VENUE_BYBIT, ACCOUNT_SAID_POSITIONS, KIND_SPOT, "/v5/position/list",
	  "category=linear&limit=200", 1 },
	{ VENUE_BYBIT, ACCOUNT_SAID_INCOME, KIND_SPOT, "/v5/position/closed-pnl",
	  "category=linear&limit=100", 1 },
};

/* Positions of Bybit are asked for coin by coin, one after the other as pages are. */
static const char *const settle_coins[] = { "USDT", "USDC" };

const struct account_ask *account_ask_row(enum venue venue, enum account_answer answer)
{
	size_t i = 0;
	while (i < ARRAY_LEN(asks) && (asks[i].venue != venue || asks[i].answer != answer))
		i++;
	CHECK(i < ARRAY_LEN(asks));
	return &asks[i];
}

const char *account_time_path(enum venue venue, enum kind host)
{
	if (venue == VENUE_BYBIT)
		return "/v5/market/time";
	return host == KIND_SPOT ? "/api/v3/time" : "/fapi/v1/time";
}

uint32_t account_link_answers(enum venue venue, uint32_t kinds)
{
	uint32_t answers = venue == VENUE_BYBIT ? 1u << ACCOUNT_SAID_UNIFIED : 0;
	if (venue == VENUE_BINANCE && kinds >> KIND_SPOT & 1)
		answers |= 1u << ACCOUNT_SAID_SPOT;
	if (!(kinds >> KIND_PERP & 1))
		return answers;
	if (venue == VENUE_BINANCE)
		answers |= 1u << ACCOUNT_SAID_PERP;
	return answers | 1u << ACCOUNT_SAID_POSITIONS | 1u << ACCOUNT_SAID_INCOME;
}

/* ---- spans of income ---- */

static const struct account *account_of(const struct account_link *link)
{
	return accounts_at(link->config.accounts, link->config.slot);
}

static int64_t hour_of(int64_t t_ms) { return t_ms - t_ms % HOUR_MS; }

/* The venue's clock went back behind what was read: that is begun anew. */
static void check_income(struct account_link *link, int64_t now_ms)
{
	if (link->income_to_ms - now_ms > HOUR_MS)
		link->income_to_ms = 0;
}

/* First the newest day; then, poll by poll, from the hour before the end of what was read;
 * in between backwards, week by week. */
static void choose_span(struct account_link *link, int64_t now_ms)
{
	struct account_span *span = &link->span;
	int64_t oldest_ms = hour_of(now_ms) - history_ms;
	check_income(link, now_ms);
	int64_t known_ms = account_of(link)->pnl_from_ms;
	bool behind = !link->income_to_ms || now_ms - link->income_to_ms > HOUR_MS / 60;
	if (behind || known_ms <= oldest_ms) {
		int64_t from_ms = link->income_to_ms ? hour_of(link->income_to_ms) - HOUR_MS
						     : hour_of(now_ms) - day_ms;
		span->from_ms = from_ms > oldest_ms ? from_ms : oldest_ms;
		span->to_ms =
		    now_ms + 1 < span->from_ms + week_ms ? now_ms + 1 : span->from_ms + week_ms;
	} else {
		span->to_ms = known_ms;
		span->from_ms = known_ms - week_ms > oldest_ms ? known_ms - week_ms : oldest_ms;
	}
	span->at_ms = span->from_ms;
}

/* True: there is more history to be read at once. */
static bool wants_more(const struct account_link *link, int64_t now_ms)
{
	return link->income_to_ms + HOUR_MS / 60 < now_ms ||
	       account_of(link)->pnl_from_ms > hour_of(now_ms) - history_ms;
}

static bool is_by_coin(const struct account_link *link, enum account_answer answer)
{
	return link->venue == VENUE_BYBIT && answer == ACCOUNT_SAID_POSITIONS;
}

void account_link_query(struct account_link *link, const struct account_ask *row, int64_t venue_ms,
			struct buf *query)
{
	struct accounts *accounts = link->config.accounts;
	if (!link->paging) {
		link->pages = 0;
		link->coin = 0;
		link->cursor[0] = 0;
		if (row->answer == ACCOUNT_SAID_INCOME) {
			choose_span(link, venue_ms);
			accounts_begin_income(accounts, link->config.slot, link->span.from_ms,
					      link->span.to_ms);
		} else {
			accounts_begin(accounts, link->config.slot, row->answer);
		}
	}
	buf_str_put(query, str_of(row->query));
	if (row->answer == ACCOUNT_SAID_INCOME)
		buf_printf(query, "&startTime=%lld&endTime=%lld", (long long)link->span.at_ms,
			   (long long)link->span.to_ms - 1);
	if (is_by_coin(link, row->answer))
		buf_printf(query, "&settleCoin=%s", settle_coins[link->coin]);
	if (link->cursor[0])
		buf_printf(query, "&cursor=%s", link->cursor);
}

/* ---- answers ---- */

static void on_balance(void *ctx, const struct account_balance *balance)
{
	const struct account_link *link = ctx;
	accounts_add_balance(link->config.accounts, link->config.slot, balance);
}

static void on_position(void *ctx, const struct account_position *position)
{
	const struct account_link *link = ctx;
	accounts_add_position(link->config.accounts, link->config.slot, position);
}

static void on_income(void *ctx, const struct account_income *income)
{
	struct account_link *link = ctx;
	struct account_reading *reading = link->config.reading;
	if (reading->count < INCOME_ROWS)
		reading->rows[reading->count++] = *income;
	else
		accounts_add_missing(link->config.accounts, link->config.slot);
}

/* Rows before before_ms; INT64_MAX: all. */
static void tell_income(struct account_link *link, int64_t before_ms)
{
	const struct account_reading *reading = link->config.reading;
	for (uint32_t i = 0; i < reading->count; i++)
		if (reading->rows[i].t_ms < before_ms)
			accounts_add_income(link->config.accounts, link->config.slot,
					    &reading->rows[i]);
}

/* A full page may end amid the rows of one millisecond: those are left to the next one,
 * which begins with it. */
static enum status next_by_time(struct account_link *link, const struct account_page *page,
				const char **why)
{
	struct account_span *span = &link->span;
	bool full = page->rows >= INCOME_ROWS;
	if (full && (!page->ascending || page->last_ms < span->at_ms)) {
		*why = "income: a full page whose rows are not in the order of time";
		return STATUS_FORMAT;
	}
	if (full && page->last_ms == span->at_ms) { /* no page is large enough for it */
		accounts_add_missing(link->config.accounts, link->config.slot);
		tell_income(link, INT64_MAX);
		span->at_ms = page->last_ms + 1;
	} else {
		tell_income(link, full ? page->last_ms : INT64_MAX);
		span->at_ms = page->last_ms;
	}
	link->paging = full && span->at_ms < span->to_ms;
	return STATUS_OK;
}

static void next_by_cursor(struct account_link *link, const struct account_page *page)
{
	bool same = strcmp(link->cursor, page->cursor) == 0;
	memcpy(link->cursor, page->cursor, sizeof link->cursor);
	link->paging = page->cursor[0] && page->rows > 0 && !same;
	if (link->paging || !is_by_coin(link, link->answer))
		return;
	link->cursor[0] = 0;
	link->paging = ++link->coin < ARRAY_LEN(settle_coins);
}

static enum status take_pages(struct account_link *link, struct str body, const char **why)
{
	struct account_reading *reading = link->config.reading;
	struct account_page page;
	bool income = link->answer == ACCOUNT_SAID_INCOME;
	reading->count = 0;
	enum status status =
	    income ? account_read_income(reading->reader, link->venue, body, on_income, link, &page)
		   : account_read_positions(reading->reader, link->venue, body, on_position, link,
					    &page);
	if (status) {
		*why = account_reader_why(reading->reader);
		return status;
	}
	if (income && link->venue == VENUE_BINANCE)
		return next_by_time(link, &page, why);
	if (income)
		tell_income(link, INT64_MAX);
	next_by_cursor(link, &page);
	return STATUS_OK;
}

static enum status take_balances(struct account_link *link, struct str body, const char **why)
{
	struct account_reader *reader = link->config.reading->reader;
	enum status status = account_read_balances(
	    reader, link->venue, (enum account_part)link->answer, body, on_balance, link);
	if (status)
		*why = account_reader_why(reader);
	return status;
}

enum status account_link_take(struct account_link *link, struct str body, int64_t venue_ms,
			      const char **why)
{
	int64_t wall_ms = clock_wall_ns(link->config.clock) / 1000000;
	struct accounts *accounts = link->config.accounts;
	bool paged = link->answer >= ACCOUNT_SAID_POSITIONS;
	link->paging = false;
	enum status status = paged ? take_pages(link, body, why) : take_balances(link, body, why);
	if (status)
		return status;
	if (link->paging && ++link->pages >= ACCOUNT_PAGES_MAX) {
		accounts_add_missing(accounts, link->config.slot);
		link->paging = false;
	}
	if (link->paging)
		return STATUS_OK;
	accounts_commit(accounts, link->config.slot, wall_ms);
	if (link->answer == ACCOUNT_SAID_INCOME) {
		if (link->span.to_ms > link->income_to_ms)
			link->income_to_ms = link->span.to_ms;
		if (wants_more(link, venue_ms))
			return STATUS_OK;
	}
	link->due &= ~(1u << link->answer);
	return STATUS_OK;
}
