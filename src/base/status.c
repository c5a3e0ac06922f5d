#include "base/status.h"

const char *status_text(enum status status)
{
	static const char *const texts[] = {
#define STATUS(name, text) [STATUS_##name] = text,
#include "def/status.def"
#undef STATUS
	};
	return status >= 0 && status < STATUS_COUNT ? texts[status] : "unknown status";
}

const char *status_name(enum status status)
{
	static const char *const names[] = {
#define STATUS(name, text) [STATUS_##name] = #name,
#include "def/status.def"
#undef STATUS
	};
	return status >= 0 && status < STATUS_COUNT ? names[status] : "UNKNOWN";
}
