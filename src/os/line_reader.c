#include "os/line_reader.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"
#include "os/files.h"
#include "os/read_ahead.h"

enum { BLOCK = 256 * 1024, WINDOW = LINE_BYTES_MAX + BLOCK };

struct line_reader {
	char **paths;
	size_t path_count, next_path;
	const char *path; /* being read, or read last */
	bool use_read_ahead;
	struct text_source *source; /* one of the two is set while a file is open */
	struct read_ahead *ahead;
	uint64_t done_file_bytes;   /* of closed files */
	size_t start, scanned, end; /* in text[]: the line begins, no LF before, known bytes end */
	bool at_end;                /* of the file's text */
	enum status failed;         /* told after the good lines */
	struct err why;
	bool skipping; /* inside a line that is too long */
	uint64_t line_number;
	struct line_reader_stats stats;
	char text[WINDOW + LINE_PADDING];
};

static enum status add_path(struct line_reader *reader, const char *path)
{
	char **paths = realloc(reader->paths, (reader->path_count + 1) * sizeof *paths);
	if (!paths)
		return STATUS_NO_MEMORY;
	reader->paths = paths;
	paths[reader->path_count] = strdup(path);
	return paths[reader->path_count] ? (reader->path_count++, STATUS_OK) : STATUS_NO_MEMORY;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum status add_entry(struct line_reader *reader, const char *folder, const char *name,
			     struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct stat st;
	if (name[0] == '.')
		return STATUS_OK;
	enum status status = path_format(path, err, "%s/%s", folder, name);
	if (status == STATUS_OK && (stat(path, &st) || !S_ISREG(st.st_mode)))
		return STATUS_OK;
	return status == STATUS_OK ? add_path(reader, path) : status;
}

static enum status add_folder(struct line_reader *reader, const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	if (!dir)
		return err_errno(err, errno, "read %s", path);
	enum status status = STATUS_OK;
	for (struct dirent *entry; status == STATUS_OK && (entry = readdir(dir));)
		status = add_entry(reader, path, entry->d_name, err);
	closedir(dir);
	if (status == STATUS_OK && !reader->path_count)
		return err_set(err, STATUS_NOT_FOUND, "read %s: the folder holds no file", path);
	if (status == STATUS_OK)
		qsort(reader->paths, reader->path_count, sizeof *reader->paths, by_name);
	return status;
}

static enum status find_paths(struct line_reader *reader, const char *path, struct err *err)
{
	struct stat st;
	if (strcmp(path, "-") == 0)
		return add_path(reader, path);
	if (stat(path, &st))
		return err_errno(err, errno, "read %s", path);
	return S_ISDIR(st.st_mode) ? add_folder(reader, path, err) : add_path(reader, path);
}

enum status line_reader_open(const char *path, bool read_ahead, struct line_reader **out,
			     struct err *err)
{
	struct line_reader *reader = malloc(sizeof *reader);
	if (!reader)
		return err_set(err, STATUS_NO_MEMORY, "read %s: out of memory", path);
	memset(reader, 0, offsetof(struct line_reader, text));
	reader->use_read_ahead = read_ahead;
	reader->path = "";
	enum status status = find_paths(reader, path, err);
	if (status == STATUS_NO_MEMORY)
		err_set(err, status, "read %s: out of memory", path);
	if (status == STATUS_OK)
		*out = reader;
	else
		line_reader_close(reader);
	return status;
}

static uint64_t open_file_bytes(const struct line_reader *reader)
{
	return reader->ahead    ? read_ahead_file_bytes(reader->ahead)
	       : reader->source ? text_source_file_bytes(reader->source)
				: 0;
}

static void close_file(struct line_reader *reader)
{
	reader->done_file_bytes += open_file_bytes(reader);
	text_source_close(reader->source);
	read_ahead_stop(reader->ahead);
	reader->source = NULL;
	reader->ahead = NULL;
}

void line_reader_close(struct line_reader *reader)
{
	if (!reader)
		return;
	close_file(reader);
	for (size_t i = 0; i < reader->path_count; i++)
		free(reader->paths[i]);
	free(reader->paths);
	free(reader);
}

static enum status open_next(struct line_reader *reader, struct err *err)
{
	if (reader->next_path == reader->path_count)
		return STATUS_NOT_FOUND;
	reader->path = reader->paths[reader->next_path++];
	reader->start = reader->scanned = reader->end = 0;
	reader->at_end = reader->skipping = false;
	reader->failed = STATUS_OK;
	reader->line_number = 0;
	reader->stats.files++;
	enum status status = text_source_open(reader->path, &reader->source, err);
	if (status == STATUS_OK && reader->use_read_ahead) {
		struct text_source *source = reader->source;
		reader->source = NULL;
		status = read_ahead_start(source, &reader->ahead, err);
	}
	if (status == STATUS_OK)
		return STATUS_OK;
	err_wrap(err, status, "%s", reader->path);
	return status == STATUS_NOT_FOUND ? STATUS_IO : status; /* NOT_FOUND means the end */
}

static void fill(struct line_reader *reader)
{
	if (reader->start == reader->end) {
		reader->start = reader->scanned = reader->end = 0;
	} else if (WINDOW - reader->end < BLOCK / 2) {
		size_t left = reader->end - reader->start;
		memmove(reader->text, reader->text + reader->start, left);
		reader->scanned -= reader->start;
		reader->start = 0;
		reader->end = left;
	}
	size_t got = 0, room = WINDOW - reader->end;
	char *at = reader->text + reader->end;
	reader->failed = reader->ahead
			     ? read_ahead_read(reader->ahead, at, room, &got, &reader->why)
			     : text_source_read(reader->source, at, room, &got, &reader->why);
	reader->at_end = reader->failed != STATUS_OK || got == 0;
	reader->end += got;
	reader->stats.text_bytes += got;
}

static bool take(struct line_reader *reader, size_t end_of_line, size_t next, struct str *line)
{
	bool was_skipping = reader->skipping;
	struct str found = { reader->text + reader->start, end_of_line - reader->start };
	reader->start = reader->scanned = next;
	reader->line_number++;
	reader->skipping = false;
	if (was_skipping || found.len > LINE_BYTES_MAX) {
		reader->stats.too_long++;
		return false;
	}
	if (found.len && found.ptr[found.len - 1] == '\r')
		found.len--;
	reader->stats.lines++;
	*line = found;
	return true;
}

/* A line from what is in the window; false: none, and nothing left to look at. */
static bool take_from_window(struct line_reader *reader, struct str *line)
{
	while (reader->scanned < reader->end) {
		const char *from = reader->text + reader->scanned;
		const char *lf = memchr(from, '\n', reader->end - reader->scanned);
		if (!lf) {
			reader->scanned = reader->end;
			break;
		}
		size_t at = (size_t)(lf - reader->text);
		if (take(reader, at, at + 1, line))
			return true;
	}
	if (reader->end - reader->start > LINE_BYTES_MAX) {
		reader->skipping = true;
		reader->start = reader->scanned = reader->end;
	}
	return false;
}

/* What stands before the end of a whole file is a line too; before the place where
 * a file is damaged it is a piece of one. */
static bool take_last(struct line_reader *reader, struct str *line)
{
	if (reader->failed != STATUS_OK || (reader->start == reader->end && !reader->skipping))
		return false;
	return take(reader, reader->end, reader->end, line);
}

static enum status end_file(struct line_reader *reader, struct err *err)
{
	close_file(reader);
	if (reader->failed == STATUS_OK)
		return STATUS_OK;
	if (err)
		*err = reader->why;
	return err_wrap(err, reader->failed, "%s", reader->path);
}

enum status line_reader_next(struct line_reader *reader, struct str *line, struct err *err)
{
	for (;;) {
		if (!reader->source && !reader->ahead) {
			enum status status = open_next(reader, err);
			if (status != STATUS_OK)
				return status;
		}
		if (take_from_window(reader, line))
			return STATUS_OK;
		if (!reader->at_end) {
			fill(reader);
			continue;
		}
		if (take_last(reader, line))
			return STATUS_OK;
		enum status status = end_file(reader, err);
		if (status != STATUS_OK)
			return status;
	}
}

const char *line_reader_file(const struct line_reader *reader) { return reader->path; }
uint64_t line_reader_line(const struct line_reader *reader) { return reader->line_number; }

const struct line_reader_stats *line_reader_stats(const struct line_reader *reader)
{
	struct line_reader_stats *stats = &((struct line_reader *)reader)->stats;
	stats->file_bytes = reader->done_file_bytes + open_file_bytes(reader);
	return stats;
}
