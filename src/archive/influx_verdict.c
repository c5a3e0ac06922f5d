#include "archive/influx_verdict.h"

#include <jansson.h>

#include "base/check.h"

void influx_why(char why[INFLUX_WHY_BYTES], const char *text)
{
	struct buf line = buf_over(why, INFLUX_WHY_BYTES - 1);
	for (; *text && !line.overflow; text++)
		buf_char(&line, (unsigned char)*text < 0x20 ? ' ' : *text);
	why[line.len] = 0;
}

/* The error that a body tells, or what begins it. */
static void why_of(const struct http_answer *http, char why[INFLUX_WHY_BYTES])
{
	json_t *json = json_loadb(http->body.ptr, http->body.len, 0, NULL);
	const char *error = json_string_value(json_object_get(json, "error"));
	char text[INFLUX_WHY_BYTES];
	struct buf line = buf_over(text, sizeof text - 1);
	if (error)
		buf_printf(&line, "%.250s", error);
	else
		buf_printf(&line, "HTTP %d %.*s", http->code,
			   (int)(http->body.len < 200 ? http->body.len : 200), http->body.ptr);
	text[line.len] = 0;
	influx_why(why, line.len ? text : "no reason given");
	json_decref(json);
}

static enum sink_outcome no_answer(const struct influx_answer *answer, char why[INFLUX_WHY_BYTES])
{
	influx_why(why, answer->why && *answer->why ? answer->why : status_text(answer->status));
	return answer->sent > 0 ? SINK_UNKNOWN : SINK_AWAY;
}

static bool is_later(int code) { return code == 408 || code == 429 || code >= 500; }

/* A database or a policy that was dropped is made again when it is next opened. */
static enum sink_outcome of_words(int code, const char *why)
{
	static const struct {
		const char *words;
		enum sink_outcome outcome;
	} table[] = {
		{ "points beyond retention policy", SINK_DONE },
		{ "field type conflict", SINK_HELD },
		{ "limit exceeded", SINK_HELD }, /* of series, of values of a tag */
		{ "unable to parse", SINK_POISON },
		{ "database not found", SINK_AWAY },
		{ "retention policy not found", SINK_AWAY },
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strstr(why, table[i].words))
			return table[i].outcome;
	if (code == 413)
		return SINK_POISON; /* what is halved may fit */
	return is_later(code) ? SINK_AWAY : SINK_HELD;
}

enum sink_outcome influx_write_verdict(const struct influx_answer *answer,
				       char why[INFLUX_WHY_BYTES])
{
	why[0] = 0;
	if (!answer->http)
		return no_answer(answer, why);
	int code = answer->http->code;
	if (code == 204)
		return SINK_DONE;
	why_of(answer->http, why);
	if (code == 500 && strstr(why, "timeout"))
		return SINK_UNKNOWN; /* it goes on by itself, maybe to the end */
	enum sink_outcome outcome = of_words(code, why);
	if (outcome == SINK_DONE)
		why[0] = 0;
	return outcome;
}

enum sink_outcome influx_ask_verdict(const struct influx_answer *answer, char why[INFLUX_WHY_BYTES])
{
	why[0] = 0;
	if (!answer->http) {
		no_answer(answer, why);
		return SINK_AWAY;
	}
	if (answer->http->code == 200 || answer->http->code == 204)
		return SINK_DONE;
	why_of(answer->http, why);
	enum sink_outcome outcome = of_words(answer->http->code, why);
	return outcome == SINK_AWAY ? SINK_AWAY : SINK_HELD;
}

enum sink_outcome influx_results_verdict(struct str body, const char *but,
					 char why[INFLUX_WHY_BYTES])
{
	json_t *json = json_loadb(body.ptr, body.len, 0, NULL), *result;
	json_t *results = json_object_get(json, "results");
	enum sink_outcome outcome = json_is_array(results) ? SINK_DONE : SINK_HELD;
	size_t i;
	influx_why(why, outcome ? "its answer is none of an InfluxDB's" : "");
	json_array_foreach(results, i, result)
	{
		const char *error = json_string_value(json_object_get(result, "error"));
		if (!error || outcome || (but && strstr(error, but)))
			continue;
		influx_why(why, error);
		outcome = SINK_HELD;
	}
	json_decref(json);
	return outcome;
}

enum status influx_results_count(struct str body, uint64_t *count)
{
	json_t *json = json_loadb(body.ptr, body.len, 0, NULL), *cell = NULL;
	json_t *result = json_array_get(json_object_get(json, "results"), 0);
	json_t *series = json_array_get(json_object_get(result, "series"), 0);
	json_t *row = json_array_get(json_object_get(series, "values"), 0);
	enum status status = json_is_object(result) ? STATUS_OK : STATUS_INVALID;
	uint64_t value = 0;
	if (series) {
		cell = json_array_get(row, 1); /* the first is the time */
		value = (uint64_t)json_integer_value(cell);
		if (!json_is_integer(cell))
			status = STATUS_INVALID;
	}
	json_decref(json);
	if (!status)
		*count = value;
	return status;
}
