// journal.mqh - the signals that were received, and their results: in rings, and in a file
// that survives the terminal.
//
// MQL5\Files\weir\ID.journal, one record a line:
//   G dn sid utc_ms body      received, valid until utc_ms; written before `Y st=rx`
//   T sid utc_ms              goes to the broker now
//   R sid final body          a result; final is 0 or 1
//   A sid                     its final result is durable at weir
//   C dn op                   a command was taken; written before it is done
//
// The file is held open without sharing while the expert lives, so a second chart with the
// same instance cannot take it and says so. A G without a final R is decided after a start;
// a final R without an A is sent again.

struct WeirSid
{
	long   sid;
	long   down;
	long   until_utc;
	long   sent_utc;    // 0: never sent to the broker
	string body;        // of G; "" once it is decided
	bool   decided;     // it has its final result
	bool   safe;        // ... which is durable at weir
};

struct WeirOutcome
{
	long   sid;
	string body;        // of R
	long   up;          // its number in this epoch, 0: not queued in it
	bool   final_one;
	bool   safe;        // durable at weir, as far as is known here
};

WeirSid     g_sids[WEIR_SIDS];
int         g_sids_next;
int         g_sids_count;
WeirOutcome g_outcomes[WEIR_SIDS];
int         g_outcomes_next;
int         g_outcomes_count;
long        g_down_kept;     // highest dn in the file
bool        g_stop_kept;     // the last of stop and start was stop

int         g_journal = INVALID_HANDLE;
string      g_journal_name;
int         g_journal_lines;
bool        g_journal_dirty; // written, not flushed

void JournalReset()
{
	g_sids_next = 0;
	g_sids_count = 0;
	g_outcomes_next = 0;
	g_outcomes_count = 0;
	g_down_kept = 0;
	g_stop_kept = false;
	g_journal_lines = 0;
	g_journal_dirty = false;
}

// ---- the rings ----

// Place in g_sids, -1 when it is not known.
int JournalFind(const long sid)
{
	for(int i = 1; i <= g_sids_count; i++)
	{
		int at = (g_sids_next - i + WEIR_SIDS) % WEIR_SIDS;
		if(g_sids[at].sid == sid)
			return at;
	}
	return -1;
}

void SidAdd(const long sid, const long down, const long until_utc, const string body)
{
	int at = g_sids_next;
	g_sids[at].sid = sid;
	g_sids[at].down = down;
	g_sids[at].until_utc = until_utc;
	g_sids[at].sent_utc = 0;
	g_sids[at].body = body;
	g_sids[at].decided = false;
	g_sids[at].safe = false;
	g_sids_next = (g_sids_next + 1) % WEIR_SIDS;
	if(g_sids_count < WEIR_SIDS)
		g_sids_count++;
	if(down > g_down_kept)
		g_down_kept = down;
}

void OutcomeAdd(const long sid, const bool final_one, const string body, const long up)
{
	int at = g_outcomes_next;
	g_outcomes[at].sid = sid;
	g_outcomes[at].final_one = final_one;
	g_outcomes[at].body = body;
	g_outcomes[at].up = up;
	g_outcomes[at].safe = false;
	g_outcomes_next = (g_outcomes_next + 1) % WEIR_SIDS;
	if(g_outcomes_count < WEIR_SIDS)
		g_outcomes_count++;
	int known = JournalFind(sid);
	if(known >= 0 && final_one)
		g_sids[known].decided = true;
}

void SidSafe(const long sid)
{
	int known = JournalFind(sid);
	if(known >= 0)
	{
		g_sids[known].safe = true;
		g_sids[known].body = "";
	}
}

// ---- the file ----

bool JournalWrite(const string line)
{
	if(g_journal == INVALID_HANDLE || FileWriteString(g_journal, line + "\r\n") == 0)
		return false;
	g_journal_lines++;
	g_journal_dirty = true;
	return true;
}

void JournalFlush()
{
	if(g_journal_dirty && g_journal != INVALID_HANDLE)
		FileFlush(g_journal);
	g_journal_dirty = false;
}

bool JournalReceived(const long sid, const long down, const long until_utc, const string body)
{
	if(!JournalWrite("G " + IntegerToString(down) + " " + IntegerToString(sid) + " " +
			 IntegerToString(until_utc) + body))
		return false;
	JournalFlush();
	SidAdd(sid, down, until_utc, body);
	return true;
}

bool JournalSending(const long sid, const long utc)
{
	int known = JournalFind(sid);
	if(!JournalWrite("T " + IntegerToString(sid) + " " + IntegerToString(utc)))
		return false;
	JournalFlush();
	if(known >= 0)
		g_sids[known].sent_utc = utc;
	return true;
}

// A result that is queued with number `up`. Its loss from a full disk costs a resend after a
// restart, so it is not a reason to keep it from weir.
void JournalResult(const long sid, const bool final_one, const string body, const long up)
{
	JournalWrite("R " + IntegerToString(sid) + (final_one ? " 1" : " 0") + body);
	JournalFlush();
	OutcomeAdd(sid, final_one, body, up);
}

void JournalCommand(const long down, const string op)
{
	JournalWrite("C " + IntegerToString(down) + " " + op);
	JournalFlush();
	if(down > g_down_kept)
		g_down_kept = down;
}

// Weir has everything up to this number: results among it need no keeping.
void JournalSafe(const long up)
{
	for(int i = 1; i <= g_outcomes_count; i++)
	{
		int at = (g_outcomes_next - i + WEIR_SIDS) % WEIR_SIDS;
		if(g_outcomes[at].safe || g_outcomes[at].up == 0 || g_outcomes[at].up > up)
			continue;
		g_outcomes[at].safe = true;
		if(!g_outcomes[at].final_one)
			continue;
		SidSafe(g_outcomes[at].sid);
		JournalWrite("A " + IntegerToString(g_outcomes[at].sid));
	}
}

// ---- reading it ----

// Takes the word before the next blank off the front.
string TakeWord(string &rest)
{
	int at = StringFind(rest, " ");
	string word = (at < 0) ? rest : StringSubstr(rest, 0, at);
	rest = (at < 0) ? "" : StringSubstr(rest, at + 1);
	return word;
}

void JournalReadSignal(string rest)
{
	long down = StringToInteger(TakeWord(rest));
	long sid = StringToInteger(TakeWord(rest));
	long until_utc = StringToInteger(TakeWord(rest));
	if(sid > 0 && JournalFind(sid) < 0)
		SidAdd(sid, down, until_utc, " " + rest);
}

void JournalReadLine(const string line)
{
	string rest = line;
	string kind = TakeWord(rest);
	if(kind == "G")
		JournalReadSignal(rest);
	else if(kind == "T")
	{
		int known = JournalFind(StringToInteger(TakeWord(rest)));
		if(known >= 0)
			g_sids[known].sent_utc = StringToInteger(TakeWord(rest));
	}
	else if(kind == "R")
	{
		long sid = StringToInteger(TakeWord(rest));
		bool final_one = TakeWord(rest) == "1";
		OutcomeAdd(sid, final_one, " " + rest, 0);
	}
	else if(kind == "A")
		SidSafe(StringToInteger(TakeWord(rest)));
	else if(kind == "C")
	{
		long down = StringToInteger(TakeWord(rest));
		if(down > g_down_kept)
			g_down_kept = down;
		if(rest == "stop" || rest == "start")
			g_stop_kept = (rest == "stop");
	}
}

// Results whose signal is safe need no sending.
void JournalMarkSafe()
{
	for(int i = 0; i < g_outcomes_count; i++)
	{
		int known = JournalFind(g_outcomes[i].sid);
		g_outcomes[i].safe = known < 0 || g_sids[known].safe;
	}
}

// Makes the results of a signal due again, except those that are queued.
void JournalAgain(const long sid)
{
	for(int i = 0; i < g_outcomes_count; i++)
	{
		if(g_outcomes[i].sid != sid || g_outcomes[i].up >= g_out_first)
			continue;
		g_outcomes[i].up = 0;
		g_outcomes[i].safe = false;
	}
}

// ---- writing it anew ----

void JournalRewriteSid(const int handle, const int at)
{
	string sid = IntegerToString(g_sids[at].sid);
	FileWriteString(handle, "G " + IntegerToString(g_sids[at].down) + " " + sid + " " +
			IntegerToString(g_sids[at].until_utc) + g_sids[at].body + "\r\n");
	if(g_sids[at].sent_utc > 0)
		FileWriteString(handle, "T " + sid + " " +
				IntegerToString(g_sids[at].sent_utc) + "\r\n");
	g_journal_lines += 2;
}

void JournalRewriteAll(const int handle)
{
	g_journal_lines = 0;
	for(int i = g_sids_count; i >= 1; i--)
		JournalRewriteSid(handle, (g_sids_next - i + WEIR_SIDS) % WEIR_SIDS);
	for(int i = g_outcomes_count; i >= 1; i--)
	{
		int at = (g_outcomes_next - i + WEIR_SIDS) % WEIR_SIDS;
		FileWriteString(handle, "R " + IntegerToString(g_outcomes[at].sid) +
				(g_outcomes[at].final_one ? " 1" : " 0") +
				g_outcomes[at].body + "\r\n");
		g_journal_lines++;
	}
	for(int i = g_sids_count; i >= 1; i--)
	{
		int at = (g_sids_next - i + WEIR_SIDS) % WEIR_SIDS;
		if(!g_sids[at].safe)
			continue;
		FileWriteString(handle, "A " + IntegerToString(g_sids[at].sid) + "\r\n");
		g_journal_lines++;
	}
	FileWriteString(handle, "C " + IntegerToString(g_down_kept) +
			(g_stop_kept ? " stop" : " start") + "\r\n");
	FileFlush(handle);
}

int JournalHandle(const string name)
{
	return FileOpen(name, FILE_READ | FILE_WRITE | FILE_TXT | FILE_ANSI, '\t', CP_UTF8);
}

// Replaces the file by what the rings hold; on failure the old one goes on.
bool JournalRewrite()
{
	string fresh = g_journal_name + ".new";
	int handle = FileOpen(fresh, FILE_WRITE | FILE_TXT | FILE_ANSI, '\t', CP_UTF8);
	if(handle == INVALID_HANDLE)
		return false;
	int lines = g_journal_lines;
	JournalRewriteAll(handle);
	FileClose(handle);
	FileClose(g_journal);
	if(!FileMove(fresh, 0, g_journal_name, FILE_REWRITE))
		g_journal_lines = lines;
	g_journal = JournalHandle(g_journal_name);
	if(g_journal == INVALID_HANDLE)
		return false;
	return FileSeek(g_journal, 0, SEEK_END);
}

// False: the file cannot be had alone, or not at all; why is in `problem`.
bool JournalOpen(const string id, string &problem)
{
	JournalReset();
	FolderCreate("weir");
	g_journal_name = "weir\\" + id + ".journal";
	// A rewrite that was cut between removing the old file and renaming the new one.
	if(!FileIsExist(g_journal_name) && FileIsExist(g_journal_name + ".new"))
		FileMove(g_journal_name + ".new", 0, g_journal_name, 0);
	g_journal = JournalHandle(g_journal_name);
	if(g_journal == INVALID_HANDLE)
	{
		problem = "the journal cannot be opened: does another chart run this instance?";
		return false;
	}
	while(!FileIsEnding(g_journal))
		JournalReadLine(FileReadString(g_journal));
	JournalMarkSafe();
	if(JournalRewrite())
		return true;
	problem = "the journal cannot be written anew: is the disk full?";
	return false;
}

void JournalClose()
{
	JournalFlush();
	if(g_journal != INVALID_HANDLE)
		FileClose(g_journal);
	g_journal = INVALID_HANDLE;
}

// Once a second.
void JournalStep()
{
	JournalFlush();
	if(g_journal == INVALID_HANDLE)
	{
		// A rewrite closed it and somebody else, a virus scanner perhaps, had it then.
		g_journal = JournalHandle(g_journal_name);
		if(g_journal != INVALID_HANDLE)
			FileSeek(g_journal, 0, SEEK_END);
	}
	if(g_journal_lines > 4 * WEIR_SIDS + WEIR_JOURNAL_LINES)
		JournalRewrite();
}
