/* files.h - the few things weir does with files besides streaming them: folders,
 * whole small files, atomic replacement, the lock, free space, secrets.
 *
 * Blocking; for start, stop and rare writes. Every failure names the path in err.
 * Any thread. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum { PATH_BYTES_MAX = 4096 };

/* printf into a path; RANGE when it does not fit. */
MUST_CHECK enum status path_format(char path[PATH_BYTES_MAX], struct err *err, const char *format,
				   ...) __attribute__((format(printf, 3, 4)));
/* Makes the folder and what is missing above it, each with `mode`. An existing
 * folder keeps its mode. */
MUST_CHECK enum status files_make_folder(const char *path, mode_t mode, struct err *err);
/* Replaces the file in one step: temporary file beside it, fsync, rename, fsync of
 * the folder. Readers see the old or the new content, after a crash too. */
MUST_CHECK enum status files_write_atomic(const char *path, struct str content, mode_t mode,
					  struct err *err);
/* The same without waiting for the disk: for what is written anew at each start. A
 * file that has this content and mode already is left alone. */
MUST_CHECK enum status files_replace(const char *path, struct str content, mode_t mode,
				     struct err *err);
/* Renames, over file systems too: then it is copied, synced and removed. */
MUST_CHECK enum status files_move(const char *from, const char *to, struct err *err);
/* Appends the whole file to `out`; RANGE when it has more than bytes_max. */
MUST_CHECK enum status files_read(const char *path, size_t bytes_max, struct buf *out,
				  struct err *err);
/* The last line of a text file that is not blank, cut to what fits; "" when there is
 * none. For showing why a child ended. */
void files_last_line(const char *path, char *line, size_t size);
bool files_is_folder(const char *path);
/* Takes the lock file and writes our pid into it. IN_USE names the holder's pid. The
 * lock ends with the process, however that ends; children do not inherit it. */
MUST_CHECK enum status files_lock(const char *path, int *fd, struct err *err);
void files_unlock(int fd);
/* The bare lock on a file made with mode 0600: *fd is -1 when somebody else has it.
 * A child that inherits fd holds it on, which shows as long as the child lives. */
MUST_CHECK enum status files_try_lock(const char *path, int *fd, struct err *err);
/* What an unprivileged process may still write in the folder's file system. */
MUST_CHECK enum status files_free_bytes(const char *path, uint64_t *bytes, struct err *err);
/* Appends `bytes` (at most 64) random bytes as lower-case hex, from the kernel; for
 * secrets. */
MUST_CHECK enum status files_random_hex(struct buf *out, size_t bytes, struct err *err);
/* The executable as execvp would find it; NOT_FOUND says where it was looked for. */
MUST_CHECK enum status files_find_program(const char *name, char path[PATH_BYTES_MAX],
					  struct err *err);
