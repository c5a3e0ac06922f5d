#include "audit/rules_impl.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

/* Findings of server and code need room beside those of the keys. */
enum { TALLIES_MAX = AUDIT_FINDINGS_MAX - 512 };

static_assert(TALLIES_MAX + FINDING_RULES < UINT16_MAX, "a tally's number fits");

enum status tally_settle(struct audit_rules *rules)
{
	rules->tally_of =
	    calloc((rules->scene.n_families + 1) * FINDING_RULES, sizeof *rules->tally_of);
	return rules->tally_of ? STATUS_OK : STATUS_NO_MEMORY;
}

void tally_deinit(struct audit_rules *rules)
{
	for (size_t i = 0; i < rules->n_tallies; i++) {
		for (size_t n = 0; n < rules->tallies[i].n_examples; n++)
			free(rules->tallies[i].examples[n]);
		free(rules->tallies[i].keep);
	}
	free(rules->tallies);
	free(rules->tally_of);
}

static struct tally *add(struct audit_rules *rules, enum finding_rule rule, int64_t family)
{
	if (rules->n_tallies == rules->tallies_room) {
		size_t room = rules->tallies_room ? rules->tallies_room * 2 : 64;
		struct tally *tallies = realloc(rules->tallies, room * sizeof *tallies);
		if (!tallies) {
			rules->trouble = STATUS_NO_MEMORY;
			return NULL;
		}
		rules->tallies = tallies;
		rules->tallies_room = room;
	}
	struct tally *tally = &rules->tallies[rules->n_tallies++];
	*tally = (struct tally){ .rule = rule, .family = family };
	return tally;
}

/* Families beyond the bound share one tally for each rule: the last row of the table. */
static struct tally *tally_for(struct audit_rules *rules, enum finding_rule rule, int64_t family)
{
	uint16_t *number = &rules->tally_of[(size_t)family * FINDING_RULES + rule];
	if (!*number && rules->n_tallies >= TALLIES_MAX) {
		family = -1;
		number = &rules->tally_of[rules->scene.n_families * FINDING_RULES + rule];
	}
	if (*number)
		return &rules->tallies[*number - 1];
	struct tally *tally = add(rules, rule, family);
	if (tally)
		*number = (uint16_t)rules->n_tallies;
	return tally;
}

/* Printed, and cut where nobody would read on. */
static char *printed(struct str name)
{
	char storage[TALLY_EXAMPLES_BYTES];
	struct buf buf = buf_over(storage, sizeof storage - 1);
	bool cut = name.len > TALLY_EXAMPLES_BYTES / 4;
	audit_name_print(&buf, cut ? str_make(name.ptr, TALLY_EXAMPLES_BYTES / 4 - 1) : name);
	storage[buf.len] = 0;
	return strdup(storage);
}

static void take_example(struct audit_rules *rules, struct tally *tally,
			 const struct audit_record *record, const struct verdict *verdict)
{
	char *name = printed(record->name);
	if (!name) {
		rules->trouble = STATUS_NO_MEMORY;
		return;
	}
	tally->examples[tally->n_examples++] = name;
	if (!tally->keep && verdict->keep.len)
		tally->keep = printed(verdict->keep);
}

void tally_hit(struct audit_rules *rules, enum finding_rule rule, const struct audit_record *record,
	       const struct verdict *verdict)
{
	struct tally *tally = tally_for(rules, rule, record->family);
	if (!tally)
		return;
	int64_t bytes = record->bytes > 0 ? record->bytes : 0;
	tally->count++;
	tally->bytes += bytes;
	tally->worth += verdict->worth;
	tally->after += verdict->after > 0 ? verdict->after : 0;
	tally->likely += verdict->likely;
	if (verdict->part >= 0)
		tally->part[verdict->part]++;
	if (verdict->most > tally->most)
		tally->most = verdict->most;
	if (tally->n_examples < AUDIT_FINDING_EXAMPLES)
		take_example(rules, tally, record, verdict);
}
