// orders.mqh - a signal as a request to the broker, and the traces it leaves there.
//
// A position is meant by its POSITION_IDENTIFIER, in netting and hedging accounts alike; its
// ticket can change (a reversal, a swap), the identifier cannot. What an order did is found
// by its magic, which is the signal's sid.

struct WeirSignal
{
	// as received
	long   sid;        // 0: the expert's own, for `stop flat=1`
	long   down;
	string act;
	string side;
	string symbol;
	string kind;       // ty
	string comment;
	double volume;
	double price;
	double limit;      // slim
	double sl;
	double tp;
	bool   has_sl;
	bool   has_tp;
	long   deviation;
	long   position;
	long   opposite;   // by
	ulong  pending;    // ord
	// where it stands
	int    step;       // WeirStep
	long   until;      // steady ms: not sent after this
	long   due;        // steady ms: waiting for this
	bool   search;     // its magic is looked for before it is sent
	int    parent;     // of a leg of closeall; -1
	int    legs;       // of closeall: under way
	int    rounds;     // of closeall
	int    bad_code;   // of closeall: a leg's failure
	string bad_text;
	uint   request;    // number of the request
	ulong  order;
	long   sent;       // steady ms
	long   took;       // ms to the answer, -1
	int    tries;
	int    fast;
	bool   refilled;
	bool   reread;
	int    filling;    // ENUM_ORDER_TYPE_FILLING, -1: not chosen
	double wanted;     // the price asked for
	int    code;       // newest return code
	bool   dirty;      // something came of it: look
	ulong  held_deal;  // its deal that waits for older ones, 0: none
	long   held_time;  // ... server ms
	long   filled_at;  // steady ms of the first deal that is not told
	double told;       // lots told
	int    deals;      // told
	bool   unk_told;
};

enum WeirStep
{
	STEP_FREE,
	STEP_WAITING,
	STEP_SENT,
	STEP_RETRY,
	STEP_UNKNOWN,
	STEP_PARENT
};

WeirSignal g_signals[WEIR_SIGNALS];

bool ActDeals(const string act)
{
	return act == "open" || act == "close" || act == "closeby";
}

// ---- positions ----

// Selects it; false when it is not open.
bool SelectPosition(const long identifier)
{
	int count = PositionsTotal();
	for(int i = 0; i < count; i++)
		if(PositionGetTicket(i) > 0 &&
		   PositionGetInteger(POSITION_IDENTIFIER) == identifier)
			return true;
	return false;
}

// The identifier of the symbol's position, when there is exactly one; else 0.
long OnlyPosition(const string symbol)
{
	long found = 0;
	int count = PositionsTotal();
	for(int i = 0; i < count; i++)
	{
		if(PositionGetTicket(i) == 0 || PositionGetString(POSITION_SYMBOL) != symbol)
			continue;
		if(found != 0)
			return 0;
		found = PositionGetInteger(POSITION_IDENTIFIER);
	}
	return found;
}

// ---- filling ----

ENUM_ORDER_TYPE_FILLING FillingFor(const string symbol)
{
	long modes = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
	if((modes & SYMBOL_FILLING_FOK) != 0)
		return ORDER_FILLING_FOK;
	if((modes & SYMBOL_FILLING_IOC) != 0)
		return ORDER_FILLING_IOC;
	return ORDER_FILLING_RETURN;
}

int NextFilling(const int filling)
{
	if(filling == (int)ORDER_FILLING_FOK)
		return (int)ORDER_FILLING_IOC;
	if(filling == (int)ORDER_FILLING_IOC)
		return (int)ORDER_FILLING_RETURN;
	return (int)ORDER_FILLING_FOK;
}

// ---- requests ----
// Each fills the request and returns 0, or the return code that the server would give, or
// WEIR_TOO_FAR where the price has left the deviation.

#define WEIR_TOO_FAR  (-1)

int MarketPrice(WeirSignal &signal, const string symbol, const bool buy, MqlTradeRequest &request)
{
	MqlTick tick;
	double point = SymbolInfoDouble(symbol, SYMBOL_POINT);
	if(!SymbolSelect(symbol, true))
		return 10013;
	if(!SymbolInfoTick(symbol, tick) || tick.bid <= 0.0 || tick.ask <= 0.0)
		return 10021;
	double now = buy ? tick.ask : tick.bid;
	if(signal.wanted <= 0.0)
		signal.wanted = (signal.price > 0.0) ? signal.price : now;
	request.price = (signal.price > 0.0 && signal.fast == 0) ? signal.price : now;
	// A requote is followed as far as the deviation goes and no further.
	if(signal.fast > 0 && MathAbs(now - signal.wanted) > (double)signal.deviation * point)
		return WEIR_TOO_FAR;
	if(signal.filling < 0)
		signal.filling = (int)FillingFor(symbol);
	request.action = TRADE_ACTION_DEAL;
	request.symbol = symbol;
	request.type = buy ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
	request.deviation = (ulong)signal.deviation;
	request.type_filling = (ENUM_ORDER_TYPE_FILLING)signal.filling;
	return 0;
}

int RequestOpen(WeirSignal &signal, MqlTradeRequest &request)
{
	int code = MarketPrice(signal, signal.symbol, signal.side == "buy", request);
	request.volume = signal.volume;
	request.sl = signal.sl;
	request.tp = signal.tp;
	return code;
}

int RequestClose(WeirSignal &signal, MqlTradeRequest &request)
{
	if(signal.position == 0)
		signal.position = OnlyPosition(signal.symbol);
	if(signal.position == 0 || !SelectPosition(signal.position))
		return 10036;
	string symbol = PositionGetString(POSITION_SYMBOL);
	double volume = PositionGetDouble(POSITION_VOLUME);
	bool buy = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_SELL;
	request.position = (ulong)PositionGetInteger(POSITION_TICKET);
	request.volume = (signal.volume > 0.0 && signal.volume < volume) ? signal.volume : volume;
	// More than there is: the server shall say so once, then all of it is closed.
	if(signal.volume > volume && !signal.reread)
		request.volume = signal.volume;
	signal.symbol = symbol;
	return MarketPrice(signal, symbol, buy, request);
}

int RequestCloseBy(WeirSignal &signal, MqlTradeRequest &request)
{
	if(!SelectPosition(signal.opposite))
		return 10036;
	request.position_by = (ulong)PositionGetInteger(POSITION_TICKET);
	if(!SelectPosition(signal.position))
		return 10036;
	request.action = TRADE_ACTION_CLOSE_BY;
	request.position = (ulong)PositionGetInteger(POSITION_TICKET);
	signal.symbol = PositionGetString(POSITION_SYMBOL);
	return 0;
}

int RequestModifyPosition(WeirSignal &signal, MqlTradeRequest &request)
{
	if(!SelectPosition(signal.position))
		return 10036;
	signal.symbol = PositionGetString(POSITION_SYMBOL);
	request.action = TRADE_ACTION_SLTP;
	request.position = (ulong)PositionGetInteger(POSITION_TICKET);
	request.symbol = signal.symbol;
	request.sl = signal.has_sl ? signal.sl : PositionGetDouble(POSITION_SL);
	request.tp = signal.has_tp ? signal.tp : PositionGetDouble(POSITION_TP);
	return 0;
}

int RequestModifyOrder(WeirSignal &signal, MqlTradeRequest &request)
{
	if(!OrderSelect(signal.pending))
		return 10035;
	signal.symbol = OrderGetString(ORDER_SYMBOL);
	request.action = TRADE_ACTION_MODIFY;
	request.order = signal.pending;
	request.symbol = signal.symbol;
	request.price = (signal.price > 0.0) ? signal.price : OrderGetDouble(ORDER_PRICE_OPEN);
	request.stoplimit = (signal.limit > 0.0) ? signal.limit
						 : OrderGetDouble(ORDER_PRICE_STOPLIMIT);
	request.sl = signal.has_sl ? signal.sl : OrderGetDouble(ORDER_SL);
	request.tp = signal.has_tp ? signal.tp : OrderGetDouble(ORDER_TP);
	request.type_time = (ENUM_ORDER_TYPE_TIME)OrderGetInteger(ORDER_TYPE_TIME);
	request.expiration = (datetime)OrderGetInteger(ORDER_TIME_EXPIRATION);
	return 0;
}

ENUM_ORDER_TYPE PendingType(const bool buy, const string kind)
{
	if(kind == "stop")
		return buy ? ORDER_TYPE_BUY_STOP : ORDER_TYPE_SELL_STOP;
	if(kind == "stop_limit")
		return buy ? ORDER_TYPE_BUY_STOP_LIMIT : ORDER_TYPE_SELL_STOP_LIMIT;
	return buy ? ORDER_TYPE_BUY_LIMIT : ORDER_TYPE_SELL_LIMIT;
}

int RequestPending(WeirSignal &signal, MqlTradeRequest &request)
{
	if(!SymbolSelect(signal.symbol, true))
		return 10013;
	if(signal.filling < 0)
		signal.filling = (int)ORDER_FILLING_RETURN;
	signal.wanted = signal.price;
	request.action = TRADE_ACTION_PENDING;
	request.symbol = signal.symbol;
	request.volume = signal.volume;
	request.type = PendingType(signal.side == "buy", signal.kind);
	request.price = signal.price;
	request.stoplimit = signal.limit;
	request.sl = signal.sl;
	request.tp = signal.tp;
	request.type_filling = (ENUM_ORDER_TYPE_FILLING)signal.filling;
	request.type_time = ORDER_TIME_GTC;
	if((SymbolInfoInteger(signal.symbol, SYMBOL_EXPIRATION_MODE) & SYMBOL_EXPIRATION_GTC) == 0)
		request.type_time = ORDER_TIME_DAY;
	return 0;
}

int RequestCancel(WeirSignal &signal, MqlTradeRequest &request)
{
	if(!OrderSelect(signal.pending))
		return 10035;
	signal.symbol = OrderGetString(ORDER_SYMBOL);
	request.action = TRADE_ACTION_REMOVE;
	request.order = signal.pending;
	return 0;
}

int RequestFor(WeirSignal &signal, MqlTradeRequest &request)
{
	ZeroMemory(request);
	request.magic = (ulong)signal.sid;
	request.comment = StringSubstr(signal.comment, 0, WEIR_COMMENT_MAX);
	if(signal.act == "open")
		return RequestOpen(signal, request);
	if(signal.act == "close")
		return RequestClose(signal, request);
	if(signal.act == "closeby")
		return RequestCloseBy(signal, request);
	if(signal.act == "pend")
		return RequestPending(signal, request);
	if(signal.act == "cancel")
		return RequestCancel(signal, request);
	if(signal.position > 0)
		return RequestModifyPosition(signal, request);
	return RequestModifyOrder(signal, request);
}

// ---- traces ----

bool SameOrder(const WeirSignal &signal, const long magic, const long reason, const long position)
{
	if(magic != signal.sid || reason != ORDER_REASON_EXPERT)
		return false;
	return signal.parent < 0 || position == signal.position;
}

ulong TraceLive(const WeirSignal &signal)
{
	int count = OrdersTotal();
	for(int i = 0; i < count; i++)
	{
		ulong ticket = OrderGetTicket(i);
		if(ticket > 0 && SameOrder(signal, OrderGetInteger(ORDER_MAGIC),
					   OrderGetInteger(ORDER_REASON),
					   OrderGetInteger(ORDER_POSITION_ID)))
			return ticket;
	}
	return 0;
}

bool OrderExecuted(const ulong ticket)
{
	return HistoryOrderGetDouble(ticket, ORDER_VOLUME_CURRENT) + 0.000001 <
	       HistoryOrderGetDouble(ticket, ORDER_VOLUME_INITIAL);
}

// `ended`: an order that ended without a deal counts too. While another try may be under way
// it must not: it may be an earlier try's.
ulong TraceHistory(const WeirSignal &signal, const bool ended)
{
	datetime now = TimeTradeServer();
	if(!HistorySelect(now - WEIR_SEARCH_BACK_S, now + WEIR_SEARCH_BACK_S))
		return 0;
	for(int i = HistoryOrdersTotal() - 1; i >= 0; i--)
	{
		ulong ticket = HistoryOrderGetTicket(i);
		if(ticket > 0 && SameOrder(signal, HistoryOrderGetInteger(ticket, ORDER_MAGIC),
					   HistoryOrderGetInteger(ticket, ORDER_REASON),
					   HistoryOrderGetInteger(ticket, ORDER_POSITION_ID)) &&
		   (ended || OrderExecuted(ticket)))
			return ticket;
	}
	return 0;
}

// A position's identifier is the ticket of the order that opened it.
ulong TracePosition(const WeirSignal &signal)
{
	int count = PositionsTotal();
	if(signal.act != "open")
		return 0;
	for(int i = 0; i < count; i++)
		if(PositionGetTicket(i) > 0 && PositionGetInteger(POSITION_MAGIC) == signal.sid)
			return (ulong)PositionGetInteger(POSITION_IDENTIFIER);
	return 0;
}

// The order that the signal left at the broker, 0 when there is none to be seen.
ulong TraceOrder(const WeirSignal &signal, const bool ended)
{
	ulong order = TraceLive(signal);
	if(order == 0)
		order = TraceHistory(signal, ended);
	if(order == 0)
		order = TracePosition(signal);
	return order;
}

bool SamePrice(const double a, const double b)
{
	return MathAbs(a - b) < 0.000000005;
}

// Did a change or a cancellation come about?
bool TraceChange(const WeirSignal &signal)
{
	// An order that is gone may have been filled: only its state says.
	if(signal.act == "cancel")
		return HistoryOrderSelect(signal.pending) &&
		       HistoryOrderGetInteger(signal.pending, ORDER_STATE) == ORDER_STATE_CANCELED;
	if(signal.act != "modify")
		return false;
	if(signal.position > 0)
		return SelectPosition(signal.position) &&
		       (!signal.has_sl || SamePrice(PositionGetDouble(POSITION_SL), signal.sl)) &&
		       (!signal.has_tp || SamePrice(PositionGetDouble(POSITION_TP), signal.tp));
	return OrderSelect(signal.pending) &&
	       (signal.price <= 0.0 || SamePrice(OrderGetDouble(ORDER_PRICE_OPEN), signal.price)) &&
	       (!signal.has_sl || SamePrice(OrderGetDouble(ORDER_SL), signal.sl)) &&
	       (!signal.has_tp || SamePrice(OrderGetDouble(ORDER_TP), signal.tp));
}
