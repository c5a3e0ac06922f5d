/* Rules as people write them, read and written. */
#include "rules/rule_text.h"

#include <ctype.h>

#include "base/check.h"
#include "base/suggest.h"
#include "fleet/fleet.h"

enum {
	SHOWN_MAX = 40,
	MINUTE = 60000,
	VOLUME_MINUTES_MAX = 60, /* 72 h hold the bars that a baseline needs */
};

static const struct {
	const char *text, *other;
	int32_t minutes;
} timeframes[] = {
	{ "1m", "1m", 1 },   { "5m", "5m", 5 },     { "15m", "15m", 15 },  { "30m", "30m", 30 },
	{ "60m", "1h", 60 }, { "4h", "240m", 240 }, { "24h", "1d", 1440 },
};

static const struct {
	const char *text, *word;
} ops[] = {
	[RULE_ABOVE] = { ">", "above" },
	[RULE_FROM] = { ">=", "" },
	[RULE_BELOW] = { "<", "below" },
	[RULE_TO] = { "<=", "" },
};

/* What is being read. `seen` is what must not come twice. */
struct reading {
	struct str rest;
	struct rule_spec spec;
	bool op, once, every, max;
	struct err *err;
	char shown[SHOWN_MAX + 4]; /* a word for an error */
};

/* ---- words ---- */

static bool is_op(char c) { return c == '<' || c == '>'; }

/* The next word, or sign; empty at the end. */
static struct str peek(struct reading *reading)
{
	struct str rest = reading->rest = str_trim(reading->rest);
	size_t len = 0;
	if (rest.len && is_op(rest.ptr[0]))
		return str_make(rest.ptr, rest.len > 1 && rest.ptr[1] == '=' ? 2 : 1);
	while (len < rest.len && rest.ptr[len] != ' ' && !is_op(rest.ptr[len]))
		len++;
	return str_make(rest.ptr, len);
}

static struct str next(struct reading *reading)
{
	struct str word = peek(reading);
	reading->rest = str_skip(reading->rest, word.len);
	return word;
}

/* As it may be shown: printable ASCII, cut. */
static const char *shown(struct reading *reading, struct str word)
{
	size_t len = word.len < SHOWN_MAX ? word.len : SHOWN_MAX;
	for (size_t i = 0; i < len; i++)
		reading->shown[i] = word.ptr[i] > 0x20 && word.ptr[i] < 0x7F ? word.ptr[i] : '?';
	memcpy(reading->shown + len, word.len > len ? "..." : "", word.len > len ? 4 : 1);
	return reading->shown;
}

static enum status wrong(struct reading *reading, const char *format, struct str word)
    __attribute__((format(printf, 2, 0)));

/* format has one %s: the word. */
static enum status wrong(struct reading *reading, const char *format, struct str word)
{
	_Pragma("GCC diagnostic push")
	    _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"") return err_set(
		reading->err, STATUS_USAGE, format, shown(reading, word));
	_Pragma("GCC diagnostic pop")
}

/* ---- terminals ---- */

static void event_word(int32_t event, char out[16])
{
	const char *name = event == RULE_EVENT_SUSPECT ? "suspect"
			   : event == RULE_EVENT_ANY
			       ? "any"
			       : instance_state_text((enum instance_state)event);
	size_t len = 0;
	for (; name[len] && len < 15; len++)
		out[len] = (char)tolower((unsigned char)name[len]);
	out[len] = 0;
}

static bool event_find(struct str word, int32_t *event)
{
	static const int32_t others[] = { RULE_EVENT_SUSPECT, RULE_EVENT_ANY };
	for (int32_t i = 0; i < (int32_t)(INSTANCE_STATES + ARRAY_LEN(others)); i++) {
		char name[16];
		*event = i < (int32_t)INSTANCE_STATES ? i : others[i - (int32_t)INSTANCE_STATES];
		event_word(*event, name);
		if (str_eq_nocase(word, str_of(name)))
			return true;
	}
	return false;
}

void rule_print_event(struct buf *out, int32_t event)
{
	char word[16];
	event_word(event, word);
	buf_str_put(out, str_of(word));
}

/* ---- numbers and times ---- */

static bool times(struct decimal *number, int32_t zeros)
{
	for (; zeros > 0; zeros--) {
		if (number->scale > 0)
			number->scale--;
		else if (__builtin_mul_overflow(number->mantissa, INT64_C(10), &number->mantissa))
			return false;
	}
	return true;
}

static enum status read_number(struct reading *reading)
{
	const struct rule_metric_row *row = rule_metric_row(reading->spec.metric);
	struct str word = next(reading), text = word;
	struct decimal number;
	int32_t zeros = 0;
	bool percent = text.len && text.ptr[text.len - 1] == '%';
	if (!word.len)
		return err_set(reading->err, STATUS_USAGE,
			       "A number is missing behind the sign, as in '> 70000'.");
	text.len -= percent;
	char last = text.len ? (char)tolower((unsigned char)text.ptr[text.len - 1]) : 0;
	zeros = last == 'k' ? 3 : last == 'm' ? 6 : 0;
	text.len -= zeros > 0;
	enum status status = decimal_parse(text, &number);
	if (status == STATUS_FORMAT)
		return wrong(reading, "'%s' is not a number: write 70000, 0.05 or 1.5m.", word);
	if (status || !times(&number, zeros))
		return wrong(reading, "'%s' has too many digits.", word);
	if (!percent && row->unit[0] && str_eq_nocase(peek(reading), str_of(row->unit)))
		next(reading);
	if (percent && strcmp(row->unit, "%") != 0)
		return wrong(reading, "'%s': this is not watched in percent.", word);
	i128 one = decimal_pow10(number.scale);
	if (number.mantissa < row->least * one || number.mantissa > row->most * one)
		return err_set(
		    reading->err, STATUS_USAGE, "'%s' is out of range: %s takes %lld to %lld%s%s.",
		    shown(reading, word), row->word, (long long)row->least, (long long)row->most,
		    row->unit[0] ? " " : "", strcmp(row->unit, "base") == 0 ? "units" : row->unit);
	reading->spec.threshold = number;
	return STATUS_OK;
}

int64_t rule_time_ms(struct str word)
{
	int64_t count, unit;
	if (word.len < 2 || word.ptr[0] == '+')
		return 0;
	switch (word.ptr[word.len - 1]) {
	case 'm':
	case 'M': unit = MINUTE; break;
	case 'h':
	case 'H': unit = 60 * MINUTE; break;
	case 'd':
	case 'D': unit = (int64_t)24 * 60 * MINUTE; break;
	default: return 0;
	}
	if (str_to_i64(str_make(word.ptr, word.len - 1), &count) || count < 1 ||
	    count > RULE_COOLDOWN_MS_MAX / unit)
		return 0;
	return count * unit;
}

/* ---- what follows the metric ---- */

static enum status read_op(struct reading *reading, struct str word)
{
	const struct rule_metric_row *row = rule_metric_row(reading->spec.metric);
	size_t op = 0;
	while (!str_eq(word, str_of(ops[op].text)) && !str_eq_nocase(word, str_of(ops[op].word)))
		op++;
	if (reading->spec.metric == RULE_terminal)
		return err_set(reading->err, STATUS_USAGE,
			       "What a terminal does has no size: leave the condition out.");
	if (reading->op)
		return err_set(reading->err, STATUS_USAGE,
			       "There are two conditions: a rule has one.");
	if (row->kind == RULE_EVENT && (op == RULE_BELOW || op == RULE_TO))
		return err_set(reading->err, STATUS_USAGE,
			       "A %s is told when it is beyond a size: use > or >=.", row->word);
	reading->op = true;
	reading->spec.op = (enum rule_op)op;
	return read_number(reading);
}

static bool is_op_word(struct str word)
{
	return word.len && (is_op(word.ptr[0]) || str_eq_nocase(word, STR("above")) ||
			    str_eq_nocase(word, STR("below")));
}

static enum status read_every(struct reading *reading)
{
	struct str word = next(reading);
	reading->spec.cooldown_ms = rule_time_ms(word);
	if (!reading->spec.cooldown_ms)
		return wrong(reading, "'every %s': write a time of 1m to 7d, as 15m, 4h or 1d.",
			     word);
	return STATUS_OK;
}

static enum status read_max(struct reading *reading)
{
	struct str word = next(reading);
	int64_t cap;
	if (str_to_i64(word, &cap) || cap < 1 || cap > RULE_CAP_MAX)
		return wrong(reading, "'max %s': write how often a day, 1 to 1000.", word);
	reading->spec.cap = (uint32_t)cap;
	return STATUS_OK;
}

static enum status read_tail(struct reading *reading)
{
	enum status status = STATUS_OK;
	for (struct str word = next(reading); word.len && !status; word = next(reading)) {
		if (is_op_word(word)) {
			status = read_op(reading, word);
		} else if (str_eq_nocase(word, STR("once")) && !reading->once) {
			reading->once = reading->spec.once = true;
			reading->spec.cooldown_ms = RULE_COOLDOWN_MS;
		} else if (str_eq_nocase(word, STR("every")) && !reading->every) {
			reading->every = true;
			reading->spec.once = false;
			status = read_every(reading);
		} else if (str_eq_nocase(word, STR("max")) && !reading->max) {
			reading->max = true;
			status = read_max(reading);
		} else {
			status = wrong(reading,
				       "'%s' is not understood here: a condition (> 70000), "
				       "once, every TIME or max N may follow.",
				       word);
		}
		if (status)
			return status;
	}
	if (reading->once && reading->every)
		return err_set(reading->err, STATUS_USAGE, "Either once or every TIME: not both.");
	return STATUS_OK;
}

/* ---- what comes first ---- */

static int32_t timeframe_of(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(timeframes); i++)
		if (str_eq_nocase(word, str_of(timeframes[i].text)) ||
		    str_eq_nocase(word, str_of(timeframes[i].other)))
			return timeframes[i].minutes;
	return 0;
}

static bool looks_like_timeframe(struct str word)
{
	return word.len > 1 && isdigit((unsigned char)word.ptr[0]) &&
	       strchr("smhdwSMHDW", word.ptr[word.len - 1]);
}

static enum status read_subject(struct reading *reading)
{
	struct str word = next(reading);
	if (!word.len)
		return err_set(reading->err, STATUS_USAGE,
			       "What is to be watched? For example: BTC price > 70000");
	if (word.len > RULE_SUBJECT_MAX)
		return wrong(reading, "'%s' is too long for a name.", word);
	for (size_t i = 0; i < word.len; i++)
		if (!isalnum((unsigned char)word.ptr[i]) && !strchr(":._-", word.ptr[i]))
			return wrong(reading,
				     "'%s' is not a name: begin with a symbol or a terminal, "
				     "as in 'BTC price > 70000'.",
				     word);
	memcpy(reading->spec.subject, word.ptr, word.len);
	return STATUS_OK;
}

void rule_print_words(struct buf *out)
{
	for (enum rule_metric metric = 0; metric < RULE_terminal; metric++)
		buf_printf(out, "%s%s", metric ? ", " : "", rule_metric_row(metric)->word);
	buf_str_put(out, STR("; of a terminal "));
	for (int32_t event = 0; event < (int32_t)INSTANCE_STATES; event++) {
		rule_print_event(out, event);
		buf_str_put(out, STR(", "));
	}
	buf_str_put(out, STR("suspect or any"));
}

static enum status unknown_metric(struct reading *reading, struct str word)
{
	char storage[320];
	struct buf text = buf_over(storage, sizeof storage);
	struct suggest suggest = suggest_for(word);
	for (enum rule_metric metric = 0; metric < RULE_terminal; metric++)
		suggest_offer(&suggest, str_of(rule_metric_row(metric)->word));
	if (word.len)
		buf_printf(&text, "'%s' cannot be watched", shown(reading, word));
	else
		buf_printf(&text, "What of %s?", reading->spec.subject);
	size_t before = text.len;
	if (word.len)
		suggest_print(&text, &suggest);
	if (word.len && text.len == before)
		buf_char(&text, '.');
	buf_str_put(&text, STR(" Use "));
	rule_print_words(&text);
	return err_set(reading->err, STATUS_USAGE, "%.*s.", (int)text.len, text.ptr);
}

static enum status read_metric(struct reading *reading)
{
	struct rule_spec *spec = &reading->spec;
	struct str word = next(reading);
	spec->metric = rule_metric_find(word);
	if (spec->metric < RULE_METRICS)
		return STATUS_OK;
	if (!event_find(word, &spec->event))
		return unknown_metric(reading, word);
	spec->metric = RULE_terminal;
	return STATUS_OK;
}

static enum status read_timeframe(struct reading *reading)
{
	struct rule_spec *spec = &reading->spec;
	const struct rule_metric_row *row = rule_metric_row(spec->metric);
	struct str word = peek(reading);
	spec->minutes = row->timeframe;
	if (!looks_like_timeframe(word))
		return STATUS_OK;
	next(reading);
	if (!row->timeframe)
		return wrong(reading, "'%s': no timeframe is taken here.", word);
	spec->minutes = timeframe_of(word);
	if (!spec->minutes)
		return wrong(reading,
			     "Unknown timeframe '%s': use one of 1m 5m 15m 30m 60m 4h 24h.", word);
	if (spec->metric == RULE_volume && spec->minutes > VOLUME_MINUTES_MAX)
		return wrong(reading,
			     "'%s' is too long: what is usual is known of bars of 1m to 60m.",
			     word);
	return STATUS_OK;
}

/* Ids of markets and of terminals stay as typed; `all` terminals are written small. */
static void settle_subject(struct rule_spec *spec)
{
	bool raise = spec->metric != RULE_terminal && !strchr(spec->subject, ':');
	for (char *c = spec->subject; raise && *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (spec->metric == RULE_terminal && str_eq_nocase(str_of(spec->subject), STR("all")))
		memcpy(spec->subject, "all", 3);
}

static enum status read_preset(struct reading *reading)
{
	const struct rule_metric_row *row = rule_metric_row(reading->spec.metric);
	if (reading->op || reading->spec.metric == RULE_terminal)
		return STATUS_OK;
	if (!row->preset[0])
		return err_set(reading->err, STATUS_USAGE,
			       "A condition is missing: write %s %s > NUMBER, or <.",
			       reading->spec.subject, row->word);
	reading->rest = str_of(row->preset);
	return read_tail(reading);
}

static enum status read_all(struct reading *reading)
{
	reading->spec = (struct rule_spec){ .cooldown_ms = RULE_COOLDOWN_MS, .cap = RULE_CAP };
	enum status status = read_subject(reading);
	if (!status)
		status = read_metric(reading);
	if (status)
		return status;
	settle_subject(&reading->spec);
	if ((status = read_timeframe(reading)))
		return status;
	if (reading->spec.metric == RULE_volume && str_eq_nocase(peek(reading), STR("spike")))
		next(reading);
	status = read_tail(reading);
	return status ? status : read_preset(reading);
}

static enum status too_long(struct err *err)
{
	return err_set(err, STATUS_USAGE, "A rule has at most %d characters.", RULE_TEXT_MAX);
}

enum status rule_parse(struct str text, struct rule_spec *out, struct err *err)
{
	struct reading reading = { .rest = text, .err = err };
	if (text.len > RULE_TEXT_MAX)
		return too_long(err);
	enum status status = read_all(&reading);
	if (!status)
		*out = reading.spec;
	return status;
}

enum status rule_parse_change(struct str text, struct rule_spec *spec, struct err *err)
{
	struct reading reading = { .rest = text, .spec = *spec, .err = err };
	if (text.len > RULE_TEXT_MAX)
		return too_long(err);
	struct str word = peek(&reading);
	bool part = is_op_word(word) || str_eq_nocase(word, STR("once")) ||
		    str_eq_nocase(word, STR("every")) || str_eq_nocase(word, STR("max"));
	if (!word.len)
		return err_set(err, STATUS_USAGE,
			       "What is to change? For example: > 71000, once, every 1h, max 5");
	enum status status = part ? read_tail(&reading) : read_all(&reading);
	if (!status)
		*spec = reading.spec;
	return status;
}

/* ---- out ---- */

const char *rule_timeframe_text(int32_t minutes)
{
	for (size_t i = 0; i < ARRAY_LEN(timeframes); i++)
		if (timeframes[i].minutes == minutes)
			return timeframes[i].text;
	CHECK(!"a timeframe of the table");
	return "";
}

void rule_print_threshold(struct buf *out, const struct rule_spec *spec)
{
	buf_str_put(out, str_of(ops[spec->op].text));
	buf_char(out, ' ');
	decimal_print_trim(out, spec->threshold.mantissa, spec->threshold.scale);
	if (strcmp(rule_metric_row(spec->metric)->unit, "%") == 0)
		buf_str_put(out, STR(" %"));
}

void rule_print_subject(struct buf *out, const struct rule_spec *spec)
{
	buf_str_put(out, str_of(spec->subject));
	buf_char(out, ' ');
	if (spec->metric == RULE_terminal)
		rule_print_event(out, spec->event);
	else
		buf_str_put(out, str_of(rule_metric_row(spec->metric)->word));
	if (!spec->minutes)
		return;
	buf_char(out, ' ');
	buf_str_put(out, str_of(rule_timeframe_text(spec->minutes)));
}

void rule_print_condition(struct buf *out, const struct rule_spec *spec)
{
	bool any = spec->metric == RULE_cascade && spec->threshold.mantissa == 0;
	rule_print_subject(out, spec);
	if (spec->metric == RULE_terminal || (any && spec->op == RULE_FROM))
		return;
	buf_char(out, ' ');
	rule_print_threshold(out, spec);
}

void rule_print_time(struct buf *out, int64_t ms)
{
	int64_t minutes = ms / MINUTE;
	if (minutes % 1440 == 0)
		buf_printf(out, "%lldd", (long long)(minutes / 1440));
	else if (minutes % 60 == 0)
		buf_printf(out, "%lldh", (long long)(minutes / 60));
	else
		buf_printf(out, "%lldm", (long long)minutes);
}

void rule_print(struct buf *out, const struct rule_spec *spec)
{
	rule_print_condition(out, spec);
	if (spec->once)
		buf_str_put(out, STR(" once"));
	if (!spec->once && spec->cooldown_ms != RULE_COOLDOWN_MS) {
		buf_str_put(out, STR(" every "));
		rule_print_time(out, spec->cooldown_ms);
	}
	if (spec->cap != RULE_CAP)
		buf_printf(out, " max %u", spec->cap);
}
