/* Requests that only look: `ready`, `now`, `markets`. As JSON, for `weir check`, `weir top` and
 * `weir bundle`. */
#include "base/json_out.h"
#include "daemon/archiving.h"
#include "daemon/control_impl.h"
#include "daemon/serving_impl.h"

enum { WHY_BYTES = 512 };

/* As GET /readyz, also where no HTTP is served. */
static bool is_ready(const struct control_request *request, struct buf *why)
{
	struct archiving *archiving = daemon_archiving(request->daemon);
	struct serving look = { .config = { .daemon = request->daemon,
					    .writer =
						archiving ? archiving_writer(archiving) : NULL } };
	const struct serving *serving = daemon_serving(request->daemon);
	if (serving)
		look = *serving;
	return serving_ready(&look, why);
}

int control_ready(const struct control_request *request)
{
	char storage[WHY_BYTES];
	struct buf why = buf_over(storage, sizeof storage);
	struct json_out json = { .out = request->answer };
	bool ready = is_ready(request, &why);
	json_out_open(&json, NULL, '{');
	json_out_bool(&json, "ready", ready);
	json_out_bytes(&json, "why", buf_str(&why));
	json_out_close(&json, '}');
	buf_char(request->answer, '\n');
	return 0;
}

/* Lights are the HTTP side's; without it there is one for all parts. */
static void put_one_light(const struct control_request *request)
{
	char storage[WHY_BYTES];
	struct buf why = buf_over(storage, sizeof storage);
	struct json_out json = { .out = request->answer };
	bool ready = is_ready(request, &why);
	struct str light = ready ? STR("ok") : STR("critical");
	struct loop *loop = daemon_loop(request->daemon);
	json_out_open(&json, NULL, '{');
	json_out_i64(&json, "t_ms", loop_wall_ns(loop) / 1000000);
	json_out_str(&json, "version", STR(WEIR_VERSION));
	json_out_bool(&json, "simulated", daemon_simulated(request->daemon));
	json_out_str(&json, "light", light);
	json_out_open(&json, "parts", '[');
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "part", STR("all"));
	json_out_str(&json, "light", light);
	json_out_bytes(&json, "reason", ready ? STR("every part answers") : buf_str(&why));
	json_out_close(&json, '}');
	json_out_close(&json, ']');
	json_out_null(&json, "ledger");
	json_out_null(&json, "worst");
	json_out_close(&json, '}');
}

/* As GET /api/v1/now. */
int control_now(const struct control_request *request)
{
	const struct serving *serving = daemon_serving(request->daemon);
	if (serving)
		serving_now((void *)serving, request->answer);
	else
		put_one_light(request);
	buf_char(request->answer, '\n');
	return 0;
}

/* ---- markets, as the status shows them ---- */

static void put_market(struct json_out *json, struct market *market)
{
	char storage[128];
	struct buf name = buf_over(storage, sizeof storage);
	int32_t price_scale, qty_scale;
	struct window day, quarter;
	market_id_print(&name, market_id(market));
	market_scales(market, &price_scale, &qty_scale);
	market_window(market, 1440, &day);
	market_window(market, 15, &quarter);
	double change = day.open ? 100.0 * ((double)day.close / (double)day.open - 1) : 0;
	double volume =
	    decimal_to_double(day.flow.buy_quote + day.flow.sell_quote, price_scale + qty_scale);
	json_out_open(json, NULL, '{');
	json_out_str(json, "market", buf_str(&name));
	json_out_known_decimal(json, "price", day.close != 0, day.close, price_scale);
	json_out_double(json, "change_24h", change, 2);
	json_out_decimal(json, "delta_15m", (i128)quarter.flow.buy - quarter.flow.sell, qty_scale);
	json_out_double(json, "quote_24h_m", volume / 1e6, 1);
	json_out_i64(json, "minutes_24h", day.present);
	json_out_known_i64(json, "last_ms", market_newest_ms(market) > 0, market_newest_ms(market));
	json_out_bool(json, "simulated", market_simulated(market));
	json_out_close(json, '}');
}

int control_markets(const struct control_request *request)
{
	struct markets *markets = daemon_markets(request->daemon);
	struct json_out json = { .out = request->answer };
	json_out_open(&json, NULL, '{');
	json_out_i64(&json, "t_ms", loop_wall_ns(daemon_loop(request->daemon)) / 1000000);
	json_out_open(&json, "markets", '[');
	for (size_t i = 0; i < markets_count(markets); i++)
		put_market(&json, markets_at(markets, i));
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	buf_char(request->answer, '\n');
	return 0;
}
