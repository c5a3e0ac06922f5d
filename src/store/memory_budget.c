#include "store/memory_budget.h"

#include "os/files.h"

enum { SMALL_FILE = 64 * 1024 };

static enum status read_small(const char *root, const char *path, struct buf *text)
{
	char full[PATH_BYTES_MAX];
	buf_clear(text);
	if (path_format(full, NULL, "%s%s", root, path) != STATUS_OK)
		return STATUS_RANGE;
	return files_read(full, SMALL_FILE, text, NULL);
}

static void take_least(struct str number, uint64_t *bytes)
{
	uint64_t value;
	if (str_to_u64(str_trim(number), &value) == STATUS_OK && value > 0 && value < *bytes)
		*bytes = value;
}

static void take_meminfo(struct str text, uint64_t *bytes)
{
	struct str line, number;
	uint64_t kib;
	while (str_split(&text, '\n', &line)) {
		if (!str_starts(line, STR("MemTotal:")))
			continue;
		number = str_trim(str_skip(line, 9));
		number.len = str_find_char(number, ' ');
		if (str_to_u64(number, &kib) == STATUS_OK && kib < UINT64_MAX / 1024)
			*bytes = kib * 1024;
	}
}

/* The limit files from our own group up to the top: the least one binds. */
static void take_group(const char *root, const char *mount, const char *file, struct str group,
		       struct buf *text, uint64_t *bytes)
{
	char path[PATH_BYTES_MAX];
	for (;;) {
		while (group.len && group.ptr[group.len - 1] == '/')
			group.len--;
		if (path_format(path, NULL, "%s%.*s/%s", mount, STR_ARG(group), file) ==
			STATUS_OK &&
		    read_small(root, path, text) == STATUS_OK)
			take_least(buf_str(text), bytes);
		if (!group.len)
			return;
		while (group.len && group.ptr[group.len - 1] != '/')
			group.len--;
	}
}

/* Lines `ID:CONTROLLERS:/PATH`; ID 0 without controllers is version 2. */
static void take_groups(const char *root, struct str groups, struct buf *text, uint64_t *bytes)
{
	struct str line, id, controllers;
	while (str_split(&groups, '\n', &line)) {
		if (!str_split(&line, ':', &id) || !str_split(&line, ':', &controllers) ||
		    !line.ptr)
			continue;
		if (str_eq(id, STR("0")) && !controllers.len)
			take_group(root, "/sys/fs/cgroup", "memory.max", line, text, bytes);
		for (struct str name; str_split(&controllers, ',', &name);)
			if (str_eq(name, STR("memory")))
				take_group(root, "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
					   line, text, bytes);
	}
}

enum status memory_available(const char *root, uint64_t *out, struct err *err)
{
	struct buf text, groups;
	uint64_t bytes = UINT64_MAX;
	buf_init(&text, SMALL_FILE + 8192);
	buf_init(&groups, SMALL_FILE + 8192);
	if (read_small(root, "/proc/meminfo", &text) == STATUS_OK)
		take_meminfo(buf_str(&text), &bytes);
	if (read_small(root, "/proc/self/cgroup", &groups) == STATUS_OK)
		take_groups(root, buf_str(&groups), &text, &bytes);
	buf_deinit(&text);
	buf_deinit(&groups);
	if (bytes == UINT64_MAX)
		return err_set(err, STATUS_UNAVAILABLE, "the machine's memory is not known");
	*out = bytes;
	return STATUS_OK;
}

static uint64_t sum_of(const struct memory_budget_item items[SEGMENT_COUNT], bool chosen)
{
	uint64_t sum = 0;
	for (int i = 0; i < SEGMENT_COUNT; i++)
		if (items[i].wanted && items[i].chosen == chosen)
			sum += items[i].bytes;
	return sum;
}

static unsigned long long mib(uint64_t bytes) { return (unsigned long long)(bytes >> 20); }

static void scale(struct memory_budget_item items[SEGMENT_COUNT], uint64_t from, uint64_t to)
{
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		if (!items[i].wanted || items[i].chosen)
			continue;
		uint64_t bytes = (uint64_t)((unsigned __int128)items[i].bytes * to / from);
		bytes &= ~(uint64_t)0xFFFFF;
		items[i].bytes = bytes < MEMORY_BUDGET_LEAST ? MEMORY_BUDGET_LEAST : bytes;
	}
}

enum status memory_budget_fit(struct memory_budget_item items[SEGMENT_COUNT], uint64_t available,
			      bool *scaled, struct err *err)
{
	uint64_t room = available / 5 * 4;
	uint64_t chosen = sum_of(items, true), free_to_scale = sum_of(items, false);
	*scaled = false;
	if (chosen + free_to_scale <= room)
		return STATUS_OK;
	if (free_to_scale && chosen < room) {
		scale(items, free_to_scale, room - chosen);
		*scaled = true;
	}
	if (sum_of(items, true) + sum_of(items, false) <= room)
		return STATUS_OK;
	return err_set(err, STATUS_RANGE,
		       "the segments' maxmemory is %llu MB in sum (%llu MB of it configured), the "
		       "machine or its cgroup has %llu MB and four fifths of that may be used: "
		       "configure less, or fewer segments",
		       mib(chosen + free_to_scale), mib(chosen), mib(available));
}
