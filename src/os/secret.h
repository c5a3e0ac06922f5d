/* secret.h - what proves who somebody is: HMAC-SHA256, comparing, random bytes, hex,
 * and files that hold secrets.
 *
 * Whoever holds a secret wipes it: secret_wipe for a buf, explicit_bzero for arrays.
 * Blocking (files, the kernel's random bytes); no state. Any thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum { SECRET_MAC_BYTES = 32 };

/* RFC 2104 with SHA-256 (RFC 4231 has its vectors). The key may have any length. Fails
 * only when memory is out. */
MUST_CHECK enum status secret_mac(struct str key, struct str message,
				  uint8_t mac[SECRET_MAC_BYTES]);
/* Takes as long for every pair of one length; the length itself is no secret. */
bool secret_equal(struct str a, struct str b);
/* From the kernel, once it has gathered enough to give any. */
MUST_CHECK enum status secret_random(void *bytes, size_t n, struct err *err);
/* 2 x n lower-case digits and a NUL. */
void secret_print_hex(const void *bytes, size_t n, char *out);
/* Appends the whole file to out, which must be empty and growing with a limit above
 * bytes_max; it is not moved while it grows, so secret_wipe leaves no copy. REFUSED
 * says what to do when the file is not ours, is no plain file, or when others may
 * read or write it; RANGE when it has more than bytes_max. */
MUST_CHECK enum status secret_read_file(const char *path, size_t bytes_max, struct buf *out,
					struct err *err);
/* Takes the variable out of the environment and overwrites its value, so that neither children
 * nor who looks at the process (/proc/PID/environ) see it. What getenv gave is gone. */
void secret_forget_variable(const char *name);
/* Overwrites what the buf holds or held, then buf_deinit. NULL-safe. */
void secret_wipe(struct buf *buf);
