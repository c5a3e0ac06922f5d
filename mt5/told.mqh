// told.mqh - the deals told lately, so that none is told twice in a session; twice in a life
// is allowed, weir knows each by its ticket.

ulong g_told[WEIR_TOLD];
int   g_told_next;

void ToldInit()
{
	g_told_next = 0;
	for(int i = 0; i < WEIR_TOLD; i++)
		g_told[i] = 0;
}

bool IsTold(const ulong deal)
{
	for(int i = 0; i < WEIR_TOLD; i++)
		if(g_told[i] == deal)
			return true;
	return false;
}

void ToldAdd(const ulong deal)
{
	g_told[g_told_next] = deal;
	g_told_next = (g_told_next + 1) % WEIR_TOLD;
}

// After a start: the deals of the results in the journal.
void ToldRestore()
{
	for(int i = g_outcomes_count; i >= 1; i--)
	{
		int at = (g_outcomes_next - i + WEIR_SIDS) % WEIR_SIDS;
		int from = StringFind(g_outcomes[at].body, " deal=");
		if(from < 0)
			continue;
		string rest = StringSubstr(g_outcomes[at].body, from + 6);
		ToldAdd((ulong)StringToInteger(TakeWord(rest)));
	}
}
