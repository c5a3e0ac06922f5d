/* plan.h - what a load costs: in which segment, for how long, and when it is full.
 *
 * A load (struct plan_load) makes items; an item costs bytes (struct plan_costs, calibrated
 * against a real server by `weir plan --measure --calibrate`, or the shipped table of
 * def/plan.def); a component is a sum of items with a bound. What a document claims
 * (a scenario, def/ini.h) stands beside it: its own figure, that figure put right, and the
 * faults of its arithmetic, each a rule of def/plan_faults.def.
 *
 * Bytes are those of used_memory above an idle server. -1 stands for "not there". Sums that
 * would overflow are refused. Pure; one thread.
 *
 * Bounds are for the usual load; for another one they grow as its items do, weighed with the
 * shipped costs. A segment's maxmemory leaves the plan under the first threshold of valve.h:
 *
 *	need      = idle + planned + clients + what waits while its sink is down
 *	maxmemory = need x 10 / 7, up to whole MiB, at least PLAN_MAXMEMORY_MIN; of RTRS at least
 *	            the size at which results are spilled (the bound of rtrs_stuck) */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "def/ini.h"
#include "def/segments.h"

enum plan_component {
#define PLAN_COMPONENT(id, ...) PLAN_##id,
#include "def/plan.def"
	PLAN_COMPONENTS
};

enum plan_item {
#define PLAN_ITEM(id, ...) PLAN_ITEM_##id,
#include "def/plan.def"
	PLAN_ITEMS
};

enum plan_mix { PLAN_MIX_USUAL, PLAN_MIX_WALKING }; /* 24/24/16; all 64 walking */

/* The load of memory.md where nothing else is said: the rows PLAN_LOAD of def/plan.def have
 * the meaning and the greatest value of each. */
struct plan_load {
	enum plan_mix mix;
#define PLAN_LOAD(id, usual, most, what) int64_t id;
#include "def/plan.def"
};

struct plan_costs {
	char version[16];               /* of the server that was measured */
	int64_t bytes_1000[PLAN_ITEMS]; /* thousandths of a byte an item */
	int64_t idle;                   /* used_memory of an idle server */
	int64_t idle_rss;               /* resident, of one */
};

/* Rows of the tables, for those that print or measure. */
struct plan_component_row {
	const char *id;
	enum segment segment; /* SEGMENT_COUNT: no Redis */
	const char *name;
	int64_t original, corrected; /* the documents' figure; the same by its own arithmetic */
	int64_t optimised, bound;    /* the documents' smaller one; ours to stay under; -1 none */
	const char *how;             /* they came to the smaller one */
	const char *by;              /* the arithmetic of `corrected`; "" where there is none */
	bool counts; /* in the sum of its segment; else another case of what counts already */
};

struct plan_item_row {
	const char *id;
	enum plan_component component;
	bool stream; /* the projection is held to 10 %, else 5 */
	const char *what;
};

struct plan_figures {
	char id[40];                        /* "ris"; of a total "total.redis" */
	char weir[40];                      /* the row of def/plan.def beside it; "" none */
	char name[64];                      /* for people */
	int64_t items, bytes_per_item_1000; /* of the item that weighs most; it bears the whole */
	int64_t original, corrected;        /* of the document */
	int64_t optimised;                  /* what the document wants to come to; */
	int64_t optimised_corrected;        /* what that is by its own arithmetic */
	int64_t planned, measured, bound;
	bool within;   /* measured, else planned, is at or under the bound; without one: true */
	bool stream;   /* the projection is held to 10 %, else 5 */
	char how[160]; /* the arithmetic of `planned`; "" where there is none */
	char how_corrected[160]; /* of `corrected` */
};

enum plan_fault {
#define PLAN_FAULT(id, what) PLAN_FAULT_##id,
#include "def/plan_faults.def"
#undef PLAN_FAULT
	PLAN_FAULTS
};

struct plan_found {
	enum plan_fault rule;
	char where[96];      /* of the document: a component, a line */
	char original[160];  /* what it says */
	char corrected[240]; /* what it is, with the arithmetic */
};

enum {
	PLAN_FIGURES_MAX = 64,
	PLAN_FOUND_MAX = 64,
	PLAN_MAXMEMORY_MIN = 16 << 20,
	PLAN_CLIENT_BYTES = 4 << 20, /* buffers of a segment's clients, inside maxmemory */
	PLAN_SCENARIO_BYTES_MAX = 1 << 20,
};

struct plan_segment {
	int64_t planned, measured; /* measured -1: not every one of its components was */
	int64_t headroom;          /* the three below together */
	int64_t copy_on_write;     /* while a rewrite runs, outside maxmemory */
	int64_t clients;           /* buffers, inside maxmemory */
	int64_t fragmentation;     /* outside maxmemory */
	int64_t maxmemory;         /* the one to be set: of the plan */
	int64_t growth_s;          /* bytes a second while its sink is down, at the peak */
	int64_t full_in_s;         /* from the plan's size, with its sink down; -1: never */
	const char *sink;          /* what that is; "" where nothing waits for one */
};

struct plan {
	char title[96]; /* "100 terminals, 40 markets"; of a scenario its own */
	struct plan_load load;
	char version[16]; /* of the server the costs were measured on */
	/* Without a scenario the rows of def/plan.def, in their order; with one the
	 * document's components, then its totals. */
	struct plan_figures figures[PLAN_FIGURES_MAX];
	size_t count;
	struct plan_segment segments[SEGMENT_COUNT];
	/* Totals of all Redis, every sink healthy; of a scenario original and corrected are
	 * those of its main total. measured -1: not every component was. */
	int64_t original, corrected, planned, measured, bound;
	/* Everything but the terminals, resident: Redis, idle servers, the process. */
	int64_t everything_planned, everything_measured, everything_bound;
	int64_t headroom, maxmemory; /* of all segments */
	struct plan_found found[PLAN_FOUND_MAX];
	size_t faults;      /* in found */
	size_t faults_more; /* found, and no room for them */
	bool within_bounds; /* every component and both totals */
	char summary[400];
};

struct plan_load plan_load_usual(void); /* the 100-terminal load */
struct plan_costs plan_costs_shipped(void);
const struct plan_component_row *plan_component_row(enum plan_component component);
const struct plan_item_row *plan_item_row(enum plan_item item);
const char *plan_fault_name(enum plan_fault rule); /* "wrong_product" */
const char *plan_fault_text(enum plan_fault rule); /* for people, of the table */

/* Items of that kind in the component of its row under a load; -1: overflow. */
int64_t plan_items(const struct plan_load *load, enum plan_item item);
/* The same in any component: ris_walking has the items of ris with other minutes, rtrs_away
 * and rtrs_stuck those of rtrs, tape_500 those of tape. 0: it has none of them. */
int64_t plan_items_in(const struct plan_load *load, enum plan_component component,
		      enum plan_item item);
/* What a component costs; -1: overflow, or it is not made of items. */
int64_t plan_bytes(const struct plan_load *load, const struct plan_costs *costs,
		   enum plan_component component);

/* measured: used_memory deltas by component, resident bytes of those that are no Redis, -1
 * where there is none; NULL: no measurement. Faults are those of the load itself (more trades
 * closed than results, more signals than results). RANGE: the load is beyond its bounds or
 * beyond what can be counted. */
MUST_CHECK enum status plan_make(const struct plan_load *load, const struct plan_costs *costs,
				 const int64_t measured[PLAN_COMPONENTS], struct plan *out,
				 struct err *err);
/* A document: [component.X] items, bytes, rate, retention, claimed and the other keys of
 * plan_scenario.h; its section [load] over the usual one. FORMAT, INVALID or RANGE with line
 * and reason; NO_MEMORY. */
MUST_CHECK enum status plan_scenario(struct str text, const struct plan_costs *costs,
				     struct plan *out, struct err *err);

/* What was measured for weir's own components (plan_make of the document's load), beside those
 * of the document that they stand beside. */
void plan_add_measured(struct plan *document, const struct plan *own);

/* A calibration as INI: [costs] version, idle, idle_rss and [items] item = thousandths of a
 * byte. Items that it does not name keep what *costs has: start with plan_costs_shipped.
 * FORMAT, INVALID or RANGE with line and reason, *costs untouched. */
MUST_CHECK enum status plan_costs_read(struct str text, struct plan_costs *costs, struct err *err);
void plan_costs_write(const struct plan_costs *costs, struct buf *out);
