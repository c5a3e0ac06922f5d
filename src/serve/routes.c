#include "serve/routes.h"

#include "base/check.h"

static const struct route_row rows[] = {
#define ROUTE(id, method, path, scope, query, body, summary)                                       \
	{ #id, #method, path, ROUTE_SCOPE_##scope, query, ROUTE_BODY_##body, summary },
#include "def/routes.def"
#undef ROUTE
};

const struct route_row *route_row(enum route_id id)
{
	CHECK(id < ROUTE_COUNT);
	return &rows[id];
}

static bool is_placeholder(struct str part) { return part.len && part.ptr[0] == '{'; }

static bool path_fits(const char *pattern, struct str path, struct str *param)
{
	struct str want = str_of(pattern), wanted, part;
	*param = STR("");
	while (str_split(&want, '/', &wanted)) {
		if (!str_split(&path, '/', &part))
			return false;
		if (is_placeholder(wanted) && part.len)
			*param = part;
		else if (!str_eq(wanted, part))
			return false;
	}
	return !path.ptr;
}

static void put_method(struct buf *allow, const char *method)
{
	if (allow->len)
		buf_put(allow, ", ", 2);
	buf_str_put(allow, str_of(method));
	if (strcmp(method, "GET") == 0)
		buf_put(allow, ", HEAD", 6);
}

enum status route_find(struct str method, struct str path, enum route_id *id, struct str *param,
		       struct buf *allow)
{
	bool head = str_eq(method, STR("HEAD"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!path_fits(rows[i].path, path, param))
			continue;
		if (str_eq(head ? STR("GET") : method, str_of(rows[i].method))) {
			*id = (enum route_id)i;
			return STATUS_OK;
		}
		put_method(allow, rows[i].method);
	}
	return allow->len ? STATUS_UNSUPPORTED : STATUS_NOT_FOUND;
}
