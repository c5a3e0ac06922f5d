/* cost_impl.h - what cost.c and cost_stream.c share. Internal. */
#pragma once

#include "audit/cost.h"

enum { COST_OBJECT = 16 }; /* a robj */

int64_t cost_sds(int64_t bytes);
int64_t cost_number_entry(int64_t value);
int64_t cost_text_entry(int64_t bytes);
bool cost_is_integer(struct str text, int64_t *value);
void cost_stream_entry(struct audit_cost *cost, struct str id, struct str fields);
int64_t cost_stream_bytes(const struct audit_cost *cost);
