/* Equity of all accounts together, or of the one that is named. */
#include <ctype.h>
#include <stdlib.h>

#include "base/check.h"
#include "picture/take.h"

enum { EQUITY_SLOTS = 288, USD_SCALE = 8, STALE_MS = 2 * EQUITY_STEP_MS };

/* The shortest step with which all samples fit. */
static int64_t step_of(int64_t first_ms, int64_t last_ms)
{
	static const int64_t minutes[] = { 5, 15, 30, 60, 120, 240, 480 };
	for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
		int64_t step_ms = minutes[i] * MINUTE_MS;
		if (last_ms / step_ms - first_ms / step_ms < EQUITY_SLOTS)
			return step_ms;
	}
	return DAY_MINUTES * (int64_t)MINUTE_MS;
}

static void put_slots(const struct equity_sample *samples, size_t count,
		      struct picture_facts *facts)
{
	int64_t last_ms = samples[count - 1].t_ms;
	facts->step_ms = step_of(samples[0].t_ms, last_ms);
	int64_t last = last_ms / facts->step_ms, first = samples[0].t_ms / facts->step_ms;
	if (first > last - TAKE_SLOTS_LEAST + 1)
		first = last - TAKE_SLOTS_LEAST + 1;
	if (first < last - EQUITY_SLOTS + 1)
		first = last - EQUITY_SLOTS + 1;
	facts->from_ms = first * facts->step_ms;
	facts->slots = (size_t)(last - first + 1);
}

static size_t put_values(const struct equity_sample *samples, size_t count,
			 struct picture_facts *facts, struct picture_panel *panel)
{
	size_t shown = 0;
	panel->scale = USD_SCALE;
	for (size_t i = 0; i < count; i++) {
		int64_t slot = samples[i].t_ms / facts->step_ms - facts->from_ms / facts->step_ms;
		if (slot < 0 || slot >= (int64_t)facts->slots)
			continue;
		panel->known[slot] = true;
		panel->value[0][slot] = samples[i].usd_e8;
		shown++;
	}
	return shown;
}

/* The last slot has the newest sample. */
static void note_change(const struct picture_facts *facts, struct picture_panel *panel)
{
	size_t first = 0;
	while (!panel->known[first])
		first++;
	struct buf note = buf_over(panel->note, sizeof panel->note - 1);
	i128 from = panel->value[0][first], change = panel->value[0][facts->slots - 1] - from;
	struct figure moved = figure_short(change, USD_SCALE, FIGURE_PLUS);
	buf_printf(&note, "%.*s", STR_ARG(figure_str(&moved)));
	if (from > 0) {
		struct figure percent =
		    figure_percent((double)change / (double)from, 2, FIGURE_PLUS);
		buf_printf(&note, ", %.*s", STR_ARG(figure_str(&percent)));
	}
	panel->note[note.len] = 0;
}

static void put_texts(struct picture_facts *facts, int64_t last_ms, int64_t now_ms, size_t shown)
{
	struct buf title = buf_over(facts->title, sizeof facts->title - 1);
	struct buf warning = buf_over(facts->warning, sizeof facts->warning - 1);
	struct buf footer = buf_over(facts->footer, sizeof facts->footer - 1);
	struct figure when = figure_utc(last_ms), age = figure_age(now_ms - last_ms);
	const char *name = picture_row(PICTURE_equity)->title;
	buf_printf(&title, "%s%c%s", facts->simulated ? "SIMULATED DATA · " : "",
		   toupper((unsigned char)name[0]), name + 1);
	facts->title[title.len] = 0;
	if (now_ms - last_ms > STALE_MS)
		buf_printf(&warning, "STALE: the newest sample is %.*s old.",
			   STR_ARG(figure_str(&age)));
	facts->warning[warning.len] = 0;
	buf_printf(&footer, "as of %.*s · %zu samples", STR_ARG(figure_str(&when)), shown);
	facts->footer[footer.len] = 0;
}

enum status picture_take_equity(const struct equity_sample *samples, size_t count,
				struct str account, bool simulated, int64_t now_ms,
				struct picture_facts *facts)
{
	if (!count)
		return STATUS_NOT_FOUND;
	facts->kind = PICTURE_equity;
	facts->panels = 0;
	facts->simulated = simulated;
	memset(facts->shaded, 0, sizeof facts->shaded);
	put_slots(samples, count, facts);
	struct picture_panel *panel =
	    account.len
		? take_panel(facts, PICTURE_LINE, 100, "Equity · USD, %.*s", STR_ARG(account))
		: take_panel(facts, PICTURE_LINE, 100, "Equity · USD, all accounts");
	size_t shown = put_values(samples, count, facts, panel);
	note_change(facts, panel);
	put_texts(facts, samples[count - 1].t_ms, now_ms, shown);
	return STATUS_OK;
}

/* As it is kept, however it was typed; "" when there is none. */
static struct str account_name(const struct equity *equity, struct str typed)
{
	for (uint32_t i = 0; i < equity_count(equity); i++)
		if (str_eq_nocase(equity_name(equity, i), typed))
			return equity_name(equity, i);
	return STR("");
}

enum status take_equity(const struct ask_world *world, const struct asked *asked, int64_t now_ms,
			struct picture_facts *facts)
{
	struct equity_sample samples[EQUITY_SAMPLES];
	const struct ask_options *options = &world->options;
	struct str name = STR("");
	if (!world->equity)
		return STATUS_NOT_FOUND;
	if (!asked->account[0]) {
		size_t count = equity_read_all(world->equity, now_ms, samples, EQUITY_SAMPLES);
		return picture_take_equity(samples, count, name,
					   options->simulated || options->fleet_simulated, now_ms,
					   facts);
	}
	name = account_name(world->equity, str_of(asked->account));
	size_t count = equity_read(world->equity, name, now_ms, samples, EQUITY_SAMPLES);
	return picture_take_equity(samples, count, name, options->simulated, now_ms, facts);
}
