#include "archive/postgres_verdict.h"

#include "base/check.h"

static enum sink_outcome of_class(const char *sqlstate)
{
	static const struct {
		char class[3];
		enum sink_outcome outcome;
	} classes[] = {
		{ "08", SINK_AWAY },   /* connection */
		{ "22", SINK_POISON }, /* data */
		{ "25", SINK_AWAY },   /* a standby, after a fail-over: read only */
		{ "40", SINK_AWAY },   /* deadlock, serialization: the next try may do */
		{ "53", SINK_AWAY },   /* disk full, out of memory, too many connections */
		{ "54", SINK_POISON }, /* a key longer than an index takes */
		{ "55", SINK_AWAY },   /* locked */
		{ "57", SINK_AWAY },   /* shut down, starting up, cancelled */
		{ "58", SINK_AWAY },   /* input or output of the server */
	};
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (memcmp(sqlstate, classes[i].class, 2) == 0)
			return classes[i].outcome;
	return SINK_HELD;
}

enum sink_outcome postgres_verdict(const struct pg_answer *answer, bool committing)
{
	switch (answer->end) {
	case PG_DONE: return SINK_DONE;
	case PG_LOST: return committing ? SINK_UNKNOWN : SINK_AWAY;
	case PG_UNREACHED: return answer->sqlstate[0] ? of_class(answer->sqlstate) : SINK_AWAY;
	case PG_REFUSED: return of_class(answer->sqlstate);
	}
	return SINK_HELD;
}
