#include "cli/help.h"

enum { HELP_COLUMNS = 80, COMMAND_INDENT = 14, FLAG_INDENT = 30 };

static void pad_to(struct buf *out, size_t line_start, size_t column)
{
	while (out->len < line_start + column && !out->overflow)
		buf_char(out, ' ');
}

/* Words of `text` from the present column on, broken at HELP_COLUMNS and indented. */
static void print_wrapped(struct buf *out, size_t line_start, size_t indent, const char *text)
{
	struct str rest = str_of(text), word;
	bool first = true;
	while (str_split(&rest, ' ', &word)) {
		if (!first && out->len - line_start + 1 + word.len > HELP_COLUMNS) {
			buf_char(out, '\n');
			line_start = out->len;
			pad_to(out, line_start, indent);
			first = true;
		}
		if (!first)
			buf_char(out, ' ');
		buf_str_put(out, word);
		first = false;
	}
	buf_char(out, '\n');
}

/* Two columns: a name, and what it means. A name too long stands alone. */
static void print_pair(struct buf *out, const char *name, size_t indent, const char *text)
{
	size_t line_start = out->len;
	buf_printf(out, "  %s", name);
	if (out->len - line_start + 2 > indent) {
		buf_char(out, '\n');
		line_start = out->len;
	}
	pad_to(out, line_start, indent);
	print_wrapped(out, line_start, indent, text);
}

void help_print_all(struct buf *out)
{
	buf_printf(out, "usage: weir COMMAND [--flag…]\n\n"
			"  weir up --demo        run it all, with nothing configured\n"
			"  weir ask /cvd ETH 5m  ask the running one a question\n\ncommands:\n");
	for (enum command command = 0; command < COMMAND_THERE; command++) {
		const struct command_row *row = command_row(command);
		print_pair(out, row->words, COMMAND_INDENT + 2, row->summary);
	}
	buf_printf(out, "\nnot there yet:\n");
	for (enum command command = COMMAND_THERE; command < COMMAND_COUNT; command++)
		print_pair(out, command_row(command)->words, COMMAND_INDENT + 2,
			   command_row(command)->summary);
	buf_printf(out, "\n`weir COMMAND --help` says more. Exit status: 0 done, 1 the answer is "
			"no,\n2 usage, 3 the environment.\n");
}

void help_print_flag(struct buf *out, enum flag flag)
{
	const struct flag_row *row = flag_row(flag);
	buf_printf(out, "%s%s%s%s", flag_dashes(row), row->name, *row->value ? " " : "",
		   row->value);
}

void help_print_usage(struct buf *out, enum command command)
{
	const struct command_row *row = command_row(command);
	buf_printf(out, "weir %s", row->words);
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++)
		if (command_uses(command, flag)) {
			buf_printf(out, " [");
			help_print_flag(out, flag);
			buf_char(out, ']');
		}
	if (*row->operands)
		buf_printf(out, " %s", row->operands);
}

static void print_examples(struct buf *out, enum command command)
{
	const struct command_example *example;
	for (size_t i = 0; (example = command_example(i)); i++)
		if (example->command == command)
			buf_printf(out, "  %s\n      %s\n", example->line, example->what);
}

static void print_flags(struct buf *out, enum command command)
{
	bool any = false;
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
		char storage[80];
		struct buf name = buf_over(storage, sizeof storage - 1);
		if (!command_uses(command, flag))
			continue;
		if (!any)
			buf_printf(out, "\nflags:\n");
		any = true;
		help_print_flag(&name, flag);
		name.ptr[name.len] = 0;
		print_pair(out, storage, FLAG_INDENT, flag_row(flag)->help);
	}
}

void help_print_command(struct buf *out, enum command command)
{
	const struct command_row *row = command_row(command);
	buf_printf(out, "weir %s: %s\n\n", row->words, row->summary);
	if (row->waits) {
		buf_printf(out, "Not there yet: waits for %s.\n", row->waits);
		return;
	}
	buf_printf(out, "examples:\n");
	print_examples(out, command);
	size_t line_start = out->len + strlen("\n");
	char storage[1024];
	struct buf usage = buf_over(storage, sizeof storage - 1);
	help_print_usage(&usage, command);
	usage.ptr[usage.len] = 0;
	buf_printf(out, "\nusage: ");
	print_wrapped(out, line_start, strlen("usage: "), storage);
	if (*row->about)
		buf_printf(out, "\n%s\n", row->about);
	print_flags(out, command);
}

void help_print_group(struct buf *out, enum command first)
{
	struct str group = command_first_word(first);
	buf_printf(out, "usage: weir %.*s ACTION [--flag…]\n\n", STR_ARG(group));
	for (enum command command = first;
	     command < COMMAND_THERE && str_eq(command_first_word(command), group); command++)
		print_pair(out, command_row(command)->words, COMMAND_INDENT + 2,
			   command_row(command)->summary);
	buf_printf(out, "\n`weir %s --help` says more.\n", command_row(first)->words);
}
