/* PATH.made stands beside the file and says that there is one: DuckDB makes a new, empty
 * database where a file is missing (and deletes the WAL that is left of it). */
#include <sys/stat.h>
#include <unistd.h>

#include "archive/db_impl.h"

enum { SMALLEST_FILE = 3 * 4096 }; /* DuckDB's three headers */

static bool there(const char *path, int64_t *bytes)
{
	struct stat stat_of;
	bool is = stat(path, &stat_of) == 0;
	*bytes = is ? (int64_t)stat_of.st_size : 0;
	return is;
}

enum status db_marker_look(struct archive_db *db, struct err *err)
{
	const char *path = db->config.path;
	char marker[PATH_BYTES_MAX], wal[PATH_BYTES_MAX];
	enum status status = path_format(marker, err, "%s.made", path);
	if (!status)
		status = path_format(wal, err, "%s.wal", path);
	if (status)
		return status;
	int64_t bytes, ignored;
	bool has_file = there(path, &bytes), was_made = there(marker, &ignored);
	bool has_wal = there(wal, &ignored);
	if (has_file && bytes >= SMALLEST_FILE)
		return STATUS_OK;
	if (was_made || has_wal)
		return err_set(err, STATUS_NOT_FOUND,
			       "%s is %s, and %s says that it was there: put it back, or remove %s "
			       "to begin an empty archive",
			       path, has_file ? "cut short" : "missing", was_made ? marker : wal,
			       was_made ? marker : wal);
	/* Killed while it was made: nothing is in it. */
	if (has_file && unlink(path) != 0)
		return err_set(err, STATUS_IO, "%s cannot be begun anew", path);
	return STATUS_OK;
}

enum status db_marker_write(struct archive_db *db, struct err *err)
{
	char marker[PATH_BYTES_MAX];
	int64_t bytes;
	enum status status = path_format(marker, err, "%s.made", db->config.path);
	if (status || there(marker, &bytes))
		return status;
	return files_write_atomic(
	    marker,
	    STR("The archive file beside this one was made by weir. While this one stands,\n"
		"a missing archive file is an error, and not the begin of an empty archive.\n"),
	    0600, err);
}
