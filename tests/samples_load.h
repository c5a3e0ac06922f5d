/* The load of a hundred terminals: weir's own generator, which measures with it too. */
#pragma once

#include "measure/samples_load.h"
