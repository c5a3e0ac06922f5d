/* Open sections: [symbols.SERVER], [limits.account:LOGIN@SERVER], [limits.group:NAME],
 * [account.NAME]. */
#include <stdlib.h>

#include "base/check.h"
#include "base/suggest.h"
#include "def/config_value.h"

static bool is_scope(struct str text);
static bool is_exchange_account(struct str text);

static const struct open_kind {
	struct str prefix;
	struct str like; /* its keys are those of this section; empty: they are free */
	bool (*is_name)(struct str name);
	const char *names; /* what they look like, each behind the prefix */
} kinds[] = {
	{ { "symbols.", 8 }, { "", 0 }, NULL, NULL },
	{ { "limits.", 7 },
	  { "limits", 6 },
	  is_scope,
	  "limits.account:LOGIN@SERVER or limits.group:NAME" },
	{ { "account.", 8 },
	  { "account", 7 },
	  is_exchange_account,
	  "account.NAME, at most 31 letters, digits, _ and -" },
};

static const struct open_kind *kind_of(struct str section)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_starts(section, kinds[i].prefix))
			return &kinds[i];
	return NULL;
}

bool config_open_has_kind(struct str section) { return kind_of(section) != NULL; }

/* ---- room ---- */

/* Names and values are of the file, and no longer than there. */
enum status config_open_reserve(struct config *config, size_t file_bytes)
{
	buf_init(&config->open_text, 2 * CONFIG_FILE_BYTES);
	if (file_bytes > CONFIG_FILE_BYTES || !file_bytes)
		return STATUS_OK;
	return buf_reserve(&config->open_text, file_bytes) ? STATUS_OK : STATUS_NO_MEMORY;
}

void config_open_deinit(struct config *config)
{
	buf_deinit(&config->open_text);
	free(config->open);
}

static struct str keep(struct config *config, struct str text)
{
	size_t from = config->open_text.len;
	CHECK(from + text.len <= config->open_text.cap); /* it must not move */
	buf_str_put(&config->open_text, text);
	return str_make(config->open_text.ptr + from, text.len);
}

static enum status append(struct config *config, struct config_open open, struct buf *why)
{
	if (config->open_count == CONFIG_OPEN_MAX) {
		buf_printf(why, "more than %d sections and keys like this", CONFIG_OPEN_MAX);
		return STATUS_INVALID;
	}
	if (config->open_count == config->open_room) {
		size_t room = config->open_room ? 2 * config->open_room : 16;
		struct config_open *rows = realloc(config->open, room * sizeof *rows);
		if (!rows) {
			buf_printf(why, "%s", status_text(STATUS_NO_MEMORY));
			return STATUS_INVALID;
		}
		config->open = rows;
		config->open_room = room;
	}
	config->open[config->open_count++] = open;
	return STATUS_OK;
}

/* ---- sections ---- */

static bool is_account(struct str text)
{
	int64_t login;
	size_t at = str_find_char(text, '@');
	return at < text.len && str_skip(text, at + 1).len > 0 && text.ptr[0] >= '0' &&
	       text.ptr[0] <= '9' && str_to_i64(str_make(text.ptr, at), &login) == STATUS_OK;
}

static bool is_scope(struct str text)
{
	const struct str account = STR("account:"), group = STR("group:");
	if (str_starts(text, account))
		return is_account(str_skip(text, account.len));
	return str_starts(text, group) && text.len > group.len;
}

static bool is_exchange_account(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || c == '-';
		if (!good)
			return false;
	}
	return text.len > 0 && text.len <= 31;
}

static enum status check_section(const struct config *config, struct str section, struct buf *why)
{
	const struct open_kind *kind = kind_of(section);
	const struct config_open *before = config_open_find(config, section, STR(""));
	struct str rest = str_skip(section, kind->prefix.len);
	if (section.len > CONFIG_OPEN_NAME_BYTES)
		buf_printf(why, "the section's name has more than %d bytes",
			   CONFIG_OPEN_NAME_BYTES);
	else if (before)
		buf_printf(why, "section '%.*s' stands twice, first in line %u", STR_ARG(section),
			   before->line);
	else if (kind->is_name && !kind->is_name(rest))
		buf_printf(why, "'%.*s' is not %s", STR_ARG(section), kind->names);
	else if (!rest.len)
		buf_printf(why, "'%.*s' names no server", STR_ARG(section));
	else
		return STATUS_OK;
	return STATUS_INVALID;
}

enum status config_open_section(struct config *config, struct str section, uint32_t line,
				struct buf *why)
{
	enum status status = check_section(config, section, why);
	if (status)
		return status;
	return append(config,
		      (struct config_open){
			  .section = keep(config, section), .like = CONFIG_COUNT, .line = line },
		      why);
}

/* ---- keys ---- */

static enum config_id row_of(struct str section, struct str key, struct suggest *near)
{
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		const struct config_row *row = config_row(id);
		if (!str_eq(str_of(row->section), section))
			continue;
		if (str_eq(str_of(row->key), key))
			return id;
		suggest_offer(near, str_of(row->key));
	}
	return CONFIG_COUNT;
}

static enum status read_symbol(struct config *config, struct config_open *open, struct str value,
			       struct buf *why)
{
	if (open->key.len > CONFIG_SYMBOL_BYTES || value.len > CONFIG_SYMBOL_BYTES)
		buf_printf(why, "a symbol has at most %d bytes", CONFIG_SYMBOL_BYTES);
	else if (!value.len)
		buf_printf(why, "'' is empty");
	else {
		open->text = keep(config, value);
		return STATUS_OK;
	}
	return STATUS_INVALID;
}

static enum status read_value(struct config *config, struct config_open *open, struct str value,
			      struct buf *why)
{
	struct config_value parsed;
	if (open->like == CONFIG_COUNT)
		return read_symbol(config, open, value, why);
	enum status status = config_value_parse(config_row(open->like), value, &parsed, why);
	if (status)
		return status;
	size_t from, to;
	if (config_row(open->like)->type == CONFIG_URL &&
	    config_url_password(parsed.text, &from, &to)) {
		buf_printf(why, "no password belongs into it");
		return STATUS_INVALID;
	}
	open->number = parsed.number;
	open->text = keep(config, parsed.text);
	return STATUS_OK;
}

enum status config_open_key(struct config *config, struct str key, struct str value, uint32_t line,
			    struct buf *why, bool *at_value)
{
	CHECK(config->open_count > 0);
	struct str section = config->open[config->open_count - 1].section;
	const struct config_open *before = config_open_find(config, section, key);
	const struct open_kind *kind = kind_of(section);
	struct suggest near = suggest_for(key);
	struct config_open open = {
		.section = section, .key = key, .like = CONFIG_COUNT, .line = line
	};
	if (kind->like.len) {
		open.like = row_of(kind->like, key, &near);
		if (open.like == CONFIG_COUNT) {
			buf_printf(why, "%.*s: unknown key '%.*s'", STR_ARG(section), STR_ARG(key));
			suggest_print(why, &near);
			return STATUS_INVALID;
		}
	}
	buf_printf(why, "%.*s.%.*s: ", STR_ARG(section), STR_ARG(key));
	if (before) {
		buf_printf(why, "stands twice, first in line %u", before->line);
		return STATUS_INVALID;
	}
	*at_value = true;
	enum status status = read_value(config, &open, value, why);
	open.key = status ? key : keep(config, key);
	return status ? status : append(config, open, why);
}

/* ---- reading them ---- */

size_t config_open_count(const struct config *config) { return config->open_count; }

const struct config_open *config_open_at(const struct config *config, size_t index)
{
	CHECK(index < config->open_count);
	return &config->open[index];
}

const struct config_open *config_open_find(const struct config *config, struct str section,
					   struct str key)
{
	for (size_t i = 0; i < config->open_count; i++)
		if (str_eq(config->open[i].key, key) && str_eq(config->open[i].section, section))
			return &config->open[i];
	return NULL;
}

static bool is_number(const struct config_open *open)
{
	if (open->like == CONFIG_COUNT)
		return false;
	switch (config_row(open->like)->type) {
	case CONFIG_LIST:
	case CONFIG_PATH:
	case CONFIG_URL:
	case CONFIG_ADDRESS:
	case CONFIG_ENUM: return false;
	default: return true;
	}
}

void config_open_print(struct buf *buf, const struct config_open *open)
{
	CHECK(open->key.len > 0);
	if (is_number(open))
		config_print_number(buf, open->like, open->number);
	else
		config_print_text(buf, open->text);
}

const struct config_open *config_open_fixed(const struct config *config, const struct config *other)
{
	for (size_t i = 0; i < config->open_count; i++) {
		const struct config_open *open = &config->open[i];
		if (open->like == CONFIG_COUNT || config_row(open->like)->reload == CONFIG_LIVE)
			continue;
		const struct config_open *theirs =
		    config_open_find(other, open->section, open->key);
		if (!theirs || !config_open_eq(open, theirs))
			return open;
	}
	return NULL;
}

bool config_open_eq(const struct config_open *a, const struct config_open *b)
{
	return is_number(a) ? is_number(b) && a->number == b->number : str_eq(a->text, b->text);
}
