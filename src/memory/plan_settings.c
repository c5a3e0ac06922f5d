#include "base/check.h"
#include "base/suggest.h"
#include "memory/plan_scenario.h"

struct directive {
	const char *name, *preset, *acts, *now;
};

static const struct directive directives[] = {
#define DIRECTIVE(name, preset, acts, now) { name, preset, acts, now },
#include "def/plan_directives.def"
};

static const struct directive *find_directive(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(directives); i++)
		if (str_eq_nocase(str_of(directives[i].name), str_of(name)))
			return &directives[i];
	return NULL;
}

static void tell(struct plan *plan, enum plan_fault rule, const struct doc_setting *setting,
		 const struct buf *corrected)
{
	char text[160];
	struct buf original = buf_over(text, sizeof text);
	buf_printf(&original, "%s %s", setting->id, setting->value);
	plan_find(plan, rule, str_of(setting->where[0] ? setting->where : setting->id),
		  buf_str(&original), buf_str(corrected));
}

static void find_unknown(const struct doc_setting *setting, struct plan *plan)
{
	char text[240], word[128];
	struct buf corrected = buf_over(text, sizeof text), hint = buf_over(word, sizeof word);
	struct suggest suggest = suggest_for(str_of(setting->id));
	for (size_t i = 0; i < ARRAY_LEN(directives); i++)
		suggest_offer(&suggest, str_of(directives[i].name));
	suggest_print(&hint, &suggest);
	buf_printf(&corrected, "a server with it does not start");
	if (strstr(setting->id, "compress"))
		buf_printf(&corrected, "; values are packed by those who write them");
	else
		buf_str_put(&corrected, buf_str(&hint));
	tell(plan, PLAN_FAULT_no_directive, setting, &corrected);
}

/* Today's default, or made for another type than the datum's. */
static void find_no_gain(const struct doc *doc, const struct doc_setting *setting,
			 const struct directive *directive, struct plan *plan)
{
	char text[240];
	struct buf corrected = buf_over(text, sizeof text);
	const struct doc_component *on =
	    setting->component == SIZE_MAX ? NULL : &doc->components[setting->component];
	bool preset =
	    setting->value[0] && str_eq_nocase(str_of(setting->value), str_of(directive->preset));
	bool other =
	    on && directive->acts[0] && on->type[0] && strcmp(on->type, directive->acts) != 0;
	if (!preset && !other)
		return;
	if (preset) {
		buf_printf(&corrected, "that is the default");
		if (directive->now[0])
			buf_printf(&corrected, ", under its name of today %s", directive->now);
	}
	if (other)
		buf_printf(&corrected, "%sit acts on the type %s, and %s is of type %s",
			   preset ? "; " : "", directive->acts, on->name[0] ? on->name : on->id,
			   on->type);
	tell(plan, PLAN_FAULT_no_gain, setting, &corrected);
}

/* A policy that removes data of money while it is under way. */
static void find_policy(const struct doc *doc, const struct doc_setting *setting, struct plan *plan)
{
	char text[240];
	struct buf corrected = buf_over(text, sizeof text);
	const struct doc_component *on =
	    setting->component == SIZE_MAX ? NULL : &doc->components[setting->component];
	if (!on || !on->money || !str_eq_nocase(str_of(setting->id), STR("maxmemory-policy")) ||
	    str_eq_nocase(str_of(setting->value), STR("noeviction")))
		return;
	buf_printf(&corrected, "it removes first what carries a TTL, recorded or not, and then "
			       "refuses writes; data of money needs noeviction");
	tell(plan, PLAN_FAULT_lost, setting, &corrected);
}

/* Another value of the same setting for the same component, before this one. */
static void find_other(const struct doc *doc, const struct doc_setting *setting, struct plan *plan)
{
	char text[240];
	struct buf corrected = buf_over(text, sizeof text);
	for (const struct doc_setting *other = doc->settings; other < setting; other++) {
		if (strcmp(other->id, setting->id) != 0 || strcmp(other->on, setting->on) != 0 ||
		    str_eq_nocase(str_of(other->value), str_of(setting->value)))
			continue;
		buf_printf(&corrected, "%s in another place", other->value);
		if (other->where[0])
			buf_printf(&corrected, ": %s", other->where);
		tell(plan, PLAN_FAULT_figures_differ, setting, &corrected);
		return;
	}
}

void doc_find_settings(const struct doc *doc, struct plan *plan)
{
	for (size_t i = 0; i < doc->setting_count; i++) {
		const struct doc_setting *setting = &doc->settings[i];
		const struct directive *directive = find_directive(setting->id);
		if (!directive) {
			find_unknown(setting, plan);
			continue;
		}
		find_no_gain(doc, setting, directive, plan);
		find_policy(doc, setting, plan);
		find_other(doc, setting, plan);
	}
}
