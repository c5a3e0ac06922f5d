/* Requests about people: `telegram pair`, `telegram users`, `telegram approve ID [ROLE]`,
 * `telegram reject ID`, `telegram role ID ROLE`, `telegram test`. */
#include "base/json_out.h"
#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving.h"
#include "daemon/control_impl.h"
#include "daemon/telegramming.h"

struct telegram_request {
	struct daemon *daemon;
	struct telegramming *telegramming;
	struct people *people;
	struct str verb, id_text, role_text;
	int64_t id;
	enum role role; /* NONE where none was said */
	int64_t wall_ms;
	struct buf *answer;
};

static void audit(const struct telegram_request *request, const char *outcome)
{
	log_line(LOG_INFO, "telegram", "operator local: %.*s %.*s %.*s: %s", STR_ARG(request->verb),
		 STR_ARG(request->id_text), STR_ARG(request->role_text), outcome);
	if (daemon_archiving(request->daemon))
		archiving_operator(daemon_archiving(request->daemon), STR("local"), request->verb,
				   request->id_text, str_of(outcome));
}

static int do_pair(const struct telegram_request *request)
{
	const struct telegramming_facts facts = telegramming_facts(request->telegramming);
	if (!facts.on) {
		buf_printf(request->answer, "there is no Telegram here: no token, or it is not "
					    "started yet (weir config show)\n");
		return 1;
	}
	enum status status = telegramming_pair(request->telegramming, request->answer);
	audit(request, status && status != STATUS_UNAVAILABLE ? status_text(status) : "done");
	if (status && status != STATUS_UNAVAILABLE) {
		buf_printf(request->answer, "no code could be made: %s\n", status_text(status));
		return 3;
	}
	buf_printf(request->answer,
		   status
		       ? "\nTelegram has not told the bot's name yet (%s): send `/start CODE` to "
			 "it.\n"
		       : "\n",
		   telegram_state_text(facts.view.state));
	return 0;
}

static void put_person(struct json_out *json, const struct person *person)
{
	json_out_open(json, NULL, '{');
	json_out_i64(json, "id", person->id);
	json_out_str(json, "name", str_of(person->name));
	json_out_str(json, "state", str_of(person_state_text(person->state)));
	json_out_str(json, "role", str_of(role_text(person->role)));
	json_out_i64(json, "since_ms", person->since_ms);
	json_out_bool(json, "settings", person->from_settings);
	json_out_close(json, '}');
}

static int do_users(const struct telegram_request *request)
{
	struct json_out json = { .out = request->answer };
	uint32_t slot = 0;
	const struct person *person;
	json_out_open(&json, NULL, '{');
	json_out_open(&json, "users", '[');
	while ((person = people_next(request->people, &slot)))
		put_person(&json, person);
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	buf_char(request->answer, '\n');
	return 0;
}

static int finish(const struct telegram_request *request, enum status status)
{
	const char *why = status_text(status);
	if (status == STATUS_NOT_FOUND)
		why = "nobody of that id is here";
	else if (status == STATUS_REFUSED)
		why = str_eq(request->verb, STR("role"))
			  ? "the settings name him, or he is the last admin"
			  : "he does not wait for approval";
	audit(request, status ? why : "done");
	if (status) {
		buf_printf(request->answer, "%.*s: %s\n", STR_ARG(request->id_text), why);
		return 1;
	}
	telegramming_told(request->telegramming, request->id);
	return 0;
}

static int do_approve(const struct telegram_request *request)
{
	enum status status = people_approve(request->people, request->id, request->wall_ms);
	if (!status && request->role > ROLE_READER)
		status =
		    people_set_role(request->people, request->id, request->role, request->wall_ms);
	return finish(request, status);
}

static int do_reject(const struct telegram_request *request)
{
	return finish(request, people_reject(request->people, request->id, request->wall_ms));
}

static int do_role(const struct telegram_request *request)
{
	return finish(request, people_set_role(request->people, request->id, request->role,
					       request->wall_ms));
}

static int do_test(const struct telegram_request *request)
{
	const struct telegramming_facts facts = telegramming_facts(request->telegramming);
	struct str name = bot_name(telegramming_bot(request->telegramming));
	if (!facts.on) {
		buf_printf(request->answer, "there is no Telegram here: no token\n");
		return 1;
	}
	buf_printf(request->answer, "%s%s%s\n", telegram_state_text(facts.view.state),
		   facts.view.why[0] ? ": " : "", facts.view.why);
	if (name.len)
		buf_printf(request->answer, "the bot is @%.*s\n", STR_ARG(name));
	size_t told = telegramming_test(request->telegramming);
	buf_printf(request->answer, "%zu waiting, a test message to %zu admin(s)\n",
		   facts.view.waiting, told);
	return facts.view.state == TELEGRAM_OK ? 0 : 1;
}

static const struct telegram_verb {
	struct str name;
	int (*fn)(const struct telegram_request *request);
	bool id, role, role_needed;
} verbs[] = {
	{ { "approve", 7 }, do_approve, true, true, false },
	{ { "pair", 4 }, do_pair, false, false, false },
	{ { "reject", 6 }, do_reject, true, false, false },
	{ { "role", 4 }, do_role, true, true, true },
	{ { "test", 4 }, do_test, false, false, false },
	{ { "users", 5 }, do_users, false, false, false },
};

/* False, with the answer: a word is missing, too much, or none of its kind. */
static bool read_words(const struct telegram_verb *verb, struct telegram_request *request,
		       struct str rest)
{
	if (verb->id && rest.len)
		str_split(&rest, ' ', &request->id_text);
	if (verb->role && rest.ptr && rest.len)
		str_split(&rest, ' ', &request->role_text);
	if (rest.ptr && rest.len) {
		buf_printf(request->answer, "'%.*s' is one word too many\n", STR_ARG(rest));
		return false;
	}
	if (verb->id && (str_to_i64(request->id_text, &request->id) || request->id <= 0)) {
		buf_printf(request->answer, "'%.*s' is no user id\n", STR_ARG(request->id_text));
		return false;
	}
	if (!request->role_text.len && !verb->role_needed)
		return true;
	request->role = role_find(request->role_text);
	if (request->role < ROLE_COUNT)
		return true;
	buf_printf(request->answer, "'%.*s' is no role: none reader trader admin\n",
		   STR_ARG(request->role_text));
	return false;
}

int control_telegram(const struct control_request *asked, struct str rest)
{
	struct telegram_request request = {
		.daemon = asked->daemon,
		.telegramming = daemon_telegramming(asked->daemon),
		.verb = STR(""),
		.id_text = STR(""),
		.role_text = STR(""),
		.wall_ms = loop_wall_ns(daemon_loop(asked->daemon)) / 1000000,
		.answer = asked->answer,
	};
	if (!request.telegramming) {
		buf_printf(asked->answer, "this weir keeps no people (it has no segment rss)\n");
		return 1;
	}
	if (!telegramming_facts(request.telegramming).restored) {
		buf_printf(asked->answer, "people are being read back: ask again in a moment\n");
		return 1;
	}
	request.people = telegramming_people(request.telegramming);
	if (rest.len)
		str_split(&rest, ' ', &request.verb);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(request.verb, verbs[i].name))
			return read_words(&verbs[i], &request, rest.ptr ? rest : STR(""))
				   ? verbs[i].fn(&request)
				   : 2;
	buf_printf(asked->answer, "unknown request\n");
	return 2;
}
