#include "daemon/config_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "os/files.h"

/* The first problem, and how many more there are. */
static enum status first_problem(const struct config_problems *problems, struct err *err)
{
	if (problems->count == 1)
		return err_set(err, STATUS_INVALID, "%s", problems->lines[0]);
	return err_set(err, STATUS_INVALID, "%s (and %zu more: `weir config check`)",
		       problems->lines[0], problems->count - 1);
}

static enum status check_secret(const char *path, const struct config *config, struct err *err)
{
	struct stat st;
	if (!path || !config_file_has_secret(config))
		return STATUS_OK;
	if (stat(path, &st) == 0 && (st.st_mode & 077) == 0)
		return STATUS_OK;
	return err_set(err, STATUS_REFUSED,
		       "%s: holds a password and others may read it: chmod 600 %s", path, path);
}

enum status config_file_load(const char *path, struct config **out,
			     struct config_problems *problems, struct err *err)
{
	struct config_problems own;
	struct config *config;
	struct buf text;
	problems = problems ? problems : &own;
	problems->count = 0;
	buf_init(&text, CONFIG_FILE_BYTES + 1);
	if (!path && access(CONFIG_FILE_NAME, F_OK) == 0)
		path = CONFIG_FILE_NAME;
	enum status status = path ? files_read(path, CONFIG_FILE_BYTES, &text, err) : STATUS_OK;
	if (status == STATUS_OK) {
		struct config_source source = {
			.file_name = str_of(path),
			.file_text = path ? buf_str(&text) : (struct str){ 0 },
			.environ = (const char *const *)environ,
		};
		status = config_create(&source, &config, problems);
		if (status)
			status = problems->count ? first_problem(problems, err)
						 : err_set(err, status, "%s", status_text(status));
	}
	buf_deinit(&text);
	if (status)
		return status;
	status = check_secret(path, config, err);
	if (status)
		config_destroy(config);
	else
		*out = config;
	return status;
}
