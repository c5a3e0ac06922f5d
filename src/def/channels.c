#include "def/channels.h"

#include "base/check.h"

static const struct {
	const char *name, *help;
} rows[] = {
#define CHANNEL(id, help) { #id, help },
#include "def/channels.def"
#undef CHANNEL
};

const char *channel_name(enum channel channel)
{
	CHECK((unsigned)channel < CHANNEL_COUNT);
	return rows[channel].name;
}

const char *channel_help(enum channel channel)
{
	CHECK((unsigned)channel < CHANNEL_COUNT);
	return rows[channel].help;
}
