/* alerts_test.h - when rules of a file would have been told: `weir alerts test`. */
#pragma once

#include "def/args.h"

int alerts_test(const struct args *args);
