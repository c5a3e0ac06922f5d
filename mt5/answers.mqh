// answers.mqh - sending a signal's request, and what its return code asks for.

void SignalRetry(const int i, const long wait, const int code, const string text)
{
	long now = ClockTick();
	if(g_signals[i].tries >= WEIR_TRIES || now + wait >= g_signals[i].until)
	{
		SignalEnd(i, "fail", code, text);
		return;
	}
	g_signals[i].step = STEP_RETRY;
	g_signals[i].due = now + wait;
	g_signals[i].order = 0;
}

void SignalLater(const int i, const int code, const string text)
{
	long wait = RetcodeWait(code);
	if(code == 10024)
	{
		// Too many requests: twice as long each time, and nothing else meanwhile.
		int doubled = (g_signals[i].tries < 3) ? g_signals[i].tries - 1 : 2;
		if(doubled > 0)
			wait *= (doubled == 1) ? 2 : 4;
		g_take_at = ClockTick() + wait;
	}
	SignalRetry(i, wait, code, text);
}

void SignalGood(const int i, const ulong order)
{
	if(order > 0)
		g_signals[i].order = order;
	if(ActDeals(g_signals[i].act))
		g_signals[i].dirty = true;
	else
		SignalEnd(i, "done", g_signals[i].code, "");
}

// Once more, with the next filling mode.
void SignalRefill(const int i, const string text)
{
	if(g_signals[i].refilled)
	{
		SignalEnd(i, "fail", g_signals[i].code, text);
		return;
	}
	g_signals[i].refilled = true;
	g_signals[i].filling = NextFilling(g_signals[i].filling);
	SignalRetry(i, 0, g_signals[i].code, text);
}

// Once more, with the order or position as it is now.
void SignalReread(const int i, const string text)
{
	if(g_signals[i].reread)
	{
		SignalEnd(i, "fail", g_signals[i].code, text);
		return;
	}
	g_signals[i].reread = true;
	SignalRetry(i, 0, g_signals[i].code, text);
}

void SignalFast(const int i, const string text)
{
	g_signals[i].fast++;
	if(g_signals[i].fast > WEIR_FAST_TRIES)
		SignalEnd(i, "fail", g_signals[i].code, text);
	else
		SignalRetry(i, 0, g_signals[i].code, text);
}

// What a return code asks for. `left`: the request had left the terminal.
void SignalAnswer(const int i, const int code, const ulong order, const string text,
		  const bool left)
{
	WeirClass kind = RetcodeClass(code);
	g_signals[i].code = code;
	if(kind == RETCODE_UNK && !left)
		kind = RETCODE_LATER;
	if(code == 10036 && g_signals[i].act != "close" && g_signals[i].act != "closeby")
		kind = RETCODE_FIN;
	switch(kind)
	{
	case RETCODE_OK:
		SignalGood(i, order);
		break;
	case RETCODE_ACC:
		if(order > 0)
			g_signals[i].order = order;
		if(g_signals[i].act == "pend" && order > 0)
			SignalGood(i, order);
		break;
	case RETCODE_NOOP:
		SignalEnd(i, "done", code, text);
		break;
	case RETCODE_FAST:
		SignalFast(i, text);
		break;
	case RETCODE_LATER:
		SignalLater(i, code, text);
		break;
	case RETCODE_REREAD:
		SignalReread(i, text);
		break;
	case RETCODE_REFILL:
		SignalRefill(i, text);
		break;
	case RETCODE_UNK:
		g_signals[i].step = STEP_UNKNOWN;
		g_signals[i].due = ClockTick() + RetcodeWait(code);
		break;
	default:
		SignalEnd(i, "fail", code, text);
		break;
	}
}

// ---- sending ----

void SignalSend(const int i)
{
	MqlTradeRequest request;
	MqlTradeResult result;
	ZeroMemory(result);
	int code = RequestFor(g_signals[i], request);
	if(code == WEIR_TOO_FAR)
	{
		SignalEnd(i, "fail", g_signals[i].code, "the price left the deviation");
		return;
	}
	g_signals[i].tries++;
	if(code != 0)
	{
		SignalAnswer(i, code, 0, "", false);
		return;
	}
	bool root = g_signals[i].parent < 0 && g_signals[i].sid > 0;
	if(root && !JournalSending(g_signals[i].sid, ClockUtc()))
	{
		SignalRetry(i, 1000, 0, "the journal cannot be written");
		return;
	}
	g_signals[i].step = STEP_SENT;
	g_signals[i].sent = ClockTick();
	g_signals[i].took = -1;
	g_signals[i].dirty = false;
	ResetLastError();
	if(OrderSendAsync(request, result))
		g_signals[i].request = result.request_id;
	else
		SignalAnswer(i, (int)result.retcode, 0, result.comment, false);
}

// All positions that closeall means, a leg each; as many as there is room for.
void SignalSpread(const int i)
{
	int count = PositionsTotal();
	g_signals[i].step = STEP_PARENT;
	g_signals[i].rounds++;
	if(g_signals[i].rounds == 1 && g_signals[i].sid > 0)
		JournalSending(g_signals[i].sid, ClockUtc());
	for(int p = 0; p < count; p++)
	{
		if(PositionGetTicket(p) == 0)
			continue;
		string symbol = PositionGetString(POSITION_SYMBOL);
		if(g_signals[i].symbol != "" && symbol != g_signals[i].symbol)
			continue;
		int leg = SignalNew();
		if(leg < 0)
			return;
		g_signals[leg].sid = g_signals[i].sid;
		g_signals[leg].act = "close";
		g_signals[leg].position = PositionGetInteger(POSITION_IDENTIFIER);
		g_signals[leg].comment = g_signals[i].comment;
		g_signals[leg].deviation = g_signals[i].deviation;
		g_signals[leg].until = ClockTick() + WEIR_SILENCE_MS;
		g_signals[leg].parent = i;
		g_signals[i].legs++;
	}
}

// The legs are done: again while positions are left, else the result.
void SignalGathered(const int i)
{
	bool bad = g_signals[i].bad_code > 0;
	if(g_signals[i].legs > 0)
		return;
	if(!bad && g_signals[i].rounds < 8)
	{
		SignalSpread(i);
		if(g_signals[i].legs > 0)
			return;
	}
	if(bad)
		SignalEnd(i, "fail", g_signals[i].bad_code, g_signals[i].bad_text);
	else
		SignalEnd(i, "done", 10009, "");
}

// ---- each turn ----

// No order, no deal, and the watchdog's time is over.
void SignalLost(const int i, const long age)
{
	g_signals[i].step = STEP_UNKNOWN;
	if(TraceChange(g_signals[i]))
		SignalEnd(i, "done", 10009, "");
	else if(g_signals[i].code == 10031)
		SignalEnd(i, "fail", 10031, "it never reached the broker");
	else if(g_signals[i].parent >= 0)
		SignalEnd(i, "fail", 10012, "no trace of it at the broker");
	else if(age >= WEIR_GIVE_UP_MS)
	{
		SignalUnknown(i, true);
		g_signals[i].step = STEP_FREE;
	}
	else if(!g_signals[i].unk_told)
		SignalUnknown(i, false);
}

// An order that waits for its answer, or whose fate is unknown.
void SignalWatch(const int i, const bool settled)
{
	long now = ClockTick();
	long age = now - g_signals[i].sent;
	bool late = age >= WEIR_WATCHDOG_MS;
	// Lists that are not complete yet would show an order without its deals.
	if(!settled)
		return;
	if(g_signals[i].held_deal > 0 &&
	   (!g_replayed || DealsHeld(g_signals[i].held_time, g_signals[i].held_deal)))
		return;
	if(g_signals[i].step == STEP_SENT && !g_signals[i].dirty && !late)
		return;
	if(g_signals[i].step == STEP_UNKNOWN || late)
	{
		if(now < g_signals[i].due)
			return;
		g_signals[i].due = now + WEIR_LOOK_MS;
	}
	if(!SignalLook(i, late) && late)
		SignalLost(i, age);
}

void SignalExpire(const int i)
{
	if(g_signals[i].parent < 0 && g_signals[i].tries == 0)
		SignalEnd(i, "exp", 0, "");
	else
		SignalEnd(i, "fail", g_signals[i].code, "its time is over");
}

long RateNow()
{
	if(g_throttle >= 0 && g_throttle_until > 0 && ClockTick() >= g_throttle_until)
		g_throttle = -1;
	return (g_throttle >= 0 && g_throttle < g_rate) ? g_throttle : g_rate;
}

// May this one be sent now?
bool SignalMayGo(const int i)
{
	long now = ClockTick();
	int step = g_signals[i].step;
	if(step == STEP_RETRY)
		return now >= g_signals[i].due;
	if(step != STEP_WAITING || now < g_signals[i].due)
		return false;
	if(g_signals[i].parent >= 0 || g_signals[i].sid == 0)
		return true;
	return !g_closing && now >= g_take_at && RateNow() > 0;
}

void SignalGo(const int i)
{
	bool first = g_signals[i].step == STEP_WAITING && g_signals[i].parent < 0;
	if(first && g_signals[i].sid > 0)
		g_take_at = ClockTick() + 1000 / RateNow();
	if(g_signals[i].act == "closeall")
	{
		SignalSpread(i);
		return;
	}
	if(g_signals[i].search && first)
	{
		g_signals[i].search = false;
		if(TraceChange(g_signals[i]))
		{
			SignalEnd(i, "done", 10025, "");
			return;
		}
		if(SignalLook(i, false))
			return;
	}
	SignalSend(i);
}

// The oldest that may go, -1 when there is none.
int SignalNext()
{
	int next = -1;
	for(int i = 0; i < WEIR_SIGNALS; i++)
	{
		if(g_signals[i].step == STEP_FREE || !SignalMayGo(i))
			continue;
		if(next < 0 || g_signals[i].down < g_signals[next].down)
			next = i;
	}
	return next;
}

// `settled`: the broker's lists can be trusted, and orders can be sent.
void SignalsStep(const bool settled)
{
	long now = ClockTick();
	if(settled)
		SignalOrphans();
	for(int i = 0; i < WEIR_SIGNALS; i++)
	{
		int step = g_signals[i].step;
		if(step == STEP_SENT || step == STEP_UNKNOWN)
			SignalWatch(i, settled);
		else if(step == STEP_PARENT && settled)
			SignalGathered(i);
		else if((step == STEP_WAITING || step == STEP_RETRY) && now >= g_signals[i].until)
			SignalExpire(i);
	}
	if(!settled)
		return;
	int next = SignalNext();
	if(next >= 0)
		SignalGo(next);
}
