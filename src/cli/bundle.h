/* bundle.h - a support file in the making: texts in, each redacted and bounded, a compressed tar
 * with a manifest out; and read again, for `weir top --from`. One thread. */
#pragma once

#include "base/err.h"
#include "base/redact.h"

enum {
	BUNDLE_FILES_MAX = 48,
	BUNDLE_FILE_BYTES = 8 << 20,   /* of one; the end of a longer log, the front of others */
	BUNDLE_WHOLE_BYTES = 32 << 20, /* of all */
};

struct bundle_entry {
	char name[64];
	size_t bytes;
	bool cut;
	char why[160]; /* there is nothing of it, and why; "" */
};

struct bundle {
	const struct redact *redact;
	int64_t now_s;
	struct buf tar;
	struct bundle_entry entries[BUNDLE_FILES_MAX];
	size_t count;
};

void bundle_init(struct bundle *bundle, const struct redact *redact, int64_t now_s);
void bundle_deinit(struct bundle *bundle);
void bundle_add(struct bundle *bundle, const char *name, struct str text);
void bundle_add_absent(struct bundle *bundle, const char *name, const char *why);
/* The manifest, then the file (mode 0600), in one step. */
MUST_CHECK enum status bundle_write(struct bundle *bundle, const char *path, const char *version,
				    bool weir_ran, struct err *err);

/* A bundle's text, in memory. */
MUST_CHECK enum status bundle_read(const char *path, struct buf *tar, struct err *err);
/* NOT_FOUND: it has no such file. */
MUST_CHECK enum status bundle_find(const struct buf *tar, const char *name, struct str *text);
