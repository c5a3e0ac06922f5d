/* Bars as columns. */
#include "def/market_id.h"
#include "serve/serve_impl.h"

int32_t serve_tf_minutes(struct str tf)
{
	static const struct {
		const char *word;
		int32_t minutes;
	} words[] = { { "1m", 1 },   { "5m", 5 },   { "15m", 15 }, { "30m", 30 },
		      { "60m", 60 }, { "4h", 240 }, { "1d", 1440 } };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_eq(tf, str_of(words[i].word)))
			return words[i].minutes;
	return 0;
}

/* False: it was answered. */
static bool read_asked(struct serve_request *request, struct serve_bars *asked)
{
	int64_t n;
	if (!serve_parameter(request, "market", &asked->market) ||
	    !serve_parameter(request, "tf", &asked->tf) ||
	    !serve_number(request, "n", 1, SERVE_POINTS_MAX, SERVE_POINTS_MAX, &n) ||
	    !serve_number(request, "to", 0, INT64_MAX, INT64_MAX, &asked->to_ms))
		return false;
	asked->n = (size_t)n;
	asked->minutes = serve_tf_minutes(asked->tf);
	if (!asked->minutes)
		serve_error(request->call, 400, "tf is 1m, 5m, 15m, 30m, 60m, 4h or 1d");
	return asked->minutes > 0;
}

void serve_bars(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	struct serve_bars asked = { 0 };
	struct market_id id;
	if (!read_asked(request, &asked))
		return;
	if (market_id_parse(asked.market, &id)) {
		serve_error(request->call, 400, "market is VENUE:KIND:SYMBOL");
		return;
	}
	if (!hooks->bars) {
		serve_not_here(request->call, "a market");
		return;
	}
	struct buf *out = &request->serve->out;
	buf_clear(out);
	if (hooks->bars(hooks->ctx, &asked, out))
		serve_error(request->call, 404, "this market is not followed");
	else
		serve_json(request->call, 200, buf_str(out));
}
