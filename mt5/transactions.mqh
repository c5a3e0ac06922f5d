// transactions.mqh - between OnTradeTransaction, which must be quick, and OnTimer.
//
// The terminal gives many transactions for one request, in any order, and keeps 1,024 of
// them for a slow handler. Ids are copied into a ring of as many; when that is full the
// newest are dropped and the history is gone through instead.

struct WeirTransaction
{
	bool   answer;      // of a request; else a deal
	uint   request;
	long   magic;
	int    code;
	ulong  order;
	ulong  deal;
	long   at;          // steady ms
	string text;
};

WeirTransaction g_transactions[WEIR_TRANSACTIONS];
int  g_transactions_first;
int  g_transactions_count;
bool g_transactions_lost;
bool g_positions_dirty;

void TransactionsInit()
{
	g_transactions_first = 0;
	g_transactions_count = 0;
	g_transactions_lost = false;
	g_positions_dirty = true;
}

// A place for one more, -1 when the ring is full.
int TransactionPlace()
{
	if(g_transactions_count == WEIR_TRANSACTIONS)
	{
		g_transactions_lost = true;
		return -1;
	}
	int at = (g_transactions_first + g_transactions_count) % WEIR_TRANSACTIONS;
	g_transactions_count++;
	g_transactions[at].at = ClockTick();
	return at;
}

void TransactionSeen(const MqlTradeTransaction &trans, const MqlTradeRequest &request,
		     const MqlTradeResult &result)
{
	int at = -1;
	switch(trans.type)
	{
	case TRADE_TRANSACTION_REQUEST:
		at = TransactionPlace();
		if(at < 0)
			return;
		g_transactions[at].answer = true;
		g_transactions[at].request = result.request_id;
		g_transactions[at].magic = (long)request.magic;
		g_transactions[at].code = (int)result.retcode;
		g_transactions[at].order = result.order;
		g_transactions[at].deal = result.deal;
		g_transactions[at].text = result.comment;
		break;
	case TRADE_TRANSACTION_DEAL_ADD:
		g_positions_dirty = true;
		at = TransactionPlace();
		if(at < 0)
			return;
		g_transactions[at].answer = false;
		g_transactions[at].deal = trans.deal;
		g_transactions[at].order = trans.order;
		break;
	case TRADE_TRANSACTION_HISTORY_ADD:
	case TRADE_TRANSACTION_ORDER_DELETE:
		// Its deals may have come before: the order's signal is looked at again.
		at = TransactionPlace();
		if(at < 0)
			return;
		g_transactions[at].answer = false;
		g_transactions[at].deal = 0;
		g_transactions[at].order = trans.order;
		break;
	default:
		g_positions_dirty = true;
		break;
	}
}

// The signal that an answer is for, -1 when none waits for one.
int TransactionSignal(const WeirTransaction &transaction)
{
	for(int i = 0; i < WEIR_SIGNALS; i++)
	{
		int step = g_signals[i].step;
		if(step != STEP_SENT && step != STEP_UNKNOWN)
			continue;
		if(transaction.magic != g_signals[i].sid)
			continue;
		if(transaction.request == g_signals[i].request && transaction.request > 0)
			return i;
	}
	return -1;
}

void TransactionAnswer(const WeirTransaction &transaction)
{
	int i = TransactionSignal(transaction);
	if(i < 0)
		return;
	if(g_signals[i].took < 0)
		g_signals[i].took = transaction.at - g_signals[i].sent;
	SignalAnswer(i, transaction.code, transaction.order, transaction.text, true);
}

void TransactionOrder(const ulong order)
{
	for(int i = 0; i < WEIR_SIGNALS; i++)
		if(g_signals[i].step == STEP_SENT && g_signals[i].order == order && order > 0)
			g_signals[i].dirty = true;
}

// Takes the next one out; false when there is none.
bool TransactionNext(WeirTransaction &transaction)
{
	if(g_transactions_count == 0)
		return false;
	transaction = g_transactions[g_transactions_first];
	g_transactions_first = (g_transactions_first + 1) % WEIR_TRANSACTIONS;
	g_transactions_count--;
	return true;
}

// What OnTradeTransaction left.
void TransactionsDrain()
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
		if(transaction.deal > 0)
			DealSeen(transaction.deal);
	}
	if(g_transactions_lost)
	{
		g_transactions_lost = false;
		g_walk = true;
	}
}
