#include "serve/query.h"

#include "os/http_server_parse.h"

static bool next_pair(struct str *query, struct str *name, struct str *value)
{
	struct str pair;
	do {
		if (!str_split(query, '&', &pair))
			return false;
	} while (!pair.len);
	size_t len = str_find_char(pair, '=');
	*name = str_make(pair.ptr, len);
	*value = str_skip(pair, len + 1);
	return true;
}

enum status query_get(struct str query, const char *wanted, struct buf *out, struct str *value)
{
	struct str name, text;
	while (next_pair(&query, &name, &text)) {
		if (!str_eq(name, str_of(wanted)))
			continue;
		size_t from = out->len;
		enum status status = http_decode(text, true, out);
		if (status == STATUS_OK)
			*value = out->ptr ? str_make(out->ptr + from, out->len - from) : STR("");
		return status;
	}
	return STATUS_NOT_FOUND;
}

static int count(struct str query, struct str wanted)
{
	struct str name, value;
	int n = 0;
	while (next_pair(&query, &name, &value))
		n += str_eq(name, wanted);
	return n;
}

static bool is_one_of(struct str name, const char *names)
{
	struct str rest = str_of(names), one;
	while (str_split(&rest, ' ', &one))
		if (one.len && str_eq(name, one))
			return true;
	return false;
}

const char *query_check(struct str query, const char *names)
{
	struct str rest = query, name, value;
	if (!query.ptr)
		return NULL;
	while (next_pair(&rest, &name, &value)) {
		if (!is_one_of(name, names))
			return "a parameter of the query is not known here";
		if (count(query, name) > 1)
			return "a parameter of the query stands twice";
	}
	return NULL;
}
