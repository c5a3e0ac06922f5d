/* Requests about signals: `signal send KEY=VALUE …`, `signal trace ID`. Words are escaped as
 * values of frames are. */
#include <stdlib.h>

#include "base/check.h"
#include "codec/mfp.h"
#include "daemon/archiving.h"
#include "daemon/control_impl.h"
#include "daemon/signal_adding.h"
#include "daemon/signal_story.h"
#include "daemon/terminals.h"

enum { PAIRS_MAX = 32, TEXT_MAX = 8192, ANSWER_MAX = 256 };

/* ---- send ---- */

static void on_added(void *ctx, const struct serve_signal_end *end)
{
	static const char *const words[] = { "accepted", "repeated", "refused", "busy",
					     "not known to be taken, send it again" };
	struct control_later *later = ctx;
	char storage[ANSWER_MAX];
	struct buf text = buf_over(storage, sizeof storage);
	buf_printf(&text, "%s", words[end->outcome]);
	if (end->outcome == SERVE_ACCEPTED || end->outcome == SERVE_REPEATED)
		buf_printf(&text, " sid %llu\n", (unsigned long long)end->sid);
	else
		buf_printf(&text, ": %.*s\n", STR_ARG(end->why));
	control_answer(later, end->outcome <= SERVE_REPEATED ? 0 : 1, buf_str(&text));
}

/* FORMAT: a word that is no KEY=VALUE. */
static enum status read_pairs(struct str rest, struct buf *text, struct str *keys,
			      struct str *values, size_t *count)
{
	struct str word;
	*count = 0;
	while (rest.len && str_split(&rest, ' ', &word)) {
		size_t equals = str_find_char(word, '=');
		if (equals == word.len || *count == PAIRS_MAX)
			return STATUS_FORMAT;
		keys[*count] = str_make(word.ptr, equals);
		size_t from = text->len;
		if (mfp_unescape(str_skip(word, equals + 1), text))
			return STATUS_FORMAT;
		values[(*count)++] = str_make(text->ptr + from, text->len - from);
		if (!rest.ptr)
			break;
	}
	return STATUS_OK;
}

static int send_signal(const struct control_request *request, struct str rest)
{
	static char storage[TEXT_MAX];
	struct buf text = buf_over(storage, sizeof storage);
	struct str keys[PAIRS_MAX], values[PAIRS_MAX];
	struct terminals *terminals = daemon_terminals(request->daemon);
	size_t count;
	if (!terminals) {
		buf_printf(request->answer, "this weir keeps no terminals (fleet.on = no)\n");
		return 1;
	}
	if (read_pairs(rest, &text, keys, values, &count)) {
		buf_printf(request->answer,
			   "signal send: KEY=VALUE …, see 'weir signal send --help'\n");
		return 2;
	}
	struct control_later *later = control_later(request->control);
	if (!later)
		return 3;
	const struct signal_sink sink = { terminals_signal_store(terminals),
					  terminals_trade_core(terminals) };
	const struct serve_signal signal = { keys, values, count };
	signal_adding(&sink, &signal, on_added, later);
	return CONTROL_LATER;
}

/* ---- trace ---- */

static void on_story(void *ctx, enum status status, struct str text, bool cut)
{
	struct control_later *later = ctx;
	struct buf line;
	(void)cut;
	if (!status) {
		control_answer(later, 0, text);
		return;
	}
	buf_init(&line, ANSWER_MAX + text.len);
	buf_printf(&line, "%.*s\n", STR_ARG(text));
	control_answer(later, status == STATUS_NOT_FOUND ? 1 : 3, buf_str(&line));
	buf_deinit(&line);
}

static int trace_signal(const struct control_request *request, struct str rest)
{
	struct archiving *archiving = daemon_archiving(request->daemon);
	struct terminals *terminals = daemon_terminals(request->daemon);
	const struct signal_story_sources sources = {
		.writer = archiving ? archiving_writer(archiving) : NULL,
		.deliveries = terminals ? terminals_deliveries(terminals) : NULL,
	};
	struct control_later *later = control_later(request->control);
	if (!later)
		return 3;
	signal_story(&sources, rest, on_story, later);
	return CONTROL_LATER;
}

int control_signal(const struct control_request *request, struct str rest)
{
	struct str verb;
	if (!str_split(&rest, ' ', &verb))
		verb = STR("");
	if (!rest.ptr)
		rest = STR("");
	if (str_eq(verb, STR("send")))
		return send_signal(request, rest);
	if (str_eq(verb, STR("trace")))
		return trace_signal(request, rest);
	buf_printf(request->answer, "unknown request\n");
	return 2;
}
