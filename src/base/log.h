/* log.h - one line per event, to one sink.
 *
 * Cores and shells log at debug only; daemon and cli say what happened, once.
 * The sink is set by the composition root; before that, lines go to stderr. A module may
 * have a level of its own; secrets leave every line (redact.h).
 * Formats: text (`2026-11-21T03:34:05.123Z info store: …`) and JSON. Loop thread
 * only. */
#pragma once

#include "base/buf.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum { LOG_MODULES_MAX = 16, LOG_MODULE_BYTES = 16 };

struct log_module {
	char name[LOG_MODULE_BYTES];
	enum log_level level;
};

struct log_config {
	enum log_level level; /* of modules that have none of their own */
	struct log_module modules[LOG_MODULES_MAX];
	uint32_t module_count;
	bool json;
	void (*write)(void *ctx, const char *line, unsigned long len); /* with its LF */
	void *ctx;
	int64_t (*wall_ns)(void *ctx); /* NULL: no time stamp */
	void *wall_ctx;
};

void log_setup(const struct log_config *config);
bool log_enabled(enum log_level level, const char *module);
/* "gate:debug,store:warn" into config->modules. INVALID: *why says which word and why. */
MUST_CHECK enum status log_modules_parse(struct str text, struct log_config *config,
					 struct buf *why);
void log_line(enum log_level level, const char *module, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
