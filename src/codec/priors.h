/* priors.h - the trained starts that shipped, per table: priors_<table>.c, written
 * by tools/train_priors.c. A version that shipped stays, or chunks in somebody's
 * Redis become unreadable. */
#pragma once

#include "codec/packer.h"

extern const uint16_t priors_tape_1[1889];
extern const uint16_t priors_bars_1[1064];
extern const uint16_t priors_samples_1[976];
extern const uint16_t priors_results_1[4466];
extern const uint16_t priors_signals_1[4466];
