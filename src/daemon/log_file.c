#include "daemon/log_file.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "os/files.h"

/* The process's one log: the sink of base/log.h has no other owner. */
static struct {
	FILE *file;
	char path[CONFIG_VALUE_BYTES + 1];
	uint64_t bytes, bytes_max; /* of one file: half of what both may have */
} sink;

static int64_t wall_ns(void *ctx)
{
	struct timespec ts;
	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void rotate(void)
{
	char older[sizeof sink.path + 2];
	snprintf(older, sizeof older, "%s.1", sink.path);
	fclose(sink.file);
	rename(sink.path, older);
	sink.file = fopen(sink.path, "ae");
	sink.bytes = 0;
}

static void write_line(void *ctx, const char *line, unsigned long len)
{
	(void)ctx;
	if (sink.file && sink.bytes + len > sink.bytes_max)
		rotate();
	FILE *file = sink.file ? sink.file : stderr;
	fwrite(line, 1, len, file);
	fflush(file);
	sink.bytes += len;
}

/* The configured path, else FOLDER/weir.log; "" for standard error. */
static enum status choose_path(struct str path, const char *folder, struct err *err)
{
	struct buf text = buf_over(sink.path, sizeof sink.path - 1);
	buf_str_put(&text, path);
	if (path.len == 0 && folder) {
		enum status status = files_make_folder(folder, 0700, err);
		if (status)
			return status;
		buf_printf(&text, "%s/weir.log", folder);
	}
	sink.path[text.len] = 0;
	if (text.overflow)
		return err_set(err, STATUS_RANGE, "log.file: the path is too long");
	return STATUS_OK;
}

static enum status open_file(struct str path, const char *folder, struct err *err)
{
	if (sink.file)
		return STATUS_OK;
	enum status status = choose_path(path, folder, err);
	if (status || !sink.path[0])
		return status;
	sink.file = fopen(sink.path, "ae");
	if (!sink.file)
		return err_errno(err, errno, "log.file: %s", sink.path);
	long at = ftell(sink.file);
	sink.bytes = at > 0 ? (uint64_t)at : 0;
	return STATUS_OK;
}

enum status log_file_setup(const struct config *config, const char *folder, struct err *err)
{
	enum status status = open_file(config_str(config, CONFIG_log_file), folder, err);
	if (status)
		return status;
	char storage[200];
	struct buf why = buf_over(storage, sizeof storage);
	struct log_config log = {
		.level = (enum log_level)config_i64(config, CONFIG_log_level),
		.json = config_i64(config, CONFIG_log_format) == 1,
		.write = write_line,
		.wall_ns = wall_ns,
	};
	if (log_modules_parse(config_str(config, CONFIG_log_modules), &log, &why))
		return err_set(err, STATUS_INVALID, "log.modules: %.*s", (int)why.len, why.ptr);
	sink.bytes_max = (uint64_t)config_i64(config, CONFIG_log_max_mb) * 1000000 / 2;
	log_setup(&log);
	return STATUS_OK;
}
