#include "base/check.h"
#include "feed/session.h"

static const int64_t window_ns = 5 * 60 * 1000000000LL;

void connect_gate_init(struct connect_gate *gate, int32_t limit)
{
	CHECK(limit > 0 && (size_t)limit <= ARRAY_LEN(gate->at_ns));
	*gate = (struct connect_gate){ .limit = limit };
	for (size_t i = 0; i < ARRAY_LEN(gate->at_ns); i++)
		gate->at_ns[i] = INT64_MIN / 2; /* long ago */
}

int64_t connect_gate_try(struct connect_gate *gate, int64_t now_ns)
{
	uint32_t size = (uint32_t)ARRAY_LEN(gate->at_ns);
	int64_t again_ns =
	    gate->at_ns[(gate->next + size - (uint32_t)gate->limit) % size] + window_ns;
	if (now_ns < again_ns)
		return again_ns;
	gate->at_ns[gate->next] = now_ns;
	gate->next = (gate->next + 1) % size;
	return 0;
}
