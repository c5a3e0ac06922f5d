#pragma once

#include "def/args.h"

/* `alerts list --format …`: weir's own alerts and the operator's as rows of one table. Returns
 * the exit status. */
int alert_rows_list(const struct args *args);
