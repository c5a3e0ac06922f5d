#include "ask/asked.h"

#include <ctype.h>

#include "base/check.h"

enum { TIMEFRAME_DEFAULT = 15 };

static const struct {
	int32_t minutes;
	const char *text;
	const char *other; /* also understood, or NULL */
} timeframes[] = {
	{ 1, "1m", NULL },   { 5, "5m", NULL },     { 15, "15m", NULL },   { 30, "30m", NULL },
	{ 60, "60m", "1h" }, { 240, "4h", "240m" }, { 1440, "24h", "1d" },
};

const char *asked_timeframes(void) { return "1m 5m 15m 30m 60m 4h 24h"; }

const char *asked_fault_code(enum fault fault)
{
	static const char *const codes[FAULT_COUNT] = {
		[FAULT_EMPTY] = "empty",
		[FAULT_TOO_LONG] = "too_long",
		[FAULT_CONTROL] = "control_character",
		[FAULT_UNKNOWN_COMMAND] = "unknown_command",
		[FAULT_UNKNOWN_TIMEFRAME] = "unknown_timeframe",
		[FAULT_EXTRA] = "too_many_words",
		[FAULT_UNKNOWN_SYMBOL] = "unknown_symbol",
		[FAULT_NO_PERP] = "no_perpetual",
		[FAULT_UNKNOWN_ACCOUNT] = "unknown_account",
		[FAULT_NO_DATA] = "no_data",
	};
	CHECK(fault < FAULT_COUNT);
	return codes[fault];
}

const char *asked_timeframe_text(int32_t minutes)
{
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(timeframes) && timeframes[i].minutes != minutes)
		i++;
	CHECK(timeframes[i].minutes == minutes);
	return timeframes[i].text;
}

const char *asked_command(enum question question)
{
	const char *name = question_row(question)->name;
	return name[0] == '/' ? name + 1 : name;
}

bool asked_takes_symbol(enum question question)
{
	return strstr(question_row(question)->args, "[SYM]") != NULL;
}

bool asked_takes_timeframe(enum question question)
{
	return strstr(question_row(question)->args, "[TF]") != NULL;
}

bool asked_timeframe_read(struct str word, int32_t *minutes)
{
	for (size_t i = 0; i < ARRAY_LEN(timeframes); i++) {
		if (!str_eq_nocase(word, str_of(timeframes[i].text)) &&
		    !str_eq_nocase(word, str_of(timeframes[i].other)))
			continue;
		*minutes = timeframes[i].minutes;
		return true;
	}
	return false;
}

/* Digits and perhaps a unit: a person who types that means a timeframe, known or
 * not. No asset is called so ("1INCH" is not). */
static bool looks_like_timeframe(struct str word)
{
	size_t digits = 0;
	while (digits < word.len && word.ptr[digits] >= '0' && word.ptr[digits] <= '9')
		digits++;
	struct str unit = str_skip(word, digits);
	return digits && (!unit.len || (unit.len == 1 && strchr("smhdwSMHDW", unit.ptr[0])));
}

/* The word as it may be shown: printable ASCII, cut. */
static void keep_word(struct str word, char *out)
{
	size_t len = word.len < ASKED_WORD_MAX ? word.len : ASKED_WORD_MAX;
	for (size_t i = 0; i < len; i++)
		out[i] = word.ptr[i] > 0x20 && word.ptr[i] < 0x7F ? word.ptr[i] : '?';
	out[len] = 0;
}

/* Ids stay as typed, because their venue and kind are lower case. */
void asked_keep_symbol(struct str word, char *out)
{
	keep_word(word, out);
	if (strchr(out, ':'))
		return;
	for (char *c = out; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

static enum fault check_bytes(struct str text, size_t max)
{
	if (text.len > max)
		return FAULT_TOO_LONG;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
			return FAULT_CONTROL;
	return text.len ? FAULT_NONE : FAULT_EMPTY;
}

/* The next word; len 0 at the end. */
static struct str next_word(struct str *rest)
{
	*rest = str_trim(*rest);
	struct str word = str_make(rest->ptr, str_find_char(*rest, ' '));
	*rest = str_skip(*rest, word.len);
	return word;
}

static enum fault take_word(struct asked *asked, struct str word, bool *symbol, bool *timeframe)
{
	keep_word(word, asked->word);
	if (*timeframe && asked_timeframe_read(word, &asked->minutes)) {
		*timeframe = false;
		return FAULT_NONE;
	}
	if (*symbol && !(*timeframe && looks_like_timeframe(word))) {
		asked_keep_symbol(word, asked->symbol);
		*symbol = false;
		return FAULT_NONE;
	}
	return *timeframe ? FAULT_UNKNOWN_TIMEFRAME : FAULT_EXTRA;
}

/* Whether the word stands in the arguments, as in "[spot|perps] [volume|oi]". */
static bool is_listed(enum question question, const char *word)
{
	struct str rest = str_of(question_row(question)->args);
	while (rest.len) {
		size_t len = 0;
		while (len < rest.len && !strchr("[]| ", rest.ptr[len]))
			len++;
		if (str_eq(str_make(rest.ptr, len), str_of(word)))
			return true;
		rest = str_skip(rest, len + 1);
	}
	return false;
}

/* A word of a fixed list. Each choice is made once: *made is a bit for each list. */
static bool take_choice(struct asked *asked, struct str word, unsigned *made)
{
	enum { OF_KIND = 1, OF_ORDER = 2, OF_ACTION = 4 };
	static const struct {
		const char *word, *listed; /* as typed; as in the arguments */
		unsigned of;
		enum kind kind;
		bool by_oi;
	} choices[] = {
		{ "spot", "spot", OF_KIND, KIND_SPOT, false },
		{ "perps", "perps", OF_KIND, KIND_PERP, false },
		{ "perp", "perps", OF_KIND, KIND_PERP, false },
		{ "volume", "volume", OF_ORDER, KIND_COUNT, false },
		{ "oi", "oi", OF_ORDER, KIND_COUNT, true },
		{ "list", "list", OF_ACTION, KIND_COUNT, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		if (!str_eq_nocase(word, str_of(choices[i].word)) || (*made & choices[i].of) ||
		    !is_listed(asked->question, choices[i].listed))
			continue;
		*made |= choices[i].of;
		if (choices[i].of == OF_KIND)
			asked->kind = (uint8_t)choices[i].kind;
		asked->by_oi |= choices[i].by_oi;
		return true;
	}
	return false;
}

static enum fault take_words(struct asked *asked, struct str rest)
{
	bool symbol = asked_takes_symbol(asked->question);
	bool timeframe = asked_takes_timeframe(asked->question);
	bool account = strstr(question_row(asked->question)->args, "NAME]") != NULL;
	unsigned choices = 0;
	for (;;) {
		struct str word = next_word(&rest);
		if (!word.len)
			return FAULT_NONE;
		if (take_choice(asked, word, &choices))
			continue;
		if (account && !asked->account[0]) {
			keep_word(word, asked->account);
			continue;
		}
		enum fault fault = take_word(asked, word, &symbol, &timeframe);
		if (fault)
			return fault;
	}
}

enum fault asked_parse(struct str text, size_t max, struct str symbol_default, struct asked *out)
{
	*out = (struct asked){ .question = QUESTION_COUNT, .kind = KIND_COUNT };
	text = str_trim(text);
	enum fault fault = check_bytes(text, max);
	if (fault)
		return fault;
	struct str command = next_word(&text);
	command.len = str_find_char(command, '@'); /* "/cvd@weir_bot", as in groups */
	keep_word(command, out->word);
	out->question = question_find(command);
	if (out->question == QUESTION_COUNT)
		return FAULT_UNKNOWN_COMMAND;
	if (asked_takes_symbol(out->question))
		asked_keep_symbol(symbol_default, out->symbol);
	if (asked_takes_timeframe(out->question))
		out->minutes = TIMEFRAME_DEFAULT;
	if (out->question == QUESTION_alerts) {
		out->rest = str_trim(text);
		keep_word(next_word(&text), out->word);
		return FAULT_NONE;
	}
	return take_words(out, text);
}
