/* What the expert asks of the broker: account, symbols, positions, orders, history. */
#include "broker_impl.h"

#include <algorithm>

/* ---- account and symbols ---- */

long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER property)
{
	switch (property) {
	case ACCOUNT_LOGIN: return 90000001;
	case ACCOUNT_TRADE_MODE: return ACCOUNT_TRADE_MODE_REAL;
	case ACCOUNT_LEVERAGE: return 500;
	case ACCOUNT_TRADE_ALLOWED:
	case ACCOUNT_TRADE_EXPERT: return 1;
	case ACCOUNT_MARGIN_MODE:
		return b.netting ? ACCOUNT_MARGIN_MODE_RETAIL_NETTING
				 : ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
	case ACCOUNT_CURRENCY_DIGITS: return 2;
	}
	return 0;
}
double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE property)
{
	if (!b.linked)
		return 0; /* the cached-login trap */
	bool money = property == ACCOUNT_BALANCE || property == ACCOUNT_EQUITY ||
		     property == ACCOUNT_MARGIN_FREE;
	return money ? b.balance : 0;
}
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING property)
{
	if (property == ACCOUNT_SERVER)
		return "FPMarketsSC-Live";
	return b.linked ? "USD" : "";
}

int SymbolsTotal(bool) { return mt_watched(); }
string SymbolName(int position, bool)
{
	for (const auto &entry : b.symbols)
		if (entry.second.watched && position-- == 0)
			return string(entry.first);
	return "";
}
bool SymbolSelect(const string &name, bool select)
{
	if (!b.symbols.count(name.s))
		return false;
	b.symbols[name.s].watched = select;
	return true;
}
bool SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property, long &value)
{
	if (!b.symbols.count(name.s))
		return false;
	switch (property) {
	case SYMBOL_DIGITS: value = b.symbols[name.s].digits; break;
	case SYMBOL_SPREAD: value = 4; break;
	case SYMBOL_TRADE_MODE: value = SYMBOL_TRADE_MODE_FULL; break;
	case SYMBOL_EXPIRATION_MODE: value = SYMBOL_EXPIRATION_GTC; break;
	case SYMBOL_FILLING_MODE: value = b.filling & 3; break;
	}
	return true;
}
long SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property)
{
	long value = 0;
	return SymbolInfoInteger(name, property, value) ? value : 0;
}
bool SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property, double &value)
{
	if (!b.symbols.count(name.s))
		return false;
	value = property == SYMBOL_VOLUME_STEP  ? 0.01
		: b.symbols[name.s].digits == 5 ? 0.00001
						: 0.01;
	return true;
}
double SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property)
{
	double value = 0;
	return SymbolInfoDouble(name, property, value) ? value : 0;
}
bool SymbolInfoTick(const string &name, MqlTick &tick)
{
	if (!b.symbols.count(name.s))
		return false;
	const symbol &s = b.symbols[name.s];
	tick = {};
	tick.bid = s.bid;
	tick.ask = s.ask;
	tick.time_msc = s.tick_ms;
	return true;
}
bool SymbolInfoSessionTrade(const string &, ENUM_DAY_OF_WEEK, uint index, datetime &from,
			    datetime &to)
{
	from = 0;
	to = 86400;
	return index == 0;
}

int PositionsTotal() { return broker_shown() ? (int)b.positions.size() : 0; }
ulong PositionGetTicket(int index)
{
	if (index < 0 || index >= PositionsTotal())
		return 0;
	b.position_at = (size_t)index;
	return b.positions[(size_t)index].ticket;
}
static const position &chosen()
{
	if (b.position_at >= b.positions.size())
		mql_stop("no position is selected");
	return b.positions[b.position_at];
}
long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property)
{
	const position &p = chosen();
	switch (property) {
	case POSITION_TICKET: return (long)p.ticket;
	case POSITION_TIME_MSC: return p.opened_ms;
	case POSITION_TYPE: return p.buy ? POSITION_TYPE_BUY : POSITION_TYPE_SELL;
	case POSITION_MAGIC: return p.magic;
	case POSITION_IDENTIFIER: return (long)p.id;
	}
	return 0;
}
double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property)
{
	const position &p = chosen();
	const symbol &s = b.symbols[p.name];
	switch (property) {
	case POSITION_VOLUME: return p.volume;
	case POSITION_PRICE_OPEN: return p.open;
	case POSITION_SL: return p.sl;
	case POSITION_TP: return p.tp;
	case POSITION_PRICE_CURRENT: return p.buy ? s.bid : s.ask;
	case POSITION_SWAP: return -0.12;
	case POSITION_PROFIT: return (s.bid - p.open) * p.volume * (p.buy ? 100000 : -100000);
	}
	return 0;
}
string PositionGetString(ENUM_POSITION_PROPERTY_STRING) { return string(chosen().name); }

int OrdersTotal() { return broker_shown() ? (int)b.orders.size() : 0; }
ulong OrderGetTicket(int index)
{
	if (index < 0 || index >= OrdersTotal())
		return 0;
	b.order_at = (size_t)index;
	return b.orders[(size_t)index].ticket;
}
bool OrderSelect(ulong ticket)
{
	auto found = broker_live(ticket);
	if (!broker_shown() || found == b.orders.end())
		return false;
	b.order_at = (size_t)(found - b.orders.begin());
	return true;
}
static long order_integer(const order &o, ENUM_ORDER_PROPERTY_INTEGER property)
{
	switch (property) {
	case ORDER_TICKET: return (long)o.ticket;
	case ORDER_TYPE: return o.type;
	case ORDER_STATE: return o.state;
	case ORDER_MAGIC: return o.magic;
	case ORDER_REASON: return o.reason;
	case ORDER_POSITION_ID: return (long)o.position;
	case ORDER_TIME_EXPIRATION:
	case ORDER_TYPE_TIME: return 0;
	}
	return 0;
}
static double order_double(const order &o, ENUM_ORDER_PROPERTY_DOUBLE property)
{
	const double values[] = { o.asked, o.left, o.price, o.sl, o.tp, o.limit };
	return values[property];
}
long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property)
{
	return order_integer(b.orders[b.order_at], property);
}
double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property)
{
	return order_double(b.orders[b.order_at], property);
}
string OrderGetString(ENUM_ORDER_PROPERTY_STRING) { return string(b.orders[b.order_at].name); }

bool OrderSendAsync(const MqlTradeRequest &request, MqlTradeResult &result)
{
	sent what = {};
	what.fate = MT_DONE;
	if (!b.fates.empty()) {
		what.fate = b.fates.front().first;
		what.code = b.fates.front().second;
		b.fates.pop_front();
	}
	if (!b.linked || what.fate == MT_UNSENT) {
		result.retcode = b.linked ? (uint)what.code : 10031;
		return false;
	}
	what.due_ms = broker_clock() + b.latency_ms;
	what.id = b.next_request++;
	what.request = request;
	b.under_way.push_back(what);
	result.retcode = 10008;
	result.request_id = what.id;
	return true;
}

/* ---- history: only what was selected can be read ---- */

bool HistorySelect(datetime from, datetime to)
{
	b.past_shown.clear();
	b.deals_shown.clear();
	if (!broker_shown())
		return true;
	for (const order &o : b.past)
		b.past_shown.push_back(o.ticket);
	for (const deal &d : b.deals)
		if (d.server_ms / 1000 >= from && d.server_ms / 1000 <= to &&
		    d.shown_ms <= broker_clock())
			b.deals_shown.push_back(d.ticket);
	/* Nobody promises an order. */
	if (b.deals_shown.size() > 1)
		std::swap(b.deals_shown.front(), b.deals_shown.back());
	return true;
}
int HistoryOrdersTotal() { return (int)b.past_shown.size(); }
ulong HistoryOrderGetTicket(int index)
{
	return index < HistoryOrdersTotal() ? b.past_shown[(size_t)index] : 0;
}
static const order *find_past(ulong ticket)
{
	for (const order &o : b.past)
		if (o.ticket == ticket)
			return &o;
	return nullptr;
}
bool HistoryOrderSelect(ulong ticket)
{
	b.past_shown.clear();
	if (!broker_shown() || !find_past(ticket))
		return false;
	b.past_shown.push_back(ticket);
	return true;
}
static const order &past_chosen(ulong ticket)
{
	if (!std::count(b.past_shown.begin(), b.past_shown.end(), ticket))
		mql_stop("an order that is not selected");
	return *find_past(ticket);
}
long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property)
{
	return order_integer(past_chosen(ticket), property);
}
double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property)
{
	return order_double(past_chosen(ticket), property);
}
string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING)
{
	return string(past_chosen(ticket).name);
}
int HistoryDealsTotal() { return (int)b.deals_shown.size(); }
ulong HistoryDealGetTicket(int index)
{
	return index < HistoryDealsTotal() ? b.deals_shown[(size_t)index] : 0;
}
static const deal *find_deal(ulong ticket)
{
	for (const deal &d : b.deals)
		if (d.ticket == ticket && d.shown_ms <= broker_clock())
			return &d;
	return nullptr;
}
bool HistoryDealSelect(ulong ticket)
{
	b.deals_shown.clear();
	if (!broker_shown() || !find_deal(ticket))
		return false;
	b.deals_shown.push_back(ticket);
	return true;
}
static const deal &deal_chosen(ulong ticket)
{
	if (!std::count(b.deals_shown.begin(), b.deals_shown.end(), ticket))
		mql_stop("a deal that is not selected");
	return *find_deal(ticket);
}
long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property)
{
	const deal &d = deal_chosen(ticket);
	switch (property) {
	case DEAL_ORDER: return (long)d.order;
	case DEAL_TIME_MSC: return d.server_ms;
	case DEAL_TYPE: return d.type;
	case DEAL_ENTRY: return d.entry;
	case DEAL_MAGIC: return d.magic;
	case DEAL_REASON: return d.reason;
	case DEAL_POSITION_ID: return (long)d.position;
	}
	return 0;
}
double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property)
{
	const deal &d = deal_chosen(ticket);
	const double values[] = { d.volume, d.price, -0.35, 0, d.profit, 0, d.sl, d.tp };
	return values[property];
}
string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property)
{
	return string(property == DEAL_SYMBOL ? deal_chosen(ticket).name
					      : deal_chosen(ticket).comment);
}
