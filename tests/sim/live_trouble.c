#include "live_trouble.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

static const int64_t second_ns = 1000000000, hour_ns = 3600000000000, jump_ms_max = 150000;

/* How often in 24 h, at one venue and kind (everywhere: at all four at once), and for how
 * long. args: one of them, until a 0 that is not the first. */
static const struct rule {
	enum venue_trouble trouble;
	double per_day;
	bool everywhere;
	int32_t seconds_least, seconds_most;
	int64_t args[6];
} rules[] = {
	{ TROUBLE_BREAK, 96, false, 0, 0, { 1006, 1001, 1008, 1011, 1000 } },
	{ TROUBLE_BREAK_ALL, 12, true, 0, 0, { 1006, 1001 } },
	{ TROUBLE_REFUSE, 16, false, 5, 90, { 429, 503, 403, 502 } },
	{ TROUBLE_REFUSE, 4, true, 5, 40, { 503, 429 } },
	{ TROUBLE_HANG, 8, false, 10, 60, { 0 } },
	{ TROUBLE_STALE, 24, false, 0, 0, { 0 } },
	{ TROUBLE_STALE, 4, true, 0, 0, { 0 } },
	{ TROUBLE_MUTE,
	  32,
	  false,
	  20,
	  240,
	  { 1 << STREAM_TRADES, 1 << STREAM_KLINES, 1 << STREAM_TICKER | 1 << STREAM_MARK,
	    1 << STREAM_TRADES | 1 << STREAM_KLINES, (1 << STREAM_CLASSES) - 1 } },
	{ TROUBLE_SHUTDOWN, 8, false, 20, 600, { 0 } },
	{ TROUBLE_STORM, 24, false, 60, 600, { 5, 20 } },
	{ TROUBLE_REST_429, 16, false, 5, 90, { 0 } },
	{ TROUBLE_REST_418, 4, false, 60, 400, { 0 } },
	{ TROUBLE_REST_5XX, 16, false, 10, 120, { 0 } },
	{ TROUBLE_REST_TIMEOUT, 8, false, 20, 120, { 0 } },
	{ TROUBLE_REST_HALF, 16, false, 20, 180, { 0 } },
	{ TROUBLE_REST_HTML, 8, false, 20, 180, { 0 } },
	{ TROUBLE_REST_REFUSE, 8, false, 20, 180, { 0 } },
	{ TROUBLE_REST_OLD, 24, false, 30, 300, { 0 } },
	{ TROUBLE_UNPLUG, 3, true, 20, 120, { 0 } },
	{ TROUBLE_UNPLUG, 1, true, 600, 601, { 0 } },
	{ TROUBLE_HALT, 2, false, 900, 5400, { 0, 1, 2 } },
};

static void put(struct live_script *script, const struct live_trouble *line)
{
	CHECK(script->count < LIVE_SCRIPT_MAX);
	script->lines[script->count++] = *line;
}

static int64_t one_of(const struct rule *rule, struct rng *rng)
{
	size_t n = 1;
	while (n < ARRAY_LEN(rule->args) && rule->args[n])
		n++;
	return rule->args[rng_below(rng, n)];
}

static void put_rule(struct live_script *script, const struct rule *rule, struct rng *rng,
		     int64_t at_ns, int64_t to_ns)
{
	struct live_trouble line = { .at_ns = at_ns, .trouble = rule->trouble };
	uint64_t spread = (uint64_t)(rule->seconds_most - rule->seconds_least) + 1;
	line.arg = one_of(rule, rng);
	line.for_ns = (rule->seconds_least + (int64_t)rng_below(rng, spread)) * second_ns;
	if (at_ns + line.for_ns > to_ns)
		return;
	size_t only = rng_below(rng, VENUE_SIM_SITES);
	for (size_t i = 0; i < VENUE_SIM_SITES; i++) {
		line.venue = (enum venue)(i / KIND_COUNT);
		line.kind = (enum kind)(i % KIND_COUNT);
		if (rule->everywhere || i == only)
			put(script, &line);
	}
}

static void put_jump(struct live_script *script, struct rng *rng, int64_t at_ns)
{
	struct live_trouble line = { .at_ns = at_ns, .trouble = TROUBLE_COUNT };
	line.arg = (int64_t)rng_below(rng, 2 * (uint64_t)jump_ms_max + 1) - jump_ms_max;
	put(script, &line);
}

static int by_time(const void *a, const void *b)
{
	const struct live_trouble *x = a, *y = b;
	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return (int)(x->venue * KIND_COUNT + x->kind) - (int)(y->venue * KIND_COUNT + y->kind);
}

static int64_t any_time(struct rng *rng, int64_t from_ns, int64_t to_ns)
{
	return from_ns + (int64_t)rng_below(rng, (uint64_t)((to_ns - from_ns) / 1000)) * 1000;
}

void live_script_make(struct live_script *script, uint64_t seed, int64_t from_ns, int64_t to_ns)
{
	struct rng rng;
	double days = (double)(to_ns - from_ns) / (double)(24 * hour_ns);
	rng_init(&rng, seed);
	script->count = 0;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		double want = rules[i].per_day * days;
		size_t n = (size_t)want + (rng_unit(&rng) < want - (double)(size_t)want);
		for (size_t j = 0; j < n; j++)
			put_rule(script, &rules[i], &rng, any_time(&rng, from_ns, to_ns), to_ns);
	}
	for (size_t j = 0; j < (size_t)(16 * days); j++)
		put_jump(script, &rng, any_time(&rng, from_ns, to_ns));
	qsort(script->lines, script->count, sizeof script->lines[0], by_time);
}

static void happen(const struct live_trouble *line, struct live_world *world)
{
	if (line->trouble == TROUBLE_COUNT)
		live_world_set_wall(world, line->arg * 1000000);
	else
		venue_sim_trouble(live_world_venues(world), line->venue, line->kind, line->trouble,
				  line->arg, line->for_ns);
}

void live_script_run(const struct live_script *script, size_t *line, struct live_world *world,
		     int64_t to_ns)
{
	for (; *line < script->count && script->lines[*line].at_ns <= to_ns; ++*line) {
		live_world_run_to(world, script->lines[*line].at_ns);
		happen(&script->lines[*line], world);
	}
	live_world_run_to(world, to_ns);
}

void live_script_print(const struct live_script *script, int64_t now_ns, int64_t back_ns)
{
	for (size_t i = 0; i < script->count; i++) {
		const struct live_trouble *line = &script->lines[i];
		if (line->at_ns > now_ns || line->at_ns + line->for_ns < now_ns - back_ns)
			continue;
		if (line->trouble == TROUBLE_COUNT)
			fprintf(stderr, "%10.3f wall clock %+lld ms\n", (double)line->at_ns / 1e9,
				(long long)line->arg);
		else
			fprintf(stderr, "%10.3f %s:%s %s %lld for %.0f s\n",
				(double)line->at_ns / 1e9, venue_text(line->venue),
				kind_text(line->kind), venue_trouble_text(line->trouble),
				(long long)line->arg, (double)line->for_ns / 1e9);
	}
}
