/* market_alerts_config.h - the settings [market] and [liquidations] as the cores take
 * them. The thresholds of the rules themselves: alert/alert_config.h. */
#pragma once

#include "def/config.h"
#include "market/market_alerts.h"

/* `live` is no setting. */
struct market_alerts_config market_alerts_config_of(const struct config *config, bool live);
struct liquidations_config market_liquidations_config_of(const struct config *config);
