// connection.mqh - the socket to weir, and what is said before and after the hello.
//
//   DOWN --dial--> BANNER --B, H sent--> HELLO --W--> UP
//    ^                +-----------+-- error, silence, op=reconnect --+
//    +-- waits rand(0, min(30 s, 0.5 s * 2^n)), at least the retry= of an E
//
// Traps of the terminal's sockets that this file minds: SocketIsReadable may say 1 for an
// empty buffer, so what follows is a read of 1 ms; SocketRead takes a timeout of 0 for two
// minutes; it gives -1 for a timeout and for an error alike; it appends to a dynamic array;
// SocketSend may send less than it was given.

enum WeirLink
{
	LINK_DOWN,
	LINK_BANNER,
	LINK_HELLO,
	LINK_UP
};

string   g_host;
uint     g_port;
string   g_id;
string   g_token;
string   g_host_name;
string   g_thumbprint;     // upper-case hex; "": no TLS

WeirLink g_link;
int      g_socket = INVALID_HANDLE;
long     g_epoch;          // UTC ms at OnInit
long     g_dial_at;        // steady ms
int      g_dial_count;     // since the last W
long     g_retry;          // ms, by an E of this connection
long     g_heard;          // steady ms
long     g_dead;           // ms of silence that end a connection
uchar    g_in[];           // bytes that are no whole line yet
uchar    g_rest[];         // bytes that SocketSend left over
bool     g_hello_linked;   // the hello carried the account
bool     g_hello_known;    // ... and its lists
string   g_link_said;      // the last problem printed

void LinkInit()
{
	g_link = LINK_DOWN;
	g_socket = INVALID_HANDLE;
	g_epoch = ClockUtc();
	g_dial_at = 0;
	g_dial_count = 0;
	g_retry = 0;
	g_heard = 0;
	g_dead = WEIR_SILENCE_MS;
	g_hello_linked = false;
	g_hello_known = false;
	g_link_said = "";
	ArrayResize(g_in, 0);
	ArrayResize(g_rest, 0);
}

// Once for each problem, not once for each try.
void LinkSay(const string text)
{
	if(text == g_link_said)
		return;
	g_link_said = text;
	Print("weir ", g_id, ": ", text);
}

long DialDelay()
{
	long most = WEIR_DIAL_FIRST_MS;
	for(int i = 0; i < g_dial_count && most < WEIR_DIAL_MAX_MS; i++)
		most *= 2;
	if(most > WEIR_DIAL_MAX_MS)
		most = WEIR_DIAL_MAX_MS;
	long delay = most * MathRand() / 32767;
	return (delay < g_retry) ? g_retry : delay;
}

void LinkDrop(const string why)
{
	if(g_socket != INVALID_HANDLE)
		SocketClose(g_socket);
	g_socket = INVALID_HANDLE;
	if(why != "")
		LinkSay(why);
	g_dial_at = ClockTick() + DialDelay();
	g_dial_count++;
	g_retry = 0;
	g_link = LINK_DOWN;
	g_snapshot_at = -1;
	LightClear();
	ArrayResize(g_in, 0);
	ArrayResize(g_rest, 0);
}

// ---- dialling ----

// The certificate must be the one that was told to this terminal: there is no other way to
// pin one from MQL5.
bool LinkTls()
{
	string subject = "";
	string issuer = "";
	string serial = "";
	string thumbprint = "";
	datetime expiration = 0;
	if(!SocketTlsHandshake(g_socket, g_host))
		return false;
	if(!SocketTlsCertificate(g_socket, subject, issuer, serial, thumbprint, expiration))
		return false;
	StringReplace(thumbprint, ":", "");
	StringReplace(thumbprint, " ", "");
	StringToUpper(thumbprint);
	return thumbprint == g_thumbprint;
}

void LinkDial()
{
	g_socket = SocketCreate();
	if(g_socket == INVALID_HANDLE)
	{
		LinkDrop("no socket, error " + IntegerToString(GetLastError()));
		return;
	}
	ResetLastError();
	if(!SocketConnect(g_socket, g_host, g_port, WEIR_CONNECT_MS))
	{
		int error = GetLastError();
		string hint = "";
		if(error == 4014)
			hint = ": allow the address in Tools, Options, Expert Advisors";
		LinkDrop("cannot connect, error " + IntegerToString(error) + hint);
		return;
	}
	SocketTimeouts(g_socket, WEIR_SEND_MS, WEIR_SEND_MS);
	if(g_thumbprint != "" && !LinkTls())
	{
		LinkDrop("TLS failed, or the certificate is not the one expected");
		return;
	}
	g_link = LINK_BANNER;
	g_heard = ClockTick();
}

// ---- sending ----

// Lines to send, joined: half for reliable ones first, so that neither kind starves.
string LinkGather()
{
	string out = "";
	string line = "";
	int half = WEIR_SEND_BYTES / 2;
	while(g_link == LINK_UP && StringLen(out) < half)
	{
		line = OutboxLine();
		if(line == "")
			break;
		out += line + "\n";
	}
	while(StringLen(out) < WEIR_SEND_BYTES - WEIR_FRAME_MAX / 4)
	{
		line = LightLine();
		if(line == "")
			break;
		out += line + "\n";
	}
	return out;
}

int LinkSendBytes(const uchar &bytes[])
{
	if(g_thumbprint != "")
		return SocketTlsSend(g_socket, bytes, (uint)ArraySize(bytes));
	return SocketSend(g_socket, bytes, (uint)ArraySize(bytes));
}

// Keeps what is after the first `sent` bytes for the next turn.
void LinkKeep(uchar &bytes[], const int sent)
{
	uchar rest[];
	int left = ArraySize(bytes) - sent;
	ArrayResize(rest, left);
	for(int i = 0; i < left; i++)
		rest[i] = bytes[sent + i];
	ArrayResize(bytes, left);
	for(int i = 0; i < left; i++)
		bytes[i] = rest[i];
}

// One turn's sending. When a send fails nobody knows how much of it left, so the connection
// ends and the next one repeats what was not durable.
void LinkFlush()
{
	if(g_link == LINK_DOWN)
		return;
	if(ArraySize(g_rest) == 0)
		BytesOf(LinkGather(), g_rest);
	for(int i = 0; i < 4 && ArraySize(g_rest) > 0; i++)
	{
		int sent = LinkSendBytes(g_rest);
		if(sent < 0)
		{
			LinkDrop("sending failed, error " + IntegerToString(GetLastError()));
			return;
		}
		if(sent == 0)
			return;
		LinkKeep(g_rest, sent);
	}
}

// ---- receiving ----

int LinkReceiveBytes(uchar &piece[], const uint most)
{
	ArrayResize(piece, 0);
	ResetLastError();
	if(g_thumbprint != "")
		return SocketTlsReadAvailable(g_socket, piece, most);
	if(SocketIsReadable(g_socket) == 0)
		return 0;
	return SocketRead(g_socket, piece, most, WEIR_READ_MS);
}

// False: nothing more for now, or the connection ended.
bool LinkReceive()
{
	uchar piece[];
	int have = ArraySize(g_in);
	int got = LinkReceiveBytes(piece, (uint)(WEIR_FRAME_MAX - have));
	if(got <= 0)
	{
		// Why was said already when weir named a time to come again.
		if(GetLastError() == 5273)
			LinkDrop((g_retry > 0) ? "" : "the connection broke");
		return false;
	}
	ArrayResize(g_in, have + got);
	for(int i = 0; i < got; i++)
		g_in[have + i] = piece[i];
	g_heard = ClockTick();
	return true;
}

// Takes the first whole line out of what came; false when there is none.
bool LinkTakeLine(string &text)
{
	int count = ArraySize(g_in);
	int end = 0;
	while(end < count && g_in[end] != '\n')
		end++;
	if(end == count)
		return false;
	int length = (end > 0 && g_in[end - 1] == '\r') ? end - 1 : end;
	text = (length > 0) ? CharArrayToString(g_in, 0, length, CP_UTF8) : "";
	LinkKeep(g_in, end + 1);
	return true;
}

// ---- what is said ----

// Says why, and ends.
void LinkRefuse(const string code, const string message)
{
	FrameError(code, message);
	LightPush();
	LinkFlush();
	LinkDrop("weir's frames: " + code + ": " + message);
}

void TakeBanner(const WeirLine &line, const bool settled)
{
	if(LineInt(line, "v", 0) != WEIR_PROTOCOL)
	{
		LinkRefuse("version", "protocol 1 only");
		return;
	}
	g_dead = LineInt(line, "dead", WEIR_SILENCE_MS);
	string mac = HelloMac(g_token, LineText(line, "nonce"), g_id, g_epoch);
	if(settled)
	{
		PositionsScan(false);
		DealsNewest();
	}
	g_hello_linked = AccountLinked();
	g_hello_known = settled;
	FrameHello(g_id, g_host_name, g_epoch, mac, g_hello_linked, settled, g_down_seen,
		   g_deal_newest, g_deal_time, PositionsHash(), g_positions_count);
	LightPush();
	g_link = LINK_HELLO;
}

void TakeWelcome(const WeirLine &line)
{
	g_link = LINK_UP;
	g_dial_count = 0;
	g_link_said = "";
	g_down_gap = false;
	g_state_at = 0;
	g_state_ms = LineInt(line, "si", 1000);
	g_account_ms = LineInt(line, "ai", 1000);
	g_rate = LineInt(line, "rate", 10);
	g_account_told = "";
	g_snapshot_due = LineInt(line, "snap", 0) > 0 || !g_hello_known;
	OutboxResume(LineInt(line, "up", 0));
	JournalSafe(LineInt(line, "up", 0));
	DealsResume(LineInt(line, "lsv", 0), (ulong)LineInt(line, "ld", 0));
	Print("weir ", g_id, ": session ", IntegerToString(LineInt(line, "ses", 0)));
}

// Most errors end the connection; weir closes it, and says when to come again.
void TakeError(const WeirLine &line)
{
	g_retry = LineInt(line, "retry", 0);
	LinkSay("weir says " + LineText(line, "code") + " " + LineText(line, "msg"));
}

void TakeDurable(const WeirLine &line)
{
	long up = LineInt(line, "up", 0);
	OutboxSafe(up);
	JournalSafe(up);
}

// A frame for which the connection must be up.
void TakeUp(const WeirLine &line)
{
	if(line.verb == "K")
		TakeDurable(line);
	else if(line.verb == "G")
		SignalTake(line);
	else if(line.verb == "C")
		CommandTake(line);
	else
	{
		FrameError("verb", "unknown verb " + line.verb);
		LightPush();
	}
}

void TakeFrame(const WeirLine &line, const bool settled)
{
	if(line.verb == "E")
		TakeError(line);
	else if(line.verb == "P")
	{
		FrameEcho(LineInt(line, "t", 0));
		LightPush();
	}
	else if(line.verb == "p")
		return;  // the expert asks nothing
	else if(line.verb == "B" && g_link == LINK_BANNER)
		TakeBanner(line, settled);
	else if(line.verb == "W" && g_link == LINK_HELLO)
		TakeWelcome(line);
	else if(g_link == LINK_UP)
		TakeUp(line);
	else
		LinkRefuse("frame", "not now: " + line.verb);
}

void LinkRead(const bool settled)
{
	WeirLine line;
	string text = "";
	int frames = 0;
	while(frames < WEIR_READ_FRAMES && g_link != LINK_DOWN)
	{
		if(!LinkTakeLine(text))
		{
			if(ArraySize(g_in) >= WEIR_FRAME_MAX)
				LinkRefuse("frame", "longer than 4096 bytes");
			else if(!LinkReceive())
				return;
			continue;
		}
		frames++;
		if(!LineParse(text, line))
			LinkRefuse("frame", "undecodable");
		else
			TakeFrame(line, settled);
	}
}

// Each turn, before anything else is done.
void LinkStep(const bool settled)
{
	long now = ClockTick();
	if(g_link == LINK_DOWN)
	{
		// A terminal that never logged in has no account to say hello for.
		if(now >= g_dial_at && AccountInfoInteger(ACCOUNT_LOGIN) > 0)
			LinkDial();
		return;
	}
	if(now - g_heard >= g_dead)
	{
		LinkDrop("weir is silent");
		return;
	}
	if(!SocketIsConnected(g_socket))
	{
		LinkDrop((g_retry > 0) ? "" : "the connection was closed");
		return;
	}
	if(g_down_gap && OutboxFree() > WEIR_OUTBOX_SIGNALS)
		g_reconnect = true;
	// Said while offline: only another hello can tell weir whose account it is.
	if(settled && g_link == LINK_UP && !g_hello_linked)
		g_reconnect = true;
	LinkRead(settled);
}
