/* Requests about weir's own alerts: `alerts ack NAME [SCOPE]`, `alerts mute NAME SECONDS [SCOPE]`,
 * `alerts unmute NAME [SCOPE]`. A scope is the rest of the line. */
#include "daemon/control_impl.h"
#include "daemon/hushing.h"

static bool take_word(struct str *rest, struct str *word)
{
	return rest->ptr && rest->len && str_split(rest, ' ', word) && word->len;
}

int control_alerts(const struct control_request *asked, struct str rest)
{
	struct hushing_request request = { .operator= STR("local"), .scope = STR("") };
	struct str seconds = STR("0");
	if (!take_word(&rest, &request.verb) || !take_word(&rest, &request.name) ||
	    (str_eq(request.verb, STR("mute")) && !take_word(&rest, &seconds)) ||
	    str_to_i64(seconds, &request.for_s)) {
		buf_printf(asked->answer, "unknown request\n");
		return 2;
	}
	if (rest.ptr)
		request.scope = str_trim(rest);
	enum status status = hushing_say(asked->daemon, &request, asked->answer);
	buf_char(asked->answer, '\n');
	return status == STATUS_INVALID ? 2 : status != STATUS_OK;
}
