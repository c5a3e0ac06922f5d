// words.mqh - how the terminal's numbers are written on the wire: digits of prices, lots and
// money, and the words that stand for its enumerations. Words, because the numbers differ from
// one description of the terminal to the next.

// ---- digits ----

int PriceDigits(const string symbol)
{
	long digits = 0;
	if(symbol != "" && SymbolInfoInteger(symbol, SYMBOL_DIGITS, digits))
		return (int)digits;
	return 8;
}

int VolumeDigits(const string symbol)
{
	double step = 0.0;
	int digits = 0;
	if(symbol == "" || !SymbolInfoDouble(symbol, SYMBOL_VOLUME_STEP, step) || step <= 0.0)
		return 2;
	while(digits < 8 && MathAbs(step - MathRound(step)) > 0.000001)
	{
		step *= 10.0;
		digits++;
	}
	return (digits < 2) ? 2 : digits;
}

int MoneyDigits()
{
	return (int)AccountInfoInteger(ACCOUNT_CURRENCY_DIGITS);
}

// How much worse a price was than the one looked for, in points; positive is worse.
double PointsWorse(const string symbol, const bool buy, const double wanted, const double got)
{
	double point = SymbolInfoDouble(symbol, SYMBOL_POINT);
	if(point <= 0.0)
		return 0.0;
	return buy ? (got - wanted) / point : (wanted - got) / point;
}

// ---- words ----

string WordOfSide(const bool buy)
{
	return buy ? "buy" : "sell";
}

string WordOfMargin(const long mode)
{
	if(mode == ACCOUNT_MARGIN_MODE_RETAIL_HEDGING)
		return "hedge";
	return (mode == ACCOUNT_MARGIN_MODE_EXCHANGE) ? "exchange" : "netting";
}

string WordOfTrade(const long mode)
{
	if(mode == ACCOUNT_TRADE_MODE_REAL)
		return "real";
	return (mode == ACCOUNT_TRADE_MODE_CONTEST) ? "contest" : "demo";
}

string WordOfDeal(const long type)
{
	if(type == DEAL_TYPE_BUY)
		return "buy";
	if(type == DEAL_TYPE_SELL)
		return "sell";
	if(type == DEAL_TYPE_BALANCE)
		return "balance";
	if(type == DEAL_TYPE_CREDIT)
		return "credit";
	if(type == DEAL_TYPE_CHARGE)
		return "charge";
	if(type == DEAL_TYPE_CORRECTION)
		return "correction";
	if(type == DEAL_TYPE_BONUS)
		return "bonus";
	if(type == DEAL_TYPE_COMMISSION)
		return "commission";
	return "other";
}

string WordOfEntry(const long entry)
{
	if(entry == DEAL_ENTRY_OUT)
		return "out";
	if(entry == DEAL_ENTRY_INOUT)
		return "inout";
	return (entry == DEAL_ENTRY_OUT_BY) ? "outby" : "in";
}

string WordOfReason(const long reason)
{
	if(reason == DEAL_REASON_CLIENT)
		return "client";
	if(reason == DEAL_REASON_MOBILE)
		return "mobile";
	if(reason == DEAL_REASON_WEB)
		return "web";
	if(reason == DEAL_REASON_EXPERT)
		return "expert";
	if(reason == DEAL_REASON_SL)
		return "sl";
	if(reason == DEAL_REASON_TP)
		return "tp";
	return (reason == DEAL_REASON_SO) ? "so" : "other";
}

string WordOfTrading(const long mode, const bool in_session)
{
	if(mode == SYMBOL_TRADE_MODE_DISABLED || mode == SYMBOL_TRADE_MODE_CLOSEONLY)
		return "halt";
	return in_session ? "open" : "close";
}
