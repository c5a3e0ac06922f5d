/* segment_login.h - the passwords of the segments' users: `run/users`, mode 0600,
 * lines `segment user password`, made once and kept. Blocking. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "def/segments.h"

enum { SEGMENT_PASSWORD_BYTES = 64 }; /* 32 random bytes in hex */

struct segment_login {
	char user[16];
	char password[SEGMENT_PASSWORD_BYTES + 1];
};

struct segment_logins {
	char passwords[SEGMENT_COUNT][SEGMENT_USER_COUNT][SEGMENT_PASSWORD_BYTES + 1];
};

/* Reads the file, makes up what it lacks, writes it back if anything was missing. */
MUST_CHECK enum status segment_logins_load(const char *state_dir, struct segment_logins *logins,
					   struct err *err);
/* For clients: one line of the file. NOT_FOUND: no such file or line. */
MUST_CHECK enum status segment_login_read(const char *state_dir, enum segment segment,
					  const char *user, struct segment_login *login,
					  struct err *err);
/* The same, from the file's text; pure. FORMAT names the line. */
MUST_CHECK enum status segment_logins_parse(struct str text, struct segment_logins *logins,
					    struct err *err);
