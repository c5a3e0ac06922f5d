#include "trade/halts.h"

#include "trade/target.h"

static size_t place_of(const struct halts *halts, struct str scope)
{
	size_t at = 0;
	while (at < halts->count && !str_eq(str_of(halts->scopes[at]), scope))
		at++;
	return at;
}

enum status halts_add(struct halts *halts, struct str scope)
{
	struct target target;
	if (target_read(&target, scope) || target.kind == TARGET_ACCOUNT ||
	    scope.len > HALT_SCOPE_MAX)
		return STATUS_INVALID;
	if (place_of(halts, scope) < halts->count)
		return STATUS_EXISTS;
	if (halts->count == HALTS_MAX)
		return STATUS_FULL;
	return str_copy(scope, halts->scopes[halts->count++], HALT_SCOPE_MAX + 1);
}

enum status halts_lift(struct halts *halts, struct str scope)
{
	size_t at = place_of(halts, scope);
	if (str_eq(scope, STR("all")) && halts->count > 0) {
		halts->count = 0;
		return STATUS_OK;
	}
	if (at == halts->count)
		return STATUS_NOT_FOUND;
	halts->count--;
	memmove(halts->scopes[at], halts->scopes[at + 1],
		(halts->count - at) * sizeof halts->scopes[0]);
	return STATUS_OK;
}

static bool is_one_of(struct str name, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

bool halts_hold(const struct halts *halts, struct str instance, const struct str *groups,
		size_t group_count)
{
	const struct str prefix = STR("group:");
	for (size_t i = 0; i < halts->count; i++) {
		struct str scope = str_of(halts->scopes[i]);
		bool hit = str_starts(scope, prefix)
			       ? is_one_of(str_skip(scope, prefix.len), groups, group_count)
			       : str_eq(scope, instance) || str_eq(scope, STR("all"));
		if (hit)
			return true;
	}
	return false;
}
