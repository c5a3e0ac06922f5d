/* How a struct config comes to be: defaults, then the file, then the environment,
 * then the rules that join several rows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/suggest.h"
#include "def/config_value.h"
#include "def/ini.h"

/* What one create carries around. */
struct reader {
	struct config *config;
	struct config_problems *problems;
	const char *file_name;
	uint32_t section_lines[CONFIG_COUNT]; /* by the section's first row: where it stands */
	bool open;                            /* what follows is of an open section */
};

/* ---- problems ---- */

__attribute__((format(printf, 2, 3))) static void problem(struct config_problems *problems,
							  const char *format, ...)
{
	if (problems->count++ >= CONFIG_PROBLEMS_MAX)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(problems->lines[problems->count - 1], CONFIG_PROBLEM_BYTES, format, args);
	va_end(args);
}

static void problem_at(struct reader *reader, uint32_t line, uint32_t column, const char *what)
{
	problem(reader->problems, "%s:%u:%u: %s", reader->file_name, line, column, what);
}

/* Fixed room for one reason, ended so that it can be printed. */
static const char *ended(struct buf *buf)
{
	if (buf->len == buf->cap)
		buf->len--;
	buf->ptr[buf->len] = 0;
	return buf->ptr;
}

/* ---- looking rows up ---- */

/* The first row of the section; CONFIG_COUNT when there is none. */
static enum config_id find_section(struct str section)
{
	enum config_id id = 0;
	while (id < CONFIG_COUNT && !str_eq(section, str_of(config_row(id)->section)))
		id++;
	return id;
}

static bool in_section(enum config_id id, enum config_id section)
{
	return id < CONFIG_COUNT &&
	       strcmp(config_row(id)->section, config_row(section)->section) == 0;
}

static enum config_id find_key(enum config_id section, struct str key)
{
	for (enum config_id id = section; in_section(id, section); id++)
		if (str_eq(key, str_of(config_row(id)->key)))
			return id;
	return CONFIG_COUNT;
}

static void describe_unknown_section(struct buf *why, struct str section)
{
	struct suggest suggest = suggest_for(section);
	for (enum config_id id = 0; id < CONFIG_COUNT; id++)
		suggest_offer(&suggest, str_of(config_row(id)->section));
	buf_printf(why, "unknown section '%.*s'", STR_ARG(section));
	suggest_print(why, &suggest);
}

static void describe_unknown_key(struct buf *why, enum config_id section, struct str key)
{
	struct suggest suggest = suggest_for(key);
	for (enum config_id id = section; in_section(id, section); id++)
		suggest_offer(&suggest, str_of(config_row(id)->key));
	buf_printf(why, "%s: unknown key '%.*s'", config_row(section)->section, STR_ARG(key));
	suggest_print(why, &suggest);
}

/* ---- the three sources ---- */

static void read_defaults(struct config *config)
{
	char storage[CONFIG_PROBLEM_BYTES];
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		struct buf why = buf_over(storage, sizeof storage);
		struct config_slot *slot = &config->slots[id];
		enum status status = config_value_parse(
		    config_row(id), str_of(config_row(id)->preset), &slot->value, &why);
		CHECK(status == STATUS_OK); /* a default that its own row refuses */
		slot->origin = (struct config_origin){ CONFIG_FROM_DEFAULT, 0 };
	}
}

static void take_open_section(struct reader *reader, const struct ini_item *item)
{
	char storage[CONFIG_PROBLEM_BYTES];
	struct buf why = buf_over(storage, sizeof storage);
	reader->open =
	    config_open_section(reader->config, item->name, item->line, &why) == STATUS_OK;
	if (!reader->open)
		problem_at(reader, item->line, item->column, ended(&why));
}

static void take_open_entry(struct reader *reader, const struct ini_item *item)
{
	char storage[CONFIG_PROBLEM_BYTES];
	struct buf why = buf_over(storage, sizeof storage);
	bool at_value = false;
	if (config_open_key(reader->config, item->name, item->value, item->line, &why, &at_value))
		problem_at(reader, item->line, at_value ? item->value_column : item->column,
			   ended(&why));
}

/* Returns the section's first row, CONFIG_COUNT when its entries are to be skipped, or are
 * those of an open one. */
static enum config_id take_section(struct reader *reader, const struct ini_item *item)
{
	char storage[CONFIG_PROBLEM_BYTES];
	struct buf why = buf_over(storage, sizeof storage);
	enum config_id section = find_section(item->name);
	reader->open = false;
	if (section == CONFIG_COUNT && config_open_has_kind(item->name)) {
		take_open_section(reader, item);
		return CONFIG_COUNT;
	}
	if (section == CONFIG_COUNT) {
		describe_unknown_section(&why, item->name);
	} else if (reader->section_lines[section]) {
		buf_printf(&why, "section '%s' stands twice, first in line %u",
			   config_row(section)->section, reader->section_lines[section]);
	} else {
		reader->section_lines[section] = item->line;
		return section;
	}
	problem_at(reader, item->line, item->column, ended(&why));
	return CONFIG_COUNT;
}

static void take_entry(struct reader *reader, enum config_id section, const struct ini_item *item)
{
	char storage[CONFIG_PROBLEM_BYTES];
	struct buf why = buf_over(storage, sizeof storage);
	enum config_id id = find_key(section, item->name);
	if (id == CONFIG_COUNT) {
		describe_unknown_key(&why, section, item->name);
		problem_at(reader, item->line, item->column, ended(&why));
		return;
	}
	struct config_slot *slot = &reader->config->slots[id];
	buf_printf(&why, "%s.%s: ", config_row(id)->section, config_row(id)->key);
	if (slot->origin.kind == CONFIG_FROM_FILE) {
		buf_printf(&why, "stands twice, first in line %u", slot->origin.line);
		problem_at(reader, item->line, item->column, ended(&why));
		return;
	}
	slot->origin = (struct config_origin){ CONFIG_FROM_FILE, item->line };
	if (config_value_parse(config_row(id), item->value, &slot->value, &why))
		problem_at(reader, item->line, item->value_column, ended(&why));
}

static void read_file(struct reader *reader, struct str text)
{
	struct ini ini;
	struct ini_item item;
	enum config_id section = CONFIG_COUNT;
	bool any_section = false;
	if (text.len > CONFIG_FILE_BYTES) {
		problem(reader->problems, "%s: the file has %zu bytes, more than %d",
			reader->file_name, text.len, CONFIG_FILE_BYTES);
		return;
	}
	ini_init(&ini, text);
	while ((item = ini_next(&ini)).kind != INI_END) {
		if (item.kind == INI_BAD) {
			problem_at(reader, item.line, item.column, item.why);
		} else if (item.kind == INI_SECTION) {
			section = take_section(reader, &item);
			any_section = true;
		} else if (reader->open) {
			take_open_entry(reader, &item);
		} else if (section != CONFIG_COUNT) {
			take_entry(reader, section, &item);
		} else if (!any_section) {
			problem_at(reader, item.line, item.column, "a key before any [section]");
		}
	}
}

/* The row that a variable names. CONFIG_COUNT when it names none; *is_ours then says
 * whether it begins as one of our sections does. */
static enum config_id find_env(struct str name, struct suggest *near, bool *is_ours)
{
	char storage[64];
	bool ours = false;
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		struct buf full = buf_over(storage, sizeof storage);
		config_print_env_name(&full, id);
		if (str_eq(name, buf_str(&full)))
			return id;
		suggest_offer(near, buf_str(&full));
		size_t section_len = strlen("WEIR_") + strlen(config_row(id)->section) + 1;
		ours = ours || str_starts(name, str_make(full.ptr, section_len));
	}
	*is_ours = ours;
	return CONFIG_COUNT;
}

static bool is_clean(struct str text)
{
	while (text.len) {
		size_t n = str_utf8_len(text);
		if (n == 0 || (unsigned char)text.ptr[0] < 0x20 || text.ptr[0] == 0x7F)
			return false;
		text = str_skip(text, n);
	}
	return true;
}

static void take_variable(struct reader *reader, struct str name, struct str text)
{
	char storage[CONFIG_PROBLEM_BYTES];
	struct buf why = buf_over(storage, sizeof storage);
	struct suggest near = suggest_for(name);
	bool is_ours = true;
	enum config_id id = find_env(name, &near, &is_ours);
	if (!is_ours)
		return;
	if (id == CONFIG_COUNT) {
		buf_printf(&why, "names no setting");
		suggest_print(&why, &near);
	} else if (!is_clean(text)) {
		buf_printf(&why, "a control character, or a byte that is not UTF-8");
	} else {
		struct config_slot *slot = &reader->config->slots[id];
		slot->origin = (struct config_origin){ CONFIG_FROM_ENV, 0 };
		if (!config_value_parse(config_row(id), text, &slot->value, &why))
			return;
	}
	problem(reader->problems, "%.*s: %s", name.len > 64 ? 64 : (int)name.len, name.ptr,
		ended(&why));
}

static void read_environment(struct reader *reader, const char *const *environ)
{
	for (; environ && *environ; environ++) {
		struct str text = str_of(*environ), name;
		if (!str_starts(text, STR("WEIR_")) || !str_split(&text, '=', &name) || !text.ptr)
			continue;
		if (is_clean(name))
			take_variable(reader, name, text);
	}
}

/* ---- rules over several rows ---- */

static void print_place(struct buf *buf, const struct config *config, enum config_id id)
{
	buf_printf(buf, "%s.%s (", config_row(id)->section, config_row(id)->key);
	config_print_origin(buf, config, id);
	buf_char(buf, ')');
}

static void rule_broken(struct reader *reader, enum config_id id, const char *why)
{
	char storage[CONFIG_PROBLEM_BYTES];
	struct buf place = buf_over(storage, sizeof storage);
	print_place(&place, reader->config, id);
	problem(reader->problems, "%s: %s", ended(&place), why);
}

static void check_segment(struct reader *reader, enum segment segment)
{
	const struct config *config = reader->config;
	enum config_id mode = config_of_segment(CONFIG_segment_rts_mode, segment);
	enum config_id url = config_of_segment(CONFIG_segment_rts_url, segment);
	enum config_id port = config_of_segment(CONFIG_segment_rts_port, segment);
	bool external = str_eq(config_str(config, mode), STR("external"));
	if (external && config_str(config, url).len == 0)
		rule_broken(reader, mode, "an external segment needs a url");
	if (!external && config_str(config, url).len)
		rule_broken(reader, url, "a managed segment has no url: set mode = external");
	if (external && config_i64(config, port))
		rule_broken(reader, port, "an external segment's port stands in its url");
	for (enum segment other = 0; other < segment && config_i64(config, port); other++) {
		enum config_id theirs = config_of_segment(CONFIG_segment_rts_port, other);
		if (config_i64(config, theirs) == config_i64(config, port))
			rule_broken(reader, port, "another segment has the same port");
	}
}

/* Between `fire` and `clear` an alert goes on; the wrong way round it would end as it
 * begins, again and again. */
static void check_alert(struct reader *reader, enum alert_rule rule)
{
	const struct config *config = reader->config;
	enum config_id clear = config_of_alert(CONFIG_alert_oi_move_clear, rule);
	enum alert_op op = alert_row(rule)->op;
	int64_t fires_at = config_i64(config, config_of_alert(CONFIG_alert_oi_move_fire, rule));
	int64_t clears_at = config_i64(config, clear);
	if (op != ALERT_BELOW && op != ALERT_EVENT && clears_at > fires_at)
		rule_broken(reader, clear, "more than fire, where the alert begins");
	if (op == ALERT_BELOW && clears_at < fires_at)
		rule_broken(reader, clear, "less than fire, where the alert begins");
}

static bool is_named_before(struct str list, struct str word, struct str name)
{
	struct str before, other;
	int64_t number;
	while (str_split(&list, ',', &before) && before.ptr != word.ptr)
		if (config_word_number(before, &other, &number) == STATUS_OK &&
		    str_eq_nocase(other, name))
			return true;
	return false;
}

static void check_oi_percents(struct reader *reader)
{
	struct str list = config_str(reader->config, CONFIG_market_oi_alert_percent);
	struct str rest = list, word, name;
	int64_t percent;
	while (list.len && str_split(&rest, ',', &word)) {
		const char *fault = NULL;
		char why[128];
		if (config_word_number(word, &name, &percent) || percent <= 0)
			fault = "is not ASSET:PERCENT, as BTC:15";
		else if (is_named_before(list, word, name))
			fault = "names an asset that stands before";
		if (!fault)
			continue;
		snprintf(why, sizeof why, "'%.*s' %s", STR_ARG(word), fault);
		rule_broken(reader, CONFIG_market_oi_alert_percent, why);
	}
}

static void check_ascending(struct reader *reader, enum config_id low, enum config_id high)
{
	char why[64];
	if (config_i64(reader->config, low) <= config_i64(reader->config, high))
		return;
	snprintf(why, sizeof why, "less than %s", config_row(low)->key);
	rule_broken(reader, high, why);
}

static void check_rules(struct reader *reader)
{
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++)
		check_segment(reader, segment);
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++)
		check_alert(reader, rule);
	check_oi_percents(reader);
	check_ascending(reader, CONFIG_liquidations_cascade_moderate,
			CONFIG_liquidations_cascade_high);
	check_ascending(reader, CONFIG_liquidations_cascade_high,
			CONFIG_liquidations_cascade_extreme);
	check_ascending(reader, CONFIG_liquidations_size_large,
			CONFIG_liquidations_size_institutional);
	check_ascending(reader, CONFIG_liquidations_size_institutional,
			CONFIG_liquidations_size_whale);
}

enum status config_create(const struct config_source *source, struct config **out,
			  struct config_problems *problems)
{
	problems->count = 0;
	struct config *config = calloc(1, sizeof *config);
	if (!config)
		return STATUS_NO_MEMORY;
	struct buf name = buf_over(config->file_name, sizeof config->file_name - 1);
	buf_put(&name, source->file_name.ptr,
		source->file_name.len < name.cap ? source->file_name.len : name.cap);
	struct reader reader = { .config = config,
				 .problems = problems,
				 .file_name = config->file_name };
	read_defaults(config);
	if (config_open_reserve(config, source->file_text.len)) {
		config_destroy(config);
		return STATUS_NO_MEMORY;
	}
	if (source->file_text.ptr)
		read_file(&reader, source->file_text);
	read_environment(&reader, source->environ);
	if (problems->count == 0)
		check_rules(&reader);
	if (problems->count) {
		config_destroy(config);
		return STATUS_INVALID;
	}
	*out = config;
	return STATUS_OK;
}

void config_destroy(struct config *config)
{
	if (!config)
		return;
	config_open_deinit(config);
	free(config);
}
