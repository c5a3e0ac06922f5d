/* calibration.h - STATE/calibration: what an item costs on the servers of this machine.
 *
 * `weir plan --calibrate` writes it (memory/plan.h has the form), later plans use it as long
 * as the redis-server that weir would start is of the version that was measured. Everything
 * else leads to the shipped table, and the words say why. Blocking. */
#pragma once

#include "memory/plan.h"

/* Always gives costs; `words` becomes one sentence: which table, of which version, and why. */
void calibration_choose(const char *state_dir, const char *redis_server, struct plan_costs *costs,
			struct buf *words);
/* Replaces the file; the folder is made when it is not there. */
MUST_CHECK enum status calibration_store(const char *state_dir, const struct plan_costs *costs,
					 struct err *err);
/* "7.0.15", as the program prints it with --version within two seconds. */
MUST_CHECK enum status calibration_server_version(const char *redis_server, char version[16],
						  struct err *err);
