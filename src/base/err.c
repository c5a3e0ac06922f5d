#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status err_set(struct err *err, enum status status, const char *format, ...)
{
	if (!err)
		return status;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	err->status = status;
	return status;
}

enum status err_wrap(struct err *err, enum status status, const char *format, ...)
{
	if (!err)
		return status;
	char text[sizeof err->text];
	va_list args;
	va_start(args, format);
	int written = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	size_t head = written < 0 ? 0 : (size_t)written;
	if (head + 3 < sizeof text) {
		size_t tail = strnlen(err->text, sizeof text - head - 3);
		memcpy(text + head, ": ", 2);
		memcpy(text + head + 2, err->text, tail);
		text[head + 2 + tail] = 0;
	}
	memcpy(err->text, text, sizeof text);
	err->status = status;
	return status;
}

static enum status status_of_errno(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT: return STATUS_DISK_FULL;
	case ENOENT: return STATUS_NOT_FOUND;
	case EEXIST: return STATUS_EXISTS;
	case ENOMEM: return STATUS_NO_MEMORY;
	case EACCES:
	case EPERM:
	case ECONNREFUSED: return STATUS_REFUSED;
	case ETIMEDOUT: return STATUS_TIMEOUT;
	case EADDRINUSE: return STATUS_IN_USE;
	default: return STATUS_IO;
	}
}

enum status err_errno(struct err *err, int number, const char *format, ...)
{
	enum status status = status_of_errno(number);
	if (!err)
		return status;
	char what[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return err_set(err, status, "%.400s: %s", what, strerror(number));
}
