#include "def/args.h"

#include "base/check.h"
#include "base/decimal.h"
#include "base/suggest.h"

/* ---- values ---- */

/* Each says what is wrong by filling err; the text is checked, not kept. */

static enum status check_number(const struct flag_row *row, struct str text, struct err *err)
{
	int64_t number;
	if (str_to_i64(text, &number) || number < row->min || number > row->max)
		return err_set(err, STATUS_USAGE, "%s%s: '%.*s' is not a whole number from %lld",
			       flag_dashes(row), row->name, STR_ARG(text), (long long)row->min);
	return STATUS_OK;
}

static enum status check_choice(const struct flag_row *row, struct str text, struct err *err)
{
	struct str rest = str_of(row->value), word;
	struct suggest suggest = suggest_for(text);
	char storage[128];
	struct buf hint = buf_over(storage, sizeof storage);
	while (str_split(&rest, '|', &word)) {
		if (str_eq(word, text))
			return STATUS_OK;
		suggest_offer(&suggest, word);
	}
	suggest_print(&hint, &suggest);
	return err_set(err, STATUS_USAGE, "--%s: '%.*s' is not one of %s%.*s", row->name,
		       STR_ARG(text), row->value, STR_ARG(buf_str(&hint)));
}

static enum status speed_parse(struct str text, double *speed)
{
	struct decimal times;
	if (str_eq(text, STR("max"))) {
		*speed = 0;
		return STATUS_OK;
	}
	enum status status = decimal_parse(text, &times);
	if (status)
		return status;
	if (times.mantissa <= 0)
		return STATUS_RANGE;
	*speed = decimal_to_double(times.mantissa, times.scale);
	return STATUS_OK;
}

static enum status check_value(enum flag flag, struct str text, struct err *err)
{
	const struct flag_row *row = flag_row(flag);
	struct market_id market;
	enum venue venue;
	enum kind kind;
	double speed;
	switch (row->type) {
	case FLAG_NUMBER: return check_number(row, text, err);
	case FLAG_CHOICE: return check_choice(row, text, err);
	case FLAG_SOURCE:
		if (market_id_parse_source(text, &venue, &kind) == STATUS_OK)
			return STATUS_OK;
		return err_set(err, STATUS_USAGE,
			       "--%s: '%.*s' is not VENUE:KIND: binance or bybit, spot or perp",
			       row->name, STR_ARG(text));
	case FLAG_MARKET:
		if (market_id_parse(text, &market) == STATUS_OK)
			return STATUS_OK;
		return err_set(err, STATUS_USAGE,
			       "--%s: '%.*s' is not VENUE:KIND:SYMBOL, as binance:perp:ETHUSDT",
			       row->name, STR_ARG(text));
	case FLAG_SPEED:
		if (speed_parse(text, &speed) == STATUS_OK)
			return STATUS_OK;
		return err_set(err, STATUS_USAGE, "--%s: '%.*s' is not max or a number above 0",
			       row->name, STR_ARG(text));
	case FLAG_TEXT:
		if (text.len)
			return STATUS_OK;
		return err_set(err, STATUS_USAGE, "--%s: %s is empty", row->name, row->value);
	case FLAG_SWITCH: break;
	}
	return STATUS_OK;
}

/* ---- parsing ---- */

struct parser {
	int argc, at;
	char *const *argv;
	struct args *out;
	struct err *err;
};

static enum status unknown_flag(struct parser *parser, struct str name)
{
	char storage[128];
	struct buf hint = buf_over(storage, sizeof storage - 1);
	struct suggest suggest = suggest_for(name);
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++)
		if (command_uses(parser->out->command, flag))
			suggest_offer(&suggest, str_of(flag_row(flag)->name));
	if (suggest.distance != SIZE_MAX)
		buf_printf(&hint, ", did you mean '--%s'?", suggest.nearest);
	return err_set(parser->err, STATUS_USAGE, "unknown flag '--%.*s'%.*s", STR_ARG(name),
		       STR_ARG(buf_str(&hint)));
}

static enum status take_flag(struct parser *parser, struct str word)
{
	struct args *out = parser->out;
	struct str name = str_make(word.ptr, str_find_char(word, '='));
	bool has_value = name.len < word.len;
	enum flag flag = 0;
	while (flag < FLAG_COUNT &&
	       !(command_uses(out->command, flag) && str_eq(name, str_of(flag_row(flag)->name))))
		flag++;
	if (flag == FLAG_COUNT)
		return unknown_flag(parser, name);
	if (out->n_flags == ARGS_FLAGS_MAX)
		return err_set(parser->err, STATUS_USAGE, "more than %d flags", ARGS_FLAGS_MAX);
	struct args_flag *slot = &out->flags[out->n_flags++];
	*slot = (struct args_flag){ .flag = flag };
	if (flag_row(flag)->type == FLAG_SWITCH)
		return has_value ? err_set(parser->err, STATUS_USAGE, "--%s takes no value",
					   flag_row(flag)->name)
				 : STATUS_OK;
	if (!has_value && parser->at == parser->argc)
		return err_set(parser->err, STATUS_USAGE, "%s%s needs %s",
			       flag_dashes(flag_row(flag)), flag_row(flag)->name,
			       flag_row(flag)->value);
	slot->text = has_value ? word.ptr + name.len + 1 : parser->argv[parser->at++];
	return check_value(flag, str_of(slot->text), parser->err);
}

static enum status take_operand(struct parser *parser, const char *word)
{
	struct args *out = parser->out;
	const struct command_row *row = command_row(out->command);
	if (out->n_operands == row->max) {
		if (row->max == 0)
			return err_set(parser->err, STATUS_USAGE, "'%s': takes no operand", word);
		return err_set(parser->err, STATUS_USAGE, "'%s': at most %zu operands", word,
			       row->max);
	}
	out->operands[out->n_operands++] = word;
	return STATUS_OK;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* "-n" or "-n=…", where the command has a flag of that one letter. */
static bool is_short(enum command command, const char *word)
{
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++)
		if (command_uses(command, flag) && !flag_row(flag)->name[1] &&
		    flag_row(flag)->name[0] == word[1] && (!word[2] || word[2] == '='))
			return true;
	return false;
}

static enum status take_rest(struct parser *parser)
{
	struct args *out = parser->out;
	bool plain = false;
	if (command_row(out->command)->waits) { /* its flags are not known yet */
		if (parser->at < parser->argc && is_help(parser->argv[parser->at]))
			out->wish = ARGS_HELP_COMMAND;
		return STATUS_OK;
	}
	while (parser->at < parser->argc) {
		const char *word = parser->argv[parser->at++];
		enum status status;
		if (plain || word[0] != '-' || !word[1]) {
			plain = plain || command_row(out->command)->stop == STOP_AT_OPERAND;
			status = take_operand(parser, word);
		} else if (strcmp(word, "--") == 0) {
			plain = true;
			status = STATUS_OK;
		} else if (is_help(word)) {
			out->wish = ARGS_HELP_COMMAND;
			return STATUS_OK;
		} else if (word[1] == '-') {
			status = take_flag(parser, str_of(word + 2));
		} else if (is_short(out->command, word)) {
			status = take_flag(parser, str_of(word + 1));
		} else {
			status = err_set(parser->err, STATUS_USAGE, "unknown flag '%s'", word);
		}
		if (status)
			return status;
	}
	if (out->n_operands < command_row(out->command)->min)
		return err_set(parser->err, STATUS_USAGE, "needs %s",
			       command_row(out->command)->operands);
	return STATUS_OK;
}

static enum status unknown_command(struct parser *parser, struct str word)
{
	char storage[128];
	struct buf hint = buf_over(storage, sizeof storage - 1);
	struct suggest suggest = suggest_for(word);
	for (enum command command = 0; command < COMMAND_COUNT; command++)
		suggest_offer(&suggest, command_first_word(command));
	suggest_print(&hint, &suggest);
	return err_set(parser->err, STATUS_USAGE, "unknown command '%.*s'%.*s", STR_ARG(word),
		       STR_ARG(buf_str(&hint)));
}

/* "config" without, or with a wrong, second word: names those that there are. */
static enum status unknown_action(struct parser *parser, enum command first, const char *given)
{
	char storage[192], hint_storage[128];
	struct buf actions = buf_over(storage, sizeof storage);
	struct buf hint = buf_over(hint_storage, sizeof hint_storage);
	struct suggest suggest = suggest_for(str_of(given));
	struct str group = command_first_word(first);
	for (enum command command = first;
	     command < COMMAND_THERE && str_eq(command_first_word(command), group); command++) {
		const char *action = command_row(command)->words + group.len + 1;
		buf_printf(&actions, "%s%s", command == first ? "" : ", ", action);
		suggest_offer(&suggest, str_of(action));
	}
	suggest_print(&hint, &suggest);
	if (given)
		return err_set(parser->err, STATUS_USAGE, "%.*s: '%s' is not one of %.*s%.*s",
			       STR_ARG(group), given, STR_ARG(buf_str(&actions)),
			       STR_ARG(buf_str(&hint)));
	return err_set(parser->err, STATUS_USAGE, "%.*s: needs one of %.*s", STR_ARG(group),
		       STR_ARG(buf_str(&actions)));
}

static enum status take_command(struct parser *parser)
{
	struct args *out = parser->out;
	struct str word = str_of(parser->argv[parser->at++]);
	const char *second = parser->at < parser->argc ? parser->argv[parser->at] : NULL;
	enum command first = 0;
	while (first < COMMAND_COUNT && !str_eq(word, command_first_word(first)))
		first++;
	if (first == COMMAND_COUNT)
		return unknown_command(parser, word);
	if (strlen(command_row(first)->words) == word.len) {
		out->command = first;
		return STATUS_OK;
	}
	bool help = second ? is_help(second) : out->wish == ARGS_HELP_ALL;
	if (help) {
		out->command = first;
		out->wish = ARGS_HELP_COMMAND;
		out->whole_group = true;
		return STATUS_OK;
	}
	for (enum command command = first;
	     second && command < COMMAND_THERE && str_eq(word, command_first_word(command));
	     command++)
		if (strcmp(second, command_row(command)->words + word.len + 1) == 0) {
			parser->at++;
			out->command = command;
			return STATUS_OK;
		}
	return unknown_action(parser, first, second);
}

enum status args_parse(int argc, char *const *argv, struct args *out, struct err *err)
{
	struct parser parser = { .argc = argc, .at = 1, .argv = argv, .out = out, .err = err };
	*out = (struct args){ .wish = ARGS_RUN, .command = COMMAND_COUNT };
	if (argc < 2)
		return err_set(err, STATUS_USAGE, "needs a command; `weir --help` lists them");
	if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
		out->wish = ARGS_HELP_ALL;
		if (argc == 2)
			return STATUS_OK;
		parser.at = 2;
	}
	if (strcmp(argv[1], "--version") == 0) {
		out->command = COMMAND_version;
		return STATUS_OK;
	}
	enum status status = take_command(&parser);
	if (status)
		return status;
	if (out->wish == ARGS_HELP_ALL)
		out->wish = ARGS_HELP_COMMAND;
	return out->wish == ARGS_RUN ? take_rest(&parser) : STATUS_OK;
}

/* ---- getters ---- */

static const struct args_flag *find_last(const struct args *args, enum flag flag)
{
	CHECK(command_uses(args->command, flag));
	for (size_t i = args->n_flags; i-- > 0;)
		if (args->flags[i].flag == flag)
			return &args->flags[i];
	return NULL;
}

bool args_has(const struct args *args, enum flag flag) { return find_last(args, flag) != NULL; }

struct str args_str(const struct args *args, enum flag flag)
{
	const struct args_flag *given = find_last(args, flag);
	CHECK(flag_row(flag)->type != FLAG_SWITCH);
	return str_of(given ? given->text : flag_row(flag)->preset);
}

int64_t args_i64(const struct args *args, enum flag flag)
{
	int64_t number;
	CHECK(flag_row(flag)->type == FLAG_NUMBER);
	enum status status = str_to_i64(args_str(args, flag), &number);
	CHECK(status == STATUS_OK);
	return number;
}

size_t args_count(const struct args *args, enum flag flag)
{
	size_t count = 0;
	CHECK(command_uses(args->command, flag));
	for (size_t i = 0; i < args->n_flags; i++)
		count += args->flags[i].flag == flag;
	return count;
}

struct str args_at(const struct args *args, enum flag flag, size_t index)
{
	size_t i = 0;
	CHECK(index < args_count(args, flag));
	for (;; i++)
		if (args->flags[i].flag == flag && index-- == 0)
			return str_of(args->flags[i].text);
}

bool args_source(const struct args *args, enum flag flag, enum venue *venue, enum kind *kind)
{
	CHECK(flag_row(flag)->type == FLAG_SOURCE);
	return args_has(args, flag) &&
	       market_id_parse_source(args_str(args, flag), venue, kind) == STATUS_OK;
}

bool args_market(const struct args *args, enum flag flag, struct market_id *market)
{
	CHECK(flag_row(flag)->type == FLAG_MARKET);
	return args_has(args, flag) && market_id_parse(args_str(args, flag), market) == STATUS_OK;
}

double args_speed(const struct args *args, enum flag flag, double absent)
{
	double speed;
	CHECK(flag_row(flag)->type == FLAG_SPEED);
	if (args_has(args, flag) && speed_parse(args_str(args, flag), &speed) == STATUS_OK)
		return speed;
	return absent;
}
