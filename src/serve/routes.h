/* routes.h - the table of def/routes.def, and which of its rows a request means. Any
 * thread. */
#pragma once

#include "base/buf.h"

enum route_id {
#define ROUTE(id, method, path, scope, query, body, summary) ROUTE_##id,
#include "def/routes.def"
#undef ROUTE
	ROUTE_COUNT
};

enum route_scope {
	ROUTE_SCOPE_OPEN,
	ROUTE_SCOPE_READ,
	ROUTE_SCOPE_SIGNAL,
	ROUTE_SCOPE_OWN,
	ROUTE_SCOPE_HOOK,
	ROUTE_SCOPE_ADMIN,
};

enum route_body { ROUTE_BODY_NONE, ROUTE_BODY_JSON, ROUTE_BODY_ANY };

struct route_row {
	const char *id, *method, *path;
	enum route_scope scope;
	const char *query; /* names separated by blanks */
	enum route_body body;
	const char *summary;
};

const struct route_row *route_row(enum route_id id);
/* HEAD means GET. *param: the segment that {x} stands for, "" without one. NOT_FOUND: no such
 * path; UNSUPPORTED: the path is there, with the methods put into allow ("GET, HEAD"). */
MUST_CHECK enum status route_find(struct str method, struct str path, enum route_id *id,
				  struct str *param, struct buf *allow);
