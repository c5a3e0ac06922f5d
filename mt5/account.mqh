// account.mqh - is the account's data the broker's own, its figures, and prices in use.
//
// An offline terminal shows the last login and server with balance 0, an empty currency and
// empty lists. So nothing of the account is told before the broker's link has been up for
// WEIR_SETTLE_MS and the currency is there.

long   g_linked_since;   // steady ms since the broker's link is up, 0: it is not
string g_account_told;
long   g_account_at;
string g_quote_symbol[WEIR_SYMBOLS];
long   g_quote_time[WEIR_SYMBOLS];
int    g_quotes;
bool   g_trimmed;

void AccountInit()
{
	g_linked_since = 0;
	g_account_told = "";
	g_account_at = 0;
	g_quotes = 0;
	g_trimmed = false;
}

// Its currency, leverage and modes are the broker's.
bool AccountLinked()
{
	return TerminalInfoInteger(TERMINAL_CONNECTED) != 0 &&
	       AccountInfoString(ACCOUNT_CURRENCY) != "";
}

// Its lists are too. Call each turn.
bool AccountSettled()
{
	if(!AccountLinked())
	{
		g_linked_since = 0;
		return false;
	}
	if(g_linked_since == 0)
		g_linked_since = ClockTick();
	return ClockTick() - g_linked_since >= WEIR_SETTLE_MS;
}

// On change, at most every `least` ms.
void AccountStep(const long least)
{
	if(ClockTick() - g_account_at < least)
		return;
	FrameAccount();
	string figures = StringSubstr(g_frame, StringFind(g_frame, " bal="));
	if(figures == g_account_told)
		return;
	g_account_told = figures;
	g_account_at = ClockTick();
	LightPush();
}

// ---- prices ----

void QuoteUse(const string symbol)
{
	if(symbol == "")
		return;
	for(int i = 0; i < g_quotes; i++)
		if(g_quote_symbol[i] == symbol)
			return;
	if(g_quotes == WEIR_SYMBOLS)
		return;
	g_quote_symbol[g_quotes] = symbol;
	g_quote_time[g_quotes] = 0;
	g_quotes++;
}

bool SymbolInUse(const string symbol)
{
	if(symbol == _Symbol)
		return true;
	for(int i = 0; i < g_quotes; i++)
		if(g_quote_symbol[i] == symbol)
			return true;
	return false;
}

// Symbols of positions, pending orders and signals; the table only grows until it is full,
// then it begins anew.
void QuotesUse()
{
	if(g_quotes == WEIR_SYMBOLS)
		g_quotes = 0;
	int positions = PositionsTotal();
	for(int i = 0; i < positions; i++)
		if(PositionGetTicket(i) > 0)
			QuoteUse(PositionGetString(POSITION_SYMBOL));
	for(int i = 0; i < WEIR_SIGNALS; i++)
		if(g_signals[i].step != STEP_FREE)
			QuoteUse(g_signals[i].symbol);
	int orders = OrdersTotal();
	for(int i = 0; i < orders; i++)
		if(OrderGetTicket(i) > 0)
			QuoteUse(OrderGetString(ORDER_SYMBOL));
}

// Once a second: each symbol in use whose price is newer than the one told.
void QuotesTell()
{
	MqlTick tick;
	QuotesUse();
	for(int i = 0; i < g_quotes; i++)
	{
		if(!SymbolInfoTick(g_quote_symbol[i], tick) || tick.time_msc == g_quote_time[i])
			continue;
		g_quote_time[i] = tick.time_msc;
		FrameQuote(g_quote_symbol[i], tick);
		LightPush();
	}
}

// Takes symbols that nothing uses out of Market Watch: each costs memory and traffic.
void SymbolsTrim()
{
	QuotesUse();
	for(int i = SymbolsTotal(true) - 1; i >= 0; i--)
	{
		string symbol = SymbolName(i, true);
		if(!SymbolInUse(symbol))
			SymbolSelect(symbol, false);
	}
	g_trimmed = true;
}
