#include "archive/clickhouse_verdict.h"

#include <stdio.h>

#include "base/check.h"

/* Numbers of ClickHouse's ErrorCodes.cpp, which are never given anew. */
static const struct {
	int code;
	enum sink_outcome outcome;
	const char *hint; /* what an operator does; "" the server says it */
} codes[] = {
	{ 3, SINK_AWAY, "" },     /* the body ended early: it was cut on its way */
	{ 6, SINK_POISON, "" },   /* cannot parse text */
	{ 26, SINK_POISON, "" },  /* cannot parse quoted string */
	{ 27, SINK_POISON, "" },  /* cannot parse input */
	{ 32, SINK_AWAY, "" },    /* read after the end: cut */
	{ 33, SINK_AWAY, "" },    /* cannot read all data: cut */
	{ 38, SINK_POISON, "" },  /* cannot parse date */
	{ 41, SINK_POISON, "" },  /* cannot parse time */
	{ 69, SINK_POISON, "" },  /* argument out of bound */
	{ 72, SINK_POISON, "" },  /* cannot parse number */
	{ 117, SINK_POISON, "" }, /* incorrect data */
	{ 128, SINK_POISON, "" }, /* too large array */
	{ 131, SINK_POISON, "" }, /* too large string */
	{ 159, SINK_AWAY, "" },   /* execution time */
	{ 164, SINK_HELD, "the user may only read" },
	{ 173, SINK_AWAY, "" }, /* cannot allocate memory */
	{ 192, SINK_HELD, "the user is not known: see archive.clickhouse_url" },
	{ 193, SINK_HELD, "the password is wrong: see archive.clickhouse_url" },
	{ 194, SINK_HELD, "a password is asked for: see archive.clickhouse_url" },
	{ 201, SINK_AWAY, "" },    /* quota */
	{ 202, SINK_AWAY, "" },    /* too many queries at once */
	{ 203, SINK_AWAY, "" },    /* no free connection */
	{ 209, SINK_AWAY, "" },    /* its socket timed out */
	{ 210, SINK_AWAY, "" },    /* its network */
	{ 225, SINK_AWAY, "" },    /* no ZooKeeper */
	{ 236, SINK_AWAY, "" },    /* aborted */
	{ 241, SINK_AWAY, "" },    /* memory limit */
	{ 242, SINK_AWAY, "" },    /* a replica that is read-only for now */
	{ 243, SINK_AWAY, "" },    /* not enough space */
	{ 252, SINK_AWAY, "" },    /* too many parts */
	{ 285, SINK_AWAY, "" },    /* too few replicas */
	{ 286, SINK_AWAY, "" },    /* a quorum before is not there */
	{ 319, SINK_UNKNOWN, "" }, /* unknown status of insert */
	{ 321, SINK_POISON, "" },  /* value out of range */
	{ 349, SINK_POISON, "" },  /* NULL in a column that has none */
	{ 394, SINK_AWAY, "" },    /* the query was cancelled */
	{ 395, SINK_POISON, "" },  /* throwIf of somebody's column */
	{ 407, SINK_POISON, "" },  /* decimal overflow */
	{ 439, SINK_AWAY, "" },    /* no thread */
	{ 469, SINK_POISON, "" },  /* somebody's constraint */
	{ 497, SINK_HELD, "the user lacks a right" },
	{ 516, SINK_HELD, "user or password is wrong: see archive.clickhouse_url" },
	{ 999, SINK_AWAY, "" },  /* its keeper */
	{ 1001, SINK_AWAY, "" }, /* of its C++: memory, mostly */
};

static const char *find(struct str body, const char *text)
{
	return body.len ? memmem(body.ptr, body.len, text, strlen(text)) : NULL;
}

static int number_at(const char *at, const char *end)
{
	int number = 0;
	for (; at < end && *at >= '0' && *at <= '9' && number < 100000; at++)
		number = number * 10 + (*at - '0');
	return number;
}

int clickhouse_code(const struct http_answer *answer)
{
	struct str header = http_answer_header(answer, STR("x-clickhouse-exception-code"));
	if (header.len)
		return number_at(header.ptr, header.ptr + header.len);
	const char *at = find(answer->body, "Code: ");
	bool begins = at == answer->body.ptr && answer->code != 200;
	if (!at || (!begins && !find(answer->body, "DB::Exception")))
		return 0;
	return number_at(at + 6, answer->body.ptr + answer->body.len);
}

/* Its own words stand on one line, without "e.what()" and what follows. */
static void quote(char why[CLICKHOUSE_WHY_BYTES], struct str body)
{
	const char *end = find(body, ", e.what()");
	size_t used = strlen(why), len = end ? (size_t)(end - body.ptr) : body.len;
	for (size_t i = 0; i < len && used < CLICKHOUSE_WHY_BYTES - 1; i++)
		why[used++] = (unsigned char)body.ptr[i] < ' ' ? ' ' : body.ptr[i];
	while (used && why[used - 1] == ' ')
		used--;
	why[used] = 0;
}

static enum sink_outcome of_code(int code, const struct http_answer *answer,
				 char why[CLICKHOUSE_WHY_BYTES])
{
	enum sink_outcome outcome = SINK_HELD;
	const char *hint = "";
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == code) {
			outcome = codes[i].outcome;
			hint = codes[i].hint;
		}
	snprintf(why, CLICKHOUSE_WHY_BYTES, "%s%s", hint, *hint ? ": " : "");
	quote(why, answer->body);
	return outcome;
}

/* Somebody between says that it had no answer: the server may have what it was given. */
static bool is_gateway(int code) { return code == 502 || code == 504 || code == 408; }

static enum sink_outcome of_http(const struct http_answer *answer, char why[CLICKHOUSE_WHY_BYTES])
{
	bool refused = answer->code == 401 || answer->code == 403 || answer->code == 413;
	snprintf(why, CLICKHOUSE_WHY_BYTES, "HTTP %d, not of ClickHouse: ", answer->code);
	quote(why, str_make(answer->body.ptr, answer->body.len < 80 ? answer->body.len : 80));
	return refused ? SINK_HELD : SINK_AWAY;
}

/* "written_rows":"123" of the summary, from 19 on; -1: it does not say. Of a number of more
 * than six digits the first six: more than any batch. */
static int64_t written(const struct http_answer *answer)
{
	static const char name[] = "\"written_rows\":\"";
	struct str summary = http_answer_header(answer, STR("x-clickhouse-summary"));
	const char *at = find(summary, name);
	return at ? number_at(at + sizeof name - 1, summary.ptr + summary.len) : -1;
}

static enum sink_outcome of_two_hundred(const struct clickhouse_answer *answer,
					char why[CLICKHOUSE_WHY_BYTES])
{
	int64_t rows = written(answer->http);
	if (answer->sent < answer->whole)
		snprintf(why, CLICKHOUSE_WHY_BYTES, "it answered before it had the whole body");
	else if (answer->http->body.len)
		snprintf(why, CLICKHOUSE_WHY_BYTES, "an insert was answered with a text");
	else if (rows >= 0 && rows < (int64_t)answer->rows)
		snprintf(why, CLICKHOUSE_WHY_BYTES, "it says that it wrote %lld rows of %u",
			 (long long)rows, (unsigned)answer->rows);
	else
		return SINK_DONE;
	return SINK_UNKNOWN;
}

enum sink_outcome clickhouse_insert_verdict(const struct clickhouse_answer *answer,
					    char why[CLICKHOUSE_WHY_BYTES])
{
	const struct http_answer *http = answer->http;
	why[0] = 0;
	if (!http) {
		snprintf(why, CLICKHOUSE_WHY_BYTES, "%s",
			 answer->why && *answer->why ? answer->why : status_text(answer->status));
		return answer->sent ? SINK_UNKNOWN : SINK_AWAY;
	}
	int code = clickhouse_code(http);
	if (code)
		return of_code(code, http, why);
	if (http->code == 200)
		return of_two_hundred(answer, why);
	enum sink_outcome outcome = of_http(http, why);
	return is_gateway(http->code) && answer->sent ? SINK_UNKNOWN : outcome;
}

enum sink_outcome clickhouse_ask_verdict(const struct clickhouse_answer *answer,
					 char why[CLICKHOUSE_WHY_BYTES])
{
	const struct http_answer *http = answer->http;
	struct clickhouse_answer bare = *answer;
	bare.sent = bare.whole = 0;
	if (http && http->code == 200 && !clickhouse_code(http)) {
		why[0] = 0;
		return SINK_DONE;
	}
	enum sink_outcome outcome = clickhouse_insert_verdict(&bare, why);
	return outcome == SINK_HELD ? SINK_HELD : SINK_AWAY;
}
