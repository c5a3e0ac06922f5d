/* The disk below a folder: room, kind, and how long it takes to be sure of a write. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "os/files.h"
#include "os/machine.h"

enum { SYNCS = 9, PAGE_BYTES = 4096 };

/* statfs(2) names them. */
static const struct {
	uint32_t magic;
	const char *name;
} kinds[] = {
	{ 0xef53, "ext4" },      { 0x58465342, "xfs" },     { 0x9123683e, "btrfs" },
	{ 0x01021994, "tmpfs" }, { 0x794c7630, "overlay" }, { 0x6969, "nfs" },
	{ 0x2fc12fc1, "zfs" },   { 0xff534d42, "cifs" },    { 0xf2f52010, "f2fs" },
	{ 0xfe534d42, "smb2" },  { 0x65735546, "fuse" },    { 0x01021997, "9p" },
};

static void put_kind(uint32_t magic, char out[MACHINE_TEXT_BYTES])
{
	snprintf(out, MACHINE_TEXT_BYTES, "0x%x", (unsigned)magic);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].magic == magic)
			snprintf(out, MACHINE_TEXT_BYTES, "%s", kinds[i].name);
}

/* The disk that a partition is of has the file; a partition's is one folder up. */
static int64_t read_rotates(dev_t device)
{
	static const char *const ups[] = { "", "../" };
	for (size_t i = 0; i < ARRAY_LEN(ups); i++) {
		char path[PATH_BYTES_MAX], digit = 0;
		snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%squeue/rotational",
			 major(device), minor(device), ups[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ssize_t n = read(fd, &digit, 1);
		close(fd);
		if (n == 1)
			return digit == '1';
	}
	return MACHINE_UNKNOWN;
}

static int64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

static int64_t measure_sync(const char *folder)
{
	static const char page[PAGE_BYTES];
	int64_t took_us[SYNCS];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return MACHINE_UNKNOWN;
	for (int i = 0; i < SYNCS; i++) {
		int64_t from_us = now_us();
		if (write(fd, page, sizeof page) != PAGE_BYTES || fsync(fd)) {
			close(fd);
			return MACHINE_UNKNOWN;
		}
		took_us[i] = now_us() - from_us;
	}
	close(fd);
	qsort(took_us, SYNCS, sizeof took_us[0], compare);
	return took_us[SYNCS / 2];
}

/* The folder, or the nearest one above it that is there. */
static void find_existing(const char *folder, char path[PATH_BYTES_MAX])
{
	struct stat st;
	snprintf(path, PATH_BYTES_MAX, "%s", folder);
	while (stat(path, &st)) {
		char *slash = strrchr(path, '/');
		if (!slash) {
			snprintf(path, PATH_BYTES_MAX, ".");
			return;
		}
		slash[slash == path] = 0;
	}
}

void machine_disk_read(const char *folder, struct machine_disk *disk)
{
	char path[PATH_BYTES_MAX];
	struct statvfs volume;
	struct statfs kind;
	struct stat st;
	*disk = (struct machine_disk){ .free = MACHINE_UNKNOWN,
				       .total = MACHINE_UNKNOWN,
				       .rotates = MACHINE_UNKNOWN,
				       .sync_us = MACHINE_UNKNOWN };
	find_existing(folder, path);
	if (statvfs(path, &volume) == 0) {
		disk->free = (int64_t)(volume.f_bavail * volume.f_frsize);
		disk->total = (int64_t)(volume.f_blocks * volume.f_frsize);
	}
	if (statfs(path, &kind) == 0)
		put_kind((uint32_t)kind.f_type, disk->kind);
	if (stat(path, &st) == 0)
		disk->rotates = read_rotates(st.st_dev);
	if (strcmp(path, folder) == 0)
		disk->sync_us = measure_sync(path);
}
