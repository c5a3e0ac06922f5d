/* postgres_verdict.h - what an answer of PostgreSQL says of what was asked, by its SQLSTATE
 * (PostgreSQL's manual, appendix A). The classes that decide are a table here; one that is
 * not in it is HELD: nothing is lost, somebody looks. Pure. */
#pragma once

#include "archive/sink.h"
#include "os/pg.h"

/* committing: it is COMMIT that was asked, so a lost connection leaves it open whether it
 * was done. Before it a transaction that is cut off was not. */
enum sink_outcome postgres_verdict(const struct pg_answer *answer, bool committing);
