#include "daemon/state_folder.h"

#include <stdlib.h>

#include "os/files.h"

struct state_folder {
	int lock_fd;
};

static enum status judge_schema(const char *path, struct str text, struct err *err)
{
	uint64_t schema = 0;
	if (str_to_u64(text, &schema) == STATUS_OK && schema == STATE_SCHEMA)
		return STATUS_OK;
	return err_set(
	    err, STATUS_VERSION,
	    "%s: the state directory has schema %.*s, this weir knows %d: use the weir that "
	    "wrote it",
	    path, STR_ARG(text), STATE_SCHEMA);
}

static enum status check_schema(const char *state_dir, struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct buf text;
	enum status status = path_format(path, err, "%s/schema", state_dir);
	if (status)
		return status;
	buf_init(&text, 4096);
	status = files_read(path, 32, &text, err);
	if (status == STATUS_NOT_FOUND) {
		buf_clear(&text);
		buf_printf(&text, "%d\n", STATE_SCHEMA);
		status = files_write_atomic(path, buf_str(&text), 0600, err);
	} else if (!status) {
		status = judge_schema(path, str_trim(buf_str(&text)), err);
	}
	buf_deinit(&text);
	return status;
}

enum status state_folder_open(const char *path, struct state_folder **out, struct err *err)
{
	char lock[PATH_BYTES_MAX];
	enum status status = files_make_folder(path, 0700, err);
	if (!status)
		status = path_format(lock, err, "%s/weir.lock", path);
	if (status)
		return status;
	struct state_folder *folder = calloc(1, sizeof *folder);
	if (!folder)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	status = files_lock(lock, &folder->lock_fd, err);
	if (status) {
		free(folder);
		return err_wrap(err, status, "state directory %s", path);
	}
	status = check_schema(path, err);
	if (status) {
		state_folder_close(folder);
		return status;
	}
	*out = folder;
	return STATUS_OK;
}

void state_folder_close(struct state_folder *folder)
{
	if (!folder)
		return;
	files_unlock(folder->lock_fd);
	free(folder);
}
