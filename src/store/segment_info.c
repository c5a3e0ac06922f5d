#include "store/segment_info.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

static_assert(REDIS_INFO_COUNT <= 64, "a bit of a word for each figure");

static const char *const names[] = {
#define REDIS_INFO(id, info, type, metric, help) info,
#include "def/redis_info.def"
#undef REDIS_INFO
};

/* "12", "1.20", "ok"; what is none of these is no figure. */
static bool take_value(struct str value, double *out)
{
	char text[40], *end;
	if (str_eq(value, STR("ok")) || str_eq(value, STR("err"))) {
		*out = str_eq(value, STR("ok"));
		return true;
	}
	if (!value.len || str_copy(value, text, sizeof text))
		return false;
	*out = strtod(text, &end);
	return !*end;
}

static void take_figure(struct segment_info *info, struct str name, struct str value)
{
	for (size_t i = 0; i < REDIS_INFO_COUNT; i++) {
		if (!str_eq(name, str_of(names[i])))
			continue;
		if (take_value(value, &info->values[i]))
			info->known |= UINT64_C(1) << i;
		return;
	}
}

/* One that is too long is not known. */
static void take_word(char *to, size_t size, struct str value)
{
	if (str_copy(value, to, size))
		to[0] = 0;
}

/* The number behind KEY= in "KEY=1,OTHER=2". */
static uint64_t number_of(struct str figures, struct str key)
{
	struct str part;
	uint64_t number;
	while (figures.len && str_split(&figures, ',', &part)) {
		size_t equals = str_find_char(part, '=');
		if (str_eq(str_make(part.ptr, equals), key) && equals < part.len &&
		    str_to_u64(str_skip(part, equals + 1), &number) == STATUS_OK)
			return number;
	}
	return 0;
}

/* "db0" "keys=5,expires=1,avg_ttl=0" */
static void take_database(struct segment_info *info, struct str name, struct str value)
{
	uint64_t at;
	if (!str_starts(name, STR("db")) || str_to_u64(str_skip(name, 2), &at) ||
	    at >= SEGMENT_DATABASES)
		return;
	info->databases[at].keys = number_of(value, STR("keys"));
	info->databases[at].expiring = number_of(value, STR("expires"));
}

/* A database that is empty is not mentioned. */
void segment_info_take(struct segment_info *info, struct str text)
{
	struct str line;
	info->known = 0;
	memset(info->databases, 0, sizeof info->databases);
	while (text.len && str_split(&text, '\n', &line)) {
		size_t colon = str_find_char(line, ':');
		struct str name = str_make(line.ptr, colon);
		struct str value = str_trim(str_skip(line, colon + 1));
		take_figure(info, name, value);
		take_database(info, name, value);
		if (str_eq(name, STR("redis_version")))
			take_word(info->version, sizeof info->version, value);
		else if (str_eq(name, STR("role")))
			take_word(info->role, sizeof info->role, value);
		else if (str_eq(name, STR("maxmemory_policy")))
			take_word(info->policy, sizeof info->policy, value);
	}
}

/* Its place, for good: a command that was called once is told for as long as the server runs. */
static struct segment_command *place_of(struct segment_info *info, struct str name)
{
	for (uint32_t i = 0; i < info->command_count; i++)
		if (str_eq(name, str_of(info->commands[i].name)))
			return &info->commands[i];
	if (info->command_count == SEGMENT_COMMANDS || name.len > SEGMENT_COMMAND_NAME_MAX)
		return &info->other;
	struct segment_command *place = &info->commands[info->command_count++];
	take_word(place->name, sizeof place->name, name);
	return place;
}

/* "cmdstat_hset:calls=12,usec=40,usec_per_call=3.33,…" */
void segment_info_take_commands(struct segment_info *info, struct str text)
{
	const struct str prefix = STR("cmdstat_");
	struct str line;
	for (uint32_t i = 0; i < info->command_count; i++)
		info->commands[i].calls = info->commands[i].microseconds = 0;
	info->other = (struct segment_command){ .name = "other" };
	while (text.len && str_split(&text, '\n', &line)) {
		size_t colon = str_find_char(line, ':');
		if (!str_starts(line, prefix) || colon <= prefix.len || colon == line.len)
			continue;
		struct str figures = str_trim(str_skip(line, colon + 1));
		struct segment_command *place =
		    place_of(info, str_make(line.ptr + prefix.len, colon - prefix.len));
		place->calls += number_of(figures, STR("calls"));
		place->microseconds += number_of(figures, STR("usec"));
	}
}
