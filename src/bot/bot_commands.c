/* The bot's own commands, beside the questions. */
#include <stdio.h>

#include "base/check.h"
#include "base/suggest.h"
#include "bot/bot_impl.h"

static void run_chart(const struct talk *talk, struct str args)
{
	bot_begin_picture(talk, args.len ? args : STR("/cvd"));
}

static const struct command_row {
	const char *name, *args;
	enum role role;
	void (*fn)(const struct talk *talk, struct str args);
	const char *help; /* NULL: not listed */
} commands[] = {
	{ "start", "", ROLE_READER, bot_start, NULL },
	{ "chart", "[COMMAND SYM TF]", ROLE_READER, run_chart, "an answer as a picture" },
	{ "settings", "[NAME VALUE]", ROLE_READER, bot_settings_command,
	  "symbol, timeframe, numbers, quiet hours, what you are told of" },
	{ "set", "", ROLE_READER, bot_settings_command, NULL },
	{ "id", "", ROLE_READER, bot_who, "who you are to weir, and what you may do" },
	{ "users", "[ID ROLE]", ROLE_ADMIN, bot_users, "who may do what" },
	{ "halt", "all|group:NAME|ID [flat]|off", ROLE_ADMIN, bot_halt,
	  "stop what opens positions (flat: close them, too); a one-time code confirms" },
};

/* /halt alone is a question. */
bool bot_run_command(const struct talk *talk, struct str name, struct str args)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct command_row *row = &commands[i];
		char what[32];
		if (!str_eq_nocase(name, str_of(row->name)) || (row->fn == bot_halt && !args.len))
			continue;
		snprintf(what, sizeof what, "/%s", row->name);
		bool changes = row->role == ROLE_ADMIN && args.len;
		if (talk_may(talk, row->role, str_of(what), changes ? str_of(row->name) : STR("")))
			row->fn(talk, args);
		return true;
	}
	return false;
}

void bot_suggest_command(struct buf *out, struct str name)
{
	struct suggest suggest = suggest_for(name);
	for (enum question question = 0; question < QUESTION_COUNT; question++)
		suggest_offer(&suggest, str_skip(str_of(question_row(question)->name), 1));
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		suggest_offer(&suggest, str_of(commands[i].name));
	if (suggest.distance == SIZE_MAX)
		buf_char(out, '.');
	else
		buf_printf(out, ": did you mean /%s?", suggest.nearest);
}

static void put_aliases(struct buf *out)
{
	buf_printf(out, "\nShort:");
	for (enum question question = 0; question < QUESTION_COUNT; question++)
		if (alias_of(question))
			buf_printf(out, " /%s %s ·", alias_of(question),
				   question_row(question)->name + 1);
	out->len -= str_eq(str_make(out->ptr + out->len - 3, 3), STR(" ·")) ? 3 : 0;
	buf_char(out, '\n');
}

void bot_put_commands(struct buf *out, enum role role)
{
	buf_printf(out, "<b>Here</b>\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!commands[i].help || commands[i].role > role)
			continue;
		buf_printf(out, "<b>/%s%s%s</b> %s\n", commands[i].name,
			   commands[i].args[0] ? " " : "", commands[i].args, commands[i].help);
	}
	put_aliases(out);
}

bool bot_command_at(size_t index, enum role role, struct bot_command *out)
{
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		const struct question_row *row = question_row(question);
		if (row->role > role || index-- > 0)
			continue;
		*out = (struct bot_command){ row->name + 1, row->help };
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		bool twice = question_find(str_of(commands[i].name)) != QUESTION_COUNT;
		if (!commands[i].help || twice || commands[i].role > role || index-- > 0)
			continue;
		*out = (struct bot_command){ commands[i].name, commands[i].help };
		return true;
	}
	return false;
}
