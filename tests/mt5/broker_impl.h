/* broker_impl.h - the broker's data, between broker.cpp, which executes, and
 * broker_asked.cpp, which answers the expert's questions. */
#pragma once

#include <deque>
#include <map>

#include "broker.h"
#include "terminal.h"

struct symbol {
	int digits;
	double bid, ask;
	bool watched;
	int64_t tick_ms;
};
struct position {
	ulong ticket, id;
	std::string name;
	bool buy;
	double volume, open, sl, tp;
	long magic;
	int64_t opened_ms;
};
struct order {
	ulong ticket;
	std::string name;
	ENUM_ORDER_TYPE type;
	ENUM_ORDER_STATE state;
	double asked, left, price, limit, sl, tp;
	long magic;
	ENUM_ORDER_REASON reason;
	ulong position;
};
struct deal {
	ulong ticket, order, position;
	std::string name, comment;
	ENUM_DEAL_TYPE type;
	ENUM_DEAL_ENTRY entry;
	ENUM_DEAL_REASON reason;
	long magic;
	double volume, price, profit, sl, tp;
	int64_t server_ms;
	int64_t shown_ms; /* not in the history before, by the steady clock */
};
struct sent {
	int64_t due_ms;
	uint id;
	MqlTradeRequest request;
	enum mt_fate fate;
	int code;
	ulong order; /* of the second part */
};

struct broker {
	bool linked, netting, mute;
	int64_t linked_ms, latency_ms, hide_ms;
	int filling;
	uint64_t random;
	ulong next_ticket;
	uint next_request;
	double balance;
	std::map<std::string, symbol> symbols;
	std::vector<position> positions;
	std::vector<order> orders, past;
	std::vector<deal> deals;
	std::deque<sent> under_way;
	std::deque<std::pair<enum mt_fate, int>> fates;
	size_t position_at, order_at;
	std::vector<ulong> past_shown, deals_shown;
	std::vector<MqlTradeTransaction> events;
};

extern struct broker b;

/* The lists follow a second after the link. */
bool broker_shown();
int64_t broker_server_ms();
std::vector<order>::iterator broker_live(ulong ticket);
