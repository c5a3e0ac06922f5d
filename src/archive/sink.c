#include "archive/sink.h"

#include "base/check.h"

const char *sink_outcome_text(enum sink_outcome outcome)
{
	static const char *const texts[] = { "done", "unknown", "away", "held", "poison" };
	CHECK((unsigned)outcome < ARRAY_LEN(texts));
	return texts[outcome];
}
