#include "ask/memory.h"

#include "ask/page.h"
#include "ask/refuse.h"
#include "base/check.h"

enum { PAGE_FAMILIES = 8, MB_PLACES = 6 };

/* ---- JSON ---- */

static void json_actions(struct json_out *json, uint32_t actions)
{
	json_out_open(json, "actions", '[');
	for (enum valve_action action = 0; action < VALVE_ACTIONS; action++) {
		if (!(actions >> action & 1))
			continue;
		json_out_open(json, NULL, '{');
		json_out_str(json, "action", str_of(valve_action_name(action)));
		json_out_str(json, "what", str_of(valve_action_text(action)));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void json_families(struct json_out *json, const struct ask_memory_segment *segment)
{
	json_out_known_i64(json, "counted_ms", segment->counted_ms > 0, segment->counted_ms);
	json_out_open(json, "families", '[');
	for (size_t i = 0; i < segment->family_count; i++) {
		const struct ask_memory_family *family = &segment->families[i];
		json_out_open(json, NULL, '{');
		json_out_str(json, "family", str_of(family->name));
		json_out_i64(json, "keys", (int64_t)family->keys);
		json_out_i64(json, "bytes", (int64_t)family->bytes);
		json_out_bool(json, "estimated", family->estimated);
		json_out_word(json, "life", family->life);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static double share_of(uint64_t part, uint64_t whole) { return (double)part / (double)whole; }

static void json_segment(struct json_out *json, const struct ask_memory_segment *segment)
{
	bool known = segment->used > 0, bounded = known && segment->max > 0;
	json_out_open(json, NULL, '{');
	json_out_str(json, "segment", str_of(segment_row(segment->segment)->name));
	json_out_str(json, "state", str_of(segment->state));
	json_out_i64(json, "used", (int64_t)segment->used);
	json_out_i64(json, "max", (int64_t)segment->max);
	if (bounded)
		json_out_double(json, "percent", 100 * share_of(segment->used, segment->max), 1);
	else
		json_out_null(json, "percent");
	json_out_str(json, "level", str_of(valve_level_text(segment->level)));
	json_out_known_i64(json, "growth", segment->growth > 0, segment->growth);
	json_out_known_i64(json, "full_in_s", segment->full_in_s >= 0, segment->full_in_s);
	json_out_known_i64(json, "rss", segment->rss > 0, (int64_t)segment->rss);
	if (known && segment->rss)
		json_out_double(json, "fragmentation", share_of(segment->rss, segment->used), 2);
	else
		json_out_null(json, "fragmentation");
	json_out_i64(json, "keys", (int64_t)segment->keys);
	json_out_i64(json, "keys_expiring", (int64_t)segment->keys_expiring);
	json_out_i64(json, "evicted", (int64_t)segment->evicted);
	json_out_i64(json, "refused", (int64_t)segment->refused);
	json_actions(json, segment->actions);
	json_families(json, segment);
	json_out_close(json, '}');
}

void memory_view_members(struct json_out *json, const struct ask_memory *memory)
{
	json_out_open(json, "segments", '[');
	for (size_t i = 0; i < memory->count; i++)
		json_segment(json, &memory->segments[i]);
	json_out_close(json, ']');
	json_out_known_i64(json, "resident", memory->resident > 0, (int64_t)memory->resident);
}

static void print_json(const struct ask_world *world, const struct ask_request *request,
		       struct str text, struct buf *out)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "command", str_of(asked_command(QUESTION_memory)));
	json_out_null(&json, "symbol");
	json_out_known_i64(&json, "as_of_ms", request->now_ms > 0, request->now_ms);
	json_out_null(&json, "coverage");
	json_out_bool(&json, "simulated", world->options.simulated);
	json_out_bool(&json, "stale", false);
	json_out_null(&json, "error");
	json_out_open(&json, "data", '{');
	memory_view_members(&json, world->memory);
	json_out_close(&json, '}');
	json_out_str(&json, "text", text);
	json_out_close(&json, '}');
}

/* ---- the page ---- */

static struct figure mb(uint64_t bytes)
{
	return bytes ? figure_group((i128)bytes, MB_PLACES, 1, FIGURE_PLAIN) : figure_none();
}

static struct figure percent(const struct ask_memory_segment *segment)
{
	if (!segment->used || !segment->max)
		return figure_none();
	return figure_percent(share_of(segment->used, segment->max), 0, FIGURE_PLAIN);
}

static void print_head(struct page *page)
{
	page_text(page, "MB");
	page_number(page, 13, figure_word("used"));
	page_number(page, 22, figure_word("max"));
	page_number(page, 28, figure_word(""));
	page_number(page, 34, figure_word("level"));
	page_end_line(page);
}

static void print_segment(const struct ask_memory_segment *segment, struct page *page)
{
	page_text(page, segment_row(segment->segment)->name);
	page_number(page, 13, mb(segment->used));
	page_number(page, 22, mb(segment->max));
	page_number(page, 28, percent(segment));
	page_number(page, 34, figure_word(valve_level_text(segment->level)));
	page_end_line(page);
}

/* What a person should know of one that is not calm. */
static void print_trouble(const struct ask_memory_segment *segment, struct page *page)
{
	const char *name = segment_row(segment->segment)->name;
	if (segment->full_in_s >= 0) {
		struct figure age = figure_age(segment->full_in_s * 1000);
		page_printf(page, "%s: full in %.*s", name, STR_ARG(figure_str(&age)));
		page_end_line(page);
	}
	if (segment->evicted) {
		page_printf(page, "%s: %llu keys were evicted", name,
			    (unsigned long long)segment->evicted);
		page_end_line(page);
	}
	for (enum valve_action action = 0; action < VALVE_ACTIONS; action++) {
		if (!(segment->actions >> action & 1))
			continue;
		page_printf(page, "%s: %s", name, valve_action_text(action));
		page_end_line(page);
	}
}

/* The largest of all segments that is not among those shown. */
static const struct ask_memory_family *next_family(const struct ask_memory *memory,
						   size_t shown[SEGMENT_COUNT])
{
	const struct ask_memory_family *best = NULL;
	size_t of = 0;
	for (size_t i = 0; i < memory->count; i++) {
		const struct ask_memory_segment *segment = &memory->segments[i];
		if (shown[i] == segment->family_count)
			continue;
		if (!best || segment->families[shown[i]].bytes > best->bytes) {
			best = &segment->families[shown[i]];
			of = i;
		}
	}
	if (best)
		shown[of]++;
	return best;
}

static void print_families(const struct ask_memory *memory, struct page *page)
{
	size_t shown[SEGMENT_COUNT] = { 0 };
	const struct ask_memory_family *family = next_family(memory, shown);
	if (!family)
		return;
	page_bold(page, STR("Keys, the largest families"));
	page_table_begin(page);
	for (int i = 0; family && i < PAGE_FAMILIES; i++, family = next_family(memory, shown)) {
		page_text(page, family->name);
		page_number(page, 25, figure_short((i128)family->keys, 0, FIGURE_PLAIN));
		page_number(page, 34, mb(family->bytes));
		page_end_line(page);
	}
	page_table_end(page);
}

static void print_page(const struct ask_world *world, const struct ask_request *request,
		       struct page *page)
{
	const struct ask_memory *memory = world->memory;
	page_bold(page, STR("Memory"));
	page_table_begin(page);
	print_head(page);
	for (size_t i = 0; i < memory->count; i++)
		print_segment(&memory->segments[i], page);
	page_table_end(page);
	for (size_t i = 0; i < memory->count; i++)
		print_trouble(&memory->segments[i], page);
	print_families(memory, page);
	if (memory->resident) {
		struct figure resident = mb(memory->resident);
		page_printf(page, "weir itself: %.*s MB resident", STR_ARG(figure_str(&resident)));
		page_end_line(page);
	}
	if (!request->now_ms)
		return;
	struct figure when = figure_utc(request->now_ms);
	page_printf(page, "as of %.*s", STR_ARG(figure_str(&when)));
	page_end_line(page);
}

enum ask_outcome memory_answer(const struct ask_world *world, const struct ask_request *request,
			       const struct asked *asked, struct buf *out)
{
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	bool json = request->format == ASK_JSON;
	struct page page;
	if (!world->memory)
		return refuse(world, request, asked, FAULT_NO_DATA, out);
	page_init(&page, json ? &text : out, request->format == ASK_HTML);
	print_page(world, request, &page);
	if (json)
		print_json(world, request, buf_str(&text), out);
	return ASK_ANSWERED;
}
