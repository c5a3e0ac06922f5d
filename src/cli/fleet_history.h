/* fleet_history.h - weir fleet history: the packed minutes of a terminal, read back. */
#pragma once

#include "def/args.h"

int fleet_history(const struct args *args);
