#include "feed/rest_verdict.h"

#include "base/check.h"

static const int64_t second_ns = 1000000000;

enum {
	TEXT_MAX = 120,          /* of a venue's message */
	LIMITED_S = 60,          /* 429 that does not say for how long */
	BANNED_S = 2 * 3600,     /* 418 that does not */
	FORBIDDEN_S = 600,       /* 403 */
	RETCODE_LIMITED_S = 5,   /* Bybit's window */
	RETCODE_WAIT_S_MAX = 60, /* a reset further away is somebody's wrong clock */
	WAIT_S_MAX = 3 * 86400,  /* the longest ban there is */
};

/* ---- dates ---- */

static int digits(struct str text, size_t at, size_t count)
{
	int value = 0;
	for (size_t i = at; i < at + count; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		value = value * 10 + (text.ptr[i] - '0');
	}
	return value;
}

static int month_of(struct str text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int month = 0; month < 12; month++)
		if (memcmp(text.ptr + 8, names + (size_t)month * 3, 3) == 0)
			return month + 1;
	return -1;
}

/* Days since 1970-01-01 of the Gregorian calendar, years from March to March so that
 * the leap day comes last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

int64_t rest_parse_date_ms(struct str text)
{
	static const char form[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	if (text.len != sizeof form - 1 || memcmp(text.ptr + 25, form + 25, 4) != 0)
		return -1;
	int day = digits(text, 5, 2), month = month_of(text), year = digits(text, 12, 4);
	int hour = digits(text, 17, 2), minute = digits(text, 20, 2), second = digits(text, 23, 2);
	if (day < 1 || day > 31 || month < 0 || year < 1970 || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 60)
		return -1;
	return (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

/* ---- headers ---- */

static bool header_i64(const struct http_answer *answer, struct str name, int64_t *out)
{
	struct str value = http_answer_header(answer, name);
	int64_t number;
	if (!value.ptr || str_to_i64(value, &number) != STATUS_OK || number < 0)
		return false;
	*out = number;
	return true;
}

static int64_t seconds_ns(int64_t seconds, int64_t most_s)
{
	return (seconds < 1 ? 1 : seconds > most_s ? most_s : seconds) * second_ns;
}

/* Seconds, or a date; at least one second. */
static int64_t retry_after_ns(const struct http_answer *answer, int64_t wall_ms,
			      int64_t otherwise_s)
{
	struct str value = http_answer_header(answer, STR("retry-after"));
	int64_t seconds = otherwise_s;
	int64_t date_ms = value.ptr ? rest_parse_date_ms(value) : -1;
	if (date_ms >= 0)
		seconds = (date_ms - wall_ms + 999) / 1000;
	else
		header_i64(answer, STR("retry-after"), &seconds);
	return seconds_ns(seconds, WAIT_S_MAX);
}

static int64_t bybit_reset_ns(const struct http_answer *answer, int64_t wall_ms)
{
	int64_t reset_ms;
	if (!header_i64(answer, STR("x-bapi-limit-reset-timestamp"), &reset_ms) ||
	    reset_ms <= wall_ms)
		return RETCODE_LIMITED_S * second_ns;
	/* A date is cut to the second: what seems a second away may be two. */
	return seconds_ns(reset_ms / 1000 - wall_ms / 1000 + 1, RETCODE_WAIT_S_MAX);
}

/* The venue's minute ends with its wall clock's; a second is added for a date that was
 * written by another machine than the one that counts. */
static int64_t minute_left_ns(int64_t date_ms)
{
	return date_ms < 0 ? 60 * second_ns : (61 - date_ms / 1000 % 60) * second_ns;
}

/* ---- words of the venue ---- */

static void put_words(struct buf *out, struct str text)
{
	struct str left = text.len > TEXT_MAX ? str_make(text.ptr, TEXT_MAX) : text;
	while (left.len) {
		size_t len = str_utf8_len(left);
		if (!len)
			buf_char(out, '?');
		else if (len == 1 && ((unsigned char)*left.ptr < ' ' || *left.ptr == 0x7f))
			buf_char(out, ' ');
		else
			buf_put(out, left.ptr, len);
		left = str_skip(left, len ? len : 1);
	}
}

struct said { /* {"code":-1121,"msg":"..."}, {"retCode":10001,"retMsg":"..."} */
	bool has_code;
	int64_t code;
	struct str message; /* of the parser */
};

static struct said read_said(struct json *json, struct str body, struct str code,
			     struct str message)
{
	struct said said = { .message = STR("") };
	struct json_value root, member;
	if (json_parse(json, body, &root))
		return said;
	if (json_get(root, code, &member))
		said.has_code = json_as_integer(member, &said.code);
	if (json_get(root, message, &member))
		json_as_string(member, &said.message);
	return said;
}

static void explain(struct rest_verdict *verdict, const char *what, int64_t code,
		    const struct said *said)
{
	struct buf why = buf_over(verdict->why, sizeof verdict->why - 1);
	buf_printf(&why, "%s %lld", what, (long long)code);
	if (said->message.len) {
		buf_str_put(&why, STR(": "));
		put_words(&why, said->message);
	}
	verdict->why[why.len] = 0;
}

static void fail(struct rest_verdict *verdict, enum rest_fate fate, enum status status)
{
	verdict->fate = fate;
	verdict->status = status;
}

static void hold(struct rest_verdict *verdict, enum rest_fate fate, int64_t wait_ns)
{
	fail(verdict, fate, STATUS_REFUSED);
	verdict->wait_ns = wait_ns;
}

static void no_json(struct rest_verdict *verdict)
{
	static const char text[] = "the answer is not the venue's JSON";
	fail(verdict, REST_FATE_AGAIN, STATUS_FORMAT);
	memcpy(verdict->why, text, sizeof text);
}

/* ---- by HTTP code ---- */

enum { BINANCE_TOO_MANY = -1003, BINANCE_BAD_SYMBOL = -1121 };

static void judge_code(enum venue venue, const struct http_answer *answer, const struct said *said,
		       int64_t wall_ms, struct rest_verdict *verdict)
{
	bool is_binance = venue == VENUE_BINANCE && said->has_code;
	explain(verdict, "HTTP", answer->code, said);
	if (answer->code == 418)
		hold(verdict, REST_FATE_BANNED, retry_after_ns(answer, wall_ms, BANNED_S));
	else if (answer->code == 403)
		hold(verdict, REST_FATE_BANNED, retry_after_ns(answer, wall_ms, FORBIDDEN_S));
	else if (answer->code == 429 || (is_binance && said->code == BINANCE_TOO_MANY))
		hold(verdict, REST_FATE_LIMITED, retry_after_ns(answer, wall_ms, LIMITED_S));
	else if (answer->code == 408 || answer->code >= 500)
		fail(verdict, REST_FATE_AGAIN, STATUS_UNAVAILABLE);
	else if (is_binance && said->code == BINANCE_BAD_SYMBOL)
		fail(verdict, REST_FATE_FAILED, STATUS_NOT_FOUND);
	else
		fail(verdict, REST_FATE_FAILED, STATUS_INVALID);
}

/* ---- by Bybit's retCode ---- */

static const struct {
	int64_t code;
	enum rest_fate fate;
	enum status status;
} ret_codes[] = {
	{ 10000, REST_FATE_AGAIN, STATUS_UNAVAILABLE }, /* server timeout */
	{ 10016, REST_FATE_AGAIN, STATUS_UNAVAILABLE }, /* server error, restarting */
	{ 10006, REST_FATE_LIMITED, STATUS_REFUSED },   /* too many visits */
	{ 10018, REST_FATE_LIMITED, STATUS_REFUSED },   /* the address' limit */
	{ 10429, REST_FATE_LIMITED, STATUS_REFUSED },   /* the system's protection */
	{ 10009, REST_FATE_BANNED, STATUS_REFUSED },    /* the address is banned */
	{ 10029, REST_FATE_FAILED, STATUS_NOT_FOUND },  /* the symbol is invalid */
};

static bool mentions_symbol(struct str text)
{
	for (; text.len >= 6; text = str_skip(text, 1))
		if (str_eq_nocase(str_make(text.ptr, 6), STR("symbol")))
			return true;
	return false;
}

static void judge_ret_code(const struct http_answer *answer, const struct said *said,
			   int64_t wall_ms, struct rest_verdict *verdict)
{
	explain(verdict, "retCode", said->code, said);
	fail(verdict, REST_FATE_FAILED,
	     said->code == 10001 && mentions_symbol(said->message) ? STATUS_NOT_FOUND
								   : STATUS_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(ret_codes); i++)
		if (ret_codes[i].code == said->code)
			fail(verdict, ret_codes[i].fate, ret_codes[i].status);
	if (verdict->fate == REST_FATE_LIMITED)
		verdict->wait_ns = bybit_reset_ns(answer, wall_ms);
	else if (verdict->fate == REST_FATE_BANNED)
		verdict->wait_ns = FORBIDDEN_S * second_ns;
}

static void judge_bybit(const struct http_answer *answer, const struct said *said, int64_t wall_ms,
			struct rest_verdict *verdict)
{
	int64_t left;
	if (!said->has_code)
		no_json(verdict);
	else if (said->code != 0)
		judge_ret_code(answer, said, wall_ms, verdict);
	else if (header_i64(answer, STR("x-bapi-limit-status"), &left) && left == 0)
		verdict->wait_ns = bybit_reset_ns(answer, wall_ms);
}

/* Binance's 200 answers are looked at by whoever asked; here only that no portal or
 * firewall says hello in their place. */
static void judge_binance(const struct http_answer *answer, struct rest_verdict *verdict)
{
	struct str body = str_trim(answer->body);
	if (!body.len || (*body.ptr != '{' && *body.ptr != '['))
		no_json(verdict);
}

void rest_judge(struct json *json, enum venue venue, const struct http_answer *answer,
		int64_t wall_ms, struct rest_verdict *verdict)
{
	bool is_bybit = venue == VENUE_BYBIT;
	struct str date = http_answer_header(answer, STR("date"));
	*verdict = (struct rest_verdict){ .used = -1, .date_ms = -1 };
	if (date.ptr)
		verdict->date_ms = rest_parse_date_ms(date);
	if (verdict->date_ms >= 0)
		wall_ms = verdict->date_ms;
	verdict->resets_ns = minute_left_ns(verdict->date_ms);
	if (header_i64(answer, STR("x-mbx-used-weight-1m"), &verdict->used) &&
	    verdict->used > INT32_MAX)
		verdict->used = INT32_MAX; /* the budget adds to it */
	if (answer->code == 200 && !is_bybit)
		return judge_binance(answer, verdict);
	struct said said = is_bybit ? read_said(json, answer->body, STR("retCode"), STR("retMsg"))
				    : read_said(json, answer->body, STR("code"), STR("msg"));
	verdict->code = said.has_code ? said.code : 0;
	if (answer->code == 200)
		judge_bybit(answer, &said, wall_ms, verdict);
	else
		judge_code(venue, answer, &said, wall_ms, verdict);
}

void rest_judge_failure(enum status status, const char *why, struct rest_verdict *verdict)
{
	bool may_mend = status == STATUS_TIMEOUT || status == STATUS_CLOSED;
	struct said said = { .message = str_of(why) };
	struct buf text = buf_over(verdict->why, sizeof verdict->why - 1);
	*verdict = (struct rest_verdict){ .used = -1, .date_ms = -1 };
	fail(verdict, may_mend ? REST_FATE_AGAIN : REST_FATE_FAILED, status);
	put_words(&text, said.message.len ? said.message : str_of(status_text(status)));
	verdict->why[text.len] = 0;
}
