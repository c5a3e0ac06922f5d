/* plan_scenario.h - what a document says of its memory, as it is read from a scenario.
 *
 * A scenario is INI. Figures are written as documents write them: sizes `2.25 KB`, `18 GB`,
 * `1,202.14 MB` (B KB MB GB TB; KiB MiB GiB TiB are of 1,024), a `~` before one that is rounded;
 * rates `10/s`, `100/d`; times `30 s`, `10 min`, `24 h`, `30 d`, `for ever`; counts `10,000`;
 * `yes` and `no`. A figure is right when the arithmetic, rounded to its last digit, gives it
 * (or cut off there, if that is less than 5 %).
 *
 * [scenario]     title; source; units = 1000 or 1024: what KB, MB and GB of the document are
 * [load]         rows PLAN_LOAD of def/plan.def, and mix = usual or walking
 * [component.X]  a part of the memory:
 *	name, where          for people; where it stands in the document
 *	items bytes rate retention kept
 *	                     its size is items x bytes x (rate x retention, or kept, or the smaller
 *	                     of both); kept: entries of each item; shared = yes: one stream for all
 *	                     items, kept is its length
 *	claimed each         what the document says it is: all of it, of one item
 *	measured             bytes an item takes on a server
 *	optimised            what a measure makes of it, by the document; the measure is
 *	optimised_items _bytes _retention _kept _saves (a percentage)
 *	needed               it has to be kept for so long
 *	ttl renewed optimised_ttl
 *	                     when its key ends, how often that is put off
 *	type                 of Redis: string hash list set zset stream
 *	money ends           money = yes; ends = record, or nothing: what there is of it afterwards
 *	event rate_is        components of one event have one rate, unless one is the peak and
 *	                     another the mean
 *	in                   another component that it is a part of
 *	weir                 the row of def/plan.def that stands beside it; X where it is one; none
 * [total.X]      parts = components and totals, by blanks; claimed, optimised, name, where;
 *                main = yes: the one that counts for the whole
 * [setting.NAME] value, on = a component, where: a directive of redis.conf
 * [claim.X]      figure = what it is of, says = a size, where: figures of one name agree
 * [split.X]      cluster = yes, by = slot or what else, where: a split over servers
 *
 * Sections setting and claim may repeat. Internal to src/memory. */
#pragma once

#include <assert.h>

#include "memory/plan_impl.h"

enum {
	DOC_COMPONENTS_MAX = 48,
	DOC_TOTALS_MAX = 16,
	DOC_SETTINGS_MAX = 32,
	DOC_CLAIMS_MAX = 32,
	DOC_SPLITS_MAX = 8,
	DOC_PARTS_MAX = 48,
	DOC_ID_BYTES = 32,
};

static_assert((int)DOC_COMPONENTS_MAX + (int)DOC_TOTALS_MAX <= (int)PLAN_FIGURES_MAX,
	      "a plan has room for a document's figures");

#define DOC_FOR_EVER INT64_MAX /* of a span */

/* A size as it was written. */
struct doc_size {
	bool there;
	int64_t bytes;
	int64_t last; /* what its last digit counts */
};

/* count / (scale x seconds) a second. */
struct doc_rate {
	bool there;
	int64_t count, scale, seconds;
	char text[24];
};

/* Counts and spans are -1 where they are not said. */
struct doc_component {
	char id[DOC_ID_BYTES], name[64], where[96];
	int64_t items, kept;
	struct doc_size bytes, claimed, each, measured;
	struct doc_rate rate;
	int64_t retention, needed, ttl, renewed; /* s */
	struct doc_size optimised, optimised_bytes;
	int64_t optimised_items, optimised_kept, optimised_retention, optimised_ttl;
	int64_t optimised_saves; /* permille */
	bool shared, money;
	char type[12], ends[16], event[32], rate_is[12], in[DOC_ID_BYTES], weir[DOC_ID_BYTES];
	/* computed */
	int64_t size;           /* by its arithmetic, else as claimed; -1: neither */
	int64_t optimised_size; /* after its measure, by its arithmetic; -1 */
	size_t inside;          /* index of `in`; its own where it is in none */
};

struct doc_total {
	char id[DOC_ID_BYTES], name[64], where[96];
	char parts[1024];
	struct doc_size claimed, optimised;
	bool main;
	/* computed */
	size_t refs[DOC_PARTS_MAX], count; /* indices; totals behind DOC_COMPONENTS_MAX */
	uint8_t times[DOC_COMPONENTS_MAX]; /* how often a component is in it: 0, 1, 2 or more */
};

struct doc_setting {
	char id[64], value[64], on[DOC_ID_BYTES], where[96];
	size_t component; /* index of `on`; SIZE_MAX: none */
};

struct doc_claim {
	char id[DOC_ID_BYTES], figure[64], where[64];
	struct doc_size says;
};

struct doc_split {
	char id[DOC_ID_BYTES], by[32], where[96];
	bool cluster;
};

struct doc {
	char title[96], source[96];
	int64_t units; /* 1000 or 1024 */
	struct plan_load load;
	struct doc_component components[DOC_COMPONENTS_MAX];
	struct doc_total totals[DOC_TOTALS_MAX];
	struct doc_setting settings[DOC_SETTINGS_MAX];
	struct doc_claim claims[DOC_CLAIMS_MAX];
	struct doc_split splits[DOC_SPLITS_MAX];
	size_t component_count, total_count, setting_count, claim_count, split_count;
};

/* Figures as text; FORMAT or RANGE with the reason. */
MUST_CHECK enum status doc_size_parse(struct str text, int64_t units, struct doc_size *out,
				      struct err *err);
MUST_CHECK enum status doc_rate_parse(struct str text, struct doc_rate *out, struct err *err);
MUST_CHECK enum status doc_span_parse(struct str text, int64_t *seconds, struct err *err);
MUST_CHECK enum status doc_count_parse(struct str text, int64_t *out, struct err *err);
MUST_CHECK enum status doc_percent_parse(struct str text, int64_t *permille, struct err *err);

/* The text into *out, which the caller has zeroed: sections, keys, values. Names of other
 * components are not looked up. FORMAT, INVALID or RANGE with line and reason. */
MUST_CHECK enum status doc_parse(struct str text, struct doc *out, struct err *err);
/* Looks up names and computes the sizes. INVALID, RANGE. */
MUST_CHECK enum status doc_compute(struct doc *doc, struct err *err);

/* Does a figure say this much? slack: what the parts' own rounding may make. */
bool doc_agrees(struct doc_size says, i128 bytes, i128 slack);
/* items x bytes x times of a component; -1: it does not say, or it has no end. */
i128 doc_product(const struct doc_component *component);
/* "100 x 2.25 KB x 1/s x 24 h" */
void doc_product_put(struct buf *out, const struct doc_component *component);
/* Is there a measure that makes it smaller, and can be computed? */
bool doc_has_measure(const struct doc_component *component);
/* Seconds for which `kept` entries last at the rate; -1: not said. */
int64_t doc_kept_s(const struct doc_component *component, int64_t kept);
/* Sum of a total's own parts as they are written, and their slack. -1: a part
 * says nothing; of the optimised ones, no part does. */
i128 doc_parts_sum(const struct doc *doc, const struct doc_total *total, bool optimised,
		   i128 *slack);
/* Every component of a total once, those in another one of them left out: true and the place
 * in mask[]. *again: one that came twice or is in another; SIZE_MAX: none. */
void doc_leaves(const struct doc *doc, const struct doc_total *total,
		bool leaves[DOC_COMPONENTS_MAX], size_t *again);

/* Adds what is wrong to plan->found, in the order of the document. */
void doc_find_faults(const struct doc *doc, struct plan *plan);
void doc_find_settings(const struct doc *doc, struct plan *plan);
