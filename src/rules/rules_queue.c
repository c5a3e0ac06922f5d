/* Rules of a group in the order in which something happens to them. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/rules_impl.h"

/* Whether a value that goes that way comes to `a` before it comes to `b`. */
static bool is_nearer(bool up, int64_t a, int64_t b) { return up ? a < b : a > b; }

bool rule_queue_reserve(struct rule_queue *queue, uint32_t n)
{
	if (n <= queue->cap)
		return true;
	uint32_t cap = queue->cap ? 2 * queue->cap : 4;
	struct rule_entry *grown = realloc(queue->at, cap * sizeof *grown);
	if (!grown)
		return false;
	queue->at = grown;
	queue->cap = cap;
	return true;
}

/* Those behind it are nearer than the bound, those before it are not. */
static uint32_t place_of(const struct rule_queue *queue, bool up, int64_t bound)
{
	uint32_t from = 0, to = queue->n;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (is_nearer(up, queue->at[middle].bound, bound))
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* What was crossed waits for a value near by, so that few entries are moved. */
void rule_queue_put(struct rule_queue *queue, bool up, struct rule *rule, int64_t bound)
{
	uint32_t place = place_of(queue, up, bound);
	CHECK(queue->n < queue->cap);
	memmove(&queue->at[place + 1], &queue->at[place], (queue->n - place) * sizeof *queue->at);
	queue->at[place] = (struct rule_entry){ bound, rule };
	queue->n++;
	rule->bound = bound;
	rule->up = up;
}

void rule_queue_remove(struct rule_queue *queue, const struct rule *rule)
{
	uint32_t place = place_of(queue, rule->up, rule->bound);
	do
		CHECK(place > 0);
	while (queue->at[--place].rule != rule);
	queue->n--;
	memmove(&queue->at[place], &queue->at[place + 1], (queue->n - place) * sizeof *queue->at);
}

/* Shell's: in place, and quick where the order is nearly there. */
void rule_queue_sort(struct rule_queue *queue, bool up)
{
	uint32_t gap = queue->n;
	do {
		gap = gap / 3 + 1;
		for (uint32_t i = gap; i < queue->n; i++) {
			struct rule_entry entry = queue->at[i];
			uint32_t place = i;
			for (; place >= gap &&
			       is_nearer(up, queue->at[place - gap].bound, entry.bound);
			     place -= gap)
				queue->at[place] = queue->at[place - gap];
			queue->at[place] = entry;
		}
	} while (gap > 1);
}
