/* Requests about terminals: `fleet list`, `fleet show ID`, `fleet VERB ID [WORD]`. */
#include "ask/fleet_view.h"
#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving.h"
#include "daemon/control_impl.h"
#include "daemon/signal_adding.h"
#include "daemon/terminals.h"

struct fleet_request {
	struct daemon *daemon;
	struct terminals *terminals;
	struct fleet *fleet;
	uint32_t slot;
	struct str operator; /* who asks: "local", "tg:42" */
	struct str word;     /* "clean", "flat" or "" */
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

static void on_flat(void *ctx, const struct serve_signal_end *end)
{
	(void)ctx;
	if (end->outcome > SERVE_REPEATED)
		log_line(LOG_ERROR, "fleet", "closing what is open was not taken: %.*s",
			 STR_ARG(end->why));
}

/* Closing is a signal like any other: durable, with results. */
static void close_all(const struct fleet_request *request, struct str scope)
{
	char storage[64];
	struct buf id = buf_over(storage, sizeof storage);
	buf_printf(&id, "halt-%lld",
		   (long long)(loop_wall_ns(daemon_loop(request->daemon)) / 1000));
	const struct str keys[] = { STR("id"), STR("to"), STR("act") };
	const struct str values[] = { buf_str(&id), scope, STR("closeall") };
	const struct serve_signal signal = { keys, values, ARRAY_LEN(keys) };
	const struct signal_sink sink = { terminals_signal_store(request->terminals),
					  terminals_trade_core(request->terminals) };
	signal_adding(&sink, &signal, on_flat, NULL);
}

static int run_halt(const struct fleet_request *request, struct str verb, struct str scope)
{
	struct err err = { 0 };
	bool halts = str_eq(verb, STR("halt"));
	bool flat = str_eq(request->word, STR("flat"));
	enum status status = halts ? terminals_halt(request->terminals, scope, &err)
				   : terminals_resume(request->terminals, scope, &err);
	if (halts && flat && (!status || status == STATUS_EXISTS)) {
		close_all(request, scope);
		status = STATUS_OK;
	}
	tell_operator(request, verb, scope, status ? err.text : "done");
	if (status)
		buf_printf(request->answer, "%.*s %s\n", STR_ARG(scope), err.text);
	return status ? 1 : 0;
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
