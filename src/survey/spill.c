#include "survey/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/files.h"

enum { LOOK_EVERY = 16 << 20 };

struct survey_spill {
	struct audit_spill port;
	int fd;
	uint64_t bytes, bytes_max;
	uint64_t looked; /* bytes when free space was looked at last */
	char folder[PATH_BYTES_MAX];
	struct err why;
};

static enum status append(void *ctx, struct str bytes)
{
	struct survey_spill *spill = ctx;
	uint64_t left = 0;
	if (spill->why.status)
		return spill->why.status;
	if (spill->bytes + bytes.len > spill->bytes_max)
		return err_set(&spill->why, STATUS_DISK_FULL,
			       "%s: the audit's records would take more than %llu MB",
			       spill->folder, (unsigned long long)(spill->bytes_max >> 20));
	if (spill->bytes == 0 || spill->bytes - spill->looked >= LOOK_EVERY) {
		spill->looked = spill->bytes;
		if (!files_free_bytes(spill->folder, &left, NULL) && left < SPILL_LEAVE_BYTES)
			return err_set(&spill->why, STATUS_DISK_FULL,
				       "%s: %llu MB are free, too few for the audit's records",
				       spill->folder, (unsigned long long)(left >> 20));
	}
	while (bytes.len) {
		ssize_t n = pwrite(spill->fd, bytes.ptr, bytes.len, (off_t)spill->bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(&spill->why, n ? errno : ENOSPC, "%s: the audit's records",
					 spill->folder);
		spill->bytes += (uint64_t)n;
		bytes = str_skip(bytes, (size_t)n);
	}
	return STATUS_OK;
}

static enum status read_at(void *ctx, uint64_t offset, char *at, size_t size, size_t *got)
{
	struct survey_spill *spill = ctx;
	ssize_t n;
	do {
		n = pread(spill->fd, at, size, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(&spill->why, errno, "%s: the audit's records", spill->folder);
	*got = (size_t)n;
	return STATUS_OK;
}

/* A file system without nameless files gets one whose name is removed at once. */
static int open_nameless(const char *folder)
{
	char path[PATH_BYTES_MAX + 32];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	snprintf(path, sizeof path, "%s/weir-audit-XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

enum status survey_spill_open(const char *folder, uint64_t bytes_max, struct survey_spill **out,
			      struct err *err)
{
	const char *chosen = folder ? folder : getenv("TMPDIR");
	struct survey_spill *spill = calloc(1, sizeof *spill);
	if (!spill)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	spill->port = (struct audit_spill){ append, read_at, spill };
	spill->bytes_max = bytes_max ? bytes_max : (uint64_t)64 << 30;
	enum status status =
	    path_format(spill->folder, err, "%s", chosen && *chosen ? chosen : "/tmp");
	if (!status) {
		spill->fd = open_nameless(spill->folder);
		if (spill->fd < 0)
			status = err_errno(err, errno, "%s: a temporary file", spill->folder);
	}
	if (status) {
		free(spill);
		return status;
	}
	*out = spill;
	return STATUS_OK;
}

void survey_spill_close(struct survey_spill *spill)
{
	if (!spill)
		return;
	close(spill->fd);
	free(spill);
}

const struct audit_spill *survey_spill_port(const struct survey_spill *spill)
{
	return &spill->port;
}

uint64_t survey_spill_bytes(const struct survey_spill *spill) { return spill->bytes; }
const struct err *survey_spill_why(const struct survey_spill *spill) { return &spill->why; }
