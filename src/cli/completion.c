#include "cli/completion.h"

#include "base/check.h"
#include "def/commands.h"

/* ---- what a command and a flag take ---- */

/* "ready|ledger|memory": words to choose from; anything else is free. */
static bool is_choice(const char *text) { return strchr(text, '|') && !strpbrk(text, " [\xe2:=."); }

static bool takes_files(const char *value)
{
	return strstr(value, "FILE") || strstr(value, "PROGRAM");
}

static bool takes_folders(const char *value) { return strcmp(value, "DIR") == 0; }

static bool is_last_of_group(enum command command)
{
	return command + 1 >= COMMAND_THERE ||
	       !str_eq(command_first_word(command), command_first_word(command + 1));
}

static bool is_first_of_group(enum command command)
{
	return command == 0 ||
	       !str_eq(command_first_word(command), command_first_word(command - 1));
}

static bool is_group(enum command command)
{
	return command_first_word(command).len < strlen(command_row(command)->words);
}

static const char *action_of(enum command command)
{
	return command_row(command)->words + command_first_word(command).len + 1;
}

/* The words of "a|b|c" with a blank between them. */
static void put_choice(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_char(out, *text == '|' ? ' ' : *text);
}

/* ---- bash ---- */

static void bash_commands(struct buf *out)
{
	for (enum command command = 0; command < COMMAND_THERE; command++)
		if (is_first_of_group(command))
			buf_printf(out, "%s%.*s", command ? " " : "",
				   STR_ARG(command_first_word(command)));
}

static void bash_groups(struct buf *out)
{
	for (enum command command = 0; command < COMMAND_THERE; command++) {
		if (!is_group(command))
			continue;
		if (is_first_of_group(command))
			buf_printf(out, "\t%.*s) words='", STR_ARG(command_first_word(command)));
		buf_printf(out, "%s%s", is_first_of_group(command) ? "" : " ", action_of(command));
		if (is_last_of_group(command))
			buf_printf(out, "' ;;\n");
	}
}

static void bash_flags(struct buf *out, enum command command)
{
	const struct command_row *row = command_row(command);
	buf_printf(out, "\t'%s')\n\t\tflags='--help", row->words);
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++)
		if (command_uses(command, flag))
			buf_printf(out, " %s%s", flag_dashes(flag_row(flag)), flag_row(flag)->name);
	buf_printf(out, "'\n");
	if (is_choice(row->operands)) {
		buf_printf(out, "\t\twords='");
		put_choice(out, row->operands);
		buf_printf(out, "'\n");
	} else if (takes_files(row->operands)) {
		buf_printf(out, "\t\tplaces=-f\n");
	}
	buf_printf(out, "\t\tcase $before in\n");
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
		const struct flag_row *value = flag_row(flag);
		if (!command_uses(command, flag) || value->type == FLAG_SWITCH)
			continue;
		buf_printf(out, "\t\t%s%s) flags= places= words='", flag_dashes(value),
			   value->name);
		if (value->type == FLAG_CHOICE)
			put_choice(out, value->value);
		buf_printf(out, "'%s ;;\n",
			   takes_folders(value->value) ? " places=-d"
			   : takes_files(value->value) ? " places=-f"
						       : "");
	}
	buf_printf(out, "\t\tesac ;;\n");
}

static void print_bash(struct buf *out)
{
	buf_printf(out,
		   "# Completion of weir for bash, from the tables of its commands and flags.\n"
		   "_weir() {\n"
		   "\tlocal now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
		   "\tlocal command=${COMP_WORDS[1]} words= flags= places=\n"
		   "\tif [ \"$COMP_CWORD\" -le 1 ]; then\n"
		   "\t\tCOMPREPLY=($(compgen -W '--help --version help ");
	bash_commands(out);
	buf_printf(out, "' -- \"$now\"))\n\t\treturn\n\tfi\n\tcase $command in\n");
	bash_groups(out);
	buf_printf(out, "\tesac\n"
			"\tif [ -n \"$words\" ]; then\n"
			"\t\tif [ \"$COMP_CWORD\" = 2 ]; then\n"
			"\t\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n"
			"\t\t\treturn\n"
			"\t\tfi\n"
			"\t\tcommand=\"$command ${COMP_WORDS[2]}\" words=\n"
			"\tfi\n"
			"\tcase $command in\n");
	for (enum command command = 0; command < COMMAND_THERE; command++)
		bash_flags(out, command);
	buf_printf(out, "\tesac\n"
			"\tcase $now in -*) words= places= ;; *) flags= ;; esac\n"
			"\tCOMPREPLY=($(compgen -W \"$words $flags\" -- \"$now\")"
			" ${places:+$(compgen \"$places\" -- \"$now\")})\n"
			"}\n"
			"complete -o filenames -F _weir weir\n");
}

/* ---- zsh ---- */

/* Inside single quotes; with `spec`, what _arguments would read is escaped as well. */
static void zsh_text(struct buf *out, const char *text, bool spec)
{
	for (; *text; text++) {
		if (*text == '\'') {
			buf_printf(out, "'\\''");
			continue;
		}
		if (*text == '\\' || (spec && strchr("[]:", *text)) || (!spec && *text == ':'))
			buf_char(out, '\\');
		buf_char(out, *text);
	}
}

static void zsh_pair(struct buf *out, struct str word, const char *summary)
{
	buf_printf(out, "\t\t'%.*s:", STR_ARG(word));
	zsh_text(out, summary, false);
	buf_printf(out, "'\n");
}

static void zsh_value(struct buf *out, const char *name, const char *value, bool choice)
{
	buf_char(out, ':');
	zsh_text(out, name, true);
	buf_char(out, ':');
	if (choice) {
		buf_char(out, '(');
		put_choice(out, value);
		buf_char(out, ')');
	} else if (takes_folders(value)) {
		buf_printf(out, "_files -/");
	} else if (takes_files(value)) {
		buf_printf(out, "_files");
	} else {
		buf_char(out, ' ');
	}
}

static void zsh_flags(struct buf *out, enum command command)
{
	const struct command_row *row = command_row(command);
	buf_printf(out, "\t'%s')\n\t\t_arguments '--help[say more]'", row->words);
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
		const struct flag_row *given = flag_row(flag);
		if (!command_uses(command, flag))
			continue;
		buf_printf(out, " \\\n\t\t\t'*%s%s[", flag_dashes(given), given->name);
		zsh_text(out, given->help, true);
		buf_char(out, ']');
		if (given->type != FLAG_SWITCH)
			zsh_value(out, given->value, given->value, given->type == FLAG_CHOICE);
		buf_char(out, '\'');
	}
	if (*row->operands) {
		buf_printf(out, " \\\n\t\t\t'*");
		zsh_value(out, "operand", row->operands, is_choice(row->operands));
		buf_char(out, '\'');
	}
	buf_printf(out, " ;;\n");
}

static void zsh_groups(struct buf *out)
{
	for (enum command command = 0; command < COMMAND_THERE; command++) {
		if (!is_group(command))
			continue;
		if (is_first_of_group(command))
			buf_printf(out, "\t%.*s) actions=(\n",
				   STR_ARG(command_first_word(command)));
		zsh_pair(out, str_of(action_of(command)), command_row(command)->summary);
		if (is_last_of_group(command))
			buf_printf(out, "\t\t) ;;\n");
	}
}

static void print_zsh(struct buf *out)
{
	buf_printf(out, "#compdef weir\n"
			"# Completion of weir for zsh, from the tables of its commands and flags.\n"
			"_weir() {\n"
			"\tlocal -a commands actions\n"
			"\tlocal command=${words[2]}\n"
			"\tcommands=(\n");
	for (enum command command = 0; command < COMMAND_THERE; command++)
		if (is_first_of_group(command))
			zsh_pair(out, command_first_word(command),
				 is_group(command) ? "ACTION…" : command_row(command)->summary);
	buf_printf(out, "\t)\n"
			"\tif ((CURRENT == 2)); then\n"
			"\t\t_describe command commands\n"
			"\t\treturn\n"
			"\tfi\n"
			"\tcase $command in\n");
	zsh_groups(out);
	buf_printf(out, "\tesac\n"
			"\tif (($#actions)); then\n"
			"\t\tif ((CURRENT == 3)); then\n"
			"\t\t\t_describe action actions\n"
			"\t\t\treturn\n"
			"\t\tfi\n"
			"\t\tcommand=\"$command ${words[3]}\"\n"
			"\t\tshift words\n"
			"\t\t((CURRENT--))\n"
			"\tfi\n"
			"\tshift words\n"
			"\t((CURRENT--))\n"
			"\tcase $command in\n");
	for (enum command command = 0; command < COMMAND_THERE; command++)
		zsh_flags(out, command);
	buf_printf(out, "\tesac\n"
			"}\n"
			"if [ \"$funcstack[1]\" = _weir ]; then\n"
			"\t_weir \"$@\"\n"
			"else\n"
			"\tcompdef _weir weir\n"
			"fi\n");
}

/* ---- fish ---- */

static void fish_text(struct buf *out, const char *text)
{
	buf_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
	buf_char(out, '\'');
}

/* The command stands before the cursor, whole. */
static void fish_when(struct buf *out, enum command command)
{
	buf_printf(out, "complete -c weir -n '__fish_seen_subcommand_from %.*s",
		   STR_ARG(command_first_word(command)));
	if (is_group(command))
		buf_printf(out, "; and __fish_seen_subcommand_from %s", action_of(command));
	buf_printf(out, "' ");
}

static void fish_action(struct buf *out, enum command command)
{
	struct str group = command_first_word(command);
	buf_printf(out,
		   "complete -c weir -n '__fish_seen_subcommand_from %.*s; and not "
		   "__fish_seen_subcommand_from",
		   STR_ARG(group));
	for (enum command other = 0; other < COMMAND_THERE; other++)
		if (str_eq(command_first_word(other), group))
			buf_printf(out, " %s", action_of(other));
	buf_printf(out, "' -a %s -d ", action_of(command));
	fish_text(out, command_row(command)->summary);
	buf_char(out, '\n');
}

static void fish_flags(struct buf *out, enum command command)
{
	const struct command_row *row = command_row(command);
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
		const struct flag_row *given = flag_row(flag);
		if (!command_uses(command, flag))
			continue;
		fish_when(out, command);
		buf_printf(out, "-%c %s", given->name[1] ? 'l' : 's', given->name);
		bool places = takes_files(given->value) || takes_folders(given->value);
		if (given->type != FLAG_SWITCH)
			buf_printf(out, places ? " -r -F" : " -x");
		if (given->type == FLAG_CHOICE) {
			buf_printf(out, " -a '");
			put_choice(out, given->value);
			buf_char(out, '\'');
		}
		buf_printf(out, " -d ");
		fish_text(out, given->help);
		buf_char(out, '\n');
	}
	if (is_choice(row->operands)) {
		fish_when(out, command);
		buf_printf(out, "-a '");
		put_choice(out, row->operands);
		buf_printf(out, "'\n");
	} else if (takes_files(row->operands)) {
		fish_when(out, command);
		buf_printf(out, "-F\n");
	}
}

static void print_fish(struct buf *out)
{
	buf_printf(out, "# Completion of weir for fish, from the tables of its commands and "
			"flags.\ncomplete -c weir -f\n");
	for (enum command command = 0; command < COMMAND_THERE; command++) {
		if (is_first_of_group(command)) {
			buf_printf(out, "complete -c weir -n __fish_use_subcommand -a %.*s -d ",
				   STR_ARG(command_first_word(command)));
			fish_text(out,
				  is_group(command) ? "ACTION…" : command_row(command)->summary);
			buf_char(out, '\n');
		}
		if (is_group(command))
			fish_action(out, command);
		fish_flags(out, command);
	}
}

enum status completion_print(struct buf *out, struct str shell)
{
	if (str_eq(shell, STR("bash")))
		print_bash(out);
	else if (str_eq(shell, STR("zsh")))
		print_zsh(out);
	else if (str_eq(shell, STR("fish")))
		print_fish(out);
	else
		return STATUS_NOT_FOUND;
	return STATUS_OK;
}
