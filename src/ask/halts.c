#include "ask/halts.h"

#include "base/json_out.h"
#include "ask/page.h"
#include "ask/refuse.h"
#include "trade/halts.h"

enum { PAGE_LISTED = 32 };

static void print_page(const struct ask_world *world, int64_t now_ms, struct page *page)
{
	const struct halts *halts = world->halts;
	page_bold(page, world->options.fleet_simulated ? STR("SIMULATED TERMINALS · Halts")
						       : STR("Halts"));
	if (!halts->count)
		page_line(page, "Nothing is halted.");
	else
		page_line(page, "Halted: nothing is opened there, closing goes on.");
	for (size_t i = 0; i < halts->count && i < PAGE_LISTED; i++)
		page_line(page, halts->scopes[i]);
	if (halts->count > PAGE_LISTED) {
		page_printf(page, "… %zu more", halts->count - PAGE_LISTED);
		page_end_line(page);
	}
	if (!now_ms)
		return;
	struct figure when = figure_utc(now_ms);
	page_printf(page, "as of %.*s", STR_ARG(figure_str(&when)));
	page_end_line(page);
}

static void print_json(const struct ask_world *world, int64_t now_ms, struct str text,
		       struct buf *out)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "command", str_of(asked_command(QUESTION_halt)));
	json_out_null(&json, "symbol");
	json_out_known_i64(&json, "as_of_ms", now_ms > 0, now_ms);
	json_out_null(&json, "coverage");
	json_out_bool(&json, "simulated", world->options.fleet_simulated);
	json_out_bool(&json, "stale", false);
	json_out_null(&json, "error");
	json_out_open(&json, "data", '{');
	json_out_open(&json, "halted", '[');
	for (size_t i = 0; i < world->halts->count; i++)
		json_out_str(&json, NULL, str_of(world->halts->scopes[i]));
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	json_out_str(&json, "text", text);
	json_out_close(&json, '}');
}

enum ask_outcome halts_answer(const struct ask_world *world, const struct ask_request *request,
			      const struct asked *asked, struct buf *out)
{
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	bool json = request->format == ASK_JSON;
	struct page page;
	if (!world->halts)
		return refuse(world, request, asked, FAULT_NO_DATA, out);
	page_init(&page, json ? &text : out, request->format == ASK_HTML);
	print_page(world, request->now_ms, &page);
	if (json)
		print_json(world, request->now_ms, buf_str(&text), out);
	return ASK_ANSWERED;
}
