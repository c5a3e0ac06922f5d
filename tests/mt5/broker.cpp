/* The broker around the expert: account, symbols, orders, positions, deals, history. */
#include "broker_impl.h"

#include <algorithm>

enum { UTC_START_MS = 1784046185 };

struct broker b;

/* ---- set-up ---- */

void broker_reset(uint64_t seed)
{
	b = {};
	b.linked = true;
	b.linked_ms = broker_clock() - 60000;
	b.latency_ms = 150;
	b.filling = SYMBOL_FILLING_FOK | SYMBOL_FILLING_IOC;
	b.random = seed * 2 + 1;
	b.next_ticket = 391774213;
	b.next_request = 1;
	b.balance = 10000;
	b.symbols["EURUSD"] = { 5, 1.08510, 1.08514, true, 0 };
	b.symbols["BTCUSD"] = { 2, 63450.20, 63450.64, true, 0 };
	b.symbols["XAUUSD"] = { 2, 2400.10, 2400.30, true, 0 };
}

int64_t broker_utc_ms() { return (int64_t)UTC_START_MS * 1000 + broker_clock() - 5000000 + 431; }
int64_t broker_server_ms() { return broker_utc_ms() + (int64_t)MT_OFFSET_S * 1000; }
bool broker_shown() { return b.linked && broker_clock() - b.linked_ms >= 1000; }
int broker_linked() { return b.linked; }
void mt_link(bool up)
{
	if (up && !b.linked)
		b.linked_ms = broker_clock();
	b.linked = up;
}
void mt_netting() { b.netting = true; }
void mt_fate(enum mt_fate fate, int code) { b.fates.push_back({ fate, code }); }
void mt_latency(int64_t ms) { b.latency_ms = ms; }
void mt_filling(int modes) { b.filling = modes; }
void mt_no_events(bool none) { b.mute = none; }
void mt_hide_deal(int64_t ms) { b.hide_ms = ms; }
int mt_requests() { return (int)b.next_request - 1; }
int mt_positions() { return (int)b.positions.size(); }
int mt_pending() { return (int)b.orders.size(); }
int mt_deals() { return (int)b.deals.size(); }
void mt_price(const char *name, double bid, double ask)
{
	symbol &moved = b.symbols[name];
	moved.bid = bid;
	moved.ask = ask;
	moved.tick_ms = broker_server_ms();
}
int mt_watched()
{
	return (int)std::count_if(b.symbols.begin(), b.symbols.end(),
				  [](const auto &entry) { return entry.second.watched; });
}
double mt_volume(uint64_t sid)
{
	double volume = 0;
	for (const deal &d : b.deals)
		if (d.magic == (long)sid && d.reason == DEAL_REASON_EXPERT)
			volume += d.volume;
	return volume;
}
int mt_orders(uint64_t sid)
{
	return (int)std::count_if(b.past.begin(), b.past.end(), [sid](const order &o) {
		return o.magic == (long)sid && o.reason == ORDER_REASON_EXPERT && o.left < o.asked;
	});
}
uint64_t mt_deal(int index) { return b.deals[(size_t)index].ticket; }
uint64_t mt_position(int index) { return b.positions[(size_t)index].id; }
uint64_t mt_newest_deal(int64_t *ms)
{
	*ms = b.deals.empty() ? 0 : b.deals.back().server_ms;
	return b.deals.empty() ? 0 : b.deals.back().ticket;
}

/* ---- execution ---- */

static void event(ENUM_TRADE_TRANSACTION_TYPE type, ulong order, ulong deal, ulong position)
{
	MqlTradeTransaction trans = {};
	trans.type = type;
	trans.order = order;
	trans.deal = deal;
	trans.position = position;
	b.events.push_back(trans);
}

static position *find_position(ulong ticket)
{
	for (position &p : b.positions)
		if (p.ticket == ticket)
			return &p;
	return nullptr;
}

static deal &new_deal(const order &from, bool buy, double volume, double price)
{
	deal d = {};
	d.ticket = b.next_ticket++;
	d.order = from.ticket;
	d.name = from.name;
	d.type = buy ? DEAL_TYPE_BUY : DEAL_TYPE_SELL;
	d.reason = (ENUM_DEAL_REASON)from.reason;
	d.magic = from.magic;
	d.volume = volume;
	d.price = price;
	d.server_ms = broker_server_ms();
	d.shown_ms = broker_clock() + b.hide_ms;
	b.hide_ms = 0;
	b.deals.push_back(d);
	event(TRADE_TRANSACTION_DEAL_ADD, from.ticket, d.ticket, 0);
	return b.deals.back();
}

static void reduce(position &p, deal &d)
{
	double side = p.buy ? 1 : -1;
	d.position = p.id;
	d.entry = DEAL_ENTRY_OUT;
	d.profit = (d.price - p.open) * side * d.volume * 100000;
	d.sl = p.sl;
	d.tp = p.tp;
	b.balance += d.profit;
	p.volume -= d.volume;
	ulong id = p.id;
	if (p.volume < 0.000001)
		b.positions.erase(
		    std::find_if(b.positions.begin(), b.positions.end(),
				 [id](const position &other) { return other.id == id; }));
	event(TRADE_TRANSACTION_POSITION, 0, 0, id);
}

static void increase(const order &from, deal &d, bool buy, double sl, double tp)
{
	for (position &p : b.positions)
		if (b.netting && p.name == from.name) {
			d.position = p.id;
			p.volume += d.volume;
			return;
		}
	position p = { from.ticket, from.ticket, from.name, buy,        d.volume,
		       d.price,     sl,          tp,        from.magic, broker_server_ms() };
	d.position = p.id;
	b.positions.push_back(p);
	event(TRADE_TRANSACTION_POSITION, 0, 0, p.id);
}

/* `volume` of the order is executed. */
static void execute(order &from, const MqlTradeRequest &request, double volume)
{
	bool buy = request.type == ORDER_TYPE_BUY;
	const symbol &s = b.symbols[from.name];
	deal &d = new_deal(from, buy, volume, buy ? s.ask : s.bid);
	from.left -= volume;
	position *held = find_position(request.position);
	for (position &p : b.positions)
		if (b.netting && p.name == from.name && p.buy != buy)
			held = &p;
	if (held) {
		from.position = held->id;
		reduce(*held, d);
	} else {
		increase(from, d, buy, request.sl, request.tp);
		from.position = d.position;
	}
}

static void ended(order done, ENUM_ORDER_STATE state)
{
	done.state = state;
	b.past.push_back(done);
	event(TRADE_TRANSACTION_HISTORY_ADD, done.ticket, 0, 0);
}

static order new_order(const MqlTradeRequest &request)
{
	order o = {};
	o.ticket = b.next_ticket++;
	o.name = request.symbol.s;
	o.type = request.type;
	o.asked = o.left = request.volume;
	o.price = request.price;
	o.limit = request.stoplimit;
	o.sl = request.sl;
	o.tp = request.tp;
	o.magic = (long)request.magic;
	o.reason = ORDER_REASON_EXPERT;
	event(TRADE_TRANSACTION_ORDER_ADD, o.ticket, 0, 0);
	return o;
}

static ulong do_deal(sent &what)
{
	const MqlTradeRequest &request = what.request;
	order o = new_order(request);
	double half = request.volume / 2;
	bool half_only = what.fate == MT_CUT || what.fate == MT_HALF;
	bool parts = what.fate == MT_PARTS || half_only;
	execute(o, request, parts ? half : request.volume);
	if (what.fate == MT_PARTS) {
		o.state = ORDER_STATE_PARTIAL;
		b.orders.push_back(o);
		sent rest = what;
		rest.due_ms += 2000;
		rest.order = o.ticket;
		b.under_way.push_back(rest);
	} else {
		ended(o, what.fate == MT_CUT    ? ORDER_STATE_CANCELED
			 : what.fate == MT_HALF ? ORDER_STATE_PARTIAL
						: ORDER_STATE_FILLED);
	}
	return o.ticket;
}

std::vector<order>::iterator broker_live(ulong ticket)
{
	return std::find_if(b.orders.begin(), b.orders.end(),
			    [ticket](const order &o) { return o.ticket == ticket; });
}

static void do_rest(const sent &what)
{
	auto live = broker_live(what.order);
	order o = *live;
	b.orders.erase(live);
	execute(o, what.request, o.left);
	ended(o, ORDER_STATE_FILLED);
}

static ulong do_close_by(const MqlTradeRequest &request)
{
	position *one = find_position(request.position);
	double volume = std::min(one->volume, find_position(request.position_by)->volume);
	MqlTradeRequest as = request;
	as.symbol = string(one->name);
	as.volume = volume;
	as.type = ORDER_TYPE_CLOSE_BY;
	order o = new_order(as);
	o.left = 0;
	for (ulong ticket : { request.position, request.position_by }) {
		position *held = find_position(ticket);
		deal &d = new_deal(o, !held->buy, volume, held->open);
		reduce(*held, d);
		d.entry = DEAL_ENTRY_OUT_BY;
		d.volume = volume / 2; /* so that the sum is the order's */
	}
	ended(o, ORDER_STATE_FILLED);
	return o.ticket;
}

/* 0: fine. */
static int refusal(const MqlTradeRequest &request)
{
	bool deals = request.action == TRADE_ACTION_DEAL;
	int mode = request.type_filling == ORDER_FILLING_FOK   ? SYMBOL_FILLING_FOK
		   : request.type_filling == ORDER_FILLING_IOC ? SYMBOL_FILLING_IOC
							       : 4;
	if ((deals || request.action == TRADE_ACTION_SLTP) && request.position &&
	    !find_position(request.position))
		return 10036;
	if (deals && !(b.filling & mode) && b.filling != 0)
		return 10030;
	if (deals && b.symbols.count(request.symbol.s) == 0)
		return 10013;
	if (deals && request.position &&
	    find_position(request.position)->volume < request.volume - 0.000001)
		return 10038;
	return 0;
}

static ulong perform(sent &what)
{
	const MqlTradeRequest &request = what.request;
	switch (request.action) {
	case TRADE_ACTION_DEAL: return do_deal(what);
	case TRADE_ACTION_CLOSE_BY: return do_close_by(request);
	case TRADE_ACTION_PENDING: {
		order o = new_order(request);
		o.state = ORDER_STATE_PLACED;
		b.orders.push_back(o);
		return o.ticket;
	}
	case TRADE_ACTION_SLTP:
		find_position(request.position)->sl = request.sl;
		find_position(request.position)->tp = request.tp;
		event(TRADE_TRANSACTION_POSITION, 0, 0, request.position);
		return 0;
	case TRADE_ACTION_MODIFY:
		broker_live(request.order)->price = request.price;
		broker_live(request.order)->sl = request.sl;
		broker_live(request.order)->tp = request.tp;
		return request.order;
	case TRADE_ACTION_REMOVE: {
		order o = *broker_live(request.order);
		b.orders.erase(broker_live(request.order));
		ended(o, ORDER_STATE_CANCELED);
		return request.order;
	}
	}
	return 0;
}

/* ---- events, in no particular order ---- */

static uint64_t chance()
{
	b.random = b.random * 6364136223846793005u + 1442695040888963407u;
	return b.random >> 33;
}

static void tell(const MqlTradeTransaction &trans, const MqlTradeRequest &request,
		 const MqlTradeResult &result)
{
	if (!b.mute)
		broker_tells(trans, request, result);
}

static void answer(const sent &what, int code, ulong order)
{
	MqlTradeTransaction trans = {};
	MqlTradeResult result = {};
	bool answered = what.fate != MT_SILENT && what.fate != MT_LOST;
	std::vector<MqlTradeTransaction> events;
	trans.type = TRADE_TRANSACTION_REQUEST;
	if (answered)
		b.events.push_back(trans);
	events.swap(b.events);
	for (size_t i = events.size(); i > 1; i--)
		std::swap(events[i - 1], events[chance() % i]);
	result.request_id = what.id;
	result.retcode = (uint)code;
	result.order = order;
	result.comment = code == 10019 ? "No money" : "";
	for (const MqlTradeTransaction &each : events) {
		bool own = each.type == TRADE_TRANSACTION_REQUEST;
		tell(each, own ? what.request : MqlTradeRequest(), own ? result : MqlTradeResult());
	}
}

static void arrive(sent what)
{
	bool none = what.fate == MT_CODE || what.fate == MT_LOST;
	if (what.order) {
		do_rest(what);
		what.fate = MT_SILENT;
		answer(what, 0, 0);
		return;
	}
	int code = none ? what.code : refusal(what.request);
	if (code) {
		if (what.request.action == TRADE_ACTION_DEAL && code != 10031)
			ended(new_order(what.request), ORDER_STATE_REJECTED);
		answer(what, code, 0);
		return;
	}
	ulong order = none ? 0 : perform(what);
	answer(what, what.fate == MT_WRONGLY ? what.code : 10009, order);
}

void broker_step()
{
	size_t count = b.under_way.size();
	for (size_t i = 0; i < count; i++) {
		sent what = b.under_way.front();
		b.under_way.pop_front();
		if (what.due_ms <= broker_clock())
			arrive(what);
		else
			b.under_way.push_back(what);
	}
	for (auto &entry : b.symbols)
		entry.second.tick_ms = broker_server_ms();
}

/* ---- by hand ---- */

static void tell_events()
{
	sent nobody = {};
	nobody.fate = MT_SILENT;
	answer(nobody, 0, 0);
}

uint64_t mt_open_by_hand(const char *name, bool buy, double volume, double sl, double tp)
{
	MqlTradeRequest request = {};
	request.symbol = string(name);
	request.volume = volume;
	request.type = buy ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
	request.sl = sl;
	request.tp = tp;
	order o = new_order(request);
	o.reason = ORDER_REASON_CLIENT;
	execute(o, request, volume);
	ended(o, ORDER_STATE_FILLED);
	tell_events();
	return o.position;
}

void mt_tell_deal(int index)
{
	const deal &d = b.deals[(size_t)index];
	event(TRADE_TRANSACTION_DEAL_ADD, d.order, d.ticket, 0);
	tell_events();
}

void mt_hit_stop(uint64_t id)
{
	for (position &p : b.positions) {
		if (p.id != id)
			continue;
		order o = {};
		o.ticket = b.next_ticket++;
		o.name = p.name;
		o.magic = p.magic;
		o.reason = ORDER_REASON_SL;
		o.asked = p.volume;
		double level = p.sl, worse = p.buy ? -0.22 : 0.22;
		deal &d = new_deal(o, !p.buy, p.volume, level + worse);
		d.comment = "[sl " + std::to_string(level) + "]";
		reduce(p, d);
		ended(o, ORDER_STATE_FILLED);
		break;
	}
	tell_events();
}

uint64_t mt_balance(double amount)
{
	order nobody = {};
	deal &d = new_deal(nobody, true, 0, 0);
	d.type = DEAL_TYPE_BALANCE;
	d.profit = amount;
	b.balance += amount;
	ulong ticket = d.ticket;
	tell_events();
	return ticket;
}
