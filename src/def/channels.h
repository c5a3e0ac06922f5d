/* channels.h - where alerts go out by HTTP, from channels.def. Any thread. */
#pragma once

enum channel {
#define CHANNEL(id, help) CHANNEL_##id,
#include "def/channels.def"
#undef CHANNEL
	CHANNEL_COUNT
};

const char *channel_name(enum channel channel); /* "webhook" */
const char *channel_help(enum channel channel);
