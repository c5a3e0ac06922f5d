#include "daemon/operated.h"

#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving.h"

void operated_tell(struct daemon *daemon, struct str who, struct str action, struct str target,
		   struct str outcome)
{
	struct archiving *archiving = daemon_archiving(daemon);
	log_line(LOG_INFO, "daemon", "operator %.*s: %.*s %.*s: %.*s", STR_ARG(who),
		 STR_ARG(action), STR_ARG(target), STR_ARG(outcome));
	if (archiving)
		archiving_operator(archiving, who, action, target, outcome);
}

/* The verbs of /alerts that change something. */
static bool changes_alerts(struct str verb)
{
	static const char *const verbs[] = { "add", "edit", "del", "mute", "unmute", "snooze" };
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_nocase(verb, str_of(verbs[i])))
			return true;
	return false;
}

void operated_ask(struct daemon *daemon, struct str question, enum ask_outcome outcome)
{
	char storage[32];
	struct buf action = buf_over(storage, sizeof storage);
	struct str rest = str_trim(question), command, verb;
	if (!rest.len || !str_split(&rest, ' ', &command) || !rest.ptr ||
	    !str_split(&rest, ' ', &verb))
		return;
	if (!str_eq_nocase(command, STR("/alerts")) || !changes_alerts(verb))
		return;
	buf_printf(&action, "alerts %.*s", STR_ARG(verb));
	operated_tell(daemon, STR("local"), buf_str(&action), rest.ptr ? rest : STR(""),
		      outcome == ASK_ANSWERED ? STR("done") : STR("refused"));
}
