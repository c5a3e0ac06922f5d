#include "memory/valve.h"

#include "base/check.h"
#include "base/decimal.h"

enum {
	SAMPLES_LEAST = 10, /* fewer make no line */
	FALL_PERCENT = 5,   /* a fall by more: what was before tells nothing of now */
	HYSTERESIS_PERCENT = 5,
};

static const int begins_percent[VALVE_LEVELS] = { 0, 70, 80, 90, 100 };

static const struct valve_row {
	const char *name, *text;
	enum segment segment;
	enum valve_level level;
} rows[] = {
#define VALVE(id, segment, level, what) { #id, what, SEGMENT_##segment, VALVE_##level },
#include "def/valves.def"
#undef VALVE
};

_Static_assert(VALVE_ACTIONS <= 32, "actions are bits of a word");

/* ---- words ---- */

const char *valve_level_text(enum valve_level level)
{
	static const char *const texts[] = { "calm", "warn", "shed", "slow", "full" };
	CHECK(level < VALVE_LEVELS);
	return texts[level];
}

static const struct valve_row *row_of(enum valve_action action)
{
	CHECK(action < VALVE_ACTIONS);
	return &rows[action];
}

const char *valve_action_name(enum valve_action action) { return row_of(action)->name; }

const char *valve_action_text(enum valve_action action) { return row_of(action)->text; }

enum segment valve_action_segment(enum valve_action action) { return row_of(action)->segment; }

enum valve_level valve_action_level(enum valve_action action) { return row_of(action)->level; }

/* ---- the level ---- */

static bool is_at_least(uint64_t used, uint64_t maxmemory, int percent)
{
	return (i128)used * 100 >= (i128)maxmemory * percent;
}

static enum valve_level level_at(const struct valve *valve)
{
	enum valve_level level = VALVE_FULL;
	while (level > VALVE_CALM &&
	       !is_at_least(valve->used, valve->maxmemory, begins_percent[level]))
		level--;
	return level;
}

static bool enter(struct valve *valve, enum valve_level level)
{
	if (level == valve->level)
		return false;
	valve->level = level;
	valve->entered[level]++;
	return true;
}

static void note_below(struct valve *valve, int64_t now_ms)
{
	for (enum valve_level level = VALVE_WARN; level < VALVE_LEVELS; level++) {
		bool so = !is_at_least(valve->used, valve->maxmemory,
				       begins_percent[level] - HYSTERESIS_PERCENT);
		if (so && !valve->below[level].so)
			valve->below[level].since_ms = now_ms;
		valve->below[level].so = so;
	}
}

static bool has_ended(const struct valve *valve, enum valve_level level, int64_t now_ms)
{
	return valve->below[level].so && now_ms - valve->below[level].since_ms >= VALVE_CALM_MS;
}

static bool judge(struct valve *valve, int64_t now_ms)
{
	enum valve_level begins = level_at(valve), level = valve->level;
	if (!valve->maxmemory)
		return enter(valve, VALVE_CALM);
	note_below(valve, now_ms);
	while (level > VALVE_CALM && has_ended(valve, level, now_ms))
		level--;
	return enter(valve, begins > level ? begins : level);
}

/* ---- the samples ---- */

static const struct valve_sample *sample_at(const struct valve *valve, uint32_t index)
{
	return &valve->samples[(valve->first + index) % VALVE_WINDOW];
}

static bool has_fallen(uint64_t from, uint64_t to)
{
	return to < from && !is_at_least(to, from, 100 - FALL_PERCENT);
}

/* A clock that goes back makes no line with what was before. */
static void keep(struct valve *valve, int64_t now_ms, uint64_t used)
{
	const struct valve_sample *newest =
	    valve->count ? sample_at(valve, valve->count - 1) : NULL;
	if (newest && (now_ms <= newest->ms || has_fallen(newest->used, used)))
		valve->count = 0;
	if (valve->count == VALVE_WINDOW) {
		valve->first = (valve->first + 1) % VALVE_WINDOW;
		valve->count--;
	}
	valve->samples[(valve->first + valve->count) % VALVE_WINDOW] =
	    (struct valve_sample){ now_ms, used };
	valve->count++;
}

/* Of the line u = a + b·t through n samples b = (n·Σtu − Σt·Σu) / (n·Σt² − (Σt)²). Times
 * and uses are taken from the first sample on, so that the sums stay small; what is beyond
 * 2^62 is no server. */
int64_t valve_growth(const struct valve *valve)
{
	i128 n = valve->count, t_sum = 0, u_sum = 0, tu_sum = 0, tt_sum = 0;
	if (valve->count < SAMPLES_LEAST)
		return 0;
	const struct valve_sample *origin = sample_at(valve, 0);
	for (uint32_t i = 0; i < valve->count; i++) {
		const struct valve_sample *sample = sample_at(valve, i);
		i128 t = sample->ms - origin->ms, u = (i128)sample->used - (i128)origin->used;
		t_sum += t;
		u_sum += u;
		tu_sum += t * u;
		tt_sum += t * t;
	}
	i128 above = n * tu_sum - t_sum * u_sum, below = n * tt_sum - t_sum * t_sum;
	if (above <= 0 || below <= 0)
		return 0;
	i128 growth = above * 1000 / below;
	return growth > INT64_MAX ? INT64_MAX : (int64_t)growth;
}

int64_t valve_full_in_s(const struct valve *valve)
{
	int64_t growth = valve_growth(valve);
	if (!growth || !valve->maxmemory)
		return -1;
	if (valve->used >= valve->maxmemory)
		return 0;
	uint64_t left_s = (valve->maxmemory - valve->used) / (uint64_t)growth;
	return left_s > INT64_MAX ? -1 : (int64_t)left_s;
}

/* ---- told ---- */

void valve_init(struct valve *valve, enum segment segment)
{
	*valve = (struct valve){ .segment = segment };
}

bool valve_sample(struct valve *valve, int64_t now_ms, uint64_t used, uint64_t maxmemory)
{
	valve->used = used;
	valve->maxmemory = maxmemory;
	keep(valve, now_ms, used);
	return judge(valve, now_ms);
}

bool valve_refused(struct valve *valve, int64_t now_ms)
{
	valve->refusals++;
	valve->refused_ms = now_ms;
	valve->below[VALVE_FULL].so = false; /* from here it is to be calm for so long */
	return enter(valve, VALVE_FULL);
}

uint32_t valve_actions(const struct valve *valve)
{
	uint32_t actions = 0;
	for (enum valve_action action = 0; action < VALVE_ACTIONS; action++)
		if (rows[action].segment == valve->segment && rows[action].level <= valve->level)
			actions |= UINT32_C(1) << action;
	return actions;
}
