/* valve.h - what a segment's fill means: what is shed, who is slowed down, when it is full.
 *
 * A segment's level follows its use (used_memory / maxmemory):
 *
 *	level      from   what happens, in this order, as far as the segment has it
 *	CALM              -
 *	WARN       70 %   told, with the time until full
 *	SHED       80 %   what may be shed goes: live outputs (RMS), then history resolution (RIS)
 *	SLOW       90 %   the sources slow down: throttle to terminals, 429 to HTTP producers,
 *	                  live outputs stop
 *	FULL      100 %   or a write was refused (-OOM): money waits in the spill file
 *
 * A level is left 5 points of a percent below where it begins, not before it has been so for
 * VALVE_CALM_MS (FULL: nor before so long after the newest refusal); each is entered at once.
 * Which actions a segment has is a table (def/valves.def). Time until full: a least-squares
 * line through the use of the last VALVE_WINDOW samples, of those since the newest fall by
 * more than 5 %.
 *
 * Pure; one thread. */
#pragma once

#include "base/str.h"
#include "def/segments.h"

enum valve_level { VALVE_CALM, VALVE_WARN, VALVE_SHED, VALVE_SLOW, VALVE_FULL, VALVE_LEVELS };

/* Bits; the rows of def/valves.def. */
enum valve_action {
#define VALVE(id, segment, level, what) VALVE_BIT_##id,
#include "def/valves.def"
#undef VALVE
	VALVE_ACTIONS
};

enum { VALVE_WINDOW = 60, VALVE_CALM_MS = 5000 };

struct valve_sample {
	int64_t ms;
	uint64_t used;
};

struct valve {
	enum segment segment;
	enum valve_level level;
	/* The use is below where the level ends, and has been since. */
	struct {
		bool so;
		int64_t since_ms;
	} below[VALVE_LEVELS];
	uint64_t refusals;  /* by the server */
	int64_t refused_ms; /* the newest */
	uint64_t used, maxmemory;
	struct valve_sample samples[VALVE_WINDOW]; /* a ring */
	uint32_t first, count;
	uint64_t entered[VALVE_LEVELS]; /* times */
};

void valve_init(struct valve *valve, enum segment segment);
/* Once a second; ms of any clock that does not go back. maxmemory 0: unknown, the level is
 * CALM. True: the level has changed. */
bool valve_sample(struct valve *valve, int64_t now_ms, uint64_t used, uint64_t maxmemory);
/* The server refused a write for lack of memory. True: the level has changed. */
bool valve_refused(struct valve *valve, int64_t now_ms);
/* Actions in force: 1 << enum valve_action. */
uint32_t valve_actions(const struct valve *valve);
/* Bytes a second, by the line; 0: not known (less than 10 samples), or it does not grow. */
int64_t valve_growth(const struct valve *valve);
/* Seconds until maxmemory at that growth; -1: not known, or never. */
int64_t valve_full_in_s(const struct valve *valve);
const char *valve_level_text(enum valve_level level);    /* "calm" "warn" "shed" "slow" "full" */
const char *valve_action_name(enum valve_action action); /* "outputs_trim" */
const char *valve_action_text(enum valve_action action); /* what it does, of the table */
enum segment valve_action_segment(enum valve_action action);
enum valve_level valve_action_level(enum valve_action action);
