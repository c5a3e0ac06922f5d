// WeirExpert.mq5 - one MetaTrader 5 terminal's side of weir.
//
// Native sockets, no DLL, one timer of 50 ms that does all work in this order: read, drain
// transactions, orders, deals, positions, the second's reports, one send. OnTick only notes
// the time. mt5/README.md says how to install it and what still awaits a real terminal.
#property copyright "weir"
#property link      ""
#property version   "1.00"
#property description "Connects this terminal to weir. Allow weir's address in Tools, Options,"
#property description "Expert Advisors, and switch Algo Trading on."

input string WeirHost = "127.0.0.1";   // weir's address
input int    WeirPort = 7410;          // its port; never 443
input string InstanceId = "";          // this terminal's name
input string Token = "";               // its secret
input string HostName = "";            // the machine's name, may stay empty
input string TlsThumbprint = "";       // of weir's certificate; empty: no TLS
input bool   TrimSymbols = true;       // take unused symbols out of Market Watch

#include "weir.mqh"
#include "clock.mqh"
#include "hmac.mqh"
#include "line.mqh"
#include "words.mqh"
#include "frames.mqh"
#include "retcodes.mqh"
#include "outbox.mqh"
#include "journal.mqh"
#include "told.mqh"
#include "orders.mqh"
#include "deals.mqh"
#include "signals.mqh"
#include "answers.mqh"
#include "intake.mqh"
#include "transactions.mqh"
#include "positions.mqh"
#include "account.mqh"
#include "commands.mqh"
#include "connection.mqh"

long g_turn_at;      // steady ms of the last turn
long g_lag;          // worst lateness since the last S, ms
long g_tick_at;      // steady ms of the last tick, 0: none yet
long g_journal_at;   // steady ms of the journal's last look
bool g_bye;          // Z is said
bool g_running;      // OnInit went well

// Names travel and are file names: letters, digits, dot, underscore, hyphen.
bool IsName(const string name)
{
	int length = StringLen(name);
	for(int i = 0; i < length; i++)
	{
		ushort c = StringGetCharacter(name, i);
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if(!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return length > 0 && length <= 64;
}

string InputProblem()
{
	if(!IsName(InstanceId))
		return "InstanceId is not 1 to 64 of A-Z a-z 0-9 . _ -";
	if(HostName != "" && !IsName(HostName))
		return "HostName is not of A-Z a-z 0-9 . _ -";
	if(StringLen(Token) < 12)
		return "Token is missing or too short";
	if(WeirPort < 1 || WeirPort > 65535 || WeirPort == 443)
		return "WeirPort is not usable (the terminal speaks TLS by itself on 443)";
	return "";
}

// Globals outlive a change of the chart's symbol but not a reload: all are set here.
void StartAll()
{
	g_host = WeirHost;
	g_port = (uint)WeirPort;
	g_id = InstanceId;
	g_token = Token;
	g_host_name = HostName;
	g_thumbprint = TlsThumbprint;
	StringReplace(g_thumbprint, ":", "");
	StringToUpper(g_thumbprint);
	g_turn_at = ClockTick();
	g_lag = 0;
	g_tick_at = 0;
	g_journal_at = 0;
	g_bye = false;
	MathSrand((int)((ClockUtc() + (long)(Fnv1a(InstanceId) % 1000003)) % 2147483647));
	OutboxInit();
	TransactionsInit();
	SignalsInit();
	DealsInit();
	PositionsInit();
	AccountInit();
	CommandsInit();
	LinkInit();
	SignalsRestore();
}

int OnInit()
{
	string problem = InputProblem();
	g_running = false;
	g_socket = INVALID_HANDLE;
	if(problem != "")
	{
		Print("weir: ", problem);
		return INIT_PARAMETERS_INCORRECT;
	}
	ClockInit();
	if(!JournalOpen(InstanceId, problem))
	{
		JournalClose();
		Print("weir: ", problem);
		return INIT_FAILED;
	}
	StartAll();
	if(!EventSetMillisecondTimer(WEIR_TIMER_MS))
	{
		JournalClose();
		Print("weir: no timer, error ", GetLastError());
		return INIT_FAILED;
	}
	g_running = true;
	return INIT_SUCCEEDED;
}

// Once: a restart says it itself, before the terminal closes.
void SayBye(const int reason)
{
	if(g_bye)
		return;
	g_bye = true;
	FrameBye(reason);
	OutboxPush();
	LinkFlush();
	LinkFlush();  // the first may have sent what a send before it left over
}

void OnDeinit(const int reason)
{
	EventKillTimer();
	if(g_running)
	{
		SayBye(reason);
		LinkDrop("");
	}
	g_running = false;
	JournalClose();
}

void OnTick()
{
	g_tick_at = ClockTick();
}

void OnTradeTransaction(const MqlTradeTransaction &trans, const MqlTradeRequest &request,
			const MqlTradeResult &result)
{
	if(g_running)
		TransactionSeen(trans, request, result);
}

void MeasureLag()
{
	long now = ClockTick();
	long late = now - g_turn_at - WEIR_TIMER_MS;
	g_turn_at = now;
	if(late > g_lag)
		g_lag = late;
}

// What is told each second: state, then what changed.
void TellSecond(const bool settled)
{
	long now = ClockTick();
	long age = now - g_state_at;
	if(age < g_state_ms)
		return;
	// From the time it was due, so that the timer's steps do not add up.
	g_state_at = (age < 2 * g_state_ms) ? g_state_at + g_state_ms : now;
	if(settled && g_snapshot_at < 0 && !g_snapshot_due)
		PositionsMoves();
	FrameState(settled, g_lag, SignalsWaiting(), SignalsInFlight(),
		   (g_tick_at > 0) ? now - g_tick_at : -1, g_dropped, g_down_seen,
		   PositionsHash(), g_positions_count);
	LightPush();
	g_lag = 0;
	if(settled && g_quotes_on)
		QuotesTell();
}

void Restart()
{
	RestartAck();
	SayBye(REASON_CLOSE);
	JournalFlush();
	TerminalClose(g_restart_code);
	g_restart = false;
}

void StepUp(const bool settled)
{
	g_replayed = ResultsReplay();
	if(settled)
	{
		if(g_replayed)
			DealsStep();
		PositionsStep();
	}
	TellSecond(settled);
	// After the state: weir believes an account only of a terminal that has its broker.
	if(settled)
		AccountStep(g_account_ms);
}

void OnTimer()
{
	if(!g_running)
		return;
	MeasureLag();
	bool settled = AccountSettled();
	g_lists = settled;
	if(settled && TrimSymbols && !g_trimmed)
		SymbolsTrim();
	LinkStep(settled);
	TransactionsDrain();
	SignalsStep(settled);
	if(g_link == LINK_UP)
		StepUp(settled);
	if(ClockTick() - g_journal_at >= 1000)
	{
		g_journal_at = ClockTick();
		JournalStep();
	}
	if(RestartDue())
		Restart();
	LinkFlush();
	if(g_reconnect)
	{
		g_reconnect = false;
		LinkDrop("");
	}
}
