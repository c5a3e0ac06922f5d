#include "os/machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "os/files.h"

enum { TEXT_MAX = 16384 };

/* ---- files of /proc and /sys ---- */

static bool read_text(const char *root, const char *path, char text[TEXT_MAX])
{
	char whole[PATH_BYTES_MAX];
	snprintf(whole, sizeof whole, "%s%s", root, path);
	int fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, TEXT_MAX - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

static int64_t read_number(const char *root, const char *path)
{
	char text[TEXT_MAX];
	int64_t number;
	if (!read_text(root, path, text) || str_to_i64(str_trim(str_of(text)), &number))
		return MACHINE_UNKNOWN;
	return number;
}

static void put_text(char out[MACHINE_TEXT_BYTES], struct str text)
{
	snprintf(out, MACHINE_TEXT_BYTES, "%.*s", STR_ARG(str_trim(text)));
}

/* "MemTotal:  24576 kB", in bytes. */
static int64_t find_kb(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	return at ? strtoll(at + strlen(name), NULL, 10) * 1024 : MACHINE_UNKNOWN;
}

static void read_memory(const char *root, struct machine *machine)
{
	char text[TEXT_MAX] = "";
	bool known = read_text(root, "/proc/meminfo", text);
	machine->memory = known ? find_kb(text, "MemTotal:") : MACHINE_UNKNOWN;
	machine->memory_available = known ? find_kb(text, "MemAvailable:") : MACHINE_UNKNOWN;
	machine->swap = known ? find_kb(text, "SwapTotal:") : MACHINE_UNKNOWN;
	machine->swap_free = known ? find_kb(text, "SwapFree:") : MACHINE_UNKNOWN;
	machine->memory_limit = read_number(root, "/sys/fs/cgroup/memory.max");
	machine->overcommit = read_number(root, "/proc/sys/vm/overcommit_memory");
	machine->somaxconn = read_number(root, "/proc/sys/net/core/somaxconn");
}

/* "always [madvise] never" */
static void read_huge_pages(const char *root, struct machine *machine)
{
	char text[TEXT_MAX];
	machine->huge_pages[0] = 0;
	if (!read_text(root, "/sys/kernel/mm/transparent_hugepage/enabled", text))
		return;
	char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;
	if (to)
		put_text(machine->huge_pages, str_make(from + 1, (size_t)(to - from - 1)));
}

static void read_system(const char *root, struct machine *machine)
{
	char text[TEXT_MAX];
	struct utsname name;
	machine->system[0] = machine->kernel[0] = 0;
	if (read_text(root, "/proc/sys/kernel/osrelease", text))
		put_text(machine->kernel, str_of(text));
	else if (uname(&name) == 0)
		put_text(machine->kernel, str_of(name.release));
	if (!read_text(root, "/etc/os-release", text))
		return;
	char *from = strstr(text, "PRETTY_NAME=\"");
	if (!from)
		return;
	from += strlen("PRETTY_NAME=\"");
	put_text(machine->system, str_make(from, strcspn(from, "\"\n")));
}

static void read_clock(struct machine *machine)
{
	struct timex timex = { 0 };
	int state = adjtimex(&timex);
	machine->clock_synced =
	    state < 0 ? MACHINE_UNKNOWN : state != TIME_ERROR && !(timex.status & STA_UNSYNC);
	machine->clock_error_us = state < 0 ? MACHINE_UNKNOWN : timex.esterror;
}

static void read_limits(struct machine *machine)
{
	struct rlimit files, core;
	machine->cores = sysconf(_SC_NPROCESSORS_ONLN);
	machine->files_hard = MACHINE_UNKNOWN;
	machine->core_soft = MACHINE_UNKNOWN;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		machine->files_hard =
		    files.rlim_max == RLIM_INFINITY ? INT64_MAX : (int64_t)files.rlim_max;
	if (getrlimit(RLIMIT_CORE, &core) == 0)
		machine->core_soft =
		    core.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)core.rlim_cur;
}

void machine_read(const char *root, struct machine *machine)
{
	char shm[PATH_BYTES_MAX];
	struct statvfs volume;
	read_system(root, machine);
	read_memory(root, machine);
	read_huge_pages(root, machine);
	read_clock(machine);
	read_limits(machine);
	snprintf(shm, sizeof shm, "%s/dev/shm", root);
	machine->shm_free =
	    statvfs(shm, &volume) ? MACHINE_UNKNOWN : (int64_t)(volume.f_bavail * volume.f_frsize);
}

void machine_file_read(const char *path, struct machine_file *file)
{
	struct stat st;
	*file = (struct machine_file){ 0 };
	if (stat(path, &st))
		return;
	*file = (struct machine_file){ .is_there = true,
				       .is_plain = S_ISREG(st.st_mode),
				       .is_folder = S_ISDIR(st.st_mode),
				       .is_ours = st.st_uid == geteuid() || st.st_uid == 0,
				       .mode = st.st_mode & 07777 };
}
