/* influx_verdict.h - what an answer of InfluxDB 1.x says of what was asked, by its HTTP code
 * and the words of its {"error":"…"}; there are no codes of errors. Pure. */
#pragma once

#include "archive/sink.h"
#include "base/buf.h"
#include "port/http_client.h"

struct influx_answer {
	enum status status;
	const struct http_answer *http; /* NULL: none */
	const char *why;                /* there is none */
	size_t sent;                    /* of a write's body: what left */
};

enum { INFLUX_WHY_BYTES = 300 };

/* Of /write. why: one line, "" when DONE. Of points that are older than what the server
 * keeps it says so and drops them: that is DONE, there they would be gone as well. */
enum sink_outcome influx_write_verdict(const struct influx_answer *answer,
				       char why[INFLUX_WHY_BYTES]);
/* Of /ping and of /query without regard to its body: DONE, AWAY or HELD. */
enum sink_outcome influx_ask_verdict(const struct influx_answer *answer,
				     char why[INFLUX_WHY_BYTES]);
/* Of the body of /query, the first error but one with `but` in it (NULL: any). */
enum sink_outcome influx_results_verdict(struct str body, const char *but,
					 char why[INFLUX_WHY_BYTES]);
/* The number that SELECT count(…) answered; 0 where there is no such measurement. INVALID:
 * the body is no answer to it. */
MUST_CHECK enum status influx_results_count(struct str body, uint64_t *count);
/* One line into why. */
void influx_why(char why[INFLUX_WHY_BYTES], const char *text);
