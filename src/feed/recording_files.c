#include "feed/recording_files.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/line_reader.h"

struct recording_files {
	const char *const *paths;
	size_t n_paths, next_path;
	struct line_reader *reader;
	uint64_t lines_before, too_long_before; /* of the readers that are closed */
};

static enum status check_readable(const char *path, struct err *err)
{
	if (str_eq(str_of(path), STR("-")) || access(path, R_OK) == 0)
		return STATUS_OK;
	return err_errno(err, errno, "%s", path);
}

enum status recording_files_open(const char *const *paths, size_t n_paths,
				 struct recording_files **out, struct err *err)
{
	for (size_t i = 0; i < n_paths; i++) {
		enum status status = check_readable(paths[i], err);
		if (status)
			return status;
	}
	struct recording_files *files = calloc(1, sizeof *files);
	if (!files)
		return err_set(err, STATUS_NO_MEMORY, "no memory for a recording");
	files->paths = paths;
	files->n_paths = n_paths;
	*out = files;
	return STATUS_OK;
}

static void close_reader(struct recording_files *files)
{
	if (!files->reader)
		return;
	files->lines_before += line_reader_line(files->reader);
	files->too_long_before += line_reader_stats(files->reader)->too_long;
	line_reader_close(files->reader);
	files->reader = NULL;
}

void recording_files_close(struct recording_files *files)
{
	if (!files)
		return;
	close_reader(files);
	free(files);
}

enum status recording_files_next(struct recording_files *files, struct str *line, struct err *err)
{
	for (;;) {
		if (files->reader) {
			enum status status = line_reader_next(files->reader, line, err);
			if (status != STATUS_NOT_FOUND)
				return status;
			close_reader(files);
		}
		if (files->next_path == files->n_paths)
			return STATUS_NOT_FOUND;
		enum status status =
		    line_reader_open(files->paths[files->next_path++], true, &files->reader, err);
		if (status)
			return status;
	}
}

uint64_t recording_files_line(const struct recording_files *files)
{
	return files->lines_before + (files->reader ? line_reader_line(files->reader) : 0);
}

uint64_t recording_files_too_long(const struct recording_files *files)
{
	return files->too_long_before +
	       (files->reader ? line_reader_stats(files->reader)->too_long : 0);
}
