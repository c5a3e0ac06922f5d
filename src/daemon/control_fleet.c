/* Requests about terminals: `fleet list`, `fleet show ID`, `fleet VERB ID [WORD]`. */
#include <stdio.h>
#include <stdlib.h>

#include "ask/fleet_view.h"
#include "base/check.h"
#include "base/log.h"
#include "base/suggest.h"
#include "daemon/archiving.h"
#include "daemon/control_impl.h"
#include "daemon/signal_adding.h"
#include "daemon/telegramming.h"
#include "daemon/terminals.h"

enum { OPERATOR_BYTES = 64, OUTCOME_BYTES = 192 };

struct fleet_request {
	struct daemon *daemon;
	struct terminals *terminals;
	struct fleet *fleet;
	uint32_t slot;
	struct control *control; /* NULL: who asks does not wait */
	struct str operator;     /* who asks: "local", "tg:42" */
	struct str word;         /* "clean", "flat" or "" */
	struct buf *answer;
};

static enum status do_start(const struct fleet_request *request, struct err *err)
{
	return fleet_start(request->fleet, request->slot, err);
}

static enum status do_stop(const struct fleet_request *request, struct err *err)
{
	return fleet_stop(request->fleet, request->slot, str_eq(request->word, STR("flat")), err);
}

static enum status do_restart(const struct fleet_request *request, struct err *err)
{
	return fleet_restart(request->fleet, request->slot, str_eq(request->word, STR("clean")),
			     err);
}

static enum status do_hold(const struct fleet_request *request, struct err *err)
{
	return fleet_hold(request->fleet, request->slot, err);
}

static enum status do_release(const struct fleet_request *request, struct err *err)
{
	return fleet_release(request->fleet, request->slot, err);
}

static enum status do_show(const struct fleet_request *request, struct err *err)
{
	struct json_out json = { .out = request->answer };
	(void)err;
	fleet_view_whole(&json, fleet_at(request->fleet, request->slot));
	buf_char(request->answer, '\n');
	return STATUS_OK;
}

/* The rows that are not packed yet, for who reads the history now. */
static enum status do_flush(const struct fleet_request *request, struct err *err)
{
	(void)err;
	terminals_flush_history(request->terminals, request->slot);
	return STATUS_OK;
}

static const struct fleet_verb {
	struct str name;
	enum status (*fn)(const struct fleet_request *request, struct err *err);
	const char *word; /* that may follow; NULL none */
	bool changes;     /* said in the log */
} verbs[] = {
	{ { "flush", 5 }, do_flush, NULL, false },
	{ { "hold", 4 }, do_hold, NULL, true },
	{ { "release", 7 }, do_release, NULL, true },
	{ { "restart", 7 }, do_restart, "clean", true },
	{ { "show", 4 }, do_show, NULL, false },
	{ { "start", 5 }, do_start, NULL, true },
	{ { "stop", 4 }, do_stop, "flat", true },
};

static const struct fleet_verb *find_verb(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

static void tell_operator(const struct fleet_request *request, struct str verb, struct str id,
			  const char *outcome)
{
	log_line(LOG_INFO, "fleet", "operator %.*s: %.*s %.*s %.*s: %s", STR_ARG(request->operator),
		 STR_ARG(verb), STR_ARG(id), STR_ARG(request->word), outcome);
	if (daemon_archiving(request->daemon))
		archiving_operator(daemon_archiving(request->daemon), request->operator, verb, id,
				   str_of(outcome));
}

static int run(const struct fleet_verb *verb, struct fleet_request *request, struct str id)
{
	struct err err = { 0 };
	request->slot = fleet_find(request->fleet, id);
	if (request->slot == FLEET_NONE) {
		buf_printf(request->answer, "no terminal '%.*s' is known\n", STR_ARG(id));
		return 1;
	}
	if (request->word.len && (!verb->word || !str_eq(request->word, str_of(verb->word)))) {
		buf_printf(request->answer, "'%.*s' is one word too many\n",
			   STR_ARG(request->word));
		return 2;
	}
	enum status status = verb->fn(request, &err);
	if (verb->changes)
		tell_operator(request, verb->name, id, status ? err.text : "done");
	if (status)
		buf_printf(request->answer, "%.*s: %s\n", STR_ARG(id), err.text);
	terminals_step(request->terminals);
	return status ? 1 : 0;
}

/* ---- halts: of a scope, not of a terminal that must be known ---- */

static void offer(struct suggest *suggest, struct str name, bool *known)
{
	*known = *known || str_eq(suggest->word, name);
	suggest_offer(suggest, name);
}

bool control_fleet_knows(struct daemon *daemon, struct str scope, struct buf *nearest)
{
	struct terminals *terminals = daemon_terminals(daemon);
	struct fleet *fleet = terminals ? terminals_fleet(terminals) : NULL;
	struct suggest suggest = suggest_for(scope);
	char group[sizeof "group:" + INSTANCE_NAME_MAX];
	bool known = !fleet; /* that there are none is said by the halt */
	for (uint32_t slot = 0; fleet && slot < fleet_room(fleet); slot++) {
		const struct instance *instance = fleet_at(fleet, slot);
		if (!instance)
			continue;
		offer(&suggest, str_of(instance->identity.id), &known);
		for (uint32_t i = 0; i < instance->identity.group_count; i++) {
			snprintf(group, sizeof group, "group:%s", instance->identity.groups[i]);
			offer(&suggest, str_of(group), &known);
		}
	}
	if (!known && suggest.distance != SIZE_MAX)
		buf_str_put(nearest, str_of(suggest.nearest));
	return known;
}

/* Closing what is open, until its signal is durable or is known not to be. */
struct closing {
	struct daemon *daemon;
	struct control_later *later; /* who asked waits at the control socket; NULL: does not */
	bool answered, ended, taken;
	char operator[OPERATOR_BYTES];
	char scope[HALT_SCOPE_MAX + 1];
	char outcome[OUTCOME_BYTES];
};

static void put_outcome(struct closing *closing, const struct serve_signal_end *end)
{
	static const char *const words[] = { "taken", "taken", "refused", "not taken",
					     "not known to be taken" };
	closing->ended = true;
	closing->taken = end->outcome <= SERVE_REPEATED;
	if (closing->taken)
		snprintf(closing->outcome, sizeof closing->outcome, "%s: signal %llu",
			 words[end->outcome], (unsigned long long)end->sid);
	else
		snprintf(closing->outcome, sizeof closing->outcome, "%s: %.*s", words[end->outcome],
			 STR_ARG(end->why));
}

static void put_closed(const struct closing *closing, struct buf *out)
{
	if (closing->taken)
		buf_printf(out, "%s is halted; closing what is open of it was %s\n", closing->scope,
			   closing->outcome);
	else
		buf_printf(out,
			   "closing what is open of %s was %s. It is halted, but what is open "
			   "stays open: ask for it again\n",
			   closing->scope, closing->outcome);
}

static void tell_asker(const struct closing *closing)
{
	char storage[OUTCOME_BYTES + 256];
	struct buf text = buf_over(storage, sizeof storage);
	struct loop *loop = daemon_loop(closing->daemon);
	struct telegramming *telegramming = daemon_telegramming(closing->daemon);
	const struct bot_time time = { loop_now_ns(loop), loop_wall_ns(loop) / 1000000 };
	put_closed(closing, &text);
	if (closing->later)
		control_answer(closing->later, closing->taken ? 0 : 1, buf_str(&text));
	else if (telegramming)
		bot_halted(telegramming_bot(telegramming), bot_owner_id(str_of(closing->operator)),
			   str_trim(buf_str(&text)), time);
}

static void on_flat(void *ctx, const struct serve_signal_end *end)
{
	struct closing *closing = ctx;
	const struct fleet_request request = { .daemon = closing->daemon,
					       .operator= str_of(closing->operator) };
	put_outcome(closing, end);
	tell_operator(&request, STR("closeall"), str_of(closing->scope), closing->outcome);
	if (!closing->taken)
		log_line(LOG_ERROR, "fleet", "closing what is open of %s was %s", closing->scope,
			 closing->outcome);
	if (!closing->answered)
		return; /* inside close_all, which says it */
	tell_asker(closing);
	free(closing);
}

/* A signal like any other: durable, with results. */
static void add_closeall(struct closing *closing, struct terminals *terminals)
{
	char storage[64];
	struct buf id = buf_over(storage, sizeof storage);
	buf_printf(&id, "halt-%lld",
		   (long long)(loop_wall_ns(daemon_loop(closing->daemon)) / 1000));
	const struct str keys[] = { STR("id"), STR("to"), STR("act") };
	const struct str values[] = { buf_str(&id), str_of(closing->scope), STR("closeall") };
	const struct serve_signal signal = { keys, values, ARRAY_LEN(keys) };
	const struct signal_sink sink = { terminals_signal_store(terminals),
					  terminals_trade_core(terminals) };
	signal_adding(&sink, &signal, on_flat, closing);
}

/* Who asks by the control socket waits for the end; a bot answers now, and tells it then. */
static int close_all(const struct fleet_request *request, struct str scope)
{
	struct closing *closing = calloc(1, sizeof *closing);
	if (!closing || str_copy(scope, closing->scope, sizeof closing->scope) ||
	    str_copy(request->operator, closing->operator, sizeof closing->operator)) {
		free(closing);
		tell_operator(request, STR("closeall"), scope, "not begun: no memory");
		buf_printf(request->answer, "%.*s is halted; what is open was not closed: %s\n",
			   STR_ARG(scope), status_text(STATUS_NO_MEMORY));
		return 1;
	}
	closing->daemon = request->daemon;
	add_closeall(closing, request->terminals);
	if (closing->ended) {
		int exit_status = closing->taken ? 0 : 1;
		put_closed(closing, request->answer);
		free(closing);
		return exit_status;
	}
	closing->answered = true;
	closing->later = request->control ? control_later(request->control) : NULL;
	if (closing->later)
		return CONTROL_LATER;
	buf_printf(request->answer,
		   "%.*s is halted: in force here, not stored yet. Closing what is open is on its "
		   "way: you will be told how it ends\n",
		   STR_ARG(scope));
	return 0;
}

static int run_halt(const struct fleet_request *request, struct str verb, struct str scope)
{
	struct err err = { 0 };
	bool halts = str_eq(verb, STR("halt"));
	bool flat = halts && str_eq(request->word, STR("flat"));
	enum status status = halts ? terminals_halt(request->terminals, scope, &err)
				   : terminals_resume(request->terminals, scope, &err);
	if (flat && status == STATUS_EXISTS)
		status = STATUS_OK;
	tell_operator(request, verb, scope, status ? err.text : "done");
	if (status) {
		buf_printf(request->answer, "%.*s %s\n", STR_ARG(scope), err.text);
		return 1;
	}
	if (flat)
		return close_all(request, scope);
	buf_printf(request->answer, "%.*s %s: in force here, not stored yet\n", STR_ARG(scope),
		   halts ? "is halted" : "may trade again");
	return 0;
}

int control_fleet_halt(struct daemon *daemon, const struct control_halt *halt, struct buf *answer)
{
	const struct fleet_request request = {
		.daemon = daemon,
		.terminals = daemon_terminals(daemon),
		.operator= halt->operator,
		.word = halt->flat ? STR("flat") : STR(""),
		.answer = answer,
	};
	if (!request.terminals) {
		buf_printf(answer, "this weir keeps no terminals (fleet.on = no)\n");
		return 1;
	}
	return run_halt(&request, halt->halts ? STR("halt") : STR("resume"), halt->scope);
}

int control_fleet(const struct control_request *asked, struct str rest)
{
	struct str verb = STR(""), id = STR("");
	struct buf *answer = asked->answer;
	struct fleet_request request = { .daemon = asked->daemon,
					 .control = asked->control,
					 .terminals = daemon_terminals(asked->daemon),
					 .operator= STR("local"),
					 .answer = answer };
	if (!request.terminals) {
		buf_printf(answer, "this weir keeps no terminals (fleet.on = no)\n");
		return 1;
	}
	request.fleet = terminals_fleet(request.terminals);
	if (!rest.len || !str_split(&rest, ' ', &verb))
		verb = STR("");
	if (str_eq(verb, STR("list"))) {
		fleet_view_list(answer, request.fleet);
		buf_char(answer, '\n');
		return 0;
	}
	const struct fleet_verb *row = find_verb(verb);
	if (rest.ptr && rest.len)
		str_split(&rest, ' ', &id);
	request.word = rest.ptr ? rest : STR("");
	if (id.len && (str_eq(verb, STR("halt")) || str_eq(verb, STR("resume"))))
		return run_halt(&request, verb, id);
	if (!row || !id.len) {
		buf_printf(answer, "unknown request\n");
		return 2;
	}
	return run(row, &request, id);
}
