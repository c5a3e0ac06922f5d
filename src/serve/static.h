/* static.h - the files of the dashboard (web/), embedded.
 *
 * The table is generated at build (tools/embed_web.c). A file is answered at its path without
 * a token, to GET and HEAD, behind all routes of routes.def (which win), with its ETag,
 * `Cache-Control: no-cache` (asked again each time: 304 while it is the same) and a
 * Content-Security-Policy of default-src 'self'; compressed where the client takes gzip and
 * there is such a form. Read only, any thread. */
#pragma once

#include "base/str.h"

struct serve_file {
	const char *path; /* "/" for index.html, "/app.js"; begins with a slash */
	const char *type; /* "text/html; charset=utf-8" */
	const char *etag; /* with its quotes: "\"0123abcd\"" */
	struct str plain;
	struct str gzip; /* len 0: there is none */
};

extern const struct serve_file serve_files[];
extern const size_t serve_file_count;
