#include "ask/fleet.h"

#include "ask/fleet_view.h"
#include "ask/page.h"
#include "ask/refuse.h"

/* Terminals listed on a page, and in JSON: the page must fit a phone, the answer its
 * limit. `weir fleet list` has no limit. */
enum { PAGE_LISTED = 24, JSON_LISTED = 100 };

struct fleet_facts {
	const struct fleet *fleet;
	struct fleet_counts counts;
	uint32_t total;
	int64_t now_ms;
	bool simulated;
};

/* ---- who comes first: what needs a look ---- */

static int rank_of(const struct instance *instance)
{
	static const int ranks[INSTANCE_STATES] = {
		[INSTANCE_FAILED] = 0,   [INSTANCE_RECOVERING] = 1, [INSTANCE_DEGRADED] = 2,
		[INSTANCE_STARTING] = 3, [INSTANCE_RUNNING] = 5,    [INSTANCE_STOPPED] = 6,
	};
	if (instance->state == INSTANCE_STOPPED && instance->health == HEALTH_CRITICAL)
		return 0;
	if (instance->state == INSTANCE_RUNNING && instance->flags)
		return 4;
	return ranks[instance->state];
}

/* The slots of rank `rank`, in order; returns how many are in out now. */
static uint32_t add_rank(const struct fleet *fleet, int rank, uint32_t *out, uint32_t count,
			 uint32_t cap)
{
	for (uint32_t slot = 0; slot < fleet_room(fleet) && count < cap; slot++) {
		const struct instance *instance = fleet_at(fleet, slot);
		if (instance && rank_of(instance) == rank)
			out[count++] = slot;
	}
	return count;
}

static uint32_t first_ones(const struct fleet *fleet, uint32_t *out, uint32_t cap)
{
	uint32_t count = 0;
	for (int rank = 0; rank <= 6; rank++)
		count = add_rank(fleet, rank, out, count, cap);
	return count;
}

/* ---- the page ---- */

static void print_states(const struct fleet_facts *facts, struct page *page)
{
	page_table_begin(page);
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++)
		if (facts->counts.states[state])
			page_fact_number(
			    page, instance_state_text(state),
			    figure_group(facts->counts.states[state], 0, 0, FIGURE_PLAIN));
	page_fact_number(page, "connected",
			 figure_group(facts->counts.connected, 0, 0, FIGURE_PLAIN));
	if (facts->counts.suspect)
		page_fact_number(page, "suspect",
				 figure_group(facts->counts.suspect, 0, 0, FIGURE_PLAIN));
	if (facts->counts.held)
		page_fact_number(page, "held",
				 figure_group(facts->counts.held, 0, 0, FIGURE_PLAIN));
	page_table_end(page);
}

static void print_instance(const struct fleet_facts *facts, const struct instance *instance,
			   struct page *page)
{
	char storage[96];
	struct buf flags = buf_over(storage, sizeof storage);
	instance_flags_put(&flags, instance->flags);
	page_printf(page, "%s · %s", instance->identity.id, instance_state_text(instance->state));
	if (flags.len)
		page_printf(page, " · %.*s", STR_ARG(buf_str(&flags)));
	if (instance->reason[0])
		page_printf(page, " · %s", instance->reason);
	if (facts->now_ms && instance->since_ms) {
		struct figure age = figure_age(facts->now_ms - instance->since_ms);
		page_printf(page, " · %.*s", STR_ARG(figure_str(&age)));
	}
	page_end_line(page);
}

static void print_page(const struct fleet_facts *facts, struct page *page)
{
	uint32_t slots[PAGE_LISTED];
	page_bold(page, facts->simulated ? STR("SIMULATED TERMINALS · Fleet") : STR("Fleet"));
	page_printf(page, "%u terminals.", facts->total);
	if (facts->counts.guarded)
		page_text(page, " A large part went silent at once: none is acted upon.");
	page_end_line(page);
	print_states(facts, page);
	uint32_t count = first_ones(facts->fleet, slots, PAGE_LISTED), shown = 0;
	for (; shown < count; shown++) {
		struct page_mark mark = page_mark(page);
		print_instance(facts, fleet_at(facts->fleet, slots[shown]), page);
		if (page->chars <= PAGE_CHARS - 128)
			continue;
		page_undo(page, &mark);
		break;
	}
	if (shown < facts->total) {
		page_printf(page, "… %u more: weir fleet list", facts->total - shown);
		page_end_line(page);
	}
	if (!facts->now_ms)
		return;
	struct figure when = figure_utc(facts->now_ms);
	page_printf(page, "as of %.*s", STR_ARG(figure_str(&when)));
	page_end_line(page);
}

/* ---- JSON ---- */

static void json_states(const struct fleet_facts *facts, struct json_out *json)
{
	json_out_open(json, "states", '{');
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++)
		json_out_i64(json, instance_state_text(state), facts->counts.states[state]);
	json_out_close(json, '}');
}

static void print_json(const struct fleet_facts *facts, struct str text, struct buf *out)
{
	struct json_out json = { .out = out };
	uint32_t slots[JSON_LISTED];
	uint32_t count = first_ones(facts->fleet, slots, JSON_LISTED);
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "command", str_of(asked_command(QUESTION_fleet)));
	json_out_null(&json, "symbol");
	json_out_known_i64(&json, "as_of_ms", facts->now_ms > 0, facts->now_ms);
	json_out_null(&json, "coverage");
	json_out_bool(&json, "simulated", facts->simulated);
	json_out_bool(&json, "stale", false);
	json_out_null(&json, "error");
	json_out_open(&json, "data", '{');
	json_out_i64(&json, "terminals", facts->total);
	json_out_i64(&json, "connected", facts->counts.connected);
	json_out_i64(&json, "suspect", facts->counts.suspect);
	json_out_i64(&json, "held", facts->counts.held);
	json_out_bool(&json, "guarded", facts->counts.guarded);
	json_states(facts, &json);
	json_out_open(&json, "instances", '[');
	for (uint32_t i = 0; i < count; i++)
		fleet_view_instance(&json, fleet_at(facts->fleet, slots[i]));
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	json_out_str(&json, "text", text);
	json_out_close(&json, '}');
}

enum ask_outcome fleet_answer(const struct ask_world *world, const struct ask_request *request,
			      const struct asked *asked, struct buf *out)
{
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	bool json = request->format == ASK_JSON;
	struct page page;
	if (!world->fleet)
		return refuse(world, request, asked, FAULT_NO_DATA, out);
	struct fleet_facts facts = {
		.fleet = world->fleet,
		.counts = fleet_counts(world->fleet),
		.total = fleet_count(world->fleet),
		.now_ms = request->now_ms,
		.simulated = world->options.fleet_simulated,
	};
	page_init(&page, json ? &text : out, request->format == ASK_HTML);
	print_page(&facts, &page);
	if (json)
		print_json(&facts, buf_str(&text), out);
	return ASK_ANSWERED;
}
