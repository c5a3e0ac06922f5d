/* retcodes.h - return codes of MetaTrader 5 trade servers, from retcodes.def. Tables only.
 * Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum retcode_class {
	RETCODE_OK,
	RETCODE_ACC,
	RETCODE_NOOP,
	RETCODE_FAST,
	RETCODE_LATER,
	RETCODE_UNK,
	RETCODE_FIN,
	RETCODE_CFG,
	RETCODE_REREAD,
	RETCODE_REFILL,
	RETCODE_CLASSES
};

struct retcode_row {
	int32_t code;
	const char *name; /* lower case: "too_many_requests" */
	enum retcode_class class;
	int64_t wait_ms; /* ACC LATER UNK: before the next step */
	const char *meaning;
};

size_t retcode_count(void);
const struct retcode_row *retcode_row(size_t index); /* ascending codes */
/* NULL when nobody knows the code; its outcome is then as unknown as that of UNK. */
const struct retcode_row *retcode_find(int64_t code);
/* "OK", "ACC" … */
const char *retcode_class_text(enum retcode_class class);
