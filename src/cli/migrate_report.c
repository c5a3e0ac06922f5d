#include "cli/migrate_report.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/table.h"

/* Columns of a family: name, and where the figure is. */
#define FIGURES                                                                                    \
	FIGURE(source)                                                                             \
	FIGURE(copied)                                                                             \
	FIGURE(expired)                                                                            \
	FIGURE(removed)                                                                            \
	FIGURE(behind)                                                                             \
	FIGURE(conflicts)                                                                          \
	FIGURE(missing)                                                                            \
	FIGURE(returned)                                                                           \
	FIGURE(deleted)                                                                            \
	FIGURE(kept)                                                                               \
	FIGURE(written)                                                                            \
	FIGURE(again)                                                                              \
	FIGURE(backups)                                                                            \
	FIGURE(restored)

static void add(struct migrate_counts *sum, const struct migrate_counts *counts)
{
#define FIGURE(name) sum->name += counts->name;
	FIGURES
#undef FIGURE
	for (int i = 0; i < FORM_REASON_COUNT; i++)
		sum->skipped[i] += counts->skipped[i];
}

static struct migrate_counts total(const struct migrate *migrate)
{
	struct migrate_counts sum = { 0 };
	for (size_t i = 0; i <= migrate_plan_of(migrate)->n_families; i++)
		add(&sum, migrate_counts(migrate, i));
	return sum;
}

/* ---- JSON ---- */

static void put_counts(struct buf *out, const struct migrate_counts *counts)
{
	const char *before = "";
#define FIGURE(name)                                                                               \
	buf_printf(out, "%s\"" #name "\":%lld", before, (long long)counts->name);                  \
	before = ",";
	FIGURES
#undef FIGURE
	buf_printf(out, ",\"skipped\":%lld,\"reasons\":{", (long long)migrate_skipped(counts));
	before = "";
	for (int i = 0; i < FORM_REASON_COUNT; i++) {
		if (!counts->skipped[i])
			continue;
		buf_printf(out, "%s\"%s\":%lld", before, form_reason_name((enum form_reason)i),
			   (long long)counts->skipped[i]);
		before = ",";
	}
	buf_char(out, '}');
}

void migrate_report_json(struct buf *out, const char *step, const struct migrate *migrate)
{
	const struct migrate_plan *plan = migrate_plan_of(migrate);
	const struct migrate_lag *lag = migrate_lag(migrate);
	struct migrate_counts sum = total(migrate);
	buf_printf(out, "{\"step\":\"%s\",\"holds\":%s,", step,
		   migrate_holds(migrate) ? "true" : "false");
	put_counts(out, &sum);
	buf_printf(out,
		   ",\"lag\":{\"notified\":%s,\"waiting\":%lld,\"ms\":%lld,\"ms_max\":%lld,"
		   "\"passes\":%lld},\"families\":[",
		   lag->notified ? "true" : "false", (long long)lag->waiting,
		   (long long)lag->lag_ms, (long long)lag->lag_ms_max, (long long)lag->passes);
	for (size_t i = 0; i < plan->n_families; i++) {
		const struct migrate_family *family = &plan->families[i];
		buf_str_put(out, i ? STR(",{\"match\":") : STR("{\"match\":"));
		buf_json_str(out, str_of(family->match));
		buf_str_put(out, STR(",\"to\":"));
		buf_json_str(out, str_of(family->to));
		buf_printf(out, ",\"type\":\"%s\",\"sink\":\"%s\",",
			   migrate_form_text(family->form), migrate_sink_text(family->sink));
		put_counts(out, migrate_counts(migrate, i));
		buf_char(out, '}');
	}
	buf_str_put(out, STR("]}\n"));
}

/* ---- text ---- */

enum { COLUMNS = 7 };

static void put_row(struct table *table, const char *name, const struct migrate_counts *counts)
{
	char numbers[COLUMNS][24];
	int64_t trouble = counts->behind + counts->missing + counts->returned + counts->kept;
	const int64_t values[COLUMNS] = {
		0,       counts->source,   counts->copied, migrate_skipped(counts), counts->expired,
		trouble, counts->conflicts
	};
	struct str cells[COLUMNS] = { str_of(name) };
	for (int i = 1; i < COLUMNS; i++) {
		snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)values[i]);
		cells[i] = str_of(numbers[i]);
	}
	table_row(table, cells);
}

static void put_reasons(struct buf *out, const struct migrate_counts *sum)
{
	for (int i = 0; i < FORM_REASON_COUNT; i++)
		if (sum->skipped[i])
			buf_printf(out, "skipped, %s: %lld\n",
				   form_reason_text((enum form_reason)i),
				   (long long)sum->skipped[i]);
}

void migrate_report_text(struct buf *out, const char *step, const struct migrate *migrate)
{
	static const char *const columns[COLUMNS] = { "family",  "source", "copied",   "skipped",
						      "expired", "open",   "conflicts" };
	const struct migrate_plan *plan = migrate_plan_of(migrate);
	const struct migrate_lag *lag = migrate_lag(migrate);
	struct migrate_counts sum = total(migrate);
	struct table table;
	table_begin(&table, out, TABLE_TABLE, columns, COLUMNS);
	for (size_t i = 0; i < plan->n_families; i++)
		put_row(&table, plan->families[i].match, migrate_counts(migrate, i));
	put_row(&table, "all", &sum);
	table_end(&table);
	put_reasons(out, &sum);
	if (lag->passes)
		buf_printf(out, "lag: %lld ms now, %lld ms at most (%s)\n", (long long)lag->lag_ms,
			   (long long)lag->lag_ms_max,
			   lag->notified ? "changes are told by the server"
					 : "names are gone through");
	buf_printf(out, "%s: %lld written, %lld of them again; %lld removed, %lld restored\n", step,
		   (long long)sum.written, (long long)sum.again, (long long)sum.removed,
		   (long long)sum.restored);
	if (strcmp(step, "rollback") != 0)
		buf_printf(out, "source = copied + skipped + expired: %s\n",
			   migrate_holds(migrate) ? "yes" : "no");
}

/* ---- a plan ---- */

void migrate_report_plan(struct buf *out, bool json, const char *path, const struct plan_made *made)
{
	if (!json) {
		buf_printf(out, "%s: %lld families, %lld keys\n", path, (long long)made->families,
			   (long long)made->keys);
		for (int i = 0; i < MIGRATE_FORMS; i++)
			if (made->by_form[i])
				buf_printf(out, "  %-8s %lld\n",
					   migrate_form_text((enum migrate_form)i),
					   (long long)made->by_form[i]);
		if (made->left_out)
			buf_printf(out,
				   "  left out %lld families, %lld keys: their names are also "
				   "another's, or make one\n",
				   (long long)made->left_out, (long long)made->left_out_keys);
		buf_printf(out, "Read and edit it, then: weir migrate apply --plan %s\n", path);
		return;
	}
	buf_printf(out, "{\"plan\":");
	buf_json_str(out, str_of(path));
	buf_printf(out, ",\"families\":%lld,\"keys\":%lld,\"left_out\":%lld,\"left_out_keys\":%lld",
		   (long long)made->families, (long long)made->keys, (long long)made->left_out,
		   (long long)made->left_out_keys);
	for (int i = 0; i < MIGRATE_FORMS; i++)
		buf_printf(out, ",\"%s\":%lld", migrate_form_text((enum migrate_form)i),
			   (long long)made->by_form[i]);
	buf_str_put(out, STR("}\n"));
}
