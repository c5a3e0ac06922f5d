/* alert_config.h - the settings of alert rules out of the configuration. */
#pragma once

#include "alert/alert.h"
#include "def/config.h"

struct alert_settings alert_settings_of(const struct config *config, enum alert_rule rule);
/* Every rule that has changed; at the start and on SIGHUP. */
void alerts_apply_config(struct alerts *alerts, const struct config *config);
