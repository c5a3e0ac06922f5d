#include <stdlib.h>

#include "memory/plan_scenario.h"

/* A document; weir's own plan of its load, and what is made of both. */
struct work {
	struct doc doc;
	struct plan weir, plan;
};

static void copy_text(const char *text, const char *other, char *to, size_t size)
{
	struct buf words = plan_words(to, size);
	struct str from = str_of(text[0] ? text : other);
	buf_put(&words, from.ptr, from.len < size ? from.len : size - 1);
	plan_words_end(&words);
}

static int64_t bytes_or_none(struct doc_size size) { return size.there ? size.bytes : -1; }

/* The row of def/plan.def that a component stands beside. */
static const struct plan_figures *weir_row(const struct doc_component *component,
					   const struct plan *weir)
{
	const char *id = component->weir[0] ? component->weir : component->id;
	for (size_t i = 0; i < weir->count; i++)
		if (strcmp(weir->figures[i].id, id) == 0)
			return &weir->figures[i];
	return NULL;
}

static enum status check_rows(const struct doc *doc, const struct plan *weir, struct err *err)
{
	for (size_t i = 0; i < doc->component_count; i++) {
		const struct doc_component *component = &doc->components[i];
		if (component->weir[0] && strcmp(component->weir, "none") != 0 &&
		    !weir_row(component, weir))
			return err_set(err, STATUS_INVALID,
				       "[component.%s]: weir: no row '%s', nor none", component->id,
				       component->weir);
	}
	return STATUS_OK;
}

static void component_figures(const struct doc_component *component, const struct plan *weir,
			      struct plan_figures *out)
{
	const struct plan_figures *row = weir_row(component, weir);
	*out = (struct plan_figures){
		.items = component->items,
		.bytes_per_item_1000 = plan_times(bytes_or_none(component->bytes), 1000),
		.original = bytes_or_none(component->claimed),
		.corrected = component->size,
		.optimised = bytes_or_none(component->optimised),
		.optimised_corrected = component->optimised.there ? component->optimised_size : -1,
		.planned = row ? row->planned : -1,
		.measured = -1,
		.bound = row ? row->bound : -1,
		.within = !row || row->within,
		.stream = row && row->stream,
	};
	copy_text(component->id, "", out->id, sizeof out->id);
	copy_text(row ? row->id : "", "", out->weir, sizeof out->weir);
	copy_text(component->name, component->id, out->name, sizeof out->name);
	copy_text(row ? row->how : "", "", out->how, sizeof out->how);
	struct buf how = plan_words(out->how_corrected, sizeof out->how_corrected);
	if (component->bytes.there)
		doc_product_put(&how, component);
	plan_words_end(&how);
}

/* What a component is after the measures: as corrected, where it has one. */
static int64_t smaller_of(const struct doc_component *component)
{
	return component->optimised.there && component->optimised_size >= 0
		   ? component->optimised_size
		   : component->size;
}

/* The same of a total's parts, where any is smaller; of a part that is a total its figure, which
 * stands before. -1: more than can be counted. */
static int64_t smaller_sum(const struct doc *doc, const struct doc_total *total,
			   const struct plan *plan)
{
	i128 slack;
	int64_t sum = 0;
	if (doc_parts_sum(doc, total, true, &slack) < 0)
		return total->optimised.bytes;
	for (size_t i = 0; i < total->count; i++) {
		size_t ref = total->refs[i], at = ref - DOC_COMPONENTS_MAX;
		int64_t part;
		if (ref < DOC_COMPONENTS_MAX) {
			part = smaller_of(&doc->components[ref]);
		} else {
			const struct plan_figures *other =
			    &plan->figures[doc->component_count + at];
			part = other->optimised_corrected >= 0 ? other->optimised_corrected
							       : other->corrected;
		}
		sum = plan_plus(sum, part > 0 ? part : 0);
	}
	return sum;
}

static void put_parts(const struct doc *doc, const bool leaves[DOC_COMPONENTS_MAX],
		      struct plan_figures *out)
{
	struct buf how = plan_words(out->how_corrected, sizeof out->how_corrected);
	size_t count = 0;
	for (size_t i = 0; i < doc->component_count; i++)
		if (leaves[i])
			buf_printf(&how, "%s%s", count++ ? " + " : "", doc->components[i].id);
	if (how.overflow) {
		buf_clear(&how);
		buf_printf(&how, "%zu components, each once", count);
	}
	plan_words_end(&how);
}

static void total_figures(const struct doc *doc, const struct doc_total *total,
			  const struct plan *plan, struct plan_figures *out)
{
	bool leaves[DOC_COMPONENTS_MAX];
	size_t again;
	doc_leaves(doc, total, leaves, &again);
	*out = (struct plan_figures){
		.items = -1,
		.bytes_per_item_1000 = -1,
		.original = bytes_or_none(total->claimed),
		.optimised = bytes_or_none(total->optimised),
		.optimised_corrected = -1,
		.planned = -1,
		.measured = -1,
		.bound = -1,
		.within = true,
	};
	struct buf id = plan_words(out->id, sizeof out->id);
	buf_printf(&id, "total.%s", total->id);
	plan_words_end(&id);
	copy_text(total->name, total->id, out->name, sizeof out->name);
	put_parts(doc, leaves, out);
	for (size_t i = 0; i < doc->component_count; i++) {
		const struct plan_figures *part = &plan->figures[i];
		if (leaves[i] && part->corrected > 0)
			out->corrected += part->corrected;
		if (leaves[i] && part->planned >= 0)
			out->planned = (out->planned > 0 ? out->planned : 0) + part->planned;
	}
	if (total->optimised.there && again == SIZE_MAX)
		out->optimised_corrected = smaller_sum(doc, total, plan);
}

/* The total that is the document's own: the one marked, else all components that are in no
 * other, each once. */
static void set_sums(const struct doc *doc, struct plan *plan)
{
	plan->original = plan->corrected = -1;
	for (size_t i = 0; i < doc->total_count; i++) {
		if (!doc->totals[i].main)
			continue;
		plan->original = plan->figures[doc->component_count + i].original;
		plan->corrected = plan->figures[doc->component_count + i].corrected;
		return;
	}
	for (size_t i = 0; i < doc->component_count; i++) {
		const struct plan_figures *figures = &plan->figures[i];
		if (doc->components[i].inside != i)
			continue;
		if (figures->original >= 0)
			plan->original =
			    (plan->original > 0 ? plan->original : 0) + figures->original;
		if (figures->corrected >= 0)
			plan->corrected =
			    (plan->corrected > 0 ? plan->corrected : 0) + figures->corrected;
	}
}

static void put_summary(struct plan *plan)
{
	struct buf out = plan_words(plan->summary, sizeof plan->summary);
	buf_printf(&out, "%s: ", plan->title);
	if (plan->original >= 0) {
		buf_printf(&out, "claimed ");
		plan_bytes_put(&out, plan->original);
		buf_printf(&out, plan->corrected >= 0 ? ", " : ". ");
	}
	if (plan->corrected >= 0) {
		buf_printf(&out, "by its own arithmetic ");
		plan_bytes_put(&out, plan->corrected);
		buf_printf(&out, ". ");
	}
	size_t faults = plan->faults + plan->faults_more;
	buf_printf(&out, "%zu fault%s found. weir plans ", faults, faults == 1 ? " is" : "s are");
	plan_bytes_round_put(&out, plan->planned);
	buf_printf(&out, " of Redis for its load, with the full retention (bound ");
	plan_bytes_round_put(&out, plan->bound);
	buf_printf(&out, "), ");
	plan_bytes_round_put(&out, plan->everything_planned);
	buf_printf(&out, " resident with everything but the terminals. %s.",
		   plan->within_bounds ? "Within its bounds" : "Out of bounds");
	plan_words_end(&out);
}

static void set_document(struct work *work)
{
	const struct doc *doc = &work->doc;
	struct plan *plan = &work->plan;
	*plan = work->weir;
	plan->count = doc->component_count + doc->total_count;
	for (size_t i = 0; i < doc->component_count; i++)
		component_figures(&doc->components[i], &work->weir, &plan->figures[i]);
	for (size_t i = 0; i < doc->total_count; i++)
		total_figures(doc, &doc->totals[i], plan, &plan->figures[doc->component_count + i]);
	doc_find_faults(doc, plan);
	set_sums(doc, plan);
	copy_text(doc->title, "a scenario", plan->title, sizeof plan->title);
	put_summary(plan);
}

enum status plan_scenario(struct str text, const struct plan_costs *costs, struct plan *out,
			  struct err *err)
{
	struct work *work = calloc(1, sizeof *work);
	enum status status;
	if (!work)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	if ((status = doc_parse(text, &work->doc, err)) ||
	    (status = doc_compute(&work->doc, err)) ||
	    (status = plan_make(&work->doc.load, costs, NULL, &work->weir, err)) ||
	    (status = check_rows(&work->doc, &work->weir, err))) {
		free(work);
		return status;
	}
	set_document(work);
	*out = work->plan;
	free(work);
	return STATUS_OK;
}

static void add_to(struct plan_figures *figures, const struct plan *own)
{
	for (size_t i = 0; i < own->count; i++) {
		if (strcmp(figures->weir, own->figures[i].weir) != 0)
			continue;
		figures->measured = own->figures[i].measured;
		figures->within = own->figures[i].within;
	}
}

void plan_add_measured(struct plan *document, const struct plan *own)
{
	for (size_t i = 0; i < document->count; i++)
		add_to(&document->figures[i], own);
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		document->segments[i].measured = own->segments[i].measured;
	document->measured = own->measured;
	document->everything_measured = own->everything_measured;
	document->within_bounds = own->within_bounds;
	size_t len = strlen(document->summary);
	struct buf more = plan_words(document->summary + len, sizeof document->summary - len);
	buf_printf(&more,
		   own->within_bounds ? " Measured: within them." : " Measured: out of bounds.");
	plan_words_end(&more);
}
