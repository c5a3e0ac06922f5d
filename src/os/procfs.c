#include "os/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

/* A process's stat line has 52 numbers and a name; meminfo has some 60 lines of 28 bytes. */
enum { TEXT_BYTES = 8192, STAT_BYTES = 2048, ENTRY_BYTES = 64 };

struct procfs {
	int root;
	int64_t tick_ns;
	uint64_t page_bytes;
	char text[TEXT_BYTES];
	char name[PROCFS_NAME_MAX];
	char command[PROCFS_COMMAND_MAX + 1]; /* one more shows that it was cut */
	char program[PROCFS_PROGRAM_MAX + 1];
};

enum status procfs_open(const char *root, struct procfs **out, struct err *err)
{
	struct procfs *procfs = calloc(1, sizeof *procfs);
	if (!procfs)
		return err_set(err, STATUS_NO_MEMORY, "/proc: out of memory");
	procfs->root = open(root ? root : "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (procfs->root < 0) {
		free(procfs);
		return err_errno(err, errno, "read the folder %s", root ? root : "/proc");
	}
	procfs->tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
	procfs->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	*out = procfs;
	return STATUS_OK;
}

void procfs_close(struct procfs *procfs)
{
	if (!procfs)
		return;
	close(procfs->root);
	free(procfs);
}

/* ---- files ---- */

/* Up to `size` bytes of it; false when it is gone or hidden. */
static bool read_entry(struct procfs *procfs, const char *path, char *out, size_t size,
		       struct str *text)
{
	int fd = openat(procfs->root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t got = 0;
	ssize_t n = 1;
	if (fd < 0)
		return false;
	while (got < size && n != 0) {
		n = read(fd, out + got, size - got);
		if (n < 0 && errno != EINTR)
			break; /* ESRCH: it ended between open and read */
		got += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	*text = str_make(out, got);
	return n >= 0;
}

static bool read_of(struct procfs *procfs, int pid, const char *file, char *out, size_t size,
		    struct str *text)
{
	char path[ENTRY_BYTES];
	snprintf(path, sizeof path, "%d/%s", pid, file);
	return read_entry(procfs, path, out, size, text);
}

/* ---- PID/stat ---- */

struct stat_line {
	struct str name;
	char state;
	uint64_t parent, user_ticks, system_ticks, threads, started_ticks, rss_pages;
};

/* Fields by their number in proc(5); the third is the first behind the name. */
static bool parse_fields(struct str rest, struct stat_line *line)
{
	static const uint8_t numbers[] = { 4, 14, 15, 20, 22, 24 };
	uint64_t *const values[] = { &line->parent,  &line->user_ticks,    &line->system_ticks,
				     &line->threads, &line->started_ticks, &line->rss_pages };
	struct str field;
	if (!str_split(&rest, ' ', &field) || field.len != 1)
		return false;
	line->state = field.ptr[0];
	int number = 3;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		for (; number < numbers[i]; number++)
			if (!str_split(&rest, ' ', &field))
				return false;
		if (str_to_u64(field, values[i]) != STATUS_OK)
			return false;
	}
	return true;
}

/* `4412 (name) S 1 …`: the name may hold brackets and blanks, so it ends at the last
 * bracket of the line. */
static bool parse_stat(struct str text, struct stat_line *line)
{
	size_t open = str_find_char(text, '('), close = text.len;
	while (close > open && text.ptr[close - 1] != ')')
		close--;
	if (close < open + 2)
		return false;
	line->name = str_make(text.ptr + open + 1, close - open - 2);
	if (line->name.len > PROCFS_NAME_MAX)
		line->name.len = PROCFS_NAME_MAX;
	return parse_fields(str_skip(text, close + 1), line);
}

static bool read_stat(struct procfs *procfs, int pid, struct stat_line *line)
{
	struct str text;
	return read_of(procfs, pid, "stat", procfs->text, STAT_BYTES, &text) &&
	       parse_stat(str_trim(text), line) && line->parent <= INT32_MAX &&
	       line->threads <= INT32_MAX;
}

/* ---- processes ---- */

/* 0: the entry is no process. */
static int pid_of(const char *entry)
{
	uint64_t pid;
	bool digits = entry[0] >= '1' && entry[0] <= '9';
	return digits && str_to_u64(str_of(entry), &pid) == STATUS_OK && pid <= INT32_MAX ? (int)pid
											  : 0;
}

static void read_command(struct procfs *procfs, struct procfs_process *process)
{
	struct str *command = &process->command;
	if (!read_of(procfs, process->pid, "cmdline", procfs->command, sizeof procfs->command,
		     command))
		return;
	process->command_cut = command->len > PROCFS_COMMAND_MAX;
	if (process->command_cut)
		command->len = PROCFS_COMMAND_MAX;
	for (size_t i = 0; i < command->len; i++)
		if (!procfs->command[i])
			procfs->command[i] = ' ';
	*command = str_trim(*command);
}

static void read_program(struct procfs *procfs, struct procfs_process *process)
{
	char path[ENTRY_BYTES];
	snprintf(path, sizeof path, "%d/exe", process->pid);
	ssize_t n = readlinkat(procfs->root, path, procfs->program, sizeof procfs->program);
	process->program = str_make(procfs->program, n > 0 ? (size_t)n : 0);
}

/* False: it is gone. */
static bool read_process(struct procfs *procfs, int pid, struct procfs_process *process)
{
	struct stat_line line;
	if (!read_stat(procfs, pid, &line))
		return false;
	*process = (struct procfs_process){ .pid = pid,
					    .parent = (int)line.parent,
					    .state = line.state,
					    .started_ticks = line.started_ticks,
					    .name = { procfs->name, line.name.len } };
	memcpy(procfs->name, line.name.ptr, line.name.len); /* fn may use the text again */
	read_command(procfs, process);
	read_program(procfs, process);
	return true;
}

enum status procfs_visit(struct procfs *procfs,
			 bool (*fn)(void *ctx, const struct procfs_process *process), void *ctx,
			 struct err *err)
{
	int fd = openat(procfs->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool goes_on = true;
	if (!folder) {
		enum status status = err_errno(err, errno, "list the processes");
		if (fd >= 0)
			close(fd);
		return status;
	}
	errno = 0;
	while (goes_on && (entry = readdir(folder))) {
		struct procfs_process process;
		int pid = pid_of(entry->d_name);
		if (pid && read_process(procfs, pid, &process))
			goes_on = fn(ctx, &process);
		errno = 0;
	}
	enum status status = errno ? err_errno(err, errno, "list the processes") : STATUS_OK;
	closedir(folder);
	return status;
}

/* ---- what one takes ---- */

static int count_descriptors(struct procfs *procfs, int pid)
{
	char path[ENTRY_BYTES];
	snprintf(path, sizeof path, "%d/fd", pid);
	int fd = openat(procfs->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int count = 0;
	if (!folder) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

/* `12345.67 …` seconds. */
static bool read_uptime(struct procfs *procfs, int64_t *uptime_ns)
{
	struct str text, whole, part = { 0 };
	uint64_t seconds, hundredths = 0;
	if (!read_entry(procfs, "uptime", procfs->text, STAT_BYTES, &text) ||
	    !str_split(&text, ' ', &part) || !str_split(&part, '.', &whole) ||
	    str_to_u64(whole, &seconds) != STATUS_OK || seconds > INT64_MAX / 2000000000 ||
	    part.len != 2 || str_to_u64(part, &hundredths) != STATUS_OK)
		return false;
	*uptime_ns = (int64_t)(seconds * 1000000000 + hundredths * 10000000);
	return true;
}

enum status procfs_usage(struct procfs *procfs, int pid, uint64_t started_ticks,
			 struct procfs_usage *usage)
{
	struct stat_line line;
	int64_t uptime_ns = 0;
	if (!read_stat(procfs, pid, &line) || line.started_ticks != started_ticks)
		return STATUS_NOT_FOUND;
	if (!read_uptime(procfs, &uptime_ns))
		return STATUS_FORMAT;
	int64_t age_ns = uptime_ns - (int64_t)(started_ticks * (uint64_t)procfs->tick_ns);
	uint64_t ticks = line.user_ticks + line.system_ticks;
	*usage = (struct procfs_usage){ .cpu_ns = ticks * (uint64_t)procfs->tick_ns,
					.rss_bytes = line.rss_pages * procfs->page_bytes,
					.uptime_ns = age_ns > 0 ? age_ns : 0,
					.threads = (int)line.threads,
					.descriptors = count_descriptors(procfs, pid) };
	return STATUS_OK;
}

/* ---- the host ---- */

/* `0.52 0.58 0.59 1/1024 4412` */
static bool read_load(struct procfs *procfs, struct procfs_host *host)
{
	struct str text, number, whole;
	if (!read_entry(procfs, "loadavg", procfs->text, STAT_BYTES, &text))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(host->load_e2); i++) {
		uint64_t units, hundredths;
		if (!str_split(&text, ' ', &number) || !str_split(&number, '.', &whole) ||
		    number.len != 2 || str_to_u64(whole, &units) != STATUS_OK ||
		    str_to_u64(number, &hundredths) != STATUS_OK || units > UINT32_MAX / 200)
			return false;
		host->load_e2[i] = (uint32_t)(units * 100 + hundredths);
	}
	return true;
}

/* `MemTotal:       16316412 kB` */
static bool find_kb(struct str text, struct str name, uint64_t *bytes)
{
	struct str row, kb;
	uint64_t value;
	while (str_split(&text, '\n', &row)) {
		if (!str_starts(row, name))
			continue;
		row = str_trim(str_skip(row, name.len));
		if (!str_split(&row, ' ', &kb) || str_to_u64(kb, &value) != STATUS_OK ||
		    value > UINT64_MAX / 1024)
			return false;
		*bytes = value * 1024;
		return true;
	}
	return false;
}

static bool read_memory(struct procfs *procfs, struct procfs_host *host)
{
	struct str text;
	return read_entry(procfs, "meminfo", procfs->text, TEXT_BYTES, &text) && text.len &&
	       find_kb(text, STR("MemTotal:"), &host->memory_bytes) &&
	       find_kb(text, STR("MemAvailable:"), &host->memory_available);
}

/* One line `cpuN …` for each that is online, behind the line `cpu  …` of all; they come
 * first, and may be hundreds. */
static bool read_cpus(struct procfs *procfs, struct procfs_host *host)
{
	int fd = openat(procfs->root, "stat", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char row[256];
	if (!file) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	host->cpus = 0;
	while (fgets(row, sizeof row, file) && strncmp(row, "cpu", 3) == 0)
		host->cpus += row[3] >= '0' && row[3] <= '9';
	fclose(file);
	return host->cpus > 0;
}

enum status procfs_host(struct procfs *procfs, struct procfs_host *out, struct err *err)
{
	static const struct {
		const char *file;
		bool (*read)(struct procfs *procfs, struct procfs_host *host);
	} parts[] = { { "loadavg", read_load }, { "meminfo", read_memory }, { "stat", read_cpus } };
	struct procfs_host host = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!parts[i].read(procfs, &host))
			return err_set(err, STATUS_FORMAT, "/proc/%s: not as expected",
				       parts[i].file);
	if (!read_uptime(procfs, &host.uptime_ns))
		return err_set(err, STATUS_FORMAT, "/proc/uptime: not as expected");
	*out = host;
	return STATUS_OK;
}
