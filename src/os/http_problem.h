/* http_problem.h - what a status code is called, and errors as RFC 9457 bodies. Any
 * thread. */
#pragma once

#include "base/buf.h"

#define HTTP_PROBLEM_TYPE "application/problem+json"

const char *http_reason(int code); /* "Not Found"; "Other" for one not known here */
/* {"type":"about:blank","title":…,"status":…,"detail":why,"error":why} */
void http_problem_put(struct buf *out, int code, struct str why);
