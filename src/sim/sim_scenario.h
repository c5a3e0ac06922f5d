/* sim_scenario.h - what a simulated fleet is like, and what goes wrong in it.
 *
 * INI with the sections and keys of sim_scenario.def. A value may be for some of the
 * terminals only; later lines win:
 *
 *   [terminal]
 *   own_rate = 10/s
 *   [trouble]
 *   crash = 2/h @ 10%            a tenth of the terminals, the same ones for a seed
 *   byte_writer = 1ms @ mt5-003,mt5-017
 *
 * A share takes the nearest whole number of terminals, at least one. Nothing but the
 * presets is a scenario too: a calm day. Pure; a scenario is not changed once made. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { SIM_SCENARIO_BYTES_MAX = 64 * 1024, SIM_SCENARIO_LINES_MAX = 512 };

#define SIM_FIELD_SPAN   int64_t
#define SIM_FIELD_RATE   double
#define SIM_FIELD_SHARE  double
#define SIM_FIELD_COUNT  int64_t
#define SIM_FIELD_REAL   double
#define SIM_FIELD_SWITCH int64_t
#define SIM_FIELD_WORD   int64_t
#define SIM_FIELD_TEXT   const char *

/* Those of one terminal; texts are the scenario's. */
struct sim_settings {
#define SIM(section, key, type, preset, min, max, meaning) SIM_FIELD_##type key;
#include "sim/sim_scenario.def"
#undef SIM
};

enum sim_jitter { SIM_JITTER_NONE, SIM_JITTER_SMALL, SIM_JITTER_RECORDED };

struct sim_scenario;

/* err: "NAME:LINE:COLUMN: reason", of the first fault. Empty text: the presets. */
MUST_CHECK enum status sim_scenario_parse(struct str text, const char *name,
					  struct sim_scenario **scenario, struct err *err);
void sim_scenario_destroy(struct sim_scenario *scenario);
/* The settings of terminal `index` of `count`, whose id is `id`. */
void sim_scenario_settings(const struct sim_scenario *scenario, uint64_t seed, size_t index,
			   size_t count, struct str id, struct sim_settings *settings);

/* One key, for documents: section, key, type, preset, meaning. False beyond the last. */
struct sim_scenario_key {
	const char *section, *key, *type, *preset, *meaning;
};
bool sim_scenario_key(size_t index, struct sim_scenario_key *key);
