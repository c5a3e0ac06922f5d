// intake.mqh - signals as they come in, by G or out of the journal after a start.

void SignalAck(const WeirLine &line, const string status)
{
	FrameAckSignal(line.seq, LineInt(line, "sid", 0), status);
	OutboxPush();
}

void SignalKnown(const WeirLine &line)
{
	SignalAck(line, "dup");
	JournalAgain(LineInt(line, "sid", 0));
}

void SignalAccept(const WeirLine &line, const long ttl)
{
	int i = SignalNew();
	if(i < 0)
	{
		SignalAck(line, "busy");
		return;
	}
	SignalRead(g_signals[i], line);
	if(!SignalValid(g_signals[i]))
	{
		g_signals[i].step = STEP_FREE;
		SignalAck(line, "bad");
		return;
	}
	// In the file before weir may believe it: what the file cannot hold is not taken.
	if(!JournalReceived(g_signals[i].sid, line.seq, ClockUtc() + ttl, LineBody(line)))
	{
		g_signals[i].step = STEP_FREE;
		SignalAck(line, "busy");
		return;
	}
	g_signals[i].until = ClockTick() + ttl;
	g_signals[i].search = ClockTick() - g_started < WEIR_YOUNG_MS;
	SignalAck(line, "rx");
}

// A G frame.
void SignalTake(const WeirLine &line)
{
	long ttl = LineInt(line, "ttl", 0);
	if(!DownTake(line.seq))
		return;
	if(JournalFind(LineInt(line, "sid", 0)) >= 0)
		SignalKnown(line);
	else if(ttl <= 0)
		SignalAck(line, "exp");
	else if(g_stopped)
		SignalAck(line, "stop");
	else if(g_closing || OutboxFree() < WEIR_OUTBOX_SIGNALS)
		SignalAck(line, "busy");
	else
		SignalAccept(line, ttl);
}

// op=stop: what was not sent stays undone.
void SignalsStop(const bool flat)
{
	g_stopped = true;
	for(int i = 0; i < WEIR_SIGNALS; i++)
	{
		int step = g_signals[i].step;
		if((step == STEP_WAITING || step == STEP_RETRY) && g_signals[i].parent < 0)
			SignalEnd(i, "fail", 0, "stopped");
	}
	int all = flat ? SignalNew() : -1;
	if(all >= 0)
	{
		g_signals[all].act = "closeall";
		g_signals[all].until = ClockTick() + WEIR_GIVE_UP_MS;
	}
}

// ---- after a start ----

// What was told of a signal before: its parts in the journal.
void SignalRestoreParts(WeirSignal &signal)
{
	WeirLine line;
	for(int i = 0; i < g_outcomes_count; i++)
	{
		if(g_outcomes[i].sid != signal.sid || !LineParse("R 0" + g_outcomes[i].body, line) ||
		   !LineHas(line, "deal"))
			continue;
		signal.told += LineNumber(line, "vol");
		signal.deals++;
	}
}

// A signal of the journal that has no final result.
void SignalRestore(const int known)
{
	WeirLine line;
	if(!LineParse("G " + IntegerToString(g_sids[known].down) + g_sids[known].body, line))
		return;
	int i = SignalNew();
	if(i < 0)
		return;
	SignalRead(g_signals[i], line);
	SignalRestoreParts(g_signals[i]);
	long now = ClockTick();
	long utc = ClockUtc();
	g_signals[i].until = now + (g_sids[known].until_utc - utc);
	g_signals[i].search = true;
	if(g_sids[known].sent_utc > 0)
	{
		g_signals[i].sent = now - (utc - g_sids[known].sent_utc);
		g_signals[i].tries = 1;
		if(g_signals[i].act == "closeall")
			g_signals[i].due = g_signals[i].sent + WEIR_WATCHDOG_MS;
		else
			g_signals[i].step = STEP_UNKNOWN;
	}
	SignalAck(line, "rx");
}

void SignalsRestore()
{
	for(int i = g_sids_count; i >= 1; i--)
	{
		int at = (g_sids_next - i + WEIR_SIDS) % WEIR_SIDS;
		if(!g_sids[at].decided && g_sids[at].body != "")
			SignalRestore(at);
	}
}
