/* The terminal around the expert: time, files, the socket, texts. The broker is broker.cpp. */
#include "terminal.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <map>

#include <openssl/sha.h>

#include "broker.h"
#include "mql5.h"

/* ---- the expert ---- */

int OnInit();
void OnDeinit(const int reason);
void OnTick();
void OnTimer();
void OnTradeTransaction(const MqlTradeTransaction &trans, const MqlTradeRequest &request,
			const MqlTradeResult &result);
extern string InstanceId, Token;
const string _Symbol = "EURUSD";

struct file {
	std::string text;
	size_t flushed; /* bytes that survive a kill */
	bool held;      /* open, by the expert or by somebody else */
};
struct open_file {
	std::string name;
	size_t at;
};

static struct {
	int64_t steady_ms;
	uint32_t random;
	int error;
	bool loaded, timer, closed;
	int close_code;
	std::string log;
	std::map<std::string, file> files;
	std::map<int, open_file> handles;
	int next_handle;
	bool disk_full;
	/* the wire */
	bool listens, connected, broken;
	int connections;
	std::string to_expert, to_weir;
	size_t send_most;
	bool lie; /* SocketIsReadable says 1 for nothing, every other time */
} t;

void mql_stop(const char *why)
{
	fprintf(stderr, "the expert was stopped: %s\n", why);
	abort();
}

int64_t broker_clock() { return t.steady_ms; }

void broker_tells(const MqlTradeTransaction &trans, const MqlTradeRequest &request,
		  const MqlTradeResult &result)
{
	if (t.loaded)
		OnTradeTransaction(trans, request, result);
}

void mt_reset(uint64_t seed)
{
	t = {};
	t.steady_ms = 5000000;
	t.listens = true;
	t.next_handle = 1;
	t.send_most = SIZE_MAX;
	broker_reset(seed);
}

void mt_inputs(const char *id, const char *token)
{
	InstanceId = string(id);
	Token = string(token);
}

int mt_start()
{
	t.closed = false;
	int status = OnInit();
	t.loaded = status == INIT_SUCCEEDED;
	return status;
}

static void release_all()
{
	t.loaded = false;
	t.timer = false;
	for (auto &handle : t.handles)
		t.files[handle.second.name].held = false;
	t.handles.clear();
	t.connected = false;
}

void mt_unload(int reason)
{
	OnDeinit(reason);
	release_all();
	for (auto &entry : t.files)
		entry.second.flushed = entry.second.text.size();
}

void mt_kill()
{
	release_all();
	for (auto &entry : t.files)
		entry.second.text.resize(entry.second.flushed);
}

void mt_step()
{
	t.steady_ms += MT_STEP_MS;
	broker_step();
	if (t.loaded && t.steady_ms % 500 == 0)
		OnTick();
	if (t.loaded && t.timer)
		OnTimer();
}

int64_t mt_now_ms() { return broker_utc_ms(); }
const char *mt_log() { return t.log.c_str(); }
void mt_lose_file(const char *name) { t.files.erase(name); }
void mt_hold_file(const char *name) { t.files[name].held = true; }
void mt_disk_full(bool full) { t.disk_full = full; }
bool mt_closed(int *code)
{
	*code = t.close_code;
	return t.closed;
}

bool EventSetMillisecondTimer(int milliseconds)
{
	t.timer = milliseconds == MT_STEP_MS;
	return t.timer;
}
void EventKillTimer() { t.timer = false; }
bool TerminalClose(int code)
{
	t.closed = true;
	t.close_code = code;
	return true;
}
void mql_print(const std::string &line) { t.log += line + "\n"; }

/* ---- time and numbers ---- */

ulong GetTickCount64() { return (ulong)t.steady_ms; }
datetime TimeGMT() { return broker_utc_ms() / 1000; }
datetime TimeTradeServer() { return TimeGMT() + MT_OFFSET_S; }
bool TimeToStruct(datetime time, MqlDateTime &parts)
{
	parts = {};
	parts.hour = (int)(time / 3600 % 24);
	parts.min = (int)(time / 60 % 60);
	parts.sec = (int)(time % 60);
	parts.day_of_week = (int)((time / 86400 + 4) % 7);
	return true;
}
void MathSrand(int seed) { t.random = (uint32_t)seed; }
int MathRand()
{
	t.random = t.random * 214013 + 2531011;
	return (int)(t.random >> 16 & 0x7fff);
}
int GetLastError() { return t.error; }
void ResetLastError() { t.error = 0; }
int TerminalInfoInteger(int property)
{
	static const int values[] = { 6090, 0, 1, 16298, 212, 48211, 8, 158410 };
	return property == TERMINAL_CONNECTED ? broker_linked() : values[property];
}
double TerminalInfoDouble(int) { return 0.02; }
int MQLInfoInteger(int) { return 1; }

/* ---- texts ---- */

int StringLen(const string &text) { return (int)text.s.size(); }
ushort StringGetCharacter(const string &text, int position)
{
	if (position < 0 || position >= (int)text.s.size())
		mql_stop("character out of range");
	return (uchar)text.s[(size_t)position];
}
int StringFind(const string &text, const string &part, int start)
{
	size_t at = text.s.find(part.s, (size_t)start);
	return at == std::string::npos ? -1 : (int)at;
}
string StringSubstr(const string &text, int start, int length)
{
	if (start < 0 || (size_t)start >= text.s.size())
		return "";
	return string(
	    text.s.substr((size_t)start, length < 0 ? std::string::npos : (size_t)length));
}
int StringSplit(const string &text, ushort separator, mql_array<string> &parts)
{
	size_t from = 0;
	parts.v.clear();
	for (;;) {
		size_t at = text.s.find((char)separator, from);
		parts.v.push_back(
		    string(text.s.substr(from, at == std::string::npos ? at : at - from)));
		if (at == std::string::npos)
			return (int)parts.v.size();
		from = at + 1;
	}
}
int StringReplace(string &text, const string &find, const string &replacement)
{
	int count = 0;
	for (size_t at = 0; (at = text.s.find(find.s, at)) != std::string::npos; count++) {
		text.s.replace(at, find.s.size(), replacement.s);
		at += replacement.s.size();
	}
	return count;
}
bool StringToUpper(string &text)
{
	for (char &c : text.s)
		c = (char)toupper((uchar)c);
	return true;
}
long StringToInteger(const string &text) { return strtol(text.s.c_str(), NULL, 10); }
double StringToDouble(const string &text) { return strtod(text.s.c_str(), NULL); }
string IntegerToString(long number, int, ushort) { return string(std::to_string(number)); }
string DoubleToString(double value, int digits)
{
	char text[64];
	snprintf(text, sizeof text, "%.*f", digits, value);
	return string(text);
}
string ShortToString(ushort code) { return string(std::string(1, (char)code)); }
int StringToCharArray(const string &text, mql_array<uchar> &array, int, int, uint)
{
	array.v.assign(text.s.begin(), text.s.end());
	array.v.push_back(0); /* the trap: its NUL is copied too */
	return (int)array.v.size();
}
string CharArrayToString(const mql_array<uchar> &array, int start, int count, uint)
{
	std::string text;
	for (int i = 0; i < count && array[start + i]; i++)
		text += (char)array[start + i];
	return string(text);
}
int CryptEncode(ENUM_CRYPT_METHOD, const mql_array<uchar> &data, const mql_array<uchar> &,
		mql_array<uchar> &result)
{
	result.v.resize(SHA256_DIGEST_LENGTH);
	SHA256(data.v.data(), data.v.size(), result.v.data());
	return SHA256_DIGEST_LENGTH;
}

/* ---- files ---- */

int FileOpen(const string &name, int flags, short, uint)
{
	bool there = t.files.count(name.s) != 0;
	if ((there && t.files[name.s].held) || (t.disk_full && !there))
		return INVALID_HANDLE;
	file &opened = t.files[name.s];
	if (!(flags & FILE_READ))
		opened = {};
	opened.held = true;
	t.handles[t.next_handle] = { name.s, 0 };
	return t.next_handle++;
}
static file &file_of(int handle)
{
	if (!t.handles.count(handle))
		mql_stop("no such file handle");
	return t.files[t.handles[handle].name];
}
void FileFlush(int handle) { file_of(handle).flushed = file_of(handle).text.size(); }
void FileClose(int handle)
{
	FileFlush(handle);
	file_of(handle).held = false;
	t.handles.erase(handle);
}
bool FileIsEnding(int handle) { return t.handles[handle].at >= file_of(handle).text.size(); }
string FileReadString(int handle, int)
{
	const std::string &text = file_of(handle).text;
	size_t &at = t.handles[handle].at;
	size_t end = text.find("\r\n", at);
	std::string line = text.substr(at, end == std::string::npos ? end : end - at);
	at = end == std::string::npos ? text.size() : end + 2;
	return string(line);
}
uint FileWriteString(int handle, const string &text, int)
{
	if (t.disk_full)
		return 0;
	file &written = file_of(handle);
	size_t &at = t.handles[handle].at;
	written.text.replace(at, text.s.size(), text.s);
	at += text.s.size();
	return (uint)text.s.size();
}
bool FileSeek(int handle, long offset, ENUM_FILE_POSITION origin)
{
	if (origin != SEEK_END || offset != 0)
		mql_stop("FileSeek: only to the end");
	t.handles[handle].at = file_of(handle).text.size();
	return true;
}
bool FileMove(const string &from, int, const string &to, int mode)
{
	bool blocked = t.files.count(to.s) && (!(mode & FILE_REWRITE) || t.files[to.s].held);
	if (!t.files.count(from.s) || blocked)
		return false;
	t.files[to.s] = t.files[from.s];
	t.files[to.s].flushed = t.files[to.s].text.size();
	t.files.erase(from.s);
	return true;
}
bool FileIsExist(const string &name, int) { return t.files.count(name.s) != 0; }
bool FolderCreate(const string &, int) { return true; }

/* ---- the socket ---- */

void mt_listen(bool listens) { t.listens = listens; }
int mt_connections() { return t.connections; }
bool mt_connected() { return t.connected && !t.broken; }
void mt_say(const char *bytes, size_t n) { t.to_expert.append(bytes, n); }
void mt_cut() { t.broken = true; }
void mt_send_most(size_t bytes) { t.send_most = bytes; }
bool mt_hear(char line[MT_LINE_MAX])
{
	size_t end = t.to_weir.find('\n');
	if (end == std::string::npos || end >= MT_LINE_MAX)
		return false;
	memcpy(line, t.to_weir.data(), end);
	line[end] = '\0';
	t.to_weir.erase(0, end + 1);
	return true;
}

int SocketCreate(uint) { return 7; }
bool SocketClose(int)
{
	t.connected = false;
	return true;
}
bool SocketConnect(int, const string &, uint, uint timeout_ms)
{
	if (timeout_ms > 500)
		mql_stop("a dial may block for 500 ms");
	t.error = t.listens ? 0 : 5272;
	t.connected = t.listens;
	t.broken = false;
	t.to_expert.clear();
	t.to_weir.clear();
	t.connections += t.listens;
	return t.listens;
}
bool SocketIsConnected(int) { return t.connected; }
bool SocketTimeouts(int, uint send_ms, uint) { return send_ms <= 200; }
uint SocketIsReadable(int)
{
	t.lie = !t.lie; /* the speculative 1 of an empty buffer */
	return t.to_expert.empty() ? t.lie || t.broken : (uint)t.to_expert.size();
}
int SocketRead(int, mql_array<uchar> &buffer, uint most, uint timeout_ms)
{
	if (timeout_ms == 0)
		mql_stop("SocketRead with timeout 0 waits for two minutes");
	if (t.to_expert.empty()) {
		t.error = t.broken ? 5273 : 0;
		return -1;
	}
	size_t n = std::min<size_t>(most, t.to_expert.size());
	buffer.v.insert(buffer.v.end(), t.to_expert.begin(), t.to_expert.begin() + (long)n);
	t.to_expert.erase(0, n);
	return (int)n;
}
int SocketSend(int, const mql_array<uchar> &buffer, uint length)
{
	size_t n = std::min<size_t>(std::min<size_t>(length, t.send_most), buffer.v.size());
	if (t.broken || t.send_most == 0) {
		t.error = 5273;
		return -1;
	}
	t.to_weir.append((const char *)buffer.v.data(), n);
	return (int)n;
}
bool SocketTlsHandshake(int, const string &) { return true; }
int SocketTlsCertificate(int, string &, string &, string &, string &thumbprint, datetime &)
{
	thumbprint = "ab:cd:ef";
	return 1;
}
int SocketTlsReadAvailable(int socket, mql_array<uchar> &buffer, uint most)
{
	return t.to_expert.empty() ? 0 : SocketRead(socket, buffer, most, 1);
}
int SocketTlsSend(int socket, const mql_array<uchar> &buffer, uint length)
{
	return SocketSend(socket, buffer, length);
}
