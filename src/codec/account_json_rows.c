/* One row of each endpoint, as the venue writes it. */
#include "codec/account_json_impl.h"

/* {"asset":"BTC","free":"4723846.89208129","locked":"0.00000000"} */
void account_binance_spot(struct account_reader *account, struct json_value row)
{
	struct reader *reader = &account->reader;
	struct account_balance *out = &account->balance;
	READ_NAME(reader, row, "asset", out->asset);
	READ_E18(reader, row, "free", &out->free_e18);
	READ_E18(reader, row, "locked", &out->locked_e18);
	out->free_known = out->locked_known = true;
	out->wallet_e18 = out->equity_e18 = out->free_e18 + out->locked_e18;
}

/* {"asset":"USDT","balance":"122607.35","crossUnPnl":"23.72","availableBalance":"…", …} */
void account_binance_perp(struct account_reader *account, struct json_value row)
{
	struct reader *reader = &account->reader;
	struct account_balance *out = &account->balance;
	READ_NAME(reader, row, "asset", out->asset);
	READ_E18(reader, row, "balance", &out->wallet_e18);
	READ_E18(reader, row, "crossUnPnl", &out->unrealised_e18);
	READ_E18(reader, row, "availableBalance", &out->free_e18);
	out->free_known = true;
	out->equity_e18 = out->wallet_e18 + out->unrealised_e18;
}

/* {"coin":"BTC","equity":"…","walletBalance":"…","locked":"…","unrealisedPnl":"…",
 * "totalOrderIM":"…","totalPositionIM":"…", …}; what does not apply is "". */
void account_bybit_coin(struct account_reader *account, struct json_value row)
{
	struct reader *reader = &account->reader;
	struct account_balance *out = &account->balance;
	i128 orders, positions;
	READ_NAME(reader, row, "coin", out->asset);
	READ_E18(reader, row, "walletBalance", &out->wallet_e18);
	READ_E18(reader, row, "equity", &out->equity_e18);
	READ_E18_OR_NONE(reader, row, "unrealisedPnl", &out->unrealised_e18);
	out->locked_known = READ_E18_OR_NONE(reader, row, "locked", &out->locked_e18);
	READ_E18_OR_NONE(reader, row, "totalOrderIM", &orders);
	READ_E18_OR_NONE(reader, row, "totalPositionIM", &positions);
	out->locked_e18 += orders + positions;
	out->free_known = READ_E18_OR_NONE(reader, row, "free", &out->free_e18);
}

/* {"symbol":"ADAUSDT","positionSide":"BOTH","positionAmt":"-30","entryPrice":"0.385",
 * "markPrice":"0.41","unRealizedProfit":"0.76","liquidationPrice":"0",
 * "initialMargin":"0.61","marginAsset":"USDT", …} */
void account_binance_position(struct account_reader *account, struct json_value row)
{
	struct reader *reader = &account->reader;
	struct account_position *out = &account->position;
	READ_NAME(reader, row, "symbol", out->symbol);
	READ_NAME(reader, row, "marginAsset", out->asset);
	READ_E18(reader, row, "positionAmt", &out->qty_e18);
	READ_E18(reader, row, "entryPrice", &out->entry_e18);
	READ_E18(reader, row, "markPrice", &out->mark_e18);
	READ_E18(reader, row, "unRealizedProfit", &out->unrealised_e18);
	READ_E18_OR_NONE(reader, row, "liquidationPrice", &out->liq_e18);
	READ_E18_OR_NONE(reader, row, "initialMargin", &out->margin_e18);
	out->liq_known = out->liq_e18 > 0;
	out->side = out->qty_e18 < 0 ? ACCOUNT_SHORT : ACCOUNT_LONG;
	out->qty_e18 = out->qty_e18 < 0 ? -out->qty_e18 : out->qty_e18;
}

static bool ends(struct str text, struct str end)
{
	return text.len > end.len && str_eq(str_skip(text, text.len - end.len), end);
}

/* Of a linear contract: BTCUSDT is margined in USDT, BTCPERP in USDC. */
static void bybit_asset(struct reader *reader, const char *symbol, char *out, size_t size)
{
	static const struct {
		struct str end, asset;
	} rows[] = {
		{ { "USDT", 4 }, { "USDT", 4 } },
		{ { "PERP", 4 }, { "USDC", 4 } },
		{ { "USDC", 4 }, { "USDC", 4 } },
	};
	struct str text = str_of(symbol), asset = STR("USDT");
	size_t dash = str_find_char(text, '-'); /* "BTCUSDT-26DEC26" */
	text.len = dash;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (ends(text, rows[i].end))
			asset = rows[i].asset;
	if (str_copy(asset, out, size) != STATUS_OK)
		reader_fail(reader, "symbol: wants a linear contract");
}

static bool bybit_side(struct reader *reader, struct json_value row, uint8_t *side)
{
	struct str text;
	if (!READ_TEXT(reader, row, "side", &text))
		return false;
	*side = str_eq(text, STR("Sell")) ? ACCOUNT_SHORT : ACCOUNT_LONG;
	if (!str_eq(text, STR("Buy")) && !str_eq(text, STR("Sell")))
		reader_fail(reader, "side: wants Buy or Sell");
	return !reader->reason;
}

/* {"symbol":"BTCUSDT","side":"Buy","size":"0.1","avgPrice":"…","markPrice":"…",
 * "liqPrice":"","unrealisedPnl":"…","positionIM":"…", …}; an empty one has size 0 and no
 * side. */
void account_bybit_position(struct account_reader *account, struct json_value row)
{
	struct reader *reader = &account->reader;
	struct account_position *out = &account->position;
	READ_NAME(reader, row, "symbol", out->symbol);
	READ_E18(reader, row, "size", &out->qty_e18);
	if (reader->reason || !out->qty_e18 || !bybit_side(reader, row, &out->side))
		return;
	if (out->qty_e18 < 0)
		reader_fail(reader, "size: wants a decimal of 0 or more");
	bybit_asset(reader, out->symbol, out->asset, sizeof out->asset);
	READ_E18(reader, row, "avgPrice", &out->entry_e18);
	READ_E18(reader, row, "markPrice", &out->mark_e18);
	READ_E18(reader, row, "unrealisedPnl", &out->unrealised_e18);
	READ_E18_OR_NONE(reader, row, "liqPrice", &out->liq_e18);
	READ_E18_OR_NONE(reader, row, "positionIM", &out->margin_e18);
	out->liq_known = out->liq_e18 > 0;
}

/* {"symbol":"BTCUSDT","incomeType":"REALIZED_PNL","income":"-0.37","asset":"USDT",
 * "time":1570608000000,"tranId":…, …} */
bool account_binance_income(struct account_reader *account, struct json_value row)
{
	static const struct {
		struct str type;
		enum account_income_kind kind;
	} types[] = {
		{ { "REALIZED_PNL", 12 }, ACCOUNT_REALISED },
		{ { "FUNDING_FEE", 11 }, ACCOUNT_FUNDING },
		{ { "COMMISSION", 10 }, ACCOUNT_FEES },
		{ { "COMMISSION_REBATE", 17 }, ACCOUNT_FEES },
		{ { "REFERRAL_KICKBACK", 17 }, ACCOUNT_FEES },
		{ { "API_REBATE", 10 }, ACCOUNT_FEES },
		{ { "FEE_RETURN", 10 }, ACCOUNT_FEES },
		{ { "INSURANCE_CLEAR", 15 }, ACCOUNT_FEES },
	};
	struct reader *reader = &account->reader;
	struct account_income *out = &account->income;
	struct str type = { 0 };
	bool is_income = false;
	READ_TEXT(reader, row, "incomeType", &type);
	READ_TIME(reader, row, "time", &out->t_ms);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (!str_eq(types[i].type, type))
			continue;
		out->kind = (uint8_t)types[i].kind;
		is_income = true;
	}
	if (!is_income)
		return false;
	READ_NAME(reader, row, "asset", out->asset);
	READ_E18(reader, row, "income", &out->amount_e18);
	return true;
}

/* {"symbol":"BTCUSDT","closedPnl":"-47.4065323","createdTime":"1672214887236", …} */
bool account_bybit_income(struct account_reader *account, struct json_value row)
{
	struct reader *reader = &account->reader;
	struct account_income *out = &account->income;
	char symbol[ACCOUNT_SYMBOL_MAX + 1] = "";
	READ_NAME(reader, row, "symbol", symbol);
	READ_TIME_TEXT(reader, row, "createdTime", &out->t_ms);
	READ_E18(reader, row, "closedPnl", &out->amount_e18);
	out->kind = ACCOUNT_REALISED;
	if (!reader->reason)
		bybit_asset(reader, symbol, out->asset, sizeof out->asset);
	return true;
}
