/* settings.h - the configuration's rows as the structs that the modules take. */
#pragma once

#include "def/config.h"
#include "market/markets.h"
#include "store/segments.h"

/* With redis.maxmemory = plan not OK where there is no plan (planned.h). Blocking then. */
MUST_CHECK enum status settings_store(const struct config *config, const char *state_dir,
				      struct store_config *out, struct err *err);
/* Of every market made from now on; simulated is the caller's. */
void settings_market(const struct config *config, struct market_config *out);
