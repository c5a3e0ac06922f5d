/* err.h - the story of a failure in one line, for cold paths.
 *
 * A caller-owned struct err is the last argument of a fallible cold call. It is
 * set where the failure happens and wrapped on the way up, so that one line
 * reads `load config: segment.rts.port: '65536' is not 1..65535`. NULL is
 * allowed everywhere and means "nobody reads it". Not for hot paths. */
#pragma once

#include "base/status.h"

struct err {
	enum status status;
	char text[480]; /* NUL-terminated; cut at the end when too long */
};

/* Set and wrap return `status` (or err's own) so that a call can end with
 * `return err_set(...)`. */
enum status err_set(struct err *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "format: " before the text that is there. */
enum status err_wrap(struct err *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* From errno: ENOSPC becomes DISK_FULL, ENOENT NOT_FOUND, and so on. */
enum status err_errno(struct err *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
