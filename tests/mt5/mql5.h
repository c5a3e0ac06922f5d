/* mql5.h - as much of the MQL5 language and of its functions as the expert uses, in C++.
 *
 * Names, parameters and values are those of the MQL5 reference, so that a call with a wrong
 * number or kind of arguments, a wrong name or a missing cast does not compile here either.
 * It is not the terminal's compiler: what only that can judge is in mt5/README.md. */
#pragma once

#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef long datetime;

[[noreturn]] void mql_stop(const char *why);

class string
{
      public:
	string() {}
	string(const char *text) : s(text) {}
	string(const std::string &text) : s(text) {}
	string &operator+=(const string &other)
	{
		s += other.s;
		return *this;
	}
	friend string operator+(const string &a, const string &b) { return string(a.s + b.s); }
	friend bool operator==(const string &a, const string &b) { return a.s == b.s; }
	friend bool operator!=(const string &a, const string &b) { return a.s != b.s; }
	std::string s; /* UTF-8; MQL5 has UTF-16 */
};

/* A dynamic array: an index outside of it ends the expert, as in the terminal. */
template <typename T> class mql_array
{
      public:
	T &operator[](long i)
	{
		if (i < 0 || (size_t)i >= v.size())
			mql_stop("array out of range");
		return v[(size_t)i];
	}
	const T &operator[](long i) const { return const_cast<mql_array *>(this)->operator[](i); }
	std::vector<T> v;
};
template <typename T, int N> class mql_fixed
{
      public:
	T &operator[](long i)
	{
		if (i < 0 || i >= N)
			mql_stop("array out of range");
		return v[i];
	}
	const T &operator[](long i) const { return const_cast<mql_fixed *>(this)->operator[](i); }
	T v[N];
};

template <typename T> int ArraySize(const mql_array<T> &array) { return (int)array.v.size(); }
template <typename T, int N> int ArraySize(const T (&)[N]) { return N; }
template <typename T> int ArrayResize(mql_array<T> &array, int size)
{
	if (size < 0)
		mql_stop("array of negative size");
	array.v.resize((size_t)size);
	return size;
}
template <typename T> void ZeroMemory(T &value) { value = T(); }

/* ---- constants ---- */

#define INVALID_HANDLE (-1)
#define WHOLE_ARRAY    (-1)
#define CP_UTF8        65001

enum ENUM_CRYPT_METHOD { CRYPT_HASH_SHA256 = 5 };
enum ENUM_INIT_RETCODE { INIT_SUCCEEDED = 0, INIT_FAILED = 1, INIT_PARAMETERS_INCORRECT = 32767 };
enum { REASON_PROGRAM, REASON_REMOVE, REASON_CLOSE = 9 };
enum { FILE_READ = 1, FILE_WRITE = 2, FILE_TXT = 16, FILE_ANSI = 32, FILE_REWRITE = 512 };
enum ENUM_FILE_POSITION { SEEK_SET_, SEEK_CUR_, SEEK_END_ };
#undef SEEK_END
#define SEEK_END SEEK_END_
enum { SYMBOL_FILLING_FOK = 1, SYMBOL_FILLING_IOC = 2 };
enum { SYMBOL_EXPIRATION_GTC = 1, SYMBOL_EXPIRATION_DAY = 2 };

enum ENUM_TERMINAL_INFO_INTEGER {
	TERMINAL_BUILD,
	TERMINAL_CONNECTED,
	TERMINAL_TRADE_ALLOWED,
	TERMINAL_MEMORY_PHYSICAL,
	TERMINAL_MEMORY_USED,
	TERMINAL_DISK_SPACE,
	TERMINAL_CPU_CORES,
	TERMINAL_PING_LAST
};
enum ENUM_TERMINAL_INFO_DOUBLE { TERMINAL_RETRANSMISSION };
enum ENUM_MQL_INFO_INTEGER { MQL_TRADE_ALLOWED };
enum ENUM_ACCOUNT_INFO_INTEGER {
	ACCOUNT_LOGIN,
	ACCOUNT_TRADE_MODE,
	ACCOUNT_LEVERAGE,
	ACCOUNT_TRADE_ALLOWED,
	ACCOUNT_TRADE_EXPERT,
	ACCOUNT_MARGIN_MODE,
	ACCOUNT_CURRENCY_DIGITS
};
enum ENUM_ACCOUNT_INFO_DOUBLE {
	ACCOUNT_BALANCE,
	ACCOUNT_CREDIT,
	ACCOUNT_PROFIT,
	ACCOUNT_EQUITY,
	ACCOUNT_MARGIN,
	ACCOUNT_MARGIN_FREE,
	ACCOUNT_MARGIN_LEVEL
};
enum ENUM_ACCOUNT_INFO_STRING { ACCOUNT_SERVER, ACCOUNT_CURRENCY };
enum ENUM_ACCOUNT_TRADE_MODE {
	ACCOUNT_TRADE_MODE_DEMO,
	ACCOUNT_TRADE_MODE_CONTEST,
	ACCOUNT_TRADE_MODE_REAL
};
enum ENUM_ACCOUNT_MARGIN_MODE {
	ACCOUNT_MARGIN_MODE_RETAIL_NETTING,
	ACCOUNT_MARGIN_MODE_EXCHANGE,
	ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
};
enum ENUM_SYMBOL_INFO_INTEGER {
	SYMBOL_DIGITS,
	SYMBOL_SPREAD,
	SYMBOL_TRADE_MODE,
	SYMBOL_EXPIRATION_MODE,
	SYMBOL_FILLING_MODE
};
enum ENUM_SYMBOL_INFO_DOUBLE { SYMBOL_POINT, SYMBOL_VOLUME_STEP };
enum ENUM_SYMBOL_TRADE_MODE {
	SYMBOL_TRADE_MODE_DISABLED,
	SYMBOL_TRADE_MODE_LONGONLY,
	SYMBOL_TRADE_MODE_SHORTONLY,
	SYMBOL_TRADE_MODE_CLOSEONLY,
	SYMBOL_TRADE_MODE_FULL
};
enum ENUM_DAY_OF_WEEK { SUNDAY, MONDAY };
enum ENUM_POSITION_PROPERTY_INTEGER {
	POSITION_TICKET,
	POSITION_TIME_MSC,
	POSITION_TYPE,
	POSITION_MAGIC,
	POSITION_IDENTIFIER
};
enum ENUM_POSITION_PROPERTY_DOUBLE {
	POSITION_VOLUME,
	POSITION_PRICE_OPEN,
	POSITION_SL,
	POSITION_TP,
	POSITION_PRICE_CURRENT,
	POSITION_SWAP,
	POSITION_PROFIT
};
enum ENUM_POSITION_PROPERTY_STRING { POSITION_SYMBOL };
enum ENUM_POSITION_TYPE { POSITION_TYPE_BUY, POSITION_TYPE_SELL };
enum ENUM_ORDER_PROPERTY_INTEGER {
	ORDER_TICKET,
	ORDER_TYPE,
	ORDER_STATE,
	ORDER_TIME_EXPIRATION,
	ORDER_TYPE_TIME,
	ORDER_MAGIC,
	ORDER_REASON,
	ORDER_POSITION_ID
};
enum ENUM_ORDER_PROPERTY_DOUBLE {
	ORDER_VOLUME_INITIAL,
	ORDER_VOLUME_CURRENT,
	ORDER_PRICE_OPEN,
	ORDER_SL,
	ORDER_TP,
	ORDER_PRICE_STOPLIMIT
};
enum ENUM_ORDER_PROPERTY_STRING { ORDER_SYMBOL };
enum ENUM_ORDER_TYPE {
	ORDER_TYPE_BUY,
	ORDER_TYPE_SELL,
	ORDER_TYPE_BUY_LIMIT,
	ORDER_TYPE_SELL_LIMIT,
	ORDER_TYPE_BUY_STOP,
	ORDER_TYPE_SELL_STOP,
	ORDER_TYPE_BUY_STOP_LIMIT,
	ORDER_TYPE_SELL_STOP_LIMIT,
	ORDER_TYPE_CLOSE_BY
};
enum ENUM_ORDER_STATE {
	ORDER_STATE_STARTED,
	ORDER_STATE_PLACED,
	ORDER_STATE_CANCELED,
	ORDER_STATE_PARTIAL,
	ORDER_STATE_FILLED,
	ORDER_STATE_REJECTED,
	ORDER_STATE_EXPIRED
};
enum ENUM_ORDER_TYPE_FILLING { ORDER_FILLING_FOK, ORDER_FILLING_IOC, ORDER_FILLING_RETURN };
enum ENUM_ORDER_TYPE_TIME { ORDER_TIME_GTC, ORDER_TIME_DAY };
enum ENUM_ORDER_REASON {
	ORDER_REASON_CLIENT,
	ORDER_REASON_MOBILE,
	ORDER_REASON_WEB,
	ORDER_REASON_EXPERT,
	ORDER_REASON_SL,
	ORDER_REASON_TP,
	ORDER_REASON_SO
};
enum ENUM_DEAL_PROPERTY_INTEGER {
	DEAL_ORDER,
	DEAL_TIME_MSC,
	DEAL_TYPE,
	DEAL_ENTRY,
	DEAL_MAGIC,
	DEAL_REASON,
	DEAL_POSITION_ID
};
enum ENUM_DEAL_PROPERTY_DOUBLE {
	DEAL_VOLUME,
	DEAL_PRICE,
	DEAL_COMMISSION,
	DEAL_SWAP,
	DEAL_PROFIT,
	DEAL_FEE,
	DEAL_SL,
	DEAL_TP
};
enum ENUM_DEAL_PROPERTY_STRING { DEAL_SYMBOL, DEAL_COMMENT };
enum ENUM_DEAL_TYPE {
	DEAL_TYPE_BUY,
	DEAL_TYPE_SELL,
	DEAL_TYPE_BALANCE,
	DEAL_TYPE_CREDIT,
	DEAL_TYPE_CHARGE,
	DEAL_TYPE_CORRECTION,
	DEAL_TYPE_BONUS,
	DEAL_TYPE_COMMISSION
};
enum ENUM_DEAL_ENTRY { DEAL_ENTRY_IN, DEAL_ENTRY_OUT, DEAL_ENTRY_INOUT, DEAL_ENTRY_OUT_BY };
enum ENUM_DEAL_REASON {
	DEAL_REASON_CLIENT,
	DEAL_REASON_MOBILE,
	DEAL_REASON_WEB,
	DEAL_REASON_EXPERT,
	DEAL_REASON_SL,
	DEAL_REASON_TP,
	DEAL_REASON_SO
};
enum ENUM_TRADE_REQUEST_ACTIONS {
	TRADE_ACTION_DEAL = 1,
	TRADE_ACTION_PENDING = 5,
	TRADE_ACTION_SLTP = 6,
	TRADE_ACTION_MODIFY = 7,
	TRADE_ACTION_REMOVE = 8,
	TRADE_ACTION_CLOSE_BY = 10
};
enum ENUM_TRADE_TRANSACTION_TYPE {
	TRADE_TRANSACTION_ORDER_ADD,
	TRADE_TRANSACTION_ORDER_UPDATE,
	TRADE_TRANSACTION_ORDER_DELETE,
	TRADE_TRANSACTION_DEAL_ADD,
	TRADE_TRANSACTION_HISTORY_ADD,
	TRADE_TRANSACTION_POSITION,
	TRADE_TRANSACTION_REQUEST
};

/* ---- structures ---- */

struct MqlDateTime {
	int year, mon, day, hour, min, sec, day_of_week, day_of_year;
};
struct MqlTick {
	datetime time;
	double bid, ask, last;
	ulong volume;
	long time_msc;
	uint flags;
	double volume_real;
};
struct MqlTradeRequest {
	ENUM_TRADE_REQUEST_ACTIONS action;
	ulong magic, order;
	string symbol;
	double volume, price, stoplimit, sl, tp;
	ulong deviation;
	ENUM_ORDER_TYPE type;
	ENUM_ORDER_TYPE_FILLING type_filling;
	ENUM_ORDER_TYPE_TIME type_time;
	datetime expiration;
	string comment;
	ulong position, position_by;
};
struct MqlTradeResult {
	uint retcode;
	ulong deal, order;
	double volume, price, bid, ask;
	string comment;
	uint request_id;
	int retcode_external;
};
struct MqlTradeTransaction {
	ulong deal, order;
	string symbol;
	ENUM_TRADE_TRANSACTION_TYPE type;
	ulong position;
};

/* ---- functions ---- */

extern const string _Symbol;

ulong GetTickCount64();
datetime TimeGMT();
datetime TimeTradeServer();
bool TimeToStruct(datetime time, MqlDateTime &parts);
int MathRand();
void MathSrand(int seed);
inline double MathAbs(double value) { return std::fabs(value); }
inline double MathRound(double value) { return std::round(value); }
inline bool MathIsValidNumber(double value) { return std::isfinite(value); }
int GetLastError();
void ResetLastError();

int StringLen(const string &text);
ushort StringGetCharacter(const string &text, int position);
int StringFind(const string &text, const string &part, int start = 0);
string StringSubstr(const string &text, int start, int length = -1);
int StringSplit(const string &text, ushort separator, mql_array<string> &parts);
int StringReplace(string &text, const string &find, const string &replacement);
bool StringToUpper(string &text);
long StringToInteger(const string &text);
double StringToDouble(const string &text);
string IntegerToString(long number, int width = 0, ushort fill = ' ');
string DoubleToString(double value, int digits = 8);
string ShortToString(ushort code);
int StringToCharArray(const string &text, mql_array<uchar> &array, int start = 0, int count = -1,
		      uint codepage = 0);
string CharArrayToString(const mql_array<uchar> &array, int start = 0, int count = -1,
			 uint codepage = 0);
int CryptEncode(ENUM_CRYPT_METHOD method, const mql_array<uchar> &data, const mql_array<uchar> &key,
		mql_array<uchar> &result);

void mql_print(const std::string &line);
inline std::string mql_text(const string &value) { return value.s; }
inline std::string mql_text(const char *value) { return value; }
inline std::string mql_text(long value) { return std::to_string(value); }
inline std::string mql_text(int value) { return std::to_string(value); }
template <typename... T> void Print(const T &...values)
{
	mql_print((std::string() + ... + mql_text(values)));
}

bool EventSetMillisecondTimer(int milliseconds);
void EventKillTimer();
bool TerminalClose(int code);

int TerminalInfoInteger(int property);
double TerminalInfoDouble(int property);
int MQLInfoInteger(int property);
long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER property);
double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE property);
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING property);

int SymbolsTotal(bool selected);
string SymbolName(int position, bool selected);
bool SymbolSelect(const string &name, bool select);
long SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property);
bool SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property, long &value);
double SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property);
bool SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property, double &value);
bool SymbolInfoTick(const string &name, MqlTick &tick);
bool SymbolInfoSessionTrade(const string &name, ENUM_DAY_OF_WEEK day, uint index, datetime &from,
			    datetime &to);

int PositionsTotal();
ulong PositionGetTicket(int index);
long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property);
double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property);
string PositionGetString(ENUM_POSITION_PROPERTY_STRING property);
int OrdersTotal();
ulong OrderGetTicket(int index);
bool OrderSelect(ulong ticket);
long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property);
double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property);
string OrderGetString(ENUM_ORDER_PROPERTY_STRING property);
bool OrderSendAsync(const MqlTradeRequest &request, MqlTradeResult &result);
bool HistorySelect(datetime from, datetime to);
int HistoryOrdersTotal();
ulong HistoryOrderGetTicket(int index);
bool HistoryOrderSelect(ulong ticket);
long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property);
double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property);
string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING property);
int HistoryDealsTotal();
ulong HistoryDealGetTicket(int index);
bool HistoryDealSelect(ulong ticket);
long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property);
double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property);
string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property);

int FileOpen(const string &name, int flags, short delimiter = '\t', uint codepage = 0);
void FileClose(int handle);
bool FileIsEnding(int handle);
string FileReadString(int handle, int length = -1);
uint FileWriteString(int handle, const string &text, int length = -1);
bool FileSeek(int handle, long offset, ENUM_FILE_POSITION origin);
void FileFlush(int handle);
bool FileMove(const string &from, int common_flag, const string &to, int mode_flags);
bool FileIsExist(const string &name, int common_flag = 0);
bool FolderCreate(const string &name, int common_flag = 0);

int SocketCreate(uint flags = 0);
bool SocketClose(int socket);
bool SocketConnect(int socket, const string &server, uint port, uint timeout_ms);
bool SocketIsConnected(int socket);
uint SocketIsReadable(int socket);
bool SocketTimeouts(int socket, uint send_ms, uint receive_ms);
int SocketRead(int socket, mql_array<uchar> &buffer, uint most, uint timeout_ms);
int SocketSend(int socket, const mql_array<uchar> &buffer, uint length);
bool SocketTlsHandshake(int socket, const string &host);
int SocketTlsCertificate(int socket, string &subject, string &issuer, string &serial,
			 string &thumbprint, datetime &expiration);
int SocketTlsReadAvailable(int socket, mql_array<uchar> &buffer, uint most);
int SocketTlsSend(int socket, const mql_array<uchar> &buffer, uint length);
