// told.mqh - the deals told lately, so that none is told twice in a session; twice in a life
// is allowed, weir knows each by its ticket.

ulong g_told[WEIR_TOLD];
long  g_told_time[WEIR_TOLD];  // server ms
int   g_told_next;
long  g_told_floor;            // of what is as old as this, some is forgotten

void ToldInit()
{
	g_told_next = 0;
	g_told_floor = 0;
	for(int i = 0; i < WEIR_TOLD; i++)
	{
		g_told[i] = 0;
		g_told_time[i] = 0;
	}
}

bool IsTold(const ulong deal)
{
	for(int i = 0; i < WEIR_TOLD; i++)
		if(g_told[i] == deal)
			return true;
	return false;
}

void ToldAdd(const ulong deal, const long time)
{
	if(g_told_time[g_told_next] > g_told_floor)
		g_told_floor = g_told_time[g_told_next];
	g_told[g_told_next] = deal;
	g_told_time[g_told_next] = time;
	g_told_next = (g_told_next + 1) % WEIR_TOLD;
}

// After a start: the deals of the results in the journal.
void ToldRestore()
{
	WeirLine line;
	for(int i = g_outcomes_count; i >= 1; i--)
	{
		int at = (g_outcomes_next - i + WEIR_SIDS) % WEIR_SIDS;
		if(LineParse("R 0" + g_outcomes[at].body, line) && LineHas(line, "deal"))
			ToldAdd((ulong)LineInt(line, "deal", 0), LineInt(line, "sv", 0));
	}
}
