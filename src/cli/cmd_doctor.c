/* weir doctor: is this machine fit for weir, and what is to be done. */
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/doctor_facts.h"
#include "cli/table.h"

enum { OUTPUT_BYTES = 256 << 10, LEVEL_COLUMN = 9, NAME_COLUMN = 26, COLUMNS = 100 };

/* For people: what is there, and below it what to do where it is not well. */
static void put_text(struct buf *out, const struct doctor_report *report)
{
	size_t counts[4] = { 0 };
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_verdict *verdict = &report->verdicts[i];
		const char *advice = doctor_advice(verdict->check);
		counts[verdict->level]++;
		buf_printf(out, "%-*s%-*s", LEVEL_COLUMN, doctor_level_text(verdict->level),
			   NAME_COLUMN - LEVEL_COLUMN, doctor_name(verdict->check));
		text_put_wrapped(out, NAME_COLUMN, COLUMNS, str_of(verdict->found));
		if (verdict->level == DOCTOR_OK || verdict->level == DOCTOR_UNKNOWN)
			continue;
		text_put_blanks(out, NAME_COLUMN);
		text_put_wrapped(out, NAME_COLUMN, COLUMNS, str_of(advice));
	}
	buf_printf(out, "\n%zu ok, %zu warn, %zu bad, %zu unknown\n", counts[DOCTOR_OK],
		   counts[DOCTOR_WARN], counts[DOCTOR_BAD], counts[DOCTOR_UNKNOWN]);
}

static void put_rows(struct buf *out, enum table_format format, const struct doctor_report *report)
{
	static const char *const columns[] = { "check", "level", "found", "advice" };
	struct table table;
	table_begin(&table, out, format, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_verdict *verdict = &report->verdicts[i];
		const struct str cells[] = {
			str_of(doctor_name(verdict->check)),
			str_of(doctor_level_text(verdict->level)),
			str_of(verdict->found),
			str_of(verdict->level ? doctor_advice(verdict->check) : ""),
		};
		table_row(&table, cells);
	}
	table_end(&table);
}

int cmd_doctor(const struct args *args)
{
	struct doctor_reading *reading = calloc(1, sizeof *reading);
	struct doctor_report *report = calloc(1, sizeof *report);
	enum table_format format = table_format_of(args_str(args, FLAG_format));
	struct buf out;
	CHECK(reading && report);
	buf_init(&out, OUTPUT_BYTES);
	doctor_read(cli_config_path(args), args_str(args, FLAG_state).ptr, reading);
	doctor_judge(&reading->facts, report);
	if (args_has(args, FLAG_json))
		doctor_print_json(&out, report);
	else if (format == TABLE_TABLE)
		put_text(&out, report);
	else
		put_rows(&out, format, report);
	int exit_status = cli_print(args, &out);
	if (!exit_status && doctor_is_bad(report))
		exit_status = CLI_NO;
	buf_deinit(&out);
	free(reading);
	free(report);
	return exit_status;
}
