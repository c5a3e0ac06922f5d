/* Names of keys, line by line: the first line's bytes are the separators. Each name is learned,
 * found again in its own family, and printed as a pattern; none is lost. */
#include "audit/names.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAMES = 512 };

static size_t learn(struct names *names, struct str text, uint32_t *shapes)
{
	struct str name;
	size_t n = 0;
	while (n < NAMES && str_split(&text, '\n', &name)) {
		enum audit_type type = (enum audit_type)(name.len % AUDIT_TYPES);
		CHECK(names_learn(names, name, type, (int64_t)name.len, &shapes[n++]) == STATUS_OK);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char nothing[] = "";
	struct str text = str_make(size ? (const char *)data : nothing, size), separators;
	struct names *names;
	uint32_t shapes[NAMES];
	uint64_t keys = 0;
	if (!str_split(&text, '\n', &separators) || !text.ptr)
		return 0;
	CHECK(names_create(separators, &names) == STATUS_OK);
	size_t n = learn(names, text, shapes);
	CHECK(names_settle(names, 16) == STATUS_OK);
	CHECK(names_families(names) <= 17);
	for (size_t i = 0; i < names_families(names); i++) {
		CHECK(strlen(names_family(names, i)->pattern) < 1 << 16);
		keys += names_family(names, i)->keys;
	}
	CHECK(keys == n);
	struct str name;
	for (size_t i = 0; i < n && str_split(&text, '\n', &name); i++)
		CHECK((size_t)names_find(names, name) == names_family_of(names, shapes[i]));
	names_destroy(names);
	return 0;
}
