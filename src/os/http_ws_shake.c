#include "os/http_ws_shake.h"

#include "os/http_ws_frame.h"

/* One of the words of a list, in any case. */
static bool has_word(struct str list, struct str word)
{
	struct str one;
	if (!list.ptr)
		return false;
	while (str_split(&list, ',', &one))
		if (str_eq_nocase(str_trim(one), word))
			return true;
	return false;
}

const char *http_ws_shake(const struct http_asked *asked, struct str *key, int *code)
{
	struct str version = http_asked_header(asked, STR("sec-websocket-version"));
	struct str said = http_asked_header(asked, STR("sec-websocket-key"));
	*code = 426;
	if (!str_eq(asked->method, STR("GET")))
		return "a WebSocket begins with a GET";
	if (!has_word(http_asked_header(asked, STR("upgrade")), STR("websocket")) ||
	    !has_word(http_asked_header(asked, STR("connection")), STR("upgrade")))
		return "a WebSocket is asked for here: Upgrade: websocket, Connection: Upgrade";
	if (!str_eq(version, STR("13")))
		return "Sec-WebSocket-Version is 13";
	*code = 400;
	if (!said.ptr || !http_ws_key_is_good(said))
		return "Sec-WebSocket-Key is 16 bytes in base64";
	*key = said;
	return NULL;
}

struct str http_ws_protocols(const struct http_asked *asked)
{
	struct str offered = http_asked_header(asked, STR("sec-websocket-protocol"));
	return offered.ptr ? offered : STR("");
}

bool http_ws_next_protocol(struct str *rest, struct str *name)
{
	while (str_split(rest, ',', name)) {
		*name = str_trim(*name);
		if (name->len)
			return true;
	}
	return false;
}
