/* recording_files.h - several files and folders of recordings as one stream of
 * lines, in the order given. Paths outlive it. Reads block. One thread. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct recording_files;

/* Every path is looked at first: one that cannot be read is said before any line
 * comes. "-" is standard input. */
MUST_CHECK enum status recording_files_open(const char *const *paths, size_t n_paths,
					    struct recording_files **files, struct err *err);
void recording_files_close(struct recording_files *files); /* NULL is fine */
/* As line_reader_next. */
MUST_CHECK enum status recording_files_next(struct recording_files *files, struct str *line,
					    struct err *err);
/* Number of the line given last over all files, left-out ones included, from 1; and
 * how many were left out because they were too long. */
uint64_t recording_files_line(const struct recording_files *files);
uint64_t recording_files_too_long(const struct recording_files *files);
