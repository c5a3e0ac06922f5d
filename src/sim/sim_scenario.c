#include "sim/sim_scenario.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"
#include "base/suggest.h"
#include "def/ini.h"

enum type {
	TYPE_SPAN,
	TYPE_RATE,
	TYPE_SHARE,
	TYPE_COUNT,
	TYPE_REAL,
	TYPE_SWITCH,
	TYPE_WORD,
	TYPE_TEXT
};

static const char *const type_names[] = { "span", "rate",   "share", "count",
					  "real", "switch", "word",  "text" };

struct key {
	const char *section, *key;
	enum type type;
	const char *preset;
	double min, max;
	size_t offset; /* in struct sim_settings */
	const char *meaning;
};

static const struct key keys[] = {
#define SIM(section, key, type, preset, min, max, meaning)                                         \
	{                                                                                          \
		#section, #key, TYPE_##type, preset, min, max, offsetof(struct sim_settings, key), \
		meaning                                                                            \
	},
#include "sim/sim_scenario.def"
#undef SIM
};

union value {
	int64_t whole;
	double real;
	const char *text;
};

/* Who a line is for. */
struct selector {
	bool everybody;
	double share; /* used where list is empty */
	struct str list;
};

struct line {
	size_t key;
	union value value;
	struct selector selector;
};

struct sim_scenario {
	char *text;    /* own copy: what values and lists point into */
	char *storage; /* of NUL-terminated texts */
	size_t stored;
	size_t count;
	struct line lines[SIM_SCENARIO_LINES_MAX];
	union value presets[ARRAY_LEN(keys)];
};

/* ---- values ---- */

static enum status parse_real(struct str text, double *out)
{
	struct decimal number;
	enum status status = decimal_parse(text, &number);
	if (!status)
		*out = decimal_to_double(number.mantissa, number.scale);
	return status;
}

/* The number before a unit, and the unit. */
static enum status split_unit(struct str text, double *number, struct str *unit)
{
	size_t n = 0;
	while (n < text.len && (text.ptr[n] == '-' || text.ptr[n] == '.' ||
				(text.ptr[n] >= '0' && text.ptr[n] <= '9')))
		n++;
	*unit = str_skip(text, n);
	return parse_real(str_make(text.ptr, n), number);
}

struct unit {
	const char *text;
	double factor;
};

static const struct unit spans[] = { { "ms", 1e6 },   { "s", 1e9 },     { "m", 60e9 },
				     { "h", 3600e9 }, { "d", 86400e9 }, { NULL, 0 } };
static const struct unit rates[] = {
	{ "/s", 1 }, { "/m", 1.0 / 60 }, { "/h", 1.0 / 3600 }, { "/d", 1.0 / 86400 }, { NULL, 0 }
};
static const struct unit shares[] = { { "", 1 }, { "%", 0.01 }, { NULL, 0 } };

static enum status parse_in(struct str text, const struct unit *units, bool bare_zero, double *out)
{
	struct str unit;
	double number;
	enum status status = split_unit(text, &number, &unit);
	if (status)
		return status;
	for (; units->text; units++)
		if (str_eq(unit, str_of(units->text))) {
			*out = number * units->factor;
			return STATUS_OK;
		}
	if (!bare_zero || unit.len || number != 0)
		return STATUS_FORMAT;
	*out = 0;
	return STATUS_OK;
}

static enum status parse_word(struct str text, const char *words, int64_t *out)
{
	struct str rest = str_of(words), word;
	for (int64_t i = 0; str_split(&rest, ' ', &word); i++)
		if (str_eq(word, text)) {
			*out = i;
			return STATUS_OK;
		}
	return STATUS_INVALID;
}

/* What a value of this type looks like, for the one line of an error. */
static const char *type_form(enum type type)
{
	switch (type) {
	case TYPE_SPAN: return "a length of time as 50ms, 10s, 3m, 2h";
	case TYPE_RATE: return "a rate as 10/s, 6/m, 0.5/h";
	case TYPE_SHARE: return "a share as 5% or 0.05";
	case TYPE_COUNT: return "a whole number";
	case TYPE_REAL: return "a number";
	case TYPE_SWITCH: return "yes or no";
	default: return "a text";
	}
}

static enum status parse_number(const struct key *key, struct str text, double *real)
{
	int64_t whole = 0;
	enum status status = STATUS_OK;
	switch (key->type) {
	case TYPE_SPAN: return parse_in(text, spans, true, real);
	case TYPE_RATE: return parse_in(text, rates, true, real);
	case TYPE_SHARE: return parse_in(text, shares, true, real);
	case TYPE_REAL: return parse_real(text, real);
	default:
		status = str_to_i64(text, &whole);
		*real = (double)whole;
		return status;
	}
}

static const char *keep_text(struct sim_scenario *scenario, struct str text)
{
	char *at = scenario->storage + scenario->stored;
	memcpy(at, text.ptr, text.len);
	at[text.len] = 0;
	scenario->stored += text.len + 1;
	return at;
}

static enum status parse_value(struct sim_scenario *scenario, const struct key *key,
			       struct str text, union value *out, struct err *err)
{
	double real;
	switch (key->type) {
	case TYPE_TEXT: out->text = keep_text(scenario, text); return STATUS_OK;
	case TYPE_WORD:
		if (parse_word(text, key->preset, &out->whole) == STATUS_OK)
			return STATUS_OK;
		return err_set(err, STATUS_INVALID, "'%.*s' is not one of: %s", STR_ARG(text),
			       key->preset);
	case TYPE_SWITCH:
		if (parse_word(text, "no yes", &out->whole) == STATUS_OK)
			return STATUS_OK;
		break;
	default:
		if (parse_number(key, text, &real))
			break;
		if (real < key->min || real > key->max)
			return err_set(err, STATUS_RANGE, "'%.*s' is out of range", STR_ARG(text));
		if (key->type == TYPE_SPAN || key->type == TYPE_COUNT)
			out->whole = (int64_t)real;
		else
			out->real = real;
		return STATUS_OK;
	}
	return err_set(err, STATUS_INVALID, "'%.*s' is not %s", STR_ARG(text),
		       type_form(key->type));
}

/* "… @ 10%" or "… @ a,b": takes the end off *value. */
static enum status parse_selector(struct str *value, struct selector *selector, struct err *err)
{
	size_t at = str_find_char(*value, '@');
	*selector = (struct selector){ .everybody = at == value->len };
	if (selector->everybody)
		return STATUS_OK;
	struct str who = str_trim(str_skip(*value, at + 1));
	*value = str_trim(str_make(value->ptr, at));
	if (who.len == 0)
		return err_set(err, STATUS_INVALID,
			       "a share or a list of terminals has to follow @");
	if (who.ptr[who.len - 1] != '%') {
		selector->list = who;
		return STATUS_OK;
	}
	if (parse_in(who, shares, false, &selector->share) || selector->share <= 0 ||
	    selector->share > 1)
		return err_set(err, STATUS_INVALID, "'%.*s' is not a share of 100%%", STR_ARG(who));
	return STATUS_OK;
}

/* ---- the text ---- */

static enum status find_key(struct str section, struct str name, size_t *found, struct err *err)
{
	struct suggest suggest = suggest_for(name);
	char storage[128] = "";
	struct buf hint = buf_over(storage, sizeof storage - 1);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!str_eq(section, str_of(keys[i].section)))
			continue;
		if (str_eq(name, str_of(keys[i].key))) {
			*found = i;
			return STATUS_OK;
		}
		suggest_offer(&suggest, str_of(keys[i].key));
	}
	suggest_print(&hint, &suggest);
	return err_set(err, STATUS_INVALID, "no key '%.*s' in [%.*s]%.*s", STR_ARG(name),
		       STR_ARG(section), STR_ARG(buf_str(&hint)));
}

static enum status take_section(struct str name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq(name, str_of(keys[i].section)))
			return STATUS_OK;
	return err_set(err, STATUS_INVALID, "no section [%.*s]: terminal, broker or trouble",
		       STR_ARG(name));
}

static enum status take_entry(struct sim_scenario *scenario, struct str section,
			      const struct ini_item *item, struct err *err)
{
	/* A quoted value lives in the reader only until the next line. */
	struct str value = str_of(keep_text(scenario, item->value));
	struct line *line = &scenario->lines[scenario->count];
	enum status status;
	if (section.len == 0)
		return err_set(err, STATUS_INVALID, "a key before the first [section]");
	if (scenario->count == SIM_SCENARIO_LINES_MAX)
		return err_set(err, STATUS_FULL, "more than %d lines", SIM_SCENARIO_LINES_MAX);
	if ((status = find_key(section, item->name, &line->key, err)) ||
	    (status = parse_selector(&value, &line->selector, err)) ||
	    (status = parse_value(scenario, &keys[line->key], value, &line->value, err)))
		return status;
	scenario->count++;
	return STATUS_OK;
}

static enum status parse(struct sim_scenario *scenario, struct str text, const char *name,
			 struct err *err)
{
	struct ini ini;
	struct str section = { 0 };
	ini_init(&ini, text);
	for (;;) {
		struct ini_item item = ini_next(&ini);
		enum status status = STATUS_OK;
		switch (item.kind) {
		case INI_END: return STATUS_OK;
		case INI_BAD: status = err_set(err, STATUS_FORMAT, "%s", item.why); break;
		case INI_SECTION:
			section = item.name;
			status = take_section(section, err);
			break;
		case INI_ENTRY: status = take_entry(scenario, section, &item, err); break;
		}
		if (status)
			return err_wrap(err, status, "%s:%u:%u", name, item.line, item.column);
	}
}

/* A preset that its own row refuses is a mistake in the table. */
static void set_presets(struct sim_scenario *scenario)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct str preset = str_of(keys[i].preset);
		if (keys[i].type == TYPE_WORD)
			preset.len = str_find_char(preset, ' ');
		enum status status =
		    parse_value(scenario, &keys[i], preset, &scenario->presets[i], NULL);
		CHECK(status == STATUS_OK);
	}
}

enum status sim_scenario_parse(struct str text, const char *name, struct sim_scenario **out,
			       struct err *err)
{
	if (text.len > SIM_SCENARIO_BYTES_MAX)
		return err_set(err, STATUS_RANGE, "%s: more than %d bytes", name,
			       SIM_SCENARIO_BYTES_MAX);
	/* Each value is kept whole and once more as a text; the presets' texts are empty. */
	size_t room = 2 * text.len + 2 * SIM_SCENARIO_LINES_MAX + 2 * ARRAY_LEN(keys) + 2;
	struct sim_scenario *scenario = calloc(1, sizeof *scenario);
	if (scenario) {
		scenario->text = malloc(text.len + 1);
		scenario->storage = malloc(room);
	}
	if (!scenario || !scenario->text || !scenario->storage) {
		sim_scenario_destroy(scenario);
		return err_set(err, STATUS_NO_MEMORY, "%s: out of memory", name);
	}
	if (text.len)
		memcpy(scenario->text, text.ptr, text.len);
	set_presets(scenario);
	enum status status = parse(scenario, str_make(scenario->text, text.len), name, err);
	if (status) {
		sim_scenario_destroy(scenario);
		return status;
	}
	*out = scenario;
	return STATUS_OK;
}

void sim_scenario_destroy(struct sim_scenario *scenario)
{
	if (!scenario)
		return;
	free(scenario->text);
	free(scenario->storage);
	free(scenario);
}

/* ---- who ---- */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* The place of `index` in an order of all terminals that the seed and the key choose:
 * the first of them are the share. Exact for every count, which drawing lots is not. */
static uint64_t rank_of(uint64_t seed, size_t key, size_t index, size_t count)
{
	char bytes[16];
	uint64_t number = key;
	memcpy(bytes, &seed, sizeof seed);
	memcpy(bytes + sizeof seed, &number, sizeof number);
	uint64_t hash = str_hash(str_make(bytes, sizeof bytes));
	uint64_t step = (hash & 0xFFFFFFFF) % count + 1;
	while (gcd(step, count) != 1)
		step++;
	return (index * step + (hash >> 32)) % count;
}

static bool is_listed(struct str list, struct str id)
{
	struct str name;
	while (str_split(&list, ',', &name))
		if (str_eq(str_trim(name), id))
			return true;
	return false;
}

static bool is_selected(const struct line *line, uint64_t seed, size_t index, size_t count,
			struct str id)
{
	if (line->selector.everybody)
		return true;
	if (line->selector.list.len)
		return is_listed(line->selector.list, id);
	uint64_t n = (uint64_t)(line->selector.share * (double)count + 0.5);
	return rank_of(seed, line->key, index, count) < (n ? n : 1);
}

static void set(struct sim_settings *settings, const struct key *key, union value value)
{
	memcpy((char *)settings + key->offset, &value, sizeof value);
}

void sim_scenario_settings(const struct sim_scenario *scenario, uint64_t seed, size_t index,
			   size_t count, struct str id, struct sim_settings *settings)
{
	static_assert(sizeof(union value) == sizeof(int64_t) &&
			  sizeof(struct sim_settings) == ARRAY_LEN(keys) * sizeof(union value),
		      "a setting is one word");
	CHECK(index < count);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		set(settings, &keys[i], scenario->presets[i]);
	for (size_t i = 0; i < scenario->count; i++) {
		const struct line *line = &scenario->lines[i];
		if (is_selected(line, seed, index, count, id))
			set(settings, &keys[line->key], line->value);
	}
}

bool sim_scenario_key(size_t index, struct sim_scenario_key *key)
{
	if (index >= ARRAY_LEN(keys))
		return false;
	*key = (struct sim_scenario_key){ keys[index].section, keys[index].key,
					  type_names[keys[index].type], keys[index].preset,
					  keys[index].meaning };
	return true;
}
