/* settings.h - the configuration's rows as the structs that the modules take. */
#pragma once

#include "def/config.h"
#include "store/segments.h"

void settings_store(const struct config *config, const char *state_dir, struct store_config *out);
