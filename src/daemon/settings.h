/* settings.h - the configuration's rows as the structs that the modules take. */
#pragma once

#include "def/config.h"
#include "market/markets.h"
#include "store/segments.h"

void settings_store(const struct config *config, const char *state_dir, struct store_config *out);
/* Of every market made from now on; simulated is the caller's. */
void settings_market(const struct config *config, struct market_config *out);
