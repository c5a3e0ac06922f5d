/* clickhouse_verdict.h - what an answer of ClickHouse says of what was asked. Pure.
 *
 * Its errors are in the body, "Code: N, …" (18) or "Code: N. …" (20 and later), whatever the
 * HTTP code is; from 19 on also in a header. The codes that decide are a table here; one that
 * is not in it is HELD: nothing is lost, somebody looks. */
#pragma once

#include "archive/sink.h"
#include "port/http_client.h"

struct clickhouse_answer {
	enum status status;
	const struct http_answer *http; /* NULL: none */
	const char *why;                /* there is none */
	size_t sent, whole;             /* of an insert's body: what left, and all of it */
	uint32_t rows;
};

enum { CLICKHOUSE_WHY_BYTES = 384 };

/* Of an insert. why: one line, "" when DONE. */
enum sink_outcome clickhouse_insert_verdict(const struct clickhouse_answer *answer,
					    char why[CLICKHOUSE_WHY_BYTES]);
/* Of a question or of DDL: DONE, AWAY or HELD; nothing that counts was sent. */
enum sink_outcome clickhouse_ask_verdict(const struct clickhouse_answer *answer,
					 char why[CLICKHOUSE_WHY_BYTES]);
/* N of "Code: N", 0: none. */
int clickhouse_code(const struct http_answer *answer);
