#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/redact.h"

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static struct log_config current = { .level = LOG_INFO };

void log_setup(const struct log_config *config) { current = *config; }

bool log_enabled(enum log_level level, const char *module)
{
	for (uint32_t i = 0; i < current.module_count; i++)
		if (strcmp(current.modules[i].name, module) == 0)
			return level <= current.modules[i].level;
	return level <= current.level;
}

static bool find_level(struct str word, enum log_level *level)
{
	for (enum log_level at = LOG_ERROR; at <= LOG_DEBUG; at++)
		if (str_eq(word, str_of(level_names[at]))) {
			*level = at;
			return true;
		}
	return false;
}

enum status log_modules_parse(struct str text, struct log_config *config, struct buf *why)
{
	struct str word;
	config->module_count = 0;
	while (text.len && str_split(&text, ',', &word)) {
		struct log_module *module = &config->modules[config->module_count];
		size_t name = str_find_char(word, ':');
		if (config->module_count == LOG_MODULES_MAX) {
			buf_printf(why, "more than %d modules", LOG_MODULES_MAX);
			return STATUS_INVALID;
		}
		if (!find_level(str_skip(word, name + 1), &module->level)) {
			buf_printf(why, "'%.*s' is not MODULE:error, :warn, :info or :debug",
				   STR_ARG(word));
			return STATUS_INVALID;
		}
		if (!name || str_copy(str_make(word.ptr, name), module->name, LOG_MODULE_BYTES)) {
			buf_printf(why, "'%.*s' is no module", (int)name, word.ptr);
			return STATUS_INVALID;
		}
		config->module_count++;
	}
	return STATUS_OK;
}

static void put_time(struct buf *buf, int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	buf_printf(buf, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_ns / 1000000 % 1000));
}

static void put_text(struct buf *buf, enum log_level level, const char *module, struct str text)
{
	if (current.wall_ns) {
		put_time(buf, current.wall_ns(current.wall_ctx));
		buf_char(buf, ' ');
	}
	buf_printf(buf, "%s %s: ", level_names[level], module);
	for (size_t i = 0; i < text.len; i++) /* one event stays one line */
		buf_char(buf, (unsigned char)text.ptr[i] < 0x20 ? ' ' : text.ptr[i]);
}

static void put_json(struct buf *buf, enum log_level level, const char *module, struct str text)
{
	buf_char(buf, '{');
	if (current.wall_ns) {
		buf_printf(buf, "\"time\":\"");
		put_time(buf, current.wall_ns(current.wall_ctx));
		buf_printf(buf, "\",");
	}
	buf_printf(buf, "\"level\":\"%s\",\"module\":\"%s\",\"message\":", level_names[level],
		   module);
	buf_json_str(buf, text);
	buf_char(buf, '}');
}

void log_line(enum log_level level, const char *module, const char *format, ...)
{
	if (!log_enabled(level, module))
		return;
	char text[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0)
		return;
	size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	char storage[8192], clean_storage[1280]; /* every byte of the text may take six in JSON */
	struct buf buf = buf_over(storage, sizeof storage - 1);
	struct buf clean = buf_over(clean_storage, sizeof clean_storage);
	redact_put(&clean, str_make(text, len), NULL);
	(current.json ? put_json : put_text)(&buf, level, module, buf_str(&clean));
	storage[buf.len++] = '\n';
	if (current.write)
		current.write(current.ctx, storage, buf.len);
	else
		fwrite(storage, 1, buf.len, stderr);
}
