#include "cli/man.h"

#include <stdio.h>

#include "cli/help.h"

/* ---- roff ---- */

/* The code point at the front and its length; what is no UTF-8 is itself. */
static uint32_t take_point(struct str text, size_t *len)
{
	static const uint8_t first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t n = str_utf8_len(text);
	uint32_t point = (uint8_t)text.ptr[0];
	if (n > 1)
		point &= first[n];
	for (size_t i = 1; i < n; i++)
		point = point << 6 | ((uint8_t)text.ptr[i] & 0x3f);
	*len = n ? n : 1;
	return point;
}

static void put_char(struct buf *out, uint32_t point)
{
	switch (point) {
	case '\\': buf_printf(out, "\\e"); break;
	case '-': buf_printf(out, "\\-"); break; /* one to copy, not a hyphen */
	case '\'': buf_printf(out, "\\(aq"); break;
	case '`': buf_printf(out, "\\(ga"); break;
	case '^': buf_printf(out, "\\(ha"); break;
	case '~': buf_printf(out, "\\(ti"); break;
	case '"': buf_printf(out, "\\(dq"); break;
	case 0x2026: buf_printf(out, "..."); break; /* not every terminal has one sign for it */
	default:
		if (point < 0x80)
			buf_char(out, (char)point);
		else
			buf_printf(out, "\\[u%04X]", point);
	}
}

/* Text whose `words` in backquotes stand out; a line never begins with a request. */
static void put_text(struct buf *out, const char *text)
{
	struct str rest = str_of(text);
	bool bold = false, line_begins = true;
	while (rest.len) {
		size_t len;
		uint32_t point = take_point(rest, &len);
		if (line_begins && (point == '.' || point == '\''))
			buf_printf(out, "\\&");
		line_begins = point == '\n';
		if (point == '`') {
			bold = !bold;
			buf_printf(out, bold ? "\\fB" : "\\fR");
		} else {
			put_char(out, point);
		}
		rest = str_skip(rest, len);
	}
	if (bold)
		buf_printf(out, "\\fR");
}

static void put_words(struct buf *out, struct str text)
{
	while (text.len) {
		size_t len;
		put_char(out, take_point(text, &len));
		text = str_skip(text, len);
	}
}

static void put_head(struct buf *out, const char *name)
{
	buf_printf(out, ".\\\" From src/def/commands.def by `make docs`: edit the table, not this "
			"page.\n.TH ");
	for (; *name; name++)
		buf_char(out, *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A')
			      : *name == ' '               ? '-'
							   : *name);
	buf_printf(out, " 1 \"\" \"weir %s\" \"weir\"\n", WEIR_VERSION);
}

/* What is typed, as it is typed. */
static void put_example(struct buf *out, const struct command_example *example)
{
	buf_printf(out, ".PP\n.nf\n\\fB");
	put_words(out, str_of(example->line));
	buf_printf(out, "\\fR\n.fi\n");
	if (*example->what) {
		buf_printf(out, ".RS\n");
		put_text(out, example->what);
		buf_printf(out, "\n.RE\n");
	}
}

/* ---- a command ---- */

void man_print_name(struct buf *out, enum command command)
{
	buf_printf(out, "weir-");
	for (const char *c = command_row(command)->words; *c; c++)
		buf_char(out, *c == ' ' ? '-' : *c);
	buf_printf(out, ".1");
}

static void put_examples(struct buf *out, enum command command)
{
	const struct command_example *example;
	buf_printf(out, ".SH EXAMPLES\n");
	for (size_t i = 0; (example = command_example(i)); i++)
		if (example->command == command)
			put_example(out, example);
}

static void put_flags(struct buf *out, enum command command)
{
	bool any = false;
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
		const struct flag_row *row = flag_row(flag);
		if (!command_uses(command, flag))
			continue;
		buf_printf(out, "%s.TP\n\\fB", any ? "" : ".SH OPTIONS\n");
		any = true;
		put_words(out, str_of(flag_dashes(row)));
		put_words(out, str_of(row->name));
		buf_printf(out, "\\fR");
		if (*row->value) {
			buf_printf(out, " \\fI");
			put_words(out, str_of(row->value));
			buf_printf(out, "\\fR");
		}
		buf_char(out, '\n');
		put_text(out, row->help);
		if (*row->preset && row->type != FLAG_SWITCH && row->max != INT64_MAX) {
			buf_printf(out, " (default: ");
			put_words(out, str_of(row->preset));
			buf_char(out, ')');
		}
		buf_char(out, '\n');
	}
}

/* Lines as they are: a list in them stays one. */
static void put_about(struct buf *out, const char *about)
{
	struct str rest = str_of(about), line;
	if (!*about)
		return;
	buf_printf(out, ".SH DESCRIPTION\n");
	while (str_split(&rest, '\n', &line)) {
		char storage[1024];
		if (!line.len) {
			buf_printf(out, ".PP\n");
			continue;
		}
		snprintf(storage, sizeof storage, "%.*s", STR_ARG(line));
		put_text(out, storage);
		buf_char(out, '\n');
	}
}

void man_print_command(struct buf *out, enum command command)
{
	const struct command_row *row = command_row(command);
	char name[80], storage[2048];
	struct buf usage = buf_over(storage, sizeof storage);
	snprintf(name, sizeof name, "weir %s", row->words);
	put_head(out, name);
	buf_printf(out, ".SH NAME\nweir\\-");
	for (const char *c = row->words; *c; c++)
		put_char(out, *c == ' ' ? '-' : (uint8_t)*c);
	buf_printf(out, " \\- ");
	put_text(out, row->summary);
	buf_char(out, '\n');
	put_examples(out, command);
	buf_printf(out, ".SH SYNOPSIS\n.ad l\n.nh\n");
	help_print_usage(&usage, command);
	put_words(out, buf_str(&usage));
	buf_printf(out, "\n.hy\n.ad b\n");
	put_about(out, row->about);
	put_flags(out, command);
	buf_printf(out, ".SH SEE ALSO\n\\fBweir\\fR(1)\n");
}

/* ---- weir(1) ---- */

static void put_exit_statuses(struct buf *out)
{
	static const char *const meanings[] = { "done", "the answer is no: a check failed", "usage",
						"the environment: no server, no file" };
	buf_printf(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		buf_printf(out, ".TP\n%zu\n%s\n", i, meanings[i]);
}

void man_print_main(struct buf *out)
{
	put_head(out, "weir");
	buf_printf(out, ".SH NAME\nweir \\- trading terminals, crypto markets and their state in "
			"bounded Redis servers, in one process\n"
			".SH EXAMPLES\n.PP\n.nf\n\\fBweir up \\-\\-demo\\fR\n.fi\n.RS\nrun it all, "
			"with nothing configured\n.RE\n"
			".PP\n.nf\n\\fBweir ask /cvd ETH 5m\\fR\n.fi\n.RS\nask the running one a "
			"question\n.RE\n"
			".SH SYNOPSIS\n\\fBweir\\fR \\fICOMMAND\\fR [\\fIFLAGS\\fR]\n"
			".SH COMMANDS\n");
	for (enum command command = 0; command < COMMAND_THERE; command++) {
		buf_printf(out, ".TP\n\\fB");
		put_words(out, str_of(command_row(command)->words));
		buf_printf(out, "\\fR\n");
		put_text(out, command_row(command)->summary);
		buf_char(out, '\n');
	}
	put_exit_statuses(out);
	buf_printf(out,
		   ".SH ENVIRONMENT\n.TP\n\\fBWEIR_\\fISECTION\\fB_\\fIKEY\\fR\na setting; "
		   "\\fBweir config show \\-\\-origin\\fR says which are in force\n"
		   ".TP\n\\fBNO_COLOR\\fR\nwhere it is set nothing is coloured\n"
		   ".SH FILES\n.TP\n\\fB./weir.conf\\fR\nthe configuration, unless "
		   "\\fB\\-\\-config\\fR names another\n.TP\n\\fB./var\\fR\nthe state directory, "
		   "unless \\fB\\-\\-state\\fR names another\n");
	buf_printf(out, ".SH SEE ALSO\n");
	for (enum command command = 0; command < COMMAND_THERE; command++) {
		buf_printf(out, "\\fBweir\\-");
		for (const char *c = command_row(command)->words; *c; c++)
			buf_printf(out, "%s", *c == ' ' ? "\\-" : (char[]){ *c, 0 });
		buf_printf(out, "\\fR(1)%s\n", command + 1 < COMMAND_THERE ? "," : "");
	}
}
