// frames.mqh - every frame the expert sends, and nothing else that writes to the wire.
//
// One function per frame: FrameBegin names the verb, each Frame...(key, value) adds a field of
// the kind its name says, and the caller queues what came out. The keys stand here as
// literals and FrameBegin's fields that must be there stand outside of every `if`, because a
// test reads this file and checks each verb, key and kind against weir's own table. Fields
// come in the table's order, in which weir finds them at once.
//
// Decimal numbers are printed at the digits of their symbol or currency and are never
// computed from one another.

string g_frame_verb;
string g_frame;      // " k=v k=v ..."

void FrameBegin(const string verb)
{
	g_frame_verb = verb;
	g_frame = "";
}

// A frame that was made before, as it stands in the journal.
void FrameAgain(const string verb, const string body)
{
	g_frame_verb = verb;
	g_frame = body;
}

void FramePut(const string key, const string value)
{
	g_frame += " " + key + "=" + value;
}

void FrameInt(const string key, const long value)
{
	FramePut(key, IntegerToString(value));
}

// From 0 on; what is below is another expert's magic beyond 63 bits, and is left out.
void FrameCount(const string key, const long value)
{
	if(value >= 0)
		FramePut(key, IntegerToString(value));
}

// A number at the digits given; one that is no number is left out.
void FrameNumber(const string key, const double value, const int digits)
{
	if(MathIsValidNumber(value))
		FramePut(key, DoubleToString(value, digits));
}

// A number that was printed before, as the position hash needs it.
void FrameDigits(const string key, const string printed)
{
	FramePut(key, printed);
}

void FrameWord(const string key, const string word)
{
	FramePut(key, word);
}

void FrameText(const string key, const string text)
{
	FramePut(key, Escaped(text));
}

void FrameName(const string key, const string name)
{
	FramePut(key, name);
}

void FrameHash(const string key, const ulong hash)
{
	FramePut(key, HexOfHash(hash));
}

void FrameHex(const string key, const string hex)
{
	FramePut(key, hex);
}

// ---- the connection ----

// `linked`: the account's data is the broker's, not a cache's; `known`: its lists are too.
void FrameHello(const string id, const string host, const long epoch, const string mac,
		const bool linked, const bool known, const long down, const ulong deal,
		const long deal_server_ms, const ulong hash, const int positions)
{
	FrameBegin("H");
	FrameCount("v", WEIR_PROTOCOL);
	FrameName("id", id);
	FrameCount("ep", epoch);
	FrameHex("mac", mac);
	if(host != "")
		FrameName("host", host);
	FrameCount("login", AccountInfoInteger(ACCOUNT_LOGIN));
	FrameText("srv", AccountInfoString(ACCOUNT_SERVER));
	if(linked)
	{
		FrameText("cur", AccountInfoString(ACCOUNT_CURRENCY));
		FrameWord("mm", WordOfMargin(AccountInfoInteger(ACCOUNT_MARGIN_MODE)));
		FrameWord("tm", WordOfTrade(AccountInfoInteger(ACCOUNT_TRADE_MODE)));
		FrameCount("lev", AccountInfoInteger(ACCOUNT_LEVERAGE));
	}
	FrameCount("bld", TerminalInfoInteger(TERMINAL_BUILD));
	FrameText("ea", WEIR_EXPERT_VERSION);
	if(linked)
		FrameInt("off", ClockServerOffset());
	FrameCount("dn", down);
	if(!known)
		return;
	FrameCount("ld", (long)deal);
	FrameCount("lsv", deal_server_ms);
	FrameHash("ph", hash);
	FrameCount("n", positions);
}

void FrameError(const string code, const string message)
{
	FrameBegin("E");
	FrameWord("code", code);
	FrameText("msg", message);
}

void FrameEcho(const long time)
{
	FrameBegin("p");
	FrameCount("t", time);
}

void FrameBye(const int reason)
{
	FrameBegin("Z");
	FrameCount("why", reason);
}

// ---- state ----

void FrameState(const bool known, const long lag, const int waiting, const int in_flight,
		const long since_tick, const long dropped, const long down, const ulong hash,
		const int positions)
{
	FrameBegin("S");
	FrameCount("t", ClockUtc());
	FrameCount("con", TerminalInfoInteger(TERMINAL_CONNECTED) != 0 ? 1 : 0);
	FrameCount("ta", TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) != 0 ? 1 : 0);
	FrameCount("ma", MQLInfoInteger(MQL_TRADE_ALLOWED) != 0 ? 1 : 0);
	FrameCount("aa", AccountInfoInteger(ACCOUNT_TRADE_ALLOWED) != 0 ? 1 : 0);
	FrameCount("ae", AccountInfoInteger(ACCOUNT_TRADE_EXPERT) != 0 ? 1 : 0);
	FrameCount("ping", TerminalInfoInteger(TERMINAL_PING_LAST));
	FrameNumber("ret", TerminalInfoDouble(TERMINAL_RETRANSMISSION), 2);
	FrameCount("mem", TerminalInfoInteger(TERMINAL_MEMORY_USED));
	FrameCount("memp", TerminalInfoInteger(TERMINAL_MEMORY_PHYSICAL));
	FrameCount("disk", TerminalInfoInteger(TERMINAL_DISK_SPACE));
	FrameCount("cores", TerminalInfoInteger(TERMINAL_CPU_CORES));
	FrameCount("lag", lag);
	FrameCount("q", waiting);
	FrameCount("inf", in_flight);
	if(since_tick >= 0)
		FrameCount("tick", since_tick);
	FrameCount("dr", dropped);
	FrameCount("dn", down);
	if(!known)
		return;
	FrameHash("ph", hash);
	FrameCount("n", positions);
}

// Only when the figures are the broker's: an offline terminal's balance is 0, which would
// look like a wiped account.
void FrameAccount()
{
	int digits = MoneyDigits();
	FrameBegin("A");
	FrameCount("t", ClockUtc());
	FrameNumber("bal", AccountInfoDouble(ACCOUNT_BALANCE), digits);
	FrameNumber("eq", AccountInfoDouble(ACCOUNT_EQUITY), digits);
	FrameNumber("mar", AccountInfoDouble(ACCOUNT_MARGIN), digits);
	FrameNumber("fm", AccountInfoDouble(ACCOUNT_MARGIN_FREE), digits);
	FrameNumber("ml", AccountInfoDouble(ACCOUNT_MARGIN_LEVEL), 2);
	FrameNumber("cr", AccountInfoDouble(ACCOUNT_CREDIT), digits);
	FrameNumber("pl", AccountInfoDouble(ACCOUNT_PROFIT), digits);
}

// Is the symbol traded now, by the broker's hours and the broker's clock?
bool InSession(const string symbol)
{
	MqlDateTime now;
	datetime from = 0;
	datetime to = 0;
	TimeToStruct(TimeTradeServer(), now);
	long second = now.hour * 3600 + now.min * 60 + now.sec;
	for(uint i = 0; i < 16; i++)
	{
		if(!SymbolInfoSessionTrade(symbol, (ENUM_DAY_OF_WEEK)now.day_of_week, i, from, to))
			return false;
		if(second >= (long)from && second < (long)to)
			return true;
	}
	return false;
}

void FrameQuote(const string symbol, const MqlTick &tick)
{
	long mode = SymbolInfoInteger(symbol, SYMBOL_TRADE_MODE);
	int digits = PriceDigits(symbol);
	FrameBegin("Q");
	FrameText("sym", symbol);
	FrameNumber("bid", tick.bid, digits);
	FrameNumber("ask", tick.ask, digits);
	FrameCount("spr", SymbolInfoInteger(symbol, SYMBOL_SPREAD));
	FrameCount("dg", digits);
	FrameWord("st", WordOfTrading(mode, InSession(symbol)));
	FrameCount("sv", tick.time_msc);
}

// ---- positions ----

// One position, its numbers as they are printed: the hash is over these texts.
struct WeirPosition
{
	ulong  ticket;
	long   id;        // POSITION_IDENTIFIER: the same for ever, in both margin modes
	string symbol;
	bool   buy;
	string volume;
	string open;
	string price;
	string sl;
	string tp;
	string swap;
	string profit;
	long   magic;
	long   opened;    // server ms
	bool   seen;      // in the terminal's list, this time round
	bool   moved;     // its price or profit is not told yet
};

ulong PositionHash(const WeirPosition &position)
{
	return Fnv1a(IntegerToString((long)position.ticket) + "|" + position.volume + "|" +
		     position.sl + "|" + position.tp);
}

void FrameSnapshotBegin(const int positions)
{
	FrameBegin("O");
	FrameCount("b", 1);
	FrameCount("n", positions);
}

void FrameSnapshotEnd(const int positions, const ulong hash)
{
	FrameBegin("O");
	FrameCount("e", 1);
	FrameCount("n", positions);
	FrameHash("ph", hash);
}

// `fresh`: a change of what is open; else one of a snapshot.
void FramePosition(const WeirPosition &position, const bool fresh)
{
	FrameBegin("o");
	if(fresh)
		FrameWord("ev", "new");
	FrameCount("tk", (long)position.ticket);
	FrameCount("id", position.id);
	FrameText("sym", position.symbol);
	FrameWord("sd", WordOfSide(position.buy));
	FrameDigits("vol", position.volume);
	FrameDigits("po", position.open);
	FrameDigits("pc", position.price);
	FrameDigits("sl", position.sl);
	FrameDigits("tp", position.tp);
	FrameDigits("sw", position.swap);
	FrameDigits("pl", position.profit);
	FrameCount("mg", position.magic);
	FrameCount("sv", position.opened);
}

void FramePositionChange(const WeirPosition &position)
{
	FrameBegin("o");
	FrameWord("ev", "mod");
	FrameCount("tk", (long)position.ticket);
	FrameCount("id", position.id);
	FrameDigits("vol", position.volume);
	FrameDigits("pc", position.price);
	FrameDigits("sl", position.sl);
	FrameDigits("tp", position.tp);
	FrameDigits("sw", position.swap);
	FrameDigits("pl", position.profit);
}

void FramePositionGone(const WeirPosition &position)
{
	FrameBegin("o");
	FrameWord("ev", "del");
	FrameCount("tk", (long)position.ticket);
	FrameCount("id", position.id);
}

// ---- answers, results, deals ----

void FrameAckSignal(const long down, const long sid, const string status)
{
	FrameBegin("Y");
	FrameCount("dn", down);
	FrameCount("sid", sid);
	FrameWord("st", status);
}

void FrameAckCommand(const long down, const long cid, const string status)
{
	FrameBegin("Y");
	FrameCount("dn", down);
	FrameCount("cid", cid);
	FrameWord("st", status);
}

// A result without a deal: a failure, an expiry, an order placed or changed.
void FrameResult(const long sid, const string status, const int code, const ulong order,
		 const long position, const string symbol, const long took, const int tries,
		 const string message)
{
	FrameBegin("R");
	FrameCount("sid", sid);
	FrameWord("st", status);
	if(code > 0)
		FrameCount("rc", code);
	if(order > 0)
		FrameCount("ord", (long)order);
	if(position > 0)
		FrameCount("pos", position);
	if(symbol != "")
		FrameText("sym", symbol);
	if(took >= 0)
		FrameCount("ex", took);
	if(tries > 0)
		FrameCount("try", tries);
	if(message != "")
		FrameText("msg", message);
}

// A result with its deal, which HistoryDealSelect has found. `wanted` is the price asked
// for, 0 where there was none.
void FrameResultDeal(const long sid, const string status, const int code, const ulong deal,
		     const double wanted, const long took, const int tries, const string message)
{
	string symbol = HistoryDealGetString(deal, DEAL_SYMBOL);
	int digits = PriceDigits(symbol);
	int money = MoneyDigits();
	bool buy = HistoryDealGetInteger(deal, DEAL_TYPE) == DEAL_TYPE_BUY;
	double price = HistoryDealGetDouble(deal, DEAL_PRICE);
	FrameBegin("R");
	FrameCount("sid", sid);
	FrameWord("st", status);
	FrameCount("rc", code);
	FrameCount("ord", HistoryDealGetInteger(deal, DEAL_ORDER));
	FrameCount("deal", (long)deal);
	FrameCount("pos", HistoryDealGetInteger(deal, DEAL_POSITION_ID));
	FrameText("sym", symbol);
	FrameWord("sd", WordOfSide(buy));
	FrameNumber("vol", HistoryDealGetDouble(deal, DEAL_VOLUME), VolumeDigits(symbol));
	if(wanted > 0.0)
		FrameNumber("rq", wanted, digits);
	FrameNumber("px", price, digits);
	if(wanted > 0.0)
		FrameNumber("slp", PointsWorse(symbol, buy, wanted, price), 1);
	FrameNumber("com", HistoryDealGetDouble(deal, DEAL_COMMISSION), money);
	FrameNumber("swp", HistoryDealGetDouble(deal, DEAL_SWAP), money);
	FrameNumber("fee", HistoryDealGetDouble(deal, DEAL_FEE), money);
	FrameNumber("pl", HistoryDealGetDouble(deal, DEAL_PROFIT), money);
	FrameCount("sv", HistoryDealGetInteger(deal, DEAL_TIME_MSC));
	if(took >= 0)
		FrameCount("ex", took);
	FrameCount("try", tries);
	if(message != "")
		FrameText("msg", message);
}

// The level of a deal that closed at one, 0 for others.
double DealLevel(const ulong deal)
{
	long reason = HistoryDealGetInteger(deal, DEAL_REASON);
	if(reason == DEAL_REASON_SL)
		return HistoryDealGetDouble(deal, DEAL_SL);
	return (reason == DEAL_REASON_TP) ? HistoryDealGetDouble(deal, DEAL_TP) : 0.0;
}

// A deal that no signal caused, which HistoryDealSelect has found.
void FrameDeal(const ulong deal)
{
	string symbol = HistoryDealGetString(deal, DEAL_SYMBOL);
	string comment = HistoryDealGetString(deal, DEAL_COMMENT);
	long type = HistoryDealGetInteger(deal, DEAL_TYPE);
	double price = HistoryDealGetDouble(deal, DEAL_PRICE);
	double level = DealLevel(deal);
	int digits = PriceDigits(symbol);
	int money = MoneyDigits();
	FrameBegin("D");
	FrameCount("deal", (long)deal);
	FrameCount("ord", HistoryDealGetInteger(deal, DEAL_ORDER));
	FrameCount("pos", HistoryDealGetInteger(deal, DEAL_POSITION_ID));
	if(symbol != "")
		FrameText("sym", symbol);
	FrameWord("sd", WordOfDeal(type));
	FrameWord("en", WordOfEntry(HistoryDealGetInteger(deal, DEAL_ENTRY)));
	FrameWord("rs", WordOfReason(HistoryDealGetInteger(deal, DEAL_REASON)));
	if(symbol != "")
	{
		FrameNumber("vol", HistoryDealGetDouble(deal, DEAL_VOLUME), VolumeDigits(symbol));
		FrameNumber("px", price, digits);
	}
	if(level > 0.0)
	{
		FrameNumber("lvl", level, digits);
		FrameNumber("slp", PointsWorse(symbol, type == DEAL_TYPE_BUY, level, price), 1);
	}
	FrameNumber("com", HistoryDealGetDouble(deal, DEAL_COMMISSION), money);
	FrameNumber("swp", HistoryDealGetDouble(deal, DEAL_SWAP), money);
	FrameNumber("fee", HistoryDealGetDouble(deal, DEAL_FEE), money);
	FrameNumber("pl", HistoryDealGetDouble(deal, DEAL_PROFIT), money);
	FrameCount("mg", HistoryDealGetInteger(deal, DEAL_MAGIC));
	FrameCount("sv", HistoryDealGetInteger(deal, DEAL_TIME_MSC));
	if(comment != "")
		FrameText("cm", comment);
}
