/* Any text as a scenario of the memory plan, and as a calibration. What is accepted stays within
 * its bounds and is whole text; what is refused says why in one line and changes nothing. A
 * calibration that is accepted is written as one that reads back the same. */
#include <stdint.h>

#include "base/check.h"
#include "memory/plan.h"

static struct plan plan;
static struct err err;

static void check_text(const char *text, size_t size) { CHECK(memchr(text, '\0', size) != NULL); }

static void check_refused(void)
{
	CHECK(err.text[0] != '\0');
	CHECK(strchr(err.text, '\n') == NULL);
	CHECK(plan.count == SIZE_MAX);
}

static void check_plan(void)
{
	CHECK(plan.count <= PLAN_FIGURES_MAX && plan.faults <= PLAN_FOUND_MAX);
	CHECK(plan.original >= -1 && plan.corrected >= -1 && plan.planned >= 0);
	check_text(plan.title, sizeof plan.title);
	check_text(plan.summary, sizeof plan.summary);
	for (size_t i = 0; i < plan.count; i++) {
		const struct plan_figures *figures = &plan.figures[i];
		CHECK(figures->corrected >= -1 && figures->optimised_corrected >= -1);
		check_text(figures->id, sizeof figures->id);
		check_text(figures->name, sizeof figures->name);
		check_text(figures->how_corrected, sizeof figures->how_corrected);
	}
	for (size_t i = 0; i < plan.faults; i++) {
		CHECK(plan.found[i].rule < PLAN_FAULTS);
		check_text(plan.found[i].where, sizeof plan.found[i].where);
		check_text(plan.found[i].original, sizeof plan.found[i].original);
		check_text(plan.found[i].corrected, sizeof plan.found[i].corrected);
	}
}

static void check_costs(struct str text)
{
	static char storage[8192];
	struct buf out = buf_over(storage, sizeof storage);
	struct plan_costs costs = plan_costs_shipped(), again = { 0 };
	struct plan_costs shipped = costs;
	if (plan_costs_read(text, &costs, &err)) {
		CHECK(memcmp(&costs, &shipped, sizeof costs) == 0);
		return;
	}
	plan_costs_write(&costs, &out);
	CHECK(!out.overflow);
	CHECK(plan_costs_read(buf_str(&out), &again, &err) == STATUS_OK);
	CHECK(memcmp(costs.bytes_1000, again.bytes_1000, sizeof costs.bytes_1000) == 0);
	CHECK(strcmp(costs.version, again.version) == 0);
	CHECK(costs.idle == again.idle && costs.idle_rss == again.idle_rss);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct plan_costs costs = plan_costs_shipped();
	plan.count = SIZE_MAX;
	if (plan_scenario(text, &costs, &plan, &err))
		check_refused();
	else
		check_plan();
	check_costs(text);
	return 0;
}
