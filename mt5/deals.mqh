// deals.mqh - deals that no signal caused: stops hit, trades by hand, swaps, deposits.
//
// They need no store of their own, the terminal's history is one: after W all deals newer
// than the newest that weir has are told again, and once a minute the last minutes of the
// history are compared with what was told. A deal of a signal in work is that signal's.

bool  g_walk;            // the history is being gone through
long  g_walk_from;       // server ms
ulong g_walk_after;      // at that very time: tickets up to this one are known
long  g_walk_due;        // steady ms of the next comparison
long  g_deal_time;       // newest deal that is known: server ms
ulong g_deal_newest;
long  g_deal_floor;      // nothing older is told: server ms of weir's newest at W

void DealsInit()
{
	g_walk = false;
	g_walk_from = 0;
	g_walk_after = 0;
	g_walk_due = 0;
	g_deal_time = 0;
	g_deal_newest = 0;
	g_deal_floor = 0;
	ToldInit();
	ToldRestore();
}

void DealKnown(const ulong deal, const long time)
{
	if(time > g_deal_time || (time == g_deal_time && deal > g_deal_newest))
	{
		g_deal_time = time;
		g_deal_newest = deal;
	}
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
	g_walk = true;
	g_walk_from = time;
	g_walk_after = deal;
	g_deal_floor = time;
	g_walk_due = ClockTick() + WEIR_RECHECK_MS;
}

// Goes through the last minutes again.
void DealsRecheck()
{
	if(g_walk)
		return;
	g_walk = true;
	g_walk_after = 0;
	g_walk_from = g_deal_time - WEIR_RECHECK_BACK_MS;
	if(g_walk_from <= g_deal_floor)
		g_walk_from = g_deal_floor + 1;
	g_walk_due = ClockTick() + WEIR_RECHECK_MS;
}

// False: it cannot be told now and has to be found again.
bool DealTell(const ulong deal)
{
	if(IsTold(deal))
		return true;
	if(!HistoryDealSelect(deal))
		return false;
	DealKnown(deal, HistoryDealGetInteger(deal, DEAL_TIME_MSC));
	if(SignalTakesDeal(deal))
		return true;
	if(OutboxFree() <= WEIR_OUTBOX_DEALS)
		return false;
	FrameDeal(deal);
	OutboxPush();
	ToldAdd(deal);
	return true;
}

// The next deals of the walk, at most WEIR_DEALS_TURN.
int WalkGather(ulong &deals[], long &times[])
{
	int gathered = 0;
	ArrayResize(deals, WEIR_DEALS_TURN);
	ArrayResize(times, WEIR_DEALS_TURN);
	int count = HistoryDealsTotal();
	for(int i = 0; i < count && gathered < WEIR_DEALS_TURN; i++)
	{
		ulong deal = HistoryDealGetTicket(i);
		if(deal == 0 || IsTold(deal))
			continue;
		long time = HistoryDealGetInteger(deal, DEAL_TIME_MSC);
		if(time < g_walk_from || (time == g_walk_from && deal <= g_walk_after))
			continue;
		deals[gathered] = deal;
		times[gathered] = time;
		gathered++;
	}
	return gathered;
}

void DealsWalk()
{
	ulong deals[];
	long times[];
	if(!HistorySelect((datetime)(g_walk_from / 1000), TimeTradeServer() + WEIR_SEARCH_BACK_S))
		return;
	int count = WalkGather(deals, times);
	for(int i = 0; i < count; i++)
	{
		if(!DealTell(deals[i]))
			return;
		if(times[i] > g_walk_from)
		{
			g_walk_from = times[i];
			g_walk_after = 0;
		}
	}
	g_walk = count == WEIR_DEALS_TURN;
}

// Each turn in which the connection is up and the lists can be trusted.
void DealsStep()
{
	if(ClockTick() >= g_walk_due)
		DealsRecheck();
	if(g_walk && OutboxFree() > WEIR_OUTBOX_DEALS)
		DealsWalk();
}

// What OnTradeTransaction left.
void TransactionsDrain(const bool telling)
{
	WeirTransaction transaction;
	while(TransactionNext(transaction))
	{
		if(transaction.answer)
		{
			TransactionAnswer(transaction);
			continue;
		}
		TransactionOrder(transaction.order);
		if(transaction.deal == 0)
			continue;
		if(!telling)
		{
			// Results are kept; other deals are found again after W.
			if(HistoryDealSelect(transaction.deal))
				SignalTakesDeal(transaction.deal);
		}
		else if(!DealTell(transaction.deal))
			g_walk_due = ClockTick() + 1000;
	}
	if(g_transactions_lost && telling)
	{
		g_transactions_lost = false;
		g_walk_due = 0;
	}
}
