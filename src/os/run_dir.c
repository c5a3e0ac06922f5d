#include "os/run_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == SOCKET_PATH_MAX + 1, "sun_path");

static bool is_short(const char *folder)
{
	return strlen(folder) + 1 + SOCKET_NAME_MAX <= SOCKET_PATH_MAX;
}

static enum status other_place(const char *state_dir, char path[PATH_BYTES_MAX], struct err *err)
{
	char real[PATH_BYTES_MAX];
	const char *base = getenv("XDG_RUNTIME_DIR");
	if (!realpath(state_dir, real))
		return err_errno(err, errno, "state directory %s", state_dir);
	uint64_t hash = str_hash(str_of(real));
	if (!base || base[0] != '/')
		base = "/tmp";
	enum status status = path_format(path, err, "%s/weir-%u-%016llx", base, (unsigned)getuid(),
					 (unsigned long long)hash);
	if (status == STATUS_OK && !is_short(path))
		return err_set(
		    err, STATUS_RANGE,
		    "sockets of %.120s: a socket path has at most %d bytes, and %.120s is "
		    "too long as well; use a shorter --state or XDG_RUNTIME_DIR",
		    state_dir, SOCKET_PATH_MAX, path);
	return status;
}

/* /tmp is everybody's: only a folder that is ours and closed will do. */
static enum status make_private(const char *path, struct err *err)
{
	struct stat st;
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_errno(err, errno, "make the folder %s", path);
	if (lstat(path, &st))
		return err_errno(err, errno, "%s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077))
		return err_set(err, STATUS_REFUSED,
			       "%s: is not a folder of ours with mode 0700; remove it", path);
	return STATUS_OK;
}

static enum status make_link(const char *target, const char *link, struct err *err)
{
	char now[PATH_BYTES_MAX];
	ssize_t n = readlink(link, now, sizeof now - 1);
	if (n >= 0) {
		now[n] = 0;
		if (strcmp(now, target) == 0)
			return STATUS_OK;
		unlink(link);
	} else if (errno == EINVAL && rmdir(link)) {
		return err_errno(err, errno, "replace the folder %.200s by a link", link);
	}
	if (symlink(target, link))
		return err_errno(err, errno, "make the link %.200s", link);
	return STATUS_OK;
}

enum status run_dir_make(const char *state_dir, struct err *err)
{
	char run[PATH_BYTES_MAX], other[PATH_BYTES_MAX];
	enum status status = path_format(run, err, "%s/run", state_dir);
	if (status != STATUS_OK)
		return status;
	if (is_short(run))
		return files_make_folder(run, 0700, err);
	status = files_make_folder(state_dir, 0700, err);
	if (status == STATUS_OK)
		status = other_place(state_dir, other, err);
	if (status == STATUS_OK)
		status = make_private(other, err);
	return status == STATUS_OK ? make_link(other, run, err) : status;
}

enum status run_dir_path(const char *state_dir, const char *name, char path[PATH_BYTES_MAX],
			 struct err *err)
{
	char target[PATH_BYTES_MAX];
	enum status status = path_format(path, err, "%s/run", state_dir);
	if (status != STATUS_OK)
		return status;
	ssize_t n = is_short(path) ? -1 : readlink(path, target, sizeof target - 1);
	if (n < 0 && !files_is_folder(path))
		return err_set(err, STATUS_NOT_FOUND, "%s: there is no such folder", path);
	if (n >= 0)
		target[n] = 0;
	return n >= 0 ? path_format(path, err, "%s/%s", target, name)
		      : path_format(path, err, "%s/run/%s", state_dir, name);
}

enum status socket_path_fit(const char *path, char out[SOCKET_PATH_MAX + 1], struct err *err)
{
	char folder[PATH_BYTES_MAX], real[PATH_BYTES_MAX];
	const char *slash = strrchr(path, '/');
	if (str_copy(str_of(path), out, SOCKET_PATH_MAX + 1) == STATUS_OK)
		return STATUS_OK;
	if (slash && slash != path &&
	    path_format(folder, NULL, "%.*s", (int)(slash - path), path) == STATUS_OK &&
	    realpath(folder, real) && path_format(folder, NULL, "%s%s", real, slash) == STATUS_OK &&
	    str_copy(str_of(folder), out, SOCKET_PATH_MAX + 1) == STATUS_OK)
		return STATUS_OK;
	return err_set(err, STATUS_RANGE,
		       "%.200s: a socket path has at most %d bytes, this one %zu", path,
		       SOCKET_PATH_MAX, strlen(path));
}
