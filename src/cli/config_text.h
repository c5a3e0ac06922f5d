/* config_text.h - the settings in force as a configuration file, which the reader takes back;
 * what is secret is ***. */
#pragma once

#include "def/config.h"

/* origins: behind each value, where it comes from. */
void config_text_print(struct buf *out, const struct config *config, bool origins);
