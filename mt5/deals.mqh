// deals.mqh - the account's deals: each is told once, and in their order.
//
// They need no store of their own, the terminal's history is one. Weir keeps the newest deal
// that it has recorded, be it of an R or of a D, and after W all deals newer than that one are
// told. So a frame with a deal is queued only when every older deal of the account, by server
// time and ticket, is: else that mark would pass a deal which waits, for room or for its turn,
// and a terminal that dies then would never tell it.
//
//   history  ---told---+--D--+--R--+--D--+--R-->     R: of a signal in work, which tells it
//                      |     |
//                    front   the oldest that is not told: what is behind waits for it
//
// Once a minute the last minutes of the history are compared with what was told: a deal can
// come into the history after newer ones.

bool  g_lists;           // the terminal's lists can be trusted, this turn
bool  g_walks;           // weir's newest deal is known: W came
bool  g_replayed;        // the journal's results, which may be older than all, are queued
bool  g_walk;            // there may be deals behind the front
long  g_walk_from;       // the front: all up to here are told; server ms
ulong g_walk_after;      // ... and the ticket at that time
long  g_walk_due;        // steady ms of the next comparison
long  g_scan_time;       // the newest deal of the last look at the history
ulong g_scan_deal;
long  g_wait_time;       // the oldest deal that is not told and could not be
ulong g_wait_deal;       // 0: none is known
bool  g_wait_room;       // ... and there is no room now
bool  g_wait_behind;     // newer ones wait for it
long  g_deal_time;       // newest deal that is known: server ms
ulong g_deal_newest;
long  g_deal_floor;      // nothing older is told: server ms of weir's newest at W

void DealsInit()
{
	g_lists = false;
	g_walks = false;
	g_replayed = false;
	g_walk = false;
	g_walk_from = 0;
	g_walk_after = 0;
	g_walk_due = 0;
	g_wait_deal = 0;
	g_wait_room = false;
	g_wait_behind = false;
	g_deal_time = 0;
	g_deal_newest = 0;
	g_deal_floor = 0;
	ToldInit();
	ToldRestore();
}

bool DealOlder(const long time, const ulong deal, const long than_time, const ulong than_deal)
{
	return time < than_time || (time == than_time && deal < than_deal);
}

// Puts a deal in its place in the first `count` of a list, which has room for one more.
void DealInsert(ulong &deals[], long &times[], const int count, const ulong deal, const long time)
{
	int at = count;
	while(at > 0 && DealOlder(time, deal, times[at - 1], deals[at - 1]))
	{
		deals[at] = deals[at - 1];
		times[at] = times[at - 1];
		at--;
	}
	deals[at] = deal;
	times[at] = time;
}

void DealKnown(const ulong deal, const long time)
{
	if(DealOlder(g_deal_time, g_deal_newest, time, deal))
	{
		g_deal_time = time;
		g_deal_newest = deal;
	}
}

void DealTold(const ulong deal, const long time)
{
	ToldAdd(deal, time);
	DealKnown(deal, time);
}

// For the hello of a new epoch: the newest deal of the last month.
void DealsNewest()
{
	datetime now = TimeTradeServer();
	if(g_deal_newest > 0 || !HistorySelect(now - 30 * WEIR_SEARCH_BACK_S,
					       now + WEIR_SEARCH_BACK_S))
		return;
	int count = HistoryDealsTotal();
	for(int i = 0; i < count; i++)
	{
		ulong deal = HistoryDealGetTicket(i);
		if(deal > 0)
			DealKnown(deal, HistoryDealGetInteger(deal, DEAL_TIME_MSC));
	}
}

// After W: weir's newest deal and its time; 0 and 0: none.
void DealsResume(const long time, const ulong deal)
{
	g_walks = true;
	g_replayed = false;
	g_walk = true;
	g_walk_from = time;
	g_walk_after = deal;
	g_wait_deal = 0;
	g_deal_floor = time;
	g_walk_due = ClockTick() + WEIR_RECHECK_MS;
}

// Goes through the last minutes again, as far as is known what of them was told.
void DealsRecheck()
{
	if(g_walk)
		return;
	g_walk = true;
	g_walk_after = 0;
	g_walk_from = g_deal_time - WEIR_RECHECK_BACK_MS;
	if(g_walk_from <= g_deal_floor)
		g_walk_from = g_deal_floor + 1;
	if(g_walk_from <= g_told_floor)
		g_walk_from = g_told_floor + 1;
	g_walk_due = ClockTick() + WEIR_RECHECK_MS;
}

// The signal in work whose order made this deal, -1 when there is none. HistoryDealSelect
// has found the deal.
int SignalOfDeal(const ulong deal)
{
	long sid = HistoryDealGetInteger(deal, DEAL_MAGIC);
	ulong order = (ulong)HistoryDealGetInteger(deal, DEAL_ORDER);
	long position = HistoryDealGetInteger(deal, DEAL_POSITION_ID);
	if(sid <= 0 || HistoryDealGetInteger(deal, DEAL_REASON) != DEAL_REASON_EXPERT)
		return -1;
	int parent = -1;
	for(int i = 0; i < WEIR_SIGNALS; i++)
	{
		int step = g_signals[i].step;
		if(step == STEP_FREE || g_signals[i].sid != sid)
			continue;
		if(g_signals[i].act == "closeall")
			parent = i;
		else if(!ActDeals(g_signals[i].act))
			continue;
		else if(g_signals[i].order == order)
			return i;
		else if(g_signals[i].order == 0 &&
			(g_signals[i].parent < 0 || g_signals[i].position == position))
			return i;
	}
	return parent;
}

// False: it is a signal's, or there is no room; it stays the oldest that is not told.
bool DealTell(const ulong deal, const long time)
{
	if(!HistoryDealSelect(deal))
		return false;
	int i = SignalOfDeal(deal);
	if(i >= 0)
	{
		g_signals[i].dirty = true;
		return false;
	}
	if(OutboxFree() <= WEIR_OUTBOX_DEALS)
		return false;
	FrameDeal(deal);
	OutboxPush();
	DealTold(deal, time);
	return true;
}

// The oldest deals, at most WEIR_DEALS_TURN, that are not told, behind the front and older than
// the one given.
int WalkGather(const long time, const ulong deal, ulong &deals[], long &times[])
{
	int gathered = 0;
	ArrayResize(deals, WEIR_DEALS_TURN + 1);
	ArrayResize(times, WEIR_DEALS_TURN + 1);
	int count = HistoryDealsTotal();
	for(int i = 0; i < count; i++)
	{
		ulong one = HistoryDealGetTicket(i);
		if(one == 0)
			continue;
		long at = HistoryDealGetInteger(one, DEAL_TIME_MSC);
		if(!DealOlder(g_walk_from, g_walk_after, at, one) || !DealOlder(at, one, time, deal))
			continue;
		if(DealOlder(g_scan_time, g_scan_deal, at, one))
		{
			g_scan_time = at;
			g_scan_deal = one;
		}
		int last = WEIR_DEALS_TURN - 1;
		if(gathered > last && !DealOlder(at, one, times[last], deals[last]))
			continue;
		if(IsTold(one))
			continue;
		DealInsert(deals, times, gathered, one, at);
		if(gathered < WEIR_DEALS_TURN)
			gathered++;
	}
	return gathered;
}

// Is it certain that a result with this deal cannot be queued now? Cheap.
bool DealsHeld(const long time, const ulong deal)
{
	if(!g_walks || OutboxFree() <= 0)
		return true;
	return g_wait_deal > 0 && DealOlder(g_wait_time, g_wait_deal, time, deal) &&
	       !IsTold(g_wait_deal);
}

// Tells what is older than the deal given, oldest first. True when nothing is left of it.
bool DealsWalk(const long time, const ulong deal)
{
	ulong deals[];
	long times[];
	if(g_wait_room && OutboxFree() <= WEIR_OUTBOX_DEALS && DealsHeld(time, deal))
		return false;
	g_scan_time = g_walk_from;
	g_scan_deal = g_walk_after;
	g_wait_deal = 0;
	if(!HistorySelect((datetime)(g_walk_from / 1000), TimeTradeServer() + WEIR_SEARCH_BACK_S))
		return false;
	int count = WalkGather(time, deal, deals, times);
	for(int i = 0; i < count; i++)
	{
		if(!DealTell(deals[i], times[i]))
		{
			g_wait_deal = deals[i];
			g_wait_time = times[i];
			g_wait_room = OutboxFree() <= WEIR_OUTBOX_DEALS;
			g_wait_behind = i + 1 < count || time < LONG_MAX;
			return false;
		}
		g_walk_from = times[i];
		g_walk_after = deals[i];
	}
	if(count == WEIR_DEALS_TURN)
		return false;
	g_walk_from = g_scan_time;
	g_walk_after = g_scan_deal;
	return true;
}

// May a result with this deal be queued now? Tells the older ones first.
bool DealsReady(const long time, const ulong deal)
{
	if(!g_walks || OutboxFree() <= 0)
		return false;
	if(!DealOlder(g_walk_from, g_walk_after, time, deal))
		return true;
	return g_lists && DealsWalk(time, deal);
}

// Each turn in which the connection is up and the lists can be trusted.
void DealsStep()
{
	if(ClockTick() >= g_walk_due)
		DealsRecheck();
	if(g_walk)
		g_walk = !DealsWalk(LONG_MAX, 0);
}

// The terminal tells of a deal. One whose place in the order has passed is told at once.
void DealSeen(const ulong deal)
{
	g_walk = true;
	if(!HistoryDealSelect(deal) || IsTold(deal))
		return;
	int i = SignalOfDeal(deal);
	long time = HistoryDealGetInteger(deal, DEAL_TIME_MSC);
	if(i >= 0)
		g_signals[i].dirty = true;
	else if(g_walks && g_lists && !DealOlder(g_walk_from, g_walk_after, time, deal) &&
		!DealTell(deal, time))
		g_walk_due = ClockTick() + 1000;
}
