/* run_dir.h - where the sockets of a state directory are.
 *
 * STATE/run, unless a socket path in it would exceed the 107 bytes that a socket
 * address holds: then a folder of mode 0700 under $XDG_RUNTIME_DIR, or /tmp when
 * that is unset (weir-UID-HASH, HASH of the state directory's real path; ours, a
 * real folder and closed to others, or refused), and STATE/run is a link to it.
 * Blocking; for start and for clients. Any thread. */
#pragma once

#include "os/files.h"

enum { SOCKET_PATH_MAX = 107, SOCKET_NAME_MAX = 9 }; /* weir.sock, rtss.sock */

/* Makes the folder (and the link). RANGE when even the other place is too long,
 * REFUSED when it is somebody else's. */
MUST_CHECK enum status run_dir_make(const char *state_dir, struct err *err);
/* Any socket path as one that fits into an address: itself, or through the real path
 * of its folder. Whoever listens or connects calls this, so that STATE/run/weir.sock
 * works however long STATE is. RANGE, with both lengths, when neither fits. */
MUST_CHECK enum status socket_path_fit(const char *path, char out[SOCKET_PATH_MAX + 1],
				       struct err *err);
/* The path of a socket or file of the run directory, short enough to connect to;
 * NOT_FOUND when there is no run directory. */
MUST_CHECK enum status run_dir_path(const char *state_dir, const char *name,
				    char path[PATH_BYTES_MAX], struct err *err);
