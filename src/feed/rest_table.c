#include "base/check.h"
#include "feed/rest.h"

_Static_assert((int)REST_WINDOWS <= (int)BUDGET_WINDOWS, "a window of rest.def has no place");

static const struct rest_row rows[] = {
#define REST(id, venue, kind, window, path, weight, rows, body_kb, about)                          \
	{ #id,  VENUE_##venue, KIND_##kind, REST_WINDOW_##window,                                  \
	  path, weight,        rows,        (size_t)(body_kb)*1024 },
#include "def/rest.def"
#undef REST
};

struct limit {
	enum venue venue;
	enum kind kind;
	enum rest_window window;
	struct budget_rule rule;
};

static const struct limit limits[] = {
#define REST_LIMIT(venue, kind, window, limit, span_s, about)                                      \
	{ VENUE_##venue,                                                                           \
	  KIND_##kind,                                                                             \
	  REST_WINDOW_##window,                                                                    \
	  { limit, (int64_t)(span_s)*1000000000 } },
#include "def/rest.def"
#undef REST_LIMIT
};

const struct rest_row *rest_row(enum rest_endpoint endpoint)
{
	CHECK(endpoint < REST_COUNT);
	return &rows[endpoint];
}

void rest_budget_init(struct budget *budget, enum venue venue, enum kind kind)
{
	struct budget_rule rules[BUDGET_WINDOWS] = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (limits[i].venue == venue && limits[i].kind == kind)
			rules[limits[i].window] = limits[i].rule;
	budget_init(budget, rules);
}

const char *rest_state_text(enum rest_state state)
{
	static const char *const texts[] = { "open", "waiting", "backing off", "banned" };
	CHECK(state < ARRAY_LEN(texts));
	return texts[state];
}
