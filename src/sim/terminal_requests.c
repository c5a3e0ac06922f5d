/* A signal as a request to the broker. */
#include <stdlib.h>

#include "sim/terminal_impl.h"

const struct broker_position *terminal_position(const struct terminal *terminal, uint64_t id)
{
	for (size_t i = 0; i < broker_position_count(terminal->broker); i++) {
		const struct broker_position *at = broker_position_at(terminal->broker, i);
		if (at->id == id)
			return at;
	}
	return NULL;
}

/* The symbol's position when there is exactly one. */
static uint64_t only_position(const struct terminal *terminal, int symbol)
{
	uint64_t found = 0;
	for (size_t i = 0; i < broker_position_count(terminal->broker); i++) {
		const struct broker_position *at = broker_position_at(terminal->broker, i);
		if (at->symbol != symbol)
			continue;
		if (found)
			return 0;
		found = at->id;
	}
	return found;
}

static enum broker_action action_of(const struct signal *signal)
{
	static const enum broker_action actions[] = {
		BROKER_OPEN, BROKER_CLOSE,  BROKER_CLOSE_BY,  BROKER_MODIFY,
		BROKER_PEND, BROKER_CANCEL, BROKER_CLOSE_ALL,
	};
	if (signal->act == ACT_MODIFY && !signal->position)
		return BROKER_MODIFY_ORDER;
	return actions[signal->act];
}

/* Levels that a modification does not name stay. */
static void keep_levels(const struct terminal *terminal, const struct signal *signal,
			struct broker_request *request)
{
	const struct broker_position *position = terminal_position(terminal, signal->position);
	if (!position)
		return;
	request->sl = signal->has_sl ? signal->sl : position->sl;
	request->tp = signal->has_tp ? signal->tp : position->tp;
}

bool terminal_choose_price(struct terminal *terminal, struct record *record,
			   struct broker_request *request, int64_t now_ns)
{
	const struct signal *signal = &record->signal;
	const struct broker_position *position = terminal_position(terminal, request->position);
	int symbol = position ? position->symbol : signal->symbol;
	bool buy = position ? position->side == BROKER_SELL : signal->side == BROKER_BUY;
	if (symbol < 0)
		return true;
	int64_t quote = buy ? broker_ask(terminal->broker, symbol, now_ns)
			    : broker_bid(terminal->broker, symbol, now_ns);
	bool first = record->asked == 0;
	if (first)
		record->asked = signal->price && signal->act == ACT_OPEN ? signal->price : quote;
	request->asked = first ? record->asked : quote;
	return first || signal->deviation < 0 || record->fast == 0 ||
	       llabs(quote - record->asked) <= signal->deviation;
}

void terminal_make_request(struct terminal *terminal, const struct record *record,
			   struct broker_request *request)
{
	const struct signal *signal = &record->signal;
	*request = (struct broker_request){
		.action = action_of(signal),
		.type = signal->type,
		.side = signal->side,
		.symbol = signal->symbol < 0 ? 0 : signal->symbol,
		.magic = record->sid,
		.position = signal->position,
		.by = signal->by,
		.order = signal->order,
		.volume = signal->volume,
		.price = signal->price,
		.limit = signal->limit,
		.sl = signal->sl,
		.tp = signal->tp,
		.deviation = signal->deviation,
	};
	if (signal->act == ACT_CLOSE && !signal->position)
		request->position = only_position(terminal, signal->symbol);
	if (request->action == BROKER_MODIFY)
		keep_levels(terminal, signal, request);
	/* A volume that has gone since is read again, once. */
	if (signal->act == ACT_CLOSE && record->reread)
		request->volume = 0;
}
