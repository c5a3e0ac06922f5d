/* log.h - one line per event, to one sink.
 *
 * Cores and shells log at debug only; daemon and cli say what happened, once.
 * The sink is set by the composition root; before that, lines go to stderr.
 * Formats: text (`2026-11-21T03:34:05.123Z info store: …`) and JSON. Loop thread
 * only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_config {
	enum log_level level;
	bool json;
	void (*write)(void *ctx, const char *line, unsigned long len); /* with its LF */
	void *ctx;
	int64_t (*wall_ns)(void *ctx); /* NULL: no time stamp */
	void *wall_ctx;
};

void log_setup(const struct log_config *config);
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *module, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
