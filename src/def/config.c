#include "def/config.h"

#include <ctype.h>

#include "base/check.h"
#include "def/config_value.h"

static const struct config_row rows[] = {
#define CONFIG(id, section, key, type, unit, def, min, max, choices, reload, help)                 \
	{ #id, section, key, CONFIG_##type, unit, def, min, max, choices, CONFIG_##reload, help },
#include "def/config.def"
#undef CONFIG
};

const struct config_row *config_row(enum config_id id)
{
	CHECK(id < CONFIG_COUNT);
	return &rows[id];
}

const char *config_type_text(enum config_type type)
{
	static const char *const texts[] = {
		[CONFIG_BOOL] = "bool",         [CONFIG_INT] = "int",       [CONFIG_SIZE] = "size",
		[CONFIG_DURATION] = "duration", [CONFIG_NUMBER] = "number", [CONFIG_ENUM] = "enum",
		[CONFIG_LIST] = "list",         [CONFIG_PATH] = "path",     [CONFIG_URL] = "url",
		[CONFIG_ADDRESS] = "address",
	};
	CHECK(type < ARRAY_LEN(texts));
	return texts[type];
}

_Static_assert(CONFIG_segment_rms_mode ==
		   CONFIG_segment_rts_mode + SEGMENT_RMS * CONFIG_SEGMENT_ROWS,
	       "the segments' settings stand as in segments.def");

enum config_id config_of_segment(enum config_id of_rts, enum segment segment)
{
	CHECK(of_rts >= CONFIG_segment_rts_mode && of_rts < CONFIG_segment_ris_mode);
	CHECK(segment < SEGMENT_COUNT);
	return (enum config_id)(of_rts + (unsigned)segment * CONFIG_SEGMENT_ROWS);
}

enum config_id config_of_venue(enum config_id of_binance_spot, enum venue venue, enum kind kind)
{
	CHECK(of_binance_spot >= CONFIG_venue_binance_spot_on &&
	      of_binance_spot < CONFIG_venue_binance_perp_on);
	CHECK(venue < VENUE_COUNT && kind < KIND_COUNT);
	return (enum config_id)(of_binance_spot +
				((unsigned)venue * KIND_COUNT + kind) * CONFIG_VENUE_ROWS);
}

_Static_assert(ALERT_oi_move == 0 &&
		   CONFIG_alert_cascade_on == CONFIG_alert_oi_move_on + CONFIG_ALERT_ROWS,
	       "the alert rules' settings stand as in alerts.def");

enum config_id config_of_alert(enum config_id of_oi_move, enum alert_rule rule)
{
	CHECK(of_oi_move >= CONFIG_alert_oi_move_on && of_oi_move <= CONFIG_alert_oi_move_cooldown);
	CHECK((unsigned)rule < ALERT_COUNT);
	return (enum config_id)(of_oi_move + (unsigned)rule * CONFIG_ALERT_ROWS);
}

static const struct config_slot *slot_of(const struct config *config, enum config_id id)
{
	CHECK(id < CONFIG_COUNT);
	return &config->slots[id];
}

static bool is_text(enum config_type type)
{
	return type == CONFIG_LIST || type == CONFIG_PATH || type == CONFIG_URL ||
	       type == CONFIG_ADDRESS;
}

int64_t config_i64(const struct config *config, enum config_id id)
{
	CHECK(!is_text(rows[id].type));
	return slot_of(config, id)->value.number;
}

struct str config_str(const struct config *config, enum config_id id)
{
	CHECK(is_text(rows[id].type) || rows[id].type == CONFIG_ENUM);
	return slot_of(config, id)->value.text;
}

void config_address(const struct config *config, enum config_id id, char host[64], uint16_t *port)
{
	CHECK(rows[id].type == CONFIG_ADDRESS && config_str(config, id).len);
	enum status status = config_address_split(config_str(config, id), host, port);
	CHECK(status == STATUS_OK); /* it was read so */
}

struct config_origin config_origin(const struct config *config, enum config_id id)
{
	return slot_of(config, id)->origin;
}

void config_print_text(struct buf *buf, struct str text)
{
	bool plain = str_find_char(text, '#') == text.len && str_find_char(text, ';') == text.len &&
		     str_find_char(text, '"') == text.len && str_trim(text).len == text.len;
	if (plain) {
		buf_str_put(buf, text);
		return;
	}
	buf_char(buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buf_char(buf, '\\');
		buf_char(buf, text.ptr[i]);
	}
	buf_char(buf, '"');
}

enum secret_show { SECRET_ALL_HIDDEN, SECRET_HOST };

static const struct {
	const char *name; /* SECTION.KEY */
	enum secret_show show;
} secrets[] = {
#define SECRET(name, show) { name, SECRET_##show },
#include "def/secret.def"
#undef SECRET
};

static bool find_secret(enum config_id id, enum secret_show *show)
{
	size_t section = strlen(rows[id].section);
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (strncmp(secrets[i].name, rows[id].section, section) == 0 &&
		    secrets[i].name[section] == '.' &&
		    strcmp(secrets[i].name + section + 1, rows[id].key) == 0) {
			*show = secrets[i].show;
			return true;
		}
	return false;
}

bool config_is_secret(enum config_id id)
{
	enum secret_show show;
	return find_secret(id, &show);
}

/* https://hooks.example/ and ***: as much of a URL as says whose it is. */
static void print_secret(struct buf *buf, struct str value, enum secret_show show)
{
	size_t host = str_find_char(value, ':') + 3;
	if (!value.len)
		return;
	if (show == SECRET_HOST && host < value.len) {
		struct str rest = str_skip(value, host);
		size_t end = 0, from = 0;
		for (; end < rest.len && !strchr("/?#", rest.ptr[end]); end++)
			if (rest.ptr[end] == '@')
				from = end + 1; /* behind the last: a password may have its own */
		buf_put(buf, value.ptr, host);
		buf_str_put(buf, str_make(rest.ptr + from, end - from));
		buf_char(buf, '/');
	}
	buf_put(buf, "***", 3);
}

void config_print_value(struct buf *buf, const struct config *config, enum config_id id)
{
	const struct config_value *value = &slot_of(config, id)->value;
	enum secret_show show;
	size_t from, to;
	if (find_secret(id, &show)) {
		print_secret(buf, value->text, show);
	} else if (rows[id].type == CONFIG_ENUM) {
		buf_str_put(buf, value->text);
	} else if (!is_text(rows[id].type)) {
		config_value_print(buf, &rows[id], value->number);
	} else if (rows[id].type == CONFIG_URL && config_url_password(value->text, &from, &to)) {
		buf_put(buf, value->text.ptr, from);
		buf_put(buf, "***", 3);
		buf_str_put(buf, str_skip(value->text, to));
	} else {
		config_print_text(buf, value->text);
	}
}

void config_print_number(struct buf *buf, enum config_id id, int64_t number)
{
	config_value_print(buf, config_row(id), number);
}

void config_print_env_name(struct buf *buf, enum config_id id)
{
	buf_printf(buf, "WEIR_");
	for (const char *c = config_row(id)->id; *c; c++)
		buf_char(buf, (char)toupper((unsigned char)*c));
}

void config_print_file_origin(struct buf *buf, const struct config *config, uint32_t line)
{
	buf_printf(buf, "%s:%u", config->file_name, line);
}

void config_print_origin(struct buf *buf, const struct config *config, enum config_id id)
{
	struct config_origin origin = config_origin(config, id);
	switch (origin.kind) {
	case CONFIG_FROM_DEFAULT: buf_printf(buf, "default"); break;
	case CONFIG_FROM_FILE: config_print_file_origin(buf, config, origin.line); break;
	case CONFIG_FROM_ENV:
		buf_printf(buf, "environment ");
		config_print_env_name(buf, id);
		break;
	}
}

bool config_file_has_secret(const struct config *config)
{
	size_t from, to;
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		if (config_origin(config, id).kind != CONFIG_FROM_FILE || !is_text(rows[id].type))
			continue;
		struct str value = config_str(config, id);
		if ((value.len && config_is_secret(id)) ||
		    (rows[id].type == CONFIG_URL && config_url_password(value, &from, &to)))
			return true;
	}
	return false;
}

bool config_value_eq(const struct config *a, const struct config *b, enum config_id id)
{
	if (is_text(rows[id].type))
		return str_eq(config_str(a, id), config_str(b, id));
	return config_i64(a, id) == config_i64(b, id);
}

enum status config_reload_check(const struct config *old, const struct config *new, struct buf *why)
{
	bool refused = false;
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		if (rows[id].reload == CONFIG_LIVE || config_value_eq(old, new, id))
			continue;
		buf_printf(why, "%s%s.%s", refused ? ", " : "", rows[id].section, rows[id].key);
		refused = true;
	}
	const struct config_open *open = config_open_fixed(old, new);
	open = open ? open : config_open_fixed(new, old);
	if (open)
		buf_printf(why, "%s%.*s.%.*s", refused ? ", " : "", STR_ARG(open->section),
			   STR_ARG(open->key));
	return refused || open ? STATUS_REFUSED : STATUS_OK;
}

enum status config_duration(struct str word, int64_t *ms)
{
	static const struct config_row row = { .type = CONFIG_DURATION,
					       .unit = "ms",
					       .max = INT64_C(604800000) };
	struct config_value value;
	char storage[128];
	struct buf why = buf_over(storage, sizeof storage);
	if (config_value_parse(&row, word, &value, &why))
		return STATUS_FORMAT;
	*ms = value.number;
	return STATUS_OK;
}
