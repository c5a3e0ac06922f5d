/* A signal's way from G to its one final R.
 *
 *   WAITING ──send──▶ SENT ──answer, deals──▶ decided
 *      │ ttl            │ └─requote, busy──▶ RETRY ──▶ SENT
 *      ▼                │ no answer, unknown
 *   decided exp         ▼
 *                    UNKNOWN ──magic found, or none after all──▶ decided */
#include <stdlib.h>

#include "def/retcodes.h"
#include "sim/terminal_impl.h"

enum {
	CODE_DONE = 10009,
	CODE_TIMEOUT = 10012,
	CODE_INVALID = 10013,
	CODE_CONNECTION = 10031,
	CODE_TOO_MANY = 10024,
	CODE_CLOSED = 10036
};
static const int64_t look_ns = 1000000000; /* between two looks for an unknown one */

static const char *name_of(uint32_t code)
{
	const struct retcode_row *row = retcode_find(code);
	return row ? row->name : NULL;
}

static int64_t until_ns(const struct terminal *terminal, const struct record *record)
{
	return (record->until_ms - terminal->settings->clock_offset) * TERMINAL_MS;
}

static bool has_deals(const struct record *record)
{
	return record->signal.act == ACT_OPEN || record->signal.act == ACT_CLOSE ||
	       record->signal.act == ACT_CLOSEBY || record->signal.act == ACT_CLOSEALL;
}

static size_t count_steps(const struct terminal *terminal, enum step a, enum step b)
{
	size_t count = 0;
	for (size_t i = 0; i < terminal->work_count; i++) {
		const struct record *record = terminal_work_at(terminal, i);
		count += record->step == a || record->step == b;
	}
	return count;
}

size_t terminal_waiting(const struct terminal *terminal)
{
	return count_steps(terminal, STEP_WAITING, STEP_RETRY);
}

size_t terminal_in_flight(const struct terminal *terminal)
{
	return count_steps(terminal, STEP_SENT, STEP_UNKNOWN);
}

/* ---- answers ---- */

static void fail(struct terminal *terminal, struct record *record, uint32_t code, const char *why)
{
	terminal_decide(terminal, record, RESULT_WORD_FAIL, code, why, terminal->now_ns);
}

static void retry(struct terminal *terminal, struct record *record, int64_t wait_ns)
{
	int64_t due_ns = terminal->now_ns + wait_ns;
	if (record->tries >= TERMINAL_TRIES || due_ns >= until_ns(terminal, record)) {
		fail(terminal, record, record->code, name_of(record->code));
		return;
	}
	record->step = STEP_RETRY;
	record->due_ns = due_ns;
	record->sent_ns = 0; /* the one before is known to have come to nothing */
	record->order = 0;
	record->expect = 0;
}

/* Too many requests: twice as long each time, and nothing else meanwhile. */
static void retry_later(struct terminal *terminal, struct record *record, int64_t wait_ns)
{
	if (record->code == CODE_TOO_MANY) {
		wait_ns <<= record->tries < 3 ? record->tries - 1 : 2;
		terminal->take_ns = terminal->now_ns + wait_ns;
	}
	retry(terminal, record, wait_ns);
}

/* Once; then it has failed. */
static void retry_once(struct terminal *terminal, struct record *record, bool *done)
{
	if (*done) {
		fail(terminal, record, record->code, name_of(record->code));
		return;
	}
	*done = true;
	retry(terminal, record, 0);
}

static void succeed(struct terminal *terminal, struct record *record,
		    const struct broker_reply *reply)
{
	record->order = reply->order;
	record->expect = reply->deals;
	if (!has_deals(record) || !reply->deals)
		terminal_decide(terminal, record, RESULT_WORD_DONE, record->code, NULL,
				terminal->now_ns);
}

static enum retcode_class class_of(const struct record *record, bool left)
{
	const struct retcode_row *row = retcode_find(record->code);
	enum retcode_class kind = row ? row->class : RETCODE_UNK;
	if (kind == RETCODE_UNK && !left)
		return RETCODE_LATER;
	if (record->code == CODE_CLOSED && record->signal.act != ACT_CLOSE &&
	    record->signal.act != ACT_CLOSEBY)
		return RETCODE_FIN;
	return kind;
}

/* What a return code asks for. left: the request had left the terminal. */
static void answer(struct terminal *terminal, struct record *record,
		   const struct broker_reply *reply, bool left)
{
	record->code = reply->code;
	const struct retcode_row *row = retcode_find(reply->code);
	int64_t wait_ns = row ? row->wait_ms * TERMINAL_MS : TERMINAL_SECOND;
	switch (class_of(record, left)) {
	case RETCODE_OK: succeed(terminal, record, reply); break;
	case RETCODE_ACC: break; /* the watchdog looks after it */
	case RETCODE_NOOP:
		terminal_decide(terminal, record, RESULT_WORD_DONE, record->code,
				name_of(record->code), terminal->now_ns);
		break;
	case RETCODE_FAST:
		if (++record->fast > TERMINAL_FAST_TRIES)
			fail(terminal, record, record->code, name_of(record->code));
		else
			retry(terminal, record, 0);
		break;
	case RETCODE_LATER: retry_later(terminal, record, wait_ns); break;
	case RETCODE_REREAD: retry_once(terminal, record, &record->reread); break;
	case RETCODE_REFILL: retry_once(terminal, record, &record->refilled); break;
	case RETCODE_UNK:
		record->step = STEP_UNKNOWN;
		record->due_ns = terminal->now_ns + wait_ns;
		break;
	case RETCODE_FIN:
	case RETCODE_CFG: fail(terminal, record, record->code, name_of(record->code)); break;
	case RETCODE_CLASSES: break;
	}
}

static void take_replies(struct terminal *terminal)
{
	struct broker_reply reply;
	while (broker_take_reply(terminal->broker, &reply))
		for (size_t i = 0; i < terminal->work_count; i++) {
			struct record *record = terminal_work_at(terminal, i);
			if (record->request != reply.request || record->step != STEP_SENT)
				continue;
			record->took_ms = (reply.at_ns - record->sent_ns) / TERMINAL_MS;
			answer(terminal, record, &reply, true);
			break;
		}
}

/* ---- looking for what became of it ---- */

/* A change leaves no deal: it shows in what was to be changed. */
static bool change_is_there(const struct terminal *terminal, const struct record *record)
{
	const struct signal *signal = &record->signal;
	const struct broker_position *position = terminal_position(terminal, signal->position);
	if (signal->act == ACT_CANCEL)
		return !broker_has_pending(terminal->broker, signal->order);
	if (signal->act != ACT_MODIFY || !position)
		return false;
	return (!signal->has_sl || position->sl == signal->sl) &&
	       (!signal->has_tp || position->tp == signal->tp);
}

/* True: it is decided. */
static bool look(struct terminal *terminal, struct record *record)
{
	struct broker_reply found;
	int64_t since_ns = record->sent_ns; /* 0, all of the history: it is not known to be sent */
	if (!broker_find_magic(terminal->broker, record->sid, since_ns, &found) ||
	    found.deals < record->expect)
		return false;
	record->order = found.order;
	if (has_deals(record) && found.deals)
		terminal_decide_deals(terminal, record, record->code, &found, terminal->now_ns);
	else
		terminal_decide(terminal, record, RESULT_WORD_DONE, CODE_DONE, NULL,
				terminal->now_ns);
	return true;
}

/* The watchdog's time is over, the lists can be trusted and hold no trace: the broker
 * executes nothing that late. */
static void give_up(struct terminal *terminal, struct record *record)
{
	if (change_is_there(terminal, record)) {
		terminal_decide(terminal, record, RESULT_WORD_DONE, CODE_DONE, NULL,
				terminal->now_ns);
		return;
	}
	terminal->counts->unknown++;
	fail(terminal, record, record->code ? record->code : CODE_TIMEOUT,
	     "it never reached the broker");
}

static void watch_unknown(struct terminal *terminal, struct record *record, bool late)
{
	bool settled = terminal_settled(terminal, terminal->now_ns);
	if (late && !settled && !record->unk_told) {
		record->unk_told = true;
		terminal_tell_unknown(terminal, record);
	}
	if (!settled) {
		record->due_ns = terminal->now_ns + look_ns;
		return;
	}
	if (look(terminal, record))
		return;
	if (late)
		give_up(terminal, record);
	else
		record->due_ns = terminal->now_ns + look_ns;
}

static void watch(struct terminal *terminal, struct record *record)
{
	int64_t age_ms = (terminal->now_ns - record->sent_ns) / TERMINAL_MS;
	bool late = age_ms >= TERMINAL_WATCHDOG_MS;
	if (record->step == STEP_SENT && record->code && look(terminal, record))
		return;
	if (record->step == STEP_SENT && late) {
		record->step = STEP_UNKNOWN;
		record->due_ns = terminal->now_ns;
	}
	if (record->step == STEP_UNKNOWN && terminal->now_ns >= record->due_ns)
		watch_unknown(terminal, record, late);
}

static void expire(struct terminal *terminal, struct record *record)
{
	if (terminal->now_ns < until_ns(terminal, record))
		return;
	if (record->tries == 0)
		terminal_decide(terminal, record, RESULT_WORD_EXP, 0, NULL, terminal->now_ns);
	else
		fail(terminal, record, record->code, "its time is over");
}

/* ---- sending ---- */

static int64_t rate_now(const struct terminal *terminal)
{
	bool over = terminal->throttle_until_ns && terminal->now_ns >= terminal->throttle_until_ns;
	if (terminal->throttle < 0 || over || terminal->throttle > terminal->rate)
		return terminal->rate;
	return terminal->throttle;
}

static int64_t goes_at_ns(const struct terminal *terminal, const struct record *record)
{
	if (record->step == STEP_RETRY)
		return record->due_ns;
	if (record->step != STEP_WAITING || terminal->restart)
		return INT64_MAX;
	if (rate_now(terminal) == 0)
		return terminal->throttle_until_ns ? terminal->throttle_until_ns : INT64_MAX;
	return terminal->take_ns;
}

static struct record *next_to_go(struct terminal *terminal)
{
	struct record *next = NULL;
	for (size_t i = 0; i < terminal->work_count; i++) {
		struct record *record = terminal_work_at(terminal, i);
		if (goes_at_ns(terminal, record) <= terminal->now_ns &&
		    (!next || record->down < next->down))
			next = record;
	}
	return next;
}

static void send(struct terminal *terminal, struct record *record)
{
	struct broker_request request;
	struct broker_reply refused = { .code = CODE_CONNECTION };
	terminal_make_request(terminal, record, &request);
	if (!terminal_choose_price(terminal, record, &request, terminal->now_ns)) {
		fail(terminal, record, record->code, "the price left the deviation");
		return;
	}
	record->tries++;
	record->took_ms = -1;
	if (record->signal.act == ACT_CLOSE && !request.position) {
		fail(terminal, record, CODE_INVALID, "not one position of the symbol");
		return;
	}
	record->request = broker_send(terminal->broker, &request, terminal->now_ns);
	if (!record->request) {
		answer(terminal, record, &refused, false);
		return;
	}
	terminal->counts->orders++;
	record->step = STEP_SENT;
	record->sent_ns = terminal->now_ns;
	record->code = 0;
}

static void send_next(struct terminal *terminal)
{
	struct record *record = next_to_go(terminal);
	if (!record)
		return;
	int64_t rate = rate_now(terminal);
	if (record->step == STEP_WAITING && rate > 0)
		terminal->take_ns = terminal->now_ns + TERMINAL_SECOND / rate;
	/* After a restart the magic is looked for first. */
	bool search = record->search && record->step == STEP_WAITING;
	record->search = false;
	if (!search || !look(terminal, record))
		send(terminal, record);
}

/* ---- each turn ---- */

void terminal_orders_turn(struct terminal *terminal, int64_t now_ns)
{
	take_replies(terminal);
	for (size_t i = 0; i < terminal->work_count; i++) {
		struct record *record = terminal_work_at(terminal, i);
		if (record->step == STEP_SENT || record->step == STEP_UNKNOWN)
			watch(terminal, record);
		else if (record->step == STEP_WAITING || record->step == STEP_RETRY)
			expire(terminal, record);
	}
	if (terminal_settled(terminal, now_ns))
		send_next(terminal);
}

static int64_t record_next_ns(const struct terminal *terminal, const struct record *record)
{
	int64_t watchdog_ns = record->sent_ns + TERMINAL_WATCHDOG_MS * (int64_t)TERMINAL_MS;
	int64_t end_ns = until_ns(terminal, record), at_ns;
	switch (record->step) {
	case STEP_SENT: return watchdog_ns;
	case STEP_UNKNOWN: return record->due_ns;
	case STEP_DONE: /* told when it is due, or when there is room for it again */
		at_ns = record->ready_ns + terminal->settings->late;
		return at_ns > terminal->now_ns ? at_ns : INT64_MAX;
	default:
		at_ns = goes_at_ns(terminal, record);
		if (at_ns < terminal_settles_ns(terminal))
			at_ns = terminal_settles_ns(terminal);
		return at_ns < end_ns ? at_ns : end_ns;
	}
}

int64_t terminal_orders_next_ns(const struct terminal *terminal)
{
	int64_t next_ns = INT64_MAX;
	for (size_t i = 0; i < terminal->work_count; i++) {
		int64_t at_ns = record_next_ns(terminal, terminal_work_at(terminal, i));
		if (at_ns < next_ns)
			next_ns = at_ns;
	}
	return next_ns;
}

void terminal_stop_signals(struct terminal *terminal, bool flat, int64_t now_ns)
{
	struct broker_request all = { .action = BROKER_CLOSE_ALL, .deviation = -1 };
	terminal->file.stopped = true;
	for (size_t i = 0; i < terminal->work_count; i++) {
		struct record *record = terminal_work_at(terminal, i);
		if (record->step == STEP_WAITING || record->step == STEP_RETRY)
			fail(terminal, record, 0, "stopped");
	}
	if (flat)
		(void)broker_send(terminal->broker, &all, now_ns);
}
