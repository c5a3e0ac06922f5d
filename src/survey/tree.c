#include "survey/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "os/files.h"

/* Folders of others' code. */
static const char *const skipped[] = {
	"node_modules", "bower_components", "vendor",      "venv",
	"virtualenv",   "site-packages",    "__pycache__",
};

struct walk {
	const struct tree_config *config;
	struct tree_totals *totals;
	struct buf text;
	char path[PATH_BYTES_MAX]; /* relative to the tree's root */
	size_t path_len;
};

static bool is_skipped(const char *name)
{
	if (name[0] == '.')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(skipped); i++)
		if (strcmp(name, skipped[i]) == 0)
			return true;
	return false;
}

static enum status read_all(struct walk *walk, int fd, size_t size)
{
	buf_clear(&walk->text);
	while (walk->text.len <= size) {
		char *at = buf_reserve(&walk->text, size + 1 - walk->text.len);
		if (!at)
			return STATUS_NO_MEMORY;
		ssize_t n = read(fd, at, size + 1 - walk->text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return STATUS_IO;
		if (n == 0)
			break;
		walk->text.len += (size_t)n;
	}
	return STATUS_OK;
}

/* A file that grows while it is read is taken as long as it was. */
static enum status take_file(struct walk *walk, int folder, const char *name)
{
	struct tree_totals *totals = walk->totals;
	struct stat stat;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum status status = fd < 0 || fstat(fd, &stat) != 0 ? STATUS_IO : STATUS_OK;
	if (!status && !S_ISREG(stat.st_mode)) {
		close(fd);
		return STATUS_OK;
	}
	bool large = !status && stat.st_size > CODE_FILE_BYTES_MAX;
	if (!status && !large)
		status = read_all(walk, fd, (size_t)stat.st_size);
	if (fd >= 0)
		close(fd);
	totals->too_large += large;
	totals->unreadable += status != STATUS_OK;
	if (status || large)
		return status == STATUS_NO_MEMORY ? status : STATUS_OK;
	totals->files++;
	status = code_file(walk->config->code, str_make(walk->path, walk->path_len),
			   buf_str(&walk->text));
	totals->full += status == STATUS_FULL;
	if (walk->config->on_progress)
		walk->config->on_progress(walk->config->ctx, totals->files);
	return status == STATUS_FULL ? STATUS_OK : status;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static enum status walk_folder(struct walk *walk, int folder, int depth);

static enum status enter(struct walk *walk, int folder, const char *name, int depth)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY);
	if (fd < 0) {
		walk->totals->unreadable++;
		return STATUS_OK;
	}
	/* A virtual environment of Python, whatever its name. */
	bool others = faccessat(fd, "pyvenv.cfg", F_OK, 0) == 0;
	enum status status = others ? STATUS_OK : walk_folder(walk, fd, depth + 1);
	close(fd);
	return status;
}

static enum status take_entry(struct walk *walk, int folder, const char *name, int depth)
{
	struct stat stat;
	size_t was = walk->path_len, len = strlen(name);
	enum status status = STATUS_OK;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    was + len + 2 > sizeof walk->path ||
	    fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return STATUS_OK;
	if (was)
		walk->path[walk->path_len++] = '/';
	memcpy(walk->path + walk->path_len, name, len);
	walk->path_len += len;
	if (S_ISDIR(stat.st_mode)) {
		if (!is_skipped(name))
			status = enter(walk, folder, name, depth);
	} else if (S_ISREG(stat.st_mode) && code_wants(str_make(walk->path, walk->path_len))) {
		status = take_file(walk, folder, name);
	}
	walk->path_len = was;
	return status;
}

static enum status walk_folder(struct walk *walk, int folder, int depth)
{
	struct dirent **entries = NULL;
	enum status status = STATUS_OK;
	if (depth > TREE_DEPTH_MAX) {
		walk->totals->too_deep++;
		return STATUS_OK;
	}
	int n = scandirat(folder, ".", &entries, NULL, by_name);
	if (n < 0) {
		walk->totals->unreadable++;
		return errno == ENOMEM ? STATUS_NO_MEMORY : STATUS_OK;
	}
	walk->totals->folders++;
	for (int i = 0; i < n; i++) {
		if (!status)
			status = take_entry(walk, folder, entries[i]->d_name, depth);
		free(entries[i]);
	}
	free(entries);
	return status;
}

enum status tree_walk(const struct tree_config *config, struct tree_totals *totals, struct err *err)
{
	*totals = (struct tree_totals){ 0 };
	struct walk *walk = calloc(1, sizeof *walk);
	if (!walk)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	walk->config = config;
	walk->totals = totals;
	buf_init(&walk->text, CODE_FILE_BYTES_MAX + 1);
	int fd = open(config->folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	enum status status;
	if (fd < 0)
		status = errno == ENOTDIR
			     ? err_set(err, STATUS_INVALID, "%s: not a folder", config->folder)
			     : err_errno(err, errno, "%s", config->folder);
	else
		status = walk_folder(walk, fd, 0);
	if (status == STATUS_NO_MEMORY)
		err_set(err, status, "%s: out of memory", config->folder);
	if (fd >= 0)
		close(fd);
	buf_deinit(&walk->text);
	free(walk);
	return status;
}
