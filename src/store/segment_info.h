/* segment_info.h - what a segment's server says of itself: the figures of def/redis_info.def,
 * its version and role, the keys of its databases (INFO), and how often each command was called
 * and how long it took (INFO commandstats). Kept for those who look: a scrape never asks a
 * server.
 *
 * Commands beyond SEGMENT_COMMANDS of a server, which only others than weir can bring about,
 * count together in `other`. Fixed size. Pure. */
#pragma once

#include "base/str.h"

enum redis_info {
#define REDIS_INFO(id, info, type, metric, help) REDIS_INFO_##id,
#include "def/redis_info.def"
#undef REDIS_INFO
	REDIS_INFO_COUNT
};

enum { SEGMENT_COMMANDS = 64, SEGMENT_COMMAND_NAME_MAX = 31, SEGMENT_DATABASES = 16 };

struct segment_command {
	char name[SEGMENT_COMMAND_NAME_MAX + 1];
	uint64_t calls, microseconds;
};

struct segment_info {
	uint64_t known; /* bit i: values[i] is there */
	double values[REDIS_INFO_COUNT];
	char version[24], role[16], policy[24];
	struct {
		uint64_t keys, expiring;
	} databases[SEGMENT_DATABASES];
	uint32_t command_count;
	struct segment_command commands[SEGMENT_COMMANDS], other;
};

void segment_info_take(struct segment_info *info, struct str text);
void segment_info_take_commands(struct segment_info *info, struct str text);
