#include <stdlib.h>

#include "base/check.h"
#include "feed/rest_verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int codes[] = { 200, 200, 429, 418, 403, 400, 503, 302 };

/* "name: value" lines up to an empty one. */
static void take_headers(struct str *rest, struct http_header *headers, size_t *count)
{
	struct str line, name;
	while (str_split(rest, '\n', &line) && line.len && *count < HTTP_HEADERS_MAX) {
		struct str value = line;
		if (!str_split(&value, ':', &name))
			continue;
		headers[*count].name = name;
		headers[(*count)++].value = str_trim(value.ptr ? value : STR(""));
	}
}

static void check(const struct rest_verdict *verdict)
{
	CHECK(verdict->wait_ns >= 0 && verdict->wait_ns <= 3 * 86400 * 1000000000LL);
	CHECK(verdict->used >= -1 && verdict->used <= INT32_MAX);
	CHECK(verdict->resets_ns > 0 && verdict->resets_ns <= 61 * 1000000000LL);
	CHECK((verdict->fate == REST_FATE_TAKEN) == (verdict->status == STATUS_OK));
	CHECK((verdict->fate == REST_FATE_TAKEN) == (verdict->why[0] == 0));
	bool waits = verdict->fate == REST_FATE_LIMITED || verdict->fate == REST_FATE_BANNED;
	CHECK(!waits || verdict->wait_ns > 0);
	for (const char *at = verdict->why; *at; at++)
		CHECK((unsigned char)*at >= ' ');
}

/* Whatever a venue answers, the verdict is one that a rest can act on. The first byte
 * is the venue and the HTTP code; then headers, an empty line, the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json *json;
	struct http_header headers[HTTP_HEADERS_MAX];
	struct http_answer answer = { .headers = headers };
	struct rest_verdict verdict;
	if (!json)
		json = json_create(64 * 1024);
	CHECK(json);
	if (size == 0)
		return 0;
	struct str rest = str_make((const char *)data + 1, size - 1);
	take_headers(&rest, headers, &answer.n_headers);
	char *body = calloc(1, rest.len + HTTP_PADDING); /* so that asan sees an overrun */
	CHECK(body);
	if (rest.len)
		memcpy(body, rest.ptr, rest.len);
	answer.body = str_make(body, rest.len);
	answer.code = codes[data[0] % ARRAY_LEN(codes)];
	rest_judge(json, data[0] & 8 ? VENUE_BYBIT : VENUE_BINANCE, &answer, 1700000000000,
		   &verdict);
	check(&verdict);
	rest_judge_failure(data[0] & 16 ? STATUS_TIMEOUT : STATUS_RANGE, body, &verdict);
	CHECK(verdict.fate != REST_FATE_TAKEN && verdict.why[0]);
	free(body);
	return 0;
}
