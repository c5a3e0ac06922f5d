#include "base/check.h"
#include "memory/plan_scenario.h"

/* What is being written of one finding. */
struct finding {
	struct plan *plan;
	struct str where;
	struct buf original, corrected;
	char original_text[sizeof(((struct plan_found *)NULL)->original)];
	char corrected_text[sizeof(((struct plan_found *)NULL)->corrected)];
};

static void start(struct finding *finding, struct plan *plan, const char *where, const char *id)
{
	finding->plan = plan;
	finding->where = str_of(where[0] ? where : id);
	finding->original = buf_over(finding->original_text, sizeof finding->original_text);
	finding->corrected = buf_over(finding->corrected_text, sizeof finding->corrected_text);
}

static void add(struct finding *finding, enum plan_fault rule)
{
	plan_find(finding->plan, rule, finding->where, buf_str(&finding->original),
		  buf_str(&finding->corrected));
}

static const char *name_of(const struct doc_component *component)
{
	return component->name[0] ? component->name : component->id;
}

static void put_span(struct buf *out, int64_t seconds)
{
	if (seconds == DOC_FOR_EVER)
		buf_printf(out, "for ever");
	else
		plan_time_put(out, seconds);
}

/* What an item would take on a server, where that is known. */
static void put_measured(struct buf *out, const struct doc_component *component)
{
	i128 times = component->bytes.bytes ? component->size / component->bytes.bytes : 0;
	i128 all = times * component->measured.bytes;
	if (!component->measured.there || all > PLAN_BYTES_MAX)
		return;
	buf_printf(out, "; measured %lld B an item, that is ",
		   (long long)component->measured.bytes);
	plan_bytes_put(out, (int64_t)all);
	if (component->items > 1) {
		buf_printf(out, ", ");
		plan_bytes_put(out, (int64_t)(all / component->items));
		buf_printf(out, " each");
	}
}

static void put_product(struct finding *finding, const struct doc_component *component, bool twice)
{
	buf_printf(&finding->original, "%s: ", name_of(component));
	if (component->each.there) {
		plan_bytes_put(&finding->original, component->each.bytes);
		buf_printf(&finding->original, " each%s", component->claimed.there ? ", " : "");
	}
	if (component->claimed.there)
		plan_bytes_put(&finding->original, component->claimed.bytes);
	doc_product_put(&finding->corrected, component);
	buf_printf(&finding->corrected, " = ");
	plan_bytes_put(&finding->corrected, component->size);
	if (twice)
		buf_printf(&finding->corrected, " for all");
	if (component->each.there && component->items > 1) {
		buf_printf(&finding->corrected, ", ");
		plan_bytes_put(&finding->corrected, component->size / component->items);
		buf_printf(&finding->corrected, " each");
	}
}

/* items x bytes x rate x retention, and whether the instances were taken twice. */
static void find_product(const struct doc *doc, const struct doc_component *component,
			 struct finding *finding)
{
	int64_t size = component->size, instances = doc->load.instances;
	if (!component->bytes.there || size < 0)
		return;
	bool all = !component->claimed.there || doc_agrees(component->claimed, size, 0);
	bool each = !component->each.there || component->items == 0 ||
		    doc_agrees(component->each, size / component->items, 0);
	if (all && each)
		return;
	bool twice =
	    !all && instances > 1 && doc_agrees(component->claimed, (i128)size * instances, 0);
	put_product(finding, component, twice);
	if (twice)
		buf_printf(&finding->corrected, "; multiplied by the %lld instances once more",
			   (long long)instances);
	put_measured(&finding->corrected, component);
	add(finding, twice ? PLAN_FAULT_counted_twice : PLAN_FAULT_wrong_product);
}

/* The document's own figure after its measure, in proportion. */
static int64_t in_proportion(const struct doc_component *component)
{
	if (component->size <= 0 || !component->claimed.there)
		return component->optimised_size;
	i128 size = (i128)component->claimed.bytes * component->optimised_size / component->size;
	return (int64_t)(size < PLAN_BYTES_MAX ? size : PLAN_BYTES_MAX);
}

static void put_measure(struct buf *out, const struct doc_component *component)
{
	if (component->optimised_retention >= 0) {
		buf_printf(out, ", kept ");
		put_span(out, component->optimised_retention);
		buf_printf(out, " instead of ");
		put_span(out, component->retention);
	}
	if (component->optimised_kept >= 0) {
		buf_printf(out, ", ");
		plan_count_put(out, component->optimised_kept);
		buf_printf(out, " kept");
	}
	if (component->optimised_saves >= 0)
		buf_printf(out, ", %lld %% less", (long long)component->optimised_saves / 10);
}

static void find_optimised(const struct doc_component *component, struct finding *finding)
{
	int64_t after = component->optimised_size, proportion = in_proportion(component);
	if (!component->optimised.there || !doc_has_measure(component) || after < 0)
		return;
	buf_printf(&finding->original, "%s: ", name_of(component));
	plan_bytes_put(&finding->original,
		       component->claimed.there ? component->claimed.bytes : component->size);
	buf_printf(&finding->original, " to ");
	plan_bytes_put(&finding->original, component->optimised.bytes);
	put_measure(&finding->original, component);
	if (after == component->size && component->optimised.bytes < component->size) {
		buf_printf(&finding->corrected, "so much was assumed already: it stays ");
		plan_bytes_put(&finding->corrected, component->size);
		add(finding, PLAN_FAULT_no_change);
		return;
	}
	if (doc_agrees(component->optimised, after, 0) ||
	    doc_agrees(component->optimised, proportion, 0))
		return;
	buf_printf(&finding->corrected, "in proportion it is ");
	plan_bytes_put(&finding->corrected, proportion);
	if (after != proportion) {
		buf_printf(&finding->corrected, ", by the arithmetic above ");
		plan_bytes_put(&finding->corrected, after);
	}
	add(finding, PLAN_FAULT_wrong_product);
}

static void find_too_short(const struct doc_component *component, int64_t kept, int64_t needed,
			   struct finding *finding)
{
	int64_t seconds = doc_kept_s(component, kept);
	if (seconds < 0 || needed < 0 || needed == DOC_FOR_EVER || seconds >= needed)
		return;
	buf_printf(&finding->original, "%s: the last ", name_of(component));
	plan_count_put(&finding->original, kept);
	if (component->shared)
		buf_printf(&finding->original, " of a stream that all share");
	buf_printf(&finding->corrected, "at %s", component->rate.text);
	if (component->shared && component->items > 1) {
		buf_printf(&finding->corrected, " of each of ");
		plan_count_put(&finding->corrected, component->items);
	}
	buf_printf(&finding->corrected, " that is ");
	put_span(&finding->corrected, seconds);
	buf_printf(&finding->corrected, ", and ");
	put_span(&finding->corrected, needed);
	buf_printf(&finding->corrected, " are needed");
	add(finding, PLAN_FAULT_too_short);
}

static void find_renewed(const struct doc_component *component, struct finding *finding)
{
	int64_t ttl = component->optimised_ttl >= 0 ? component->optimised_ttl : component->ttl;
	if (ttl < 0 || component->renewed < 0 || component->renewed >= ttl)
		return;
	buf_printf(&finding->original, "%s: a TTL of ", name_of(component));
	put_span(&finding->original, ttl);
	buf_printf(&finding->corrected, "the key is written again after ");
	put_span(&finding->corrected, component->renewed);
	buf_printf(&finding->corrected, " and never comes to its end: nothing goes by it");
	add(finding, PLAN_FAULT_never_expires);
}

static void find_end(const struct doc_component *component, struct finding *finding)
{
	if (strcmp(component->ends, "nothing") != 0)
		return;
	buf_printf(&finding->original, "%s: ends with nothing", name_of(component));
	if (component->retention >= 0) {
		buf_printf(&finding->original, " after ");
		put_span(&finding->original, component->retention);
	}
	buf_printf(&finding->corrected, "each ends in a record: an explicit result, or an entry of "
					"a dead-letter stream that nothing trims");
	add(finding, PLAN_FAULT_lost);
}

static void find_unbounded(const struct doc_component *component, struct finding *finding)
{
	const struct doc_rate *rate = &component->rate;
	if (!rate->there || component->retention != DOC_FOR_EVER || component->kept >= 0)
		return;
	i128 a_day =
	    (i128)component->items * rate->count * 86400 / ((i128)rate->scale * rate->seconds);
	buf_printf(&finding->original, "%s: kept for ever", name_of(component));
	plan_count_put(&finding->corrected,
		       (int64_t)(a_day < PLAN_BYTES_MAX ? a_day : PLAN_BYTES_MAX));
	buf_printf(&finding->corrected,
		   " more each day, without an end: bound the number (the last N, then sums)");
	add(finding, PLAN_FAULT_unbounded);
}

static bool says_other(const char *a, const char *b) { return a[0] && b[0] && strcmp(a, b) != 0; }

/* The first component of the same event whose rate is another, and no peak beside a mean. */
static void find_rate(const struct doc *doc, const struct doc_component *component,
		      struct finding *finding)
{
	const struct doc_component *other = doc->components;
	for (; other < component; other++) {
		if (!component->event[0] || strcmp(other->event, component->event) != 0 ||
		    !component->rate.there || !other->rate.there ||
		    says_other(other->rate_is, component->rate_is))
			continue;
		i128 here = (i128)component->rate.count * other->rate.scale * other->rate.seconds;
		i128 there =
		    (i128)other->rate.count * component->rate.scale * component->rate.seconds;
		if (here == there)
			continue;
		i128 a_day = (i128)component->rate.count * 86400 /
			     ((i128)component->rate.scale * component->rate.seconds);
		buf_printf(&finding->original, "%s of %s: %s, of %s: %s", component->event,
			   name_of(other), other->rate.text, name_of(component),
			   component->rate.text);
		buf_printf(&finding->corrected, "%s is ", component->rate.text);
		plan_count_put(&finding->corrected,
			       (int64_t)(a_day < PLAN_BYTES_MAX ? a_day : PLAN_BYTES_MAX));
		buf_printf(&finding->corrected, " a day: one of both is wrong, or one is the peak "
						"and the other the mean and ought to say so");
		add(finding, PLAN_FAULT_rates_differ);
		return;
	}
}

static void find_in_component(const struct doc *doc, size_t i, struct plan *plan)
{
	const struct doc_component *component = &doc->components[i];
	int64_t needed = component->needed >= 0 ? component->needed : component->retention;
	int64_t smaller = component->needed < 0 && component->optimised_retention >= 0
			      ? component->optimised_retention
			      : needed;
	struct finding finding;
#define FIND(call)                                                                                 \
	do {                                                                                       \
		start(&finding, plan, component->where, component->id);                            \
		call;                                                                              \
	} while (0)
	FIND(find_product(doc, component, &finding));
	FIND(find_optimised(component, &finding));
	FIND(find_too_short(component, component->kept, needed, &finding));
	FIND(find_too_short(component, component->optimised_kept, smaller, &finding));
	FIND(find_renewed(component, &finding));
	FIND(find_end(component, &finding));
	FIND(find_unbounded(component, &finding));
	FIND(find_rate(doc, component, &finding));
#undef FIND
}

static void find_sum(const struct doc *doc, const struct doc_total *total, bool optimised,
		     struct plan *plan)
{
	struct finding finding;
	struct doc_size says = optimised ? total->optimised : total->claimed;
	i128 slack, sum = doc_parts_sum(doc, total, optimised, &slack);
	if (!says.there || sum < 0 || doc_agrees(says, sum, slack))
		return;
	start(&finding, plan, total->where, total->id);
	buf_printf(&finding.original, "%s%s: ", total->name[0] ? total->name : total->id,
		   optimised ? ", optimised" : "");
	plan_bytes_put(&finding.original, says.bytes);
	buf_printf(&finding.corrected, "its %zu parts are ", total->count);
	plan_bytes_put(&finding.corrected, (int64_t)sum);
	add(&finding, PLAN_FAULT_wrong_sum);
}

static i128 leaves_sum(const struct doc *doc, const bool leaves[DOC_COMPONENTS_MAX])
{
	i128 sum = 0;
	for (size_t i = 0; i < doc->component_count; i++)
		if (leaves[i] && doc->components[i].size > 0)
			sum += doc->components[i].size;
	return sum;
}

/* A total that adds what is in it already: of those that hold it only the first that does. */
static void find_twice(const struct doc *doc, const struct doc_total *total, struct plan *plan)
{
	bool leaves[DOC_COMPONENTS_MAX];
	size_t again, before;
	doc_leaves(doc, total, leaves, &again);
	i128 sum = leaves_sum(doc, leaves);
	if (again == SIZE_MAX)
		return;
	for (size_t i = 0; i < total->count; i++) {
		if (total->refs[i] < DOC_COMPONENTS_MAX)
			continue;
		doc_leaves(doc, &doc->totals[total->refs[i] - DOC_COMPONENTS_MAX], leaves, &before);
		if (before != SIZE_MAX)
			return;
	}
	struct finding finding;
	start(&finding, plan, total->where, total->id);
	buf_printf(&finding.original, "%s", total->name[0] ? total->name : total->id);
	if (total->claimed.there) {
		buf_printf(&finding.original, ": ");
		plan_bytes_put(&finding.original, total->claimed.bytes);
	}
	buf_printf(&finding.corrected, "%s is counted twice; each once it is ",
		   name_of(&doc->components[again]));
	plan_bytes_put(&finding.corrected, (int64_t)sum);
	add(&finding, PLAN_FAULT_counted_twice);
}

/* Two figures of one name agree when one, rounded, may be the other. */
static bool same(struct doc_size a, struct doc_size b)
{
	return a.last >= b.last ? doc_agrees(a, b.bytes, 0) : doc_agrees(b, a.bytes, 0);
}

/* A figure with its places, told at the first of them. */
static void find_claim(const struct doc *doc, size_t first, struct plan *plan)
{
	const struct doc_claim *claim = &doc->claims[first];
	struct finding finding;
	bool differs = false;
	for (size_t i = 0; i < first; i++)
		if (strcmp(doc->claims[i].figure, claim->figure) == 0)
			return;
	start(&finding, plan, "", claim->figure);
	for (size_t i = first; i < doc->claim_count; i++) {
		const struct doc_claim *other = &doc->claims[i];
		if (strcmp(other->figure, claim->figure) != 0)
			continue;
		differs = differs || !same(claim->says, other->says);
		struct buf *out = i == first ? &finding.original : &finding.corrected;
		if (out->len)
			buf_printf(out, ", ");
		plan_bytes_put(out, other->says.bytes);
		if (other->where[0])
			buf_printf(out, " (%s)", other->where);
	}
	if (differs)
		add(&finding, PLAN_FAULT_figures_differ);
}

static void find_split(const struct doc_split *split, struct plan *plan)
{
	struct finding finding;
	if (!split->cluster || strcmp(split->by, "slot") == 0)
		return;
	start(&finding, plan, split->where, split->id);
	buf_printf(&finding.original, "Redis Cluster, a node for each %s", split->by);
	buf_printf(&finding.corrected,
		   "a cluster places keys by slot, not by %s: split by segment, "
		   "a server each, and by hash tag inside one",
		   split->by);
	add(&finding, PLAN_FAULT_wrong_split);
}

void doc_find_faults(const struct doc *doc, struct plan *plan)
{
	for (size_t i = 0; i < doc->component_count; i++)
		find_in_component(doc, i, plan);
	for (size_t i = 0; i < doc->total_count; i++) {
		find_sum(doc, &doc->totals[i], false, plan);
		find_sum(doc, &doc->totals[i], true, plan);
		find_twice(doc, &doc->totals[i], plan);
	}
	for (size_t i = 0; i < doc->claim_count; i++)
		find_claim(doc, i, plan);
	for (size_t i = 0; i < doc->split_count; i++)
		find_split(&doc->splits[i], plan);
	doc_find_settings(doc, plan);
}
