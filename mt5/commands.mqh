// commands.mqh - what C frames ask for. A command is in the journal before it is done, so a
// restart that was asked for once happens once.

bool  g_reconnect;       // the connection is to be closed and opened again
bool  g_restart;         // under way
int   g_restart_code;
long  g_restart_at;      // steady ms: not later
long  g_restart_down;
long  g_restart_cid;
long  g_state_at;        // steady ms at which the last S was due; 0: one is due now
long  g_state_ms;        // between S frames, by W or op=set
long  g_account_ms;      // between A frames, by W or op=set
bool  g_quotes_on;

void CommandsInit()
{
	g_reconnect = false;
	g_restart = false;
	g_restart_code = 0;
	g_restart_at = 0;
	g_restart_down = 0;
	g_restart_cid = 0;
	g_state_at = 0;
	g_state_ms = 1000;
	g_account_ms = 1000;
	g_quotes_on = true;
}

void CommandAck(const WeirLine &line, const string status)
{
	FrameAckCommand(line.seq, LineInt(line, "cid", 0), status);
	OutboxPush();
}

void CommandThrottle(const WeirLine &line)
{
	long lasts = LineInt(line, "for", 0);
	g_throttle = LineInt(line, "rate", -1);
	g_throttle_until = (lasts > 0) ? ClockTick() + lasts : 0;
}

void CommandRestart(const WeirLine &line)
{
	g_restart = true;
	g_closing = true;
	g_restart_code = (int)LineInt(line, "code", 75);
	g_restart_at = ClockTick() + LineInt(line, "wait", 5000);
	g_restart_down = line.seq;
	g_restart_cid = LineInt(line, "cid", 0);
}

bool CommandSet(const string name, const string value)
{
	long number = IsDigits(value) ? StringToInteger(value) : -1;
	if(name == "trim")
	{
		SymbolsTrim();
		return true;
	}
	if(number < 0)
		return false;
	if(name == "si" && number >= 100)
		g_state_ms = number;
	else if(name == "ai" && number >= 100)
		g_account_ms = number;
	else if(name == "rate")
		g_rate = number;
	else if(name == "quotes")
		g_quotes_on = number > 0;
	else
		return false;
	return true;
}

// False: the expert does not know it, or cannot do it.
bool CommandDo(const WeirLine &line, const string op)
{
	if(op == "throttle")
		CommandThrottle(line);
	else if(op == "reconnect")
		g_reconnect = true;
	else if(op == "restart")
		CommandRestart(line);
	else if(op == "stop")
		SignalsStop(LineInt(line, "flat", 0) > 0);
	else if(op == "start")
		g_stopped = false;
	else if(op == "snapshot")
		g_snapshot_due = true;
	else if(op == "set")
		return CommandSet(LineText(line, "k"), LineText(line, "v"));
	else
		// poke is for host agents, yet its answer says here too that the timer runs.
		return op == "poke";
	return true;
}

// A C frame.
void CommandTake(const WeirLine &line)
{
	string op = LineText(line, "op");
	if(!DownTake(line.seq))
		return;
	// One that a resume brings again is answered again and not done again.
	if(line.seq <= g_down_kept)
	{
		CommandAck(line, "ok");
		return;
	}
	JournalCommand(line.seq, op);
	bool done = CommandDo(line, op);
	if(op != "restart")
		CommandAck(line, done ? "ok" : "bad");
}

// Is it time to go? Nothing in flight, or waited long enough.
bool RestartDue()
{
	return g_restart && (SignalsInFlight() == 0 || ClockTick() >= g_restart_at);
}

void RestartAck()
{
	FrameAckCommand(g_restart_down, g_restart_cid, "ok");
	OutboxPush();
}
