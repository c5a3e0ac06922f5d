/* Requests about terminals: `fleet list`, `fleet show ID`, `fleet VERB ID [WORD]`. */
#include "ask/fleet_view.h"
#include "base/check.h"
#include "base/log.h"
#include "daemon/control_impl.h"
#include "daemon/terminals.h"

struct fleet_request {
	struct terminals *terminals;
	struct fleet *fleet;
	uint32_t slot;
	struct str word; /* "clean", "flat" or "" */
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
		log_line(LOG_INFO, "fleet", "operator: %.*s %.*s %.*s: %s", STR_ARG(verb->name),
			 STR_ARG(id), STR_ARG(request->word), status ? err.text : "done");
	if (status)
		buf_printf(request->answer, "%.*s: %s\n", STR_ARG(id), err.text);
	terminals_step(request->terminals);
	return status ? 1 : 0;
}

int control_fleet(struct daemon *daemon, struct str rest, struct buf *answer)
{
	struct str verb = STR(""), id = STR("");
	struct fleet_request request = { .terminals = daemon_terminals(daemon), .answer = answer };
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
	if (!row || !id.len) {
		buf_printf(answer, "unknown request\n");
		return 2;
	}
	return run(row, &request, id);
}
