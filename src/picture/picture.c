/* Which picture goes with a question; its title, warnings and footer, as the answer in text
 * has them. */
#include "picture/picture.h"

#include <stdarg.h>
#include <stdio.h>

#include "ask/answer.h"
#include "base/check.h"
#include "picture/take.h"

static const struct picture_taker {
	void (*take)(struct take *take);
	enum scene_scope scope;
} takers[PICTURE_COUNT] = {
	[PICTURE_cvd] = { take_cvd, SCENE_SYMBOL },
	[PICTURE_delta] = { take_delta, SCENE_SYMBOL },
	[PICTURE_oi] = { take_oi, SCENE_PERPS },
	[PICTURE_liquidations] = { take_liquidations, SCENE_PERPS },
};

bool picture_theme_of(struct str word, enum picture_theme *theme)
{
	*theme = str_eq(word, STR("light")) ? PICTURE_LIGHT : PICTURE_DARK;
	return !word.len || *theme == PICTURE_LIGHT || str_eq(word, STR("dark"));
}

void take_text(char *dst, size_t size, struct str text)
{
	size_t len = 0, n;
	while (len < text.len && (n = str_utf8_len(str_skip(text, len))) && len + n < size) {
		memcpy(dst + len, text.ptr + len, n);
		len += n;
	}
	dst[len] = 0;
}

static enum picture_kind read_question(const struct ask_world *world, struct str text,
				       struct asked *asked)
{
	if (asked_parse(text, ASK_TEXT_MAX, world->options.symbol_default, asked))
		return PICTURE_NONE;
	return question_row(asked->question)->picture;
}

enum picture_kind picture_of_question(const struct ask_world *world, struct str question)
{
	struct asked asked;
	return read_question(world, question, &asked);
}

/* ---- head and foot ---- */

/* The bold line of a page is the title, the lines below it are warnings. */
static void put_title(struct take *take)
{
	char storage[PAGE_BYTES];
	char what[64];
	struct buf text = buf_over(storage, sizeof storage);
	struct buf name = buf_over(what, sizeof what - 1);
	struct page page;
	struct str rest, line;
	buf_printf(&name, "%s · %s", picture_row(take->facts->kind)->title,
		   asked_timeframe_text(take->minutes));
	what[name.len] = 0;
	page_init(&page, &text, false);
	scene_print_title(&take->scene, &page, what);
	rest = str_trim(buf_str(&text));
	(void)str_split(&rest, '\n', &line);
	take_text(take->facts->title, sizeof take->facts->title, line);
	if (!rest.ptr)
		return;
	struct buf warning = buf_over(take->facts->warning, sizeof take->facts->warning - 1);
	while (str_split(&rest, '\n', &line) && !warning.overflow)
		buf_printf(&warning, "%s%.*s", warning.len ? " " : "", STR_ARG(line));
	take->facts->warning[warning.len] = 0;
}

static bool any_shaded(const struct picture_facts *facts)
{
	for (size_t i = 0; i < facts->slots; i++)
		if (facts->shaded[i])
			return true;
	return false;
}

static void put_footer(struct take *take)
{
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	struct page page;
	int64_t shown = take->scene.as_of_ms / MINUTE_MS - take->facts->from_ms / MINUTE_MS + 1;
	int32_t minutes = shown < 1 ? 1 : shown > MARKET_MINUTES ? MARKET_MINUTES : (int32_t)shown;
	struct coverage coverage = scene_coverage(&take->scene, minutes);
	page_init(&page, &text, false);
	if (take->facts->kind == PICTURE_oi || take->facts->kind == PICTURE_liquidations) {
		scene_print_footer(&take->scene, &page, NULL);
		(take->facts->kind == PICTURE_oi ? oi_ages : liquidations_ages)(&take->scene,
										&page);
	} else {
		scene_print_footer(&take->scene, &page, &coverage);
	}
	if (any_shaded(take->facts))
		page_text(&page, " · shaded: minutes missing");
	take_text(take->facts->footer, sizeof take->facts->footer, str_trim(buf_str(&text)));
}

/* ---- slots and panels ---- */

void take_slots(struct take *take, int32_t minutes, int64_t end_ms, int32_t most)
{
	bool differ;
	int64_t step_ms = minutes * (int64_t)MINUTE_MS;
	int64_t origin = scene_origin_ms(&take->scene, &differ) / step_ms;
	CHECK(most >= TAKE_SLOTS_LEAST && most <= PICTURE_SLOTS);
	take->minutes = minutes;
	take->last = end_ms / step_ms;
	take->first = take->last - most + 1;
	if (take->first < origin)
		take->first = origin;
	if (take->first > take->last - TAKE_SLOTS_LEAST + 1)
		take->first = take->last - TAKE_SLOTS_LEAST + 1;
	take->facts->step_ms = step_ms;
	take->facts->from_ms = take->first * step_ms;
	take->facts->slots = (size_t)(take->last - take->first + 1);
}

bool take_slot(const struct take *take, int64_t t_ms, size_t *slot)
{
	int64_t number = t_ms / (take->minutes * (int64_t)MINUTE_MS);
	if (number < take->first || number > take->last)
		return false;
	*slot = (size_t)(number - take->first);
	return true;
}

struct picture_panel *take_panel(struct picture_facts *facts, enum picture_form form,
				 uint32_t share, const char *format, ...)
{
	char name[2 * PICTURE_TEXT];
	struct buf text = buf_over(name, sizeof name - 1);
	va_list args;
	CHECK(facts->panels < PICTURE_PANELS);
	struct picture_panel *panel = &facts->panel[facts->panels++];
	*panel = (struct picture_panel){ .form = form, .share = share };
	va_start(args, format);
	int len = vsnprintf(name, sizeof name, format, args);
	va_end(args);
	text.len = len < 0 ? 0 : (size_t)len < sizeof name ? (size_t)len : sizeof name - 1;
	take_text(panel->name, sizeof panel->name, buf_str(&text));
	return panel;
}

void take_sums(struct picture_panel *panel, size_t series, const struct sum *sums,
	       const bool *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!sums[i].bad && sums[i].scale > panel->scale)
			panel->scale = sums[i].scale;
	for (size_t i = 0; i < n; i++) {
		struct sum sum = { .scale = panel->scale };
		sum_add(&sum, sums[i].value, sums[i].scale);
		panel->known[i] = !sums[i].bad && !sum.bad && (!known || known[i]);
		panel->value[series][i] = panel->known[i] ? sum.value : 0;
	}
}

/* ---- */

/* Of the most dollar volume of 24 h; without one the first. */
static const struct scene_market *find_lead(const struct scene *scene)
{
	const struct scene_market *lead = &scene->markets[0];
	struct sum most = { .bad = true };
	for (size_t i = 0; i < scene->count; i++) {
		const struct scene_market *market = &scene->markets[i];
		struct sum volume = { 0 };
		if (!market->dollar)
			continue;
		sum_add(&volume, market->day.flow.buy_quote, market->quote_scale);
		sum_add(&volume, market->day.flow.sell_quote, market->quote_scale);
		struct sum more = sum_minus(volume, most);
		if (!most.bad && (more.bad || more.value <= 0))
			continue;
		most = volume;
		lead = market;
	}
	return lead;
}

enum status picture_take(const struct ask_world *world, struct str question, int64_t now_ms,
			 struct picture_facts *facts)
{
	struct take take = { .facts = facts };
	enum picture_kind kind = read_question(world, question, &take.asked);
	if (kind == PICTURE_equity)
		return take_equity(world, &take.asked, now_ms, facts);
	if (kind == PICTURE_NONE ||
	    scene_init(&take.scene, world, &take.asked, takers[kind].scope, now_ms))
		return STATUS_NOT_FOUND;
	facts->kind = kind;
	facts->warning[0] = 0;
	facts->panels = 0;
	facts->simulated = take.scene.simulated;
	memset(facts->shaded, 0, sizeof facts->shaded);
	take.lead = find_lead(&take.scene);
	takers[kind].take(&take);
	put_title(&take);
	put_footer(&take);
	return STATUS_OK;
}
