/* machine.h - facts of the machine that weir's health hangs on, for `weir doctor`.
 *
 * What cannot be read is MACHINE_UNKNOWN, "" for texts: never an error. Blocking; any thread. */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum { MACHINE_UNKNOWN = -1, MACHINE_TEXT_BYTES = 96 };

struct machine {
	char kernel[MACHINE_TEXT_BYTES];     /* "6.1.0-18-amd64" */
	char system[MACHINE_TEXT_BYTES];     /* "Debian GNU/Linux 12 (bookworm)" */
	char huge_pages[MACHINE_TEXT_BYTES]; /* "always", "madvise", "never" */
	int64_t cores;
	int64_t memory, memory_available; /* bytes */
	int64_t memory_limit;             /* of our control group; UNKNOWN: none */
	int64_t swap, swap_free;
	int64_t overcommit;     /* vm.overcommit_memory: 0 1 2 */
	int64_t somaxconn;      /* net.core.somaxconn */
	int64_t files_hard;     /* descriptors that a process may have */
	int64_t core_soft;      /* bytes of a core dump; 0: none */
	int64_t clock_synced;   /* 0, 1, by the kernel */
	int64_t clock_error_us; /* its own estimate */
	int64_t shm_free;       /* bytes in /dev/shm */
};

/* root: "" for the machine, or a folder with files of the shape of /proc, /sys and /etc. */
void machine_read(const char *root, struct machine *machine);

struct machine_disk {
	int64_t free, total; /* bytes, of the file system of the folder or of what is above it */
	char kind[MACHINE_TEXT_BYTES]; /* "ext4", "tmpfs", "overlay", "nfs", "0x…" */
	int64_t rotates;               /* 0, 1 */
	int64_t sync_us;               /* a 4 KB write and fsync, median of 9 */
};
/* Writes a file without a name for the time of the measurement, where the folder is there and
 * ours to write. */
void machine_disk_read(const char *folder, struct machine_disk *disk);

enum machine_port {
	MACHINE_PORT_FREE,
	MACHINE_PORT_USED,
	MACHINE_PORT_FORBIDDEN,
	MACHINE_PORT_BAD
};
/* Is binding possible? host is numeric. */
enum machine_port machine_port_try(const char *host, uint16_t port);

struct machine_file {
	bool is_there, is_plain, is_ours, is_folder; /* ours: of our user, or root's */
	mode_t mode;                                 /* permissions alone */
};
void machine_file_read(const char *path, struct machine_file *file);

/* The first line of what `program --version` prints; UNAVAILABLE says why there is none. */
MUST_CHECK enum status machine_program_version(const char *program, char *line, size_t size,
					       struct err *err);
