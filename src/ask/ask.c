#include "ask/ask.h"

#include "ask/accounts.h"
#include "ask/alerts.h"
#include "ask/answer.h"
#include "ask/fleet.h"
#include "ask/halts.h"
#include "ask/memory.h"
#include "ask/rates_facts.h"
#include "ask/refuse.h"
#include "base/check.h"

static const struct answer_row {
	answer_print *print;
	enum scene_scope scope;
	unsigned rates;                           /* enum rates_figure: which it shows */
	int32_t (*minutes)(const struct scene *); /* of the coverage; NULL: 24 h */
	answer_ages *ages; /* the footer's word on age where minutes say nothing; or NULL */
} answers[QUESTION_COUNT] = {
	[QUESTION_price] = { .print = price_answer,
			     .rates = RATES_OI | RATES_FUNDING | RATES_VENUE },
	[QUESTION_volume] = { .print = volume_answer, .minutes = volume_minutes },
	[QUESTION_cvd] = { .print = cvd_answer },
	[QUESTION_momentum] = { .print = momentum_answer },
	[QUESTION_flow] = { .print = flow_answer },
	[QUESTION_analysis] = { .print = analysis_answer, .rates = RATES_OI | RATES_FUNDING },
	[QUESTION_oi] = { .print = oi_answer,
			  .scope = SCENE_PERPS,
			  .rates = RATES_OI,
			  .ages = oi_ages },
	[QUESTION_funding] = { .print = funding_answer,
			       .scope = SCENE_PERPS,
			       .rates = RATES_OI | RATES_FUNDING | RATES_MARK,
			       .ages = funding_ages },
	[QUESTION_liquidations] = { .print = liquidations_answer,
				    .scope = SCENE_PERPS,
				    .ages = liquidations_ages },
	[QUESTION_top10] = { .print = top_answer,
			     .scope = SCENE_TOP,
			     .rates = RATES_OI | RATES_FUNDING | RATES_VENUE },
};

struct ask_options ask_options_default(void)
{
	return (struct ask_options){
		.symbol_default = STR("BTC"),
		.stale_ms = 10000,
		.whale_quote = 500000,
	};
}

static void json_coverage(const struct coverage *coverage, struct json_out *json)
{
	json_out_open(json, "coverage", '{');
	json_out_i64(json, "minutes", coverage->minutes);
	json_out_i64(json, "of", coverage->of);
	json_out_i64(json, "partial", coverage->partial);
	json_out_str(json, "source", str_of(coverage->source));
	json_out_close(json, '}');
}

static void json_head(const struct scene *scene, const struct answer_row *row,
		      const struct coverage *coverage, struct json_out *json)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "command", str_of(asked_command(scene->asked->question)));
	json_out_word(json, "symbol", scene->asked->symbol[0] ? scene->asked->symbol : NULL);
	json_out_i64(json, "as_of_ms", scene->as_of_ms);
	json_coverage(coverage, json);
	json_out_bool(json, "simulated", scene->simulated);
	json_out_bool(json, "stale", scene->stale > 0 || rates_any_stale(scene, row->rates));
	json_out_null(json, "error");
	json_out_open(json, "data", '{');
}

static void print_page(const struct scene *scene, const struct answer_row *row,
		       const struct coverage *coverage, struct page *page, struct json_out *json)
{
	row->print(scene, page, json);
	scene_print_footer(scene, page, row->ages ? NULL : coverage);
	if (row->ages)
		row->ages(scene, page);
	page_end_line(page);
}

/* The page is written beside the data and put behind it, as "text". */
static void answer_json(const struct scene *scene, const struct answer_row *row,
			const struct coverage *coverage, struct buf *out)
{
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	struct json_out json = { .out = out };
	struct page page;
	page_init(&page, &text, false);
	json_head(scene, row, coverage, &json);
	print_page(scene, row, coverage, &page, &json);
	CHECK(!text.overflow);
	json_out_close(&json, '}');
	json_out_str(&json, "text", buf_str(&text));
	json_out_close(&json, '}');
}

static void answer_page(const struct scene *scene, const struct answer_row *row,
			const struct coverage *coverage, bool html, struct buf *out)
{
	struct page page;
	page_init(&page, out, html);
	print_page(scene, row, coverage, &page, NULL);
}

static enum ask_outcome answer(const struct ask_world *world, const struct ask_request *request,
			       const struct asked *asked, struct buf *out)
{
	const struct answer_row *row = &answers[asked->question];
	struct scene scene;
	CHECK(row->print);
	enum fault fault = scene_init(&scene, world, asked, row->scope, request->now_ms);
	if (fault)
		return refuse(world, request, asked, fault, out);
	int32_t minutes = row->minutes ? row->minutes(&scene) : DAY_MINUTES;
	struct coverage coverage = scene_coverage(&scene, minutes);
	if (request->format == ASK_JSON)
		answer_json(&scene, row, &coverage, out);
	else
		answer_page(&scene, row, &coverage, request->format == ASK_HTML, out);
	return ASK_ANSWERED;
}

enum status ask_answer(const struct ask_world *world, const struct ask_request *request,
		       struct buf *out, enum ask_outcome *outcome)
{
	struct asked asked;
	enum ask_outcome result;
	enum fault fault =
	    asked_parse(request->text, ASK_TEXT_MAX, world->options.symbol_default, &asked);
	if (fault)
		result = refuse(world, request, &asked, fault, out);
	else if (asked.question == QUESTION_help)
		result = help_answer(world, request, out);
	else if (asked.question == QUESTION_balance)
		result = balance_answer(world, request, &asked, out);
	else if (asked.question == QUESTION_positions)
		result = positions_answer(world, request, &asked, out);
	else if (asked.question == QUESTION_pnl)
		result = pnl_answer(world, request, &asked, out);
	else if (asked.question == QUESTION_alerts)
		result = alerts_answer(world, request, &asked, out);
	else if (asked.question == QUESTION_fleet)
		result = fleet_answer(world, request, &asked, out);
	else if (asked.question == QUESTION_halt)
		result = halts_answer(world, request, &asked, out);
	else if (asked.question == QUESTION_memory)
		result = memory_answer(world, request, &asked, out);
	else
		result = answer(world, request, &asked, out);
	if (out->overflow)
		return STATUS_FULL;
	*outcome = result;
	return STATUS_OK;
}
