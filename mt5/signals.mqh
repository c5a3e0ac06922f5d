// signals.mqh - a signal's way from G to its one final R.
//
//   WAITING --send--> SENT --answer, deals--> R done
//      |               |  +-requote, busy--> RETRY --> SENT
//      | ttl           | no answer, unknown
//      v               v
//    R exp          UNKNOWN --trace found--> R done
//                      +-none in 10 s--> R unk, looked for on
//
// One request goes out a turn, by OrderSendAsync. Answers come through OnTradeTransaction,
// which copies ids and nothing else; numbers are read from the history.

bool       g_stopped;         // op=stop: no more signals
bool       g_closing;         // op=restart: those that wait, wait for the next start
long       g_rate;            // signals a second, by W
long       g_throttle;        // by op=throttle, -1: none
long       g_throttle_until;  // steady ms, 0: until told otherwise
long       g_take_at;         // steady ms: not before
long       g_down_seen;       // newest dn handled
bool       g_down_gap;        // one was not answered: none is until W
long       g_started;         // steady ms

void SignalsInit()
{
	for(int i = 0; i < WEIR_SIGNALS; i++)
		g_signals[i].step = STEP_FREE;
	g_stopped = g_stop_kept;
	g_closing = false;
	g_rate = 10;
	g_throttle = -1;
	g_throttle_until = 0;
	g_take_at = 0;
	g_down_seen = g_down_kept;
	g_down_gap = false;
	g_started = ClockTick();
}

int SignalsIn(const int step)
{
	int count = 0;
	for(int i = 0; i < WEIR_SIGNALS; i++)
		if(g_signals[i].step == step)
			count++;
	return count;
}

int SignalsWaiting()
{
	return SignalsIn(STEP_WAITING) + SignalsIn(STEP_RETRY);
}

int SignalsInFlight()
{
	return SignalsIn(STEP_SENT) + SignalsIn(STEP_UNKNOWN);
}

// False: there is no room for an answer, so this one and all after it are left to weir, which
// sends them again after the next hello.
bool DownTake(const long down)
{
	if(g_down_gap || OutboxFree() < WEIR_OUTBOX_ANSWERS)
	{
		g_down_gap = true;
		return false;
	}
	if(down > g_down_seen)
		g_down_seen = down;
	return true;
}

// ---- the table ----

// A free place, cleared; -1 when there is none.
int SignalNew()
{
	for(int i = 0; i < WEIR_SIGNALS; i++)
	{
		if(g_signals[i].step != STEP_FREE)
			continue;
		ZeroMemory(g_signals[i]);
		g_signals[i].parent = -1;
		g_signals[i].filling = -1;
		g_signals[i].took = -1;
		g_signals[i].step = STEP_WAITING;
		return i;
	}
	return -1;
}

void SignalRead(WeirSignal &signal, const WeirLine &line)
{
	signal.sid = LineInt(line, "sid", 0);
	signal.down = line.seq;
	signal.act = LineText(line, "act");
	signal.side = LineText(line, "sd");
	signal.symbol = LineText(line, "sym");
	signal.kind = LineText(line, "ty");
	signal.comment = LineText(line, "cm");
	signal.volume = LineNumber(line, "vol");
	signal.price = LineNumber(line, "px");
	signal.limit = LineNumber(line, "slim");
	signal.sl = LineNumber(line, "sl");
	signal.tp = LineNumber(line, "tp");
	signal.has_sl = LineHas(line, "sl");
	signal.has_tp = LineHas(line, "tp");
	signal.deviation = LineInt(line, "dev", 0);
	signal.position = LineInt(line, "pos", 0);
	signal.opposite = LineInt(line, "by", 0);
	signal.pending = (ulong)LineInt(line, "ord", 0);
}

bool IsSide(const string side)
{
	return side == "buy" || side == "sell";
}

bool SignalValid(const WeirSignal &signal)
{
	bool trade = signal.symbol != "" && IsSide(signal.side) && signal.volume > 0.0;
	if(signal.sid <= 0)
		return false;
	if(signal.act == "open")
		return trade;
	if(signal.act == "pend")
		return trade && signal.price > 0.0 &&
		       (signal.kind == "limit" || signal.kind == "stop" ||
			(signal.kind == "stop_limit" && signal.limit > 0.0));
	if(signal.act == "close")
		return signal.position > 0 || signal.symbol != "";
	if(signal.act == "closeby")
		return signal.position > 0 && signal.opposite > 0;
	if(signal.act == "modify")
		return signal.position > 0 || signal.pending > 0;
	if(signal.act == "cancel")
		return signal.pending > 0;
	return signal.act == "closeall";
}

// ---- results ----

// The frame that was made last is this signal's result.
void ResultPush(const long sid, const bool final_one)
{
	string body = g_frame;
	long up = OutboxPush();
	JournalResult(sid, final_one, body, up);
}

// May this result of the journal be queued? One with a deal waits for all older ones.
bool ResultReady(const string body)
{
	WeirLine line;
	if(!LineParse("R 0" + body, line) || !LineHas(line, "deal"))
		return true;
	return DealsReady(LineInt(line, "sv", 0), (ulong)LineInt(line, "deal", 0));
}

// Queues the results of the journal that are due, oldest first, while there is room. False: some
// are left.
bool ResultsReplay()
{
	for(int i = g_outcomes_count; i >= 1; i--)
	{
		int at = (g_outcomes_next - i + WEIR_SIDS) % WEIR_SIDS;
		if(g_outcomes[at].safe || g_outcomes[at].up > 0)
			continue;
		if(OutboxFree() <= WEIR_OUTBOX_DEALS || !ResultReady(g_outcomes[at].body))
			return false;
		FrameAgain("R", g_outcomes[at].body);
		g_outcomes[at].up = OutboxPush();
	}
	return true;
}

void LegDone(const int leg, const int code, const string text)
{
	int parent = g_signals[leg].parent;
	g_signals[leg].step = STEP_FREE;
	g_signals[parent].legs--;
	if(code > 0 && g_signals[parent].bad_code == 0)
	{
		g_signals[parent].bad_code = code;
		g_signals[parent].bad_text = text;
	}
}

// A final result without a deal.
void SignalEnd(const int i, const string status, const int code, const string text)
{
	if(g_signals[i].parent >= 0)
	{
		LegDone(i, (status == "done") ? 0 : code, text);
		return;
	}
	if(g_signals[i].sid > 0)
	{
		FrameResult(g_signals[i].sid, status, code, g_signals[i].order,
			    g_signals[i].position, g_signals[i].symbol, g_signals[i].took,
			    g_signals[i].tries, text);
		ResultPush(g_signals[i].sid, true);
	}
	g_signals[i].step = STEP_FREE;
}

void SignalUnknown(const int i, const bool final_one)
{
	if(g_signals[i].sid > 0)
	{
		FrameResult(g_signals[i].sid, "unk", g_signals[i].code, g_signals[i].order,
			    g_signals[i].position, g_signals[i].symbol, g_signals[i].took,
			    g_signals[i].tries, "no trace of it at the broker");
		ResultPush(g_signals[i].sid, final_one);
	}
	g_signals[i].unk_told = true;
}

// Queues the result with this deal. False: not now, an older deal of the account waits.
bool SignalDealTell(const int i, const ulong deal, const bool final_one, const int code,
		    const string text)
{
	long time = HistoryDealGetInteger(deal, DEAL_TIME_MSC);
	g_signals[i].held_deal = deal;
	g_signals[i].held_time = time;
	if(!g_replayed || !DealsReady(time, deal) || !HistoryDealSelect(deal))
		return false;
	g_signals[i].held_deal = 0;
	g_signals[i].told += HistoryDealGetDouble(deal, DEAL_VOLUME);
	FrameResultDeal(g_signals[i].sid, final_one ? "done" : "part", code, deal,
			g_signals[i].wanted, g_signals[i].took, g_signals[i].tries, text);
	ResultPush(g_signals[i].sid, final_one);
	DealTold(deal, time);
	return true;
}

// One deal of the signal's order; `last` ends the signal. The expert's own closings have no
// results, their deals are told as D. False: not now.
bool SignalDeal(const int i, const ulong deal, const bool last, const int code,
		const string text)
{
	bool leg = g_signals[i].parent >= 0;
	if(!HistoryDealSelect(deal))
		return false;
	if(g_signals[i].sid > 0 && !SignalDealTell(i, deal, last && !leg, code, text))
		return false;
	g_signals[i].deals++;
	if(last && leg)
		LegDone(i, 0, "");
	else if(last)
		g_signals[i].step = STEP_FREE;
	return true;
}

// Deals of a closeall whose leg is gone, by a restart for example, are its own.
void SignalOrphans()
{
	for(int n = 0; n < WEIR_DEALS_TURN; n++)
	{
		ulong deal = g_wait_deal;
		if(deal == 0 || IsTold(deal) || !HistoryDealSelect(deal))
			return;
		int i = SignalOfDeal(deal);
		if(i < 0 || g_signals[i].act != "closeall" || !SignalDeal(i, deal, false, 10009, ""))
			return;
		DealsWalk(LONG_MAX, 0);
	}
}

// ---- what came of an order ----

// Deals of the order that were not told, oldest first.
int DealsOf(const ulong order, ulong &deals[])
{
	long times[];
	datetime now = TimeTradeServer();
	ArrayResize(deals, 0);
	if(!HistorySelect(now - WEIR_SEARCH_BACK_S, now + WEIR_SEARCH_BACK_S))
		return 0;
	int count = HistoryDealsTotal();
	for(int i = 0; i < count; i++)
	{
		ulong deal = HistoryDealGetTicket(i);
		if(deal == 0 || (ulong)HistoryDealGetInteger(deal, DEAL_ORDER) != order ||
		   IsTold(deal))
			continue;
		int size = ArraySize(deals);
		ArrayResize(deals, size + 1);
		ArrayResize(times, size + 1);
		DealInsert(deals, times, size, deal, HistoryDealGetInteger(deal, DEAL_TIME_MSC));
	}
	return ArraySize(deals);
}

double VolumeOf(const ulong &deals[])
{
	double volume = 0.0;
	int count = ArraySize(deals);
	for(int i = 0; i < count; i++)
		if(HistoryDealSelect(deals[i]))
			volume += HistoryDealGetDouble(deals[i], DEAL_VOLUME);
	return volume;
}

// The order is in the history: tells its deals, the last of which is final.
void SignalOrderEnded(const int i, const ulong &deals[], const long state, const double asked,
		      const bool waited)
{
	int count = ArraySize(deals);
	string symbol = g_signals[i].symbol;
	double left = asked - g_signals[i].told - VolumeOf(deals);
	bool missing = left > 0.000001;
	// The order can be in the history before its deals are.
	if(state == ORDER_STATE_FILLED && missing && !waited)
		return;
	int code = missing ? 10010 : 10009;
	string text = missing ? DoubleToString(left, VolumeDigits(symbol)) + " not executed" : "";
	if(count == 0 && g_signals[i].deals == 0)
	{
		if(state == ORDER_STATE_FILLED)
			SignalEnd(i, "done", 10009, "its deals are not in the history");
		else
			SignalEnd(i, "fail", (state == ORDER_STATE_REJECTED) ? 10006 : 10007,
				  "the order ended without a deal");
		return;
	}
	for(int d = 0; d < count; d++)
		if(!SignalDeal(i, deals[d], d == count - 1, code, text))
			return;
	if(count == 0)
		SignalEnd(i, "done", code, text);
}

// The order is still filling: what waits for its next deal too long is told as a part, and what
// other deals wait for at once.
void SignalOrderFills(const int i, const ulong &deals[])
{
	int count = ArraySize(deals);
	long now = ClockTick();
	if(count == 0)
		return;
	if(g_signals[i].filled_at == 0)
		g_signals[i].filled_at = now;
	bool behind = g_wait_behind && g_wait_deal == deals[0];
	if(now - g_signals[i].filled_at < WEIR_FILL_MS && !behind)
		return;
	for(int d = 0; d < (behind ? 1 : count); d++)
		if(!SignalDeal(i, deals[d], false, 10010, ""))
			return;
	g_signals[i].filled_at = 0;
}

bool OrderEnded(const long state)
{
	return state == ORDER_STATE_FILLED || state == ORDER_STATE_CANCELED ||
	       state == ORDER_STATE_REJECTED || state == ORDER_STATE_EXPIRED;
}

// Looks at the signal's order and tells what it did. False: no trace of it.
bool SignalLook(const int i, const bool waited)
{
	ulong deals[];
	if(g_signals[i].order == 0)
		g_signals[i].order = TraceOrder(g_signals[i], waited && g_signals[i].tries <= 1);
	ulong order = g_signals[i].order;
	if(order == 0)
		return false;
	if(g_signals[i].act == "pend")
	{
		SignalEnd(i, "done", 10009, "");
		return true;
	}
	if(g_signals[i].step != STEP_SENT)
	{
		g_signals[i].step = STEP_SENT;
		g_signals[i].dirty = true;
	}
	DealsOf(order, deals);
	if(OrderSelect(order))
	{
		SignalOrderFills(i, deals);
		return true;
	}
	if(!HistoryOrderSelect(order))
		return !waited;
	long state = HistoryOrderGetInteger(order, ORDER_STATE);
	double asked = HistoryOrderGetDouble(order, ORDER_VOLUME_INITIAL);
	if(g_signals[i].symbol == "")
		g_signals[i].symbol = HistoryOrderGetString(order, ORDER_SYMBOL);
	// Whatever its state is called: it is not live, and its deals hold up the account's others.
	if(OrderEnded(state) || waited)
		SignalOrderEnded(i, deals, state, asked, waited);
	return true;
}
