/* The parts of a page that all answers share. */
#include "ask/scene.h"

static void print_stale_list(const struct scene *scene, struct page *page)
{
	size_t shown = 0;
	page_text(page, scene->against_now ? "Stale (!):" : "Behind (!):");
	for (size_t i = 0; i < scene->count && shown < 4; i++) {
		const struct scene_market *market = &scene->markets[i];
		struct figure age = figure_age(market->age_ms);
		if (!market->stale)
			continue;
		page_printf(page, "%s %s by %.*s", shown++ ? "," : "", market->label,
			    STR_ARG(figure_str(&age)));
	}
	if (shown < scene->stale)
		page_printf(page, ", and %zu more", scene->stale - shown);
	page_text(page, ".");
	page_end_line(page);
}

static void print_all_stale(const struct scene *scene, struct page *page)
{
	int64_t least = INT64_MAX;
	for (size_t i = 0; i < scene->count; i++)
		if (scene->markets[i].age_ms < least)
			least = scene->markets[i].age_ms;
	struct figure age = figure_age(least);
	page_printf(page, "STALE: the newest data is %.*s old.", STR_ARG(figure_str(&age)));
	page_end_line(page);
}

void scene_print_title(const struct scene *scene, struct page *page, const char *what)
{
	char title[128];
	struct buf text = buf_over(title, sizeof title);
	if (scene->simulated)
		buf_str_put(&text, STR("SIMULATED DATA · "));
	if (scene->asked->symbol[0])
		buf_printf(&text, "%s ", scene->asked->symbol);
	buf_str_put(&text, str_of(what));
	page_bold(page, buf_str(&text));
	if (scene->stale && scene->stale == scene->count)
		print_all_stale(scene, page);
	else if (scene->stale)
		print_stale_list(scene, page);
	if (scene->silent) {
		page_printf(page, "%zu more market%s sent no trade yet.", scene->silent,
			    scene->silent > 1 ? "s" : "");
		page_end_line(page);
	}
	if (scene->unshown) {
		page_printf(page, "Only the first %d markets; %zu more are not counted.",
			    ASK_MARKETS_MAX, scene->unshown);
		page_end_line(page);
	}
}

void scene_print_footer(const struct scene *scene, struct page *page, const struct coverage *c)
{
	struct figure when = figure_utc(scene->as_of_ms);
	page_end_line(page);
	page_text(page, "as of ");
	page_put(page, figure_str(&when));
	if (!c)
		return;
	page_printf(page, " · %d/%d minutes", c->minutes, c->of);
	if (c->partial)
		page_printf(page, ", %d partial", c->partial);
	page_printf(page, " · source %s", c->source);
}

void scene_print_head(const struct scene *scene, const struct scene_market *market,
		      struct page *page)
{
	char head[96];
	struct buf text = buf_over(head, sizeof head);
	page_end_line(page);
	buf_str_put(&text, str_of(venue_title((enum venue)market->id->venue)));
	buf_char(&text, ' ');
	buf_str_put(&text, str_of(kind_text((enum kind)market->id->kind)));
	buf_char(&text, ' ');
	buf_str_put(&text, str_of(market->id->symbol));
	if (market->stale) {
		struct figure age = figure_age(market->age_ms);
		buf_str_put(&text, STR(" ("));
		buf_str_put(&text, figure_str(&age));
		buf_str_put(&text, scene->against_now ? STR(" old)") : STR(" behind)"));
	}
	page_bold(page, buf_str(&text));
}

bool scene_print_total_head(const struct scene *scene, struct page *page)
{
	char head[48];
	struct buf text = buf_over(head, sizeof head);
	if (scene->count < 2 || !scene->dollars)
		return false;
	if (scene->dollars == 2 && scene->count == 2) {
		buf_str_put(&text, STR("Both"));
	} else {
		buf_str_put(&text, scene->dollars == scene->count ? STR("All ") : STR(""));
		buf_u64(&text, scene->dollars);
	}
	buf_str_put(&text, scene->dollars > 1 ? STR(" markets, in USD") : STR(" market, in USD"));
	page_end_line(page);
	page_bold(page, buf_str(&text));
	return true;
}

static bool quote_seen_before(const struct scene *scene, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (scene->markets[i].dollar &&
		    str_eq(scene->markets[i].quote, scene->markets[index].quote))
			return true;
	return false;
}

static void print_left_out(const struct scene *scene, struct page *page)
{
	size_t left = scene->count - scene->dollars, shown = 0;
	if (!left)
		return;
	page_text(page, "Not in the sum:");
	for (size_t i = 0; i < scene->count && shown < 3; i++) {
		if (scene->markets[i].dollar)
			continue;
		page_printf(page, "%s %s", shown++ ? "," : "", scene->markets[i].id->symbol);
	}
	if (shown < left)
		page_printf(page, " and %zu more", left - shown);
	page_text(page, ".");
	page_end_line(page);
}

static bool any_lags(const struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++)
		if (scene->markets[i].dollar && scene->markets[i].behind)
			return true;
	return false;
}

void scene_print_dollar_notes(const struct scene *scene, struct page *page)
{
	size_t shown = 0;
	for (size_t i = 0; i < scene->count; i++) {
		const struct scene_market *market = &scene->markets[i];
		if (!market->dollar || quote_seen_before(scene, i))
			continue;
		page_printf(page, "%s%.*s", shown++ ? ", " : "", STR_ARG(market->quote));
	}
	page_printf(page, " count%s as USD.", shown > 1 ? "" : "s");
	page_end_line(page);
	print_left_out(scene, page);
}

void scene_print_sum_notes(const struct scene *scene, struct page *page)
{
	scene_print_dollar_notes(scene, page);
	if (any_lags(scene)) {
		page_text(page, "Sums are of the same minutes; what lags is missing at their end.");
		page_end_line(page);
	}
}

void scene_print_gap_note(const struct scene *scene, struct page *page)
{
	if (scene_knows_all(scene))
		return;
	page_text(page, "* not every minute of it is known.");
	page_end_line(page);
}

void scene_print_label(const struct scene_market *market, struct page *page, uint32_t room)
{
	struct str label = str_of(market->label);
	size_t blank = label.len;
	if (page->column + label.len + market->stale > PAGE_COLUMNS) /* a line for the symbol */
		while (label.ptr[--blank] != ' ')
			;
	page_put(page, str_make(label.ptr, blank));
	if (blank < label.len) {
		page_end_line(page);
		page_put(page, str_skip(label, blank));
	}
	if (market->stale)
		page_text(page, "!");
	if (page->column > room)
		page_end_line(page);
}

void scene_print_parts(const struct scene *scene, const void *facts, struct page *page,
		       uint32_t chars, scene_part *print)
{
	size_t i = 0;
	while (i < scene->count) {
		struct page_mark mark = page_mark(page);
		print(scene, facts, i, page);
		if (page->chars > chars) {
			page_undo(page, &mark);
			break;
		}
		i++;
	}
	if (i == scene->count)
		return;
	page_printf(page, "… %zu more: name one, or ask JSON", scene->count - i);
	page_end_line(page);
}
