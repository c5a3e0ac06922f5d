/* weir config show | check | diff. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config_text.h"
#include "cli/table.h"
#include "daemon/config_file.h"

enum { OUTPUT_BYTES = 1 << 20, CELL_BYTES = 4 * CONFIG_VALUE_BYTES };

static enum table_format format_of(const struct args *args)
{
	if (args_has(args, FLAG_json))
		return TABLE_JSON;
	return table_format_of(args_str(args, FLAG_format));
}

static int finish(const struct args *args, struct buf *out, int status)
{
	int printed = cli_print(args, out);
	buf_deinit(out);
	return printed ? printed : status;
}

/* ---- show ---- */

static void show_row(struct table *table, const struct config *config, enum config_id id)
{
	char value_storage[CELL_BYTES], origin_storage[512];
	struct buf value = buf_over(value_storage, sizeof value_storage);
	struct buf origin = buf_over(origin_storage, sizeof origin_storage);
	config_print_value(&value, config, id);
	config_print_origin(&origin, config, id);
	struct str cells[] = { str_of(config_row(id)->section), str_of(config_row(id)->key),
			       buf_str(&value), buf_str(&origin) };
	table_row(table, cells);
}

static void show_open_row(struct table *table, const struct config *config,
			  const struct config_open *open)
{
	char value_storage[CELL_BYTES], origin_storage[512];
	struct buf value = buf_over(value_storage, sizeof value_storage);
	struct buf origin = buf_over(origin_storage, sizeof origin_storage);
	if (!open->key.len)
		return;
	config_open_print(&value, open);
	config_print_file_origin(&origin, config, open->line);
	struct str cells[] = { open->section, open->key, buf_str(&value), buf_str(&origin) };
	table_row(table, cells);
}

static int show(const struct args *args)
{
	static const char *const columns[] = { "section", "key", "value", "origin" };
	struct config *config;
	struct table table;
	struct buf out;
	struct err err;
	if (config_file_load(cli_config_path(args), &config, NULL, &err))
		return cli_fail(args, &err);
	buf_init(&out, OUTPUT_BYTES);
	if (format_of(args) == TABLE_TABLE) {
		config_text_print(&out, config, args_has(args, FLAG_origin));
	} else {
		table_begin(&table, &out, format_of(args), columns, 4);
		for (enum config_id id = 0; id < CONFIG_COUNT; id++)
			show_row(&table, config, id);
		for (size_t i = 0; i < config_open_count(config); i++)
			show_open_row(&table, config, config_open_at(config, i));
		table_end(&table);
	}
	config_destroy(config);
	return finish(args, &out, CLI_DONE);
}

/* ---- check ---- */

/* Every problem on its line; what could not be read at all is the environment's. */
static int report(const struct args *args, const struct config_problems *problems,
		  const struct err *err)
{
	size_t kept = problems->count < CONFIG_PROBLEMS_MAX ? problems->count : CONFIG_PROBLEMS_MAX;
	for (size_t i = 0; i < kept; i++)
		fprintf(stderr, "%s\n", problems->lines[i]);
	if (problems->count > kept)
		fprintf(stderr, "and %zu more\n", problems->count - kept);
	if (problems->count)
		return CLI_NO;
	int status = cli_fail(args, err);
	return err->status == STATUS_REFUSED ? CLI_NO : status;
}

static int check(const struct args *args)
{
	const char *path = args->n_operands ? args->operands[0] : cli_config_path(args);
	struct config_problems problems;
	struct config *config;
	struct err err;
	if (config_file_load(path, &config, &problems, &err))
		return report(args, &problems, &err);
	config_destroy(config);
	return CLI_DONE;
}

/* ---- diff ---- */

static bool diff_row(struct table *table, const struct config *ours, const struct config *theirs,
		     enum config_id id)
{
	char ours_storage[CELL_BYTES], theirs_storage[CELL_BYTES], origin_storage[512];
	struct buf our_value = buf_over(ours_storage, sizeof ours_storage);
	struct buf their_value = buf_over(theirs_storage, sizeof theirs_storage);
	struct buf origin = buf_over(origin_storage, sizeof origin_storage);
	if (config_value_eq(ours, theirs, id))
		return false;
	config_print_value(&our_value, ours, id);
	config_print_value(&their_value, theirs, id);
	config_print_origin(&origin, ours, id);
	struct str cells[] = { str_of(config_row(id)->section),
			       str_of(config_row(id)->key),
			       buf_str(&our_value),
			       buf_str(&origin),
			       buf_str(&their_value),
			       str_of(config_row(id)->reload == CONFIG_LIVE ? "SIGHUP"
									    : "new start") };
	table_row(table, cells);
	return true;
}

/* A key of an open section that stands in one of the two alone, or says another thing. */
static void diff_open_row(struct table *table, const struct config *from,
			  const struct config_open *ours, const struct config_open *theirs)
{
	char ours_storage[CELL_BYTES], theirs_storage[CELL_BYTES], origin_storage[512];
	struct buf our_value = buf_over(ours_storage, sizeof ours_storage);
	struct buf their_value = buf_over(theirs_storage, sizeof theirs_storage);
	struct buf origin = buf_over(origin_storage, sizeof origin_storage);
	const struct config_open *one = ours ? ours : theirs;
	if (ours) {
		config_open_print(&our_value, ours);
		config_print_file_origin(&origin, from, ours->line);
	}
	if (theirs)
		config_open_print(&their_value, theirs);
	struct str cells[] = { one->section,          one->key,
			       buf_str(&our_value),   buf_str(&origin),
			       buf_str(&their_value), STR("SIGHUP") };
	table_row(table, cells);
}

static bool diff_open(struct table *table, const struct config *ours, const struct config *theirs)
{
	bool differs = false;
	for (size_t i = 0; i < config_open_count(ours); i++) {
		const struct config_open *mine = config_open_at(ours, i);
		const struct config_open *other =
		    config_open_find(theirs, mine->section, mine->key);
		if (!mine->key.len || (other && config_open_eq(mine, other)))
			continue;
		diff_open_row(table, ours, mine, other);
		differs = true;
	}
	for (size_t i = 0; i < config_open_count(theirs); i++) {
		const struct config_open *other = config_open_at(theirs, i);
		if (!other->key.len || config_open_find(ours, other->section, other->key))
			continue;
		diff_open_row(table, ours, NULL, other);
		differs = true;
	}
	return differs;
}

/* What the settings in force are compared with: a file, or the plain defaults. */
static enum status load_other(const struct args *args, struct config **theirs, struct err *err)
{
	struct config_problems problems;
	const struct config_source defaults = { 0 };
	if (args->n_operands)
		return config_file_load(args->operands[0], theirs, NULL, err);
	enum status status = config_create(&defaults, theirs, &problems);
	return status ? err_set(err, status, "%s", status_text(status)) : STATUS_OK;
}

static int diff(const struct args *args)
{
	static const char *const columns[] = { "section", "key",   "value",
					       "origin",  "other", "takes effect by" };
	struct config *ours, *theirs;
	struct table table;
	struct buf out;
	struct err err;
	bool differs = false;
	if (config_file_load(cli_config_path(args), &ours, NULL, &err))
		return cli_fail(args, &err);
	if (load_other(args, &theirs, &err)) {
		config_destroy(ours);
		return cli_fail(args, &err);
	}
	buf_init(&out, OUTPUT_BYTES);
	table_begin(&table, &out, format_of(args), columns, 6);
	for (enum config_id id = 0; id < CONFIG_COUNT; id++)
		differs = diff_row(&table, ours, theirs, id) || differs;
	differs = diff_open(&table, ours, theirs) || differs;
	table_end(&table);
	if (!differs && format_of(args) == TABLE_TABLE)
		buf_clear(&out);
	config_destroy(ours);
	config_destroy(theirs);
	return finish(args, &out, differs ? CLI_NO : CLI_DONE);
}

int cmd_config(const struct args *args)
{
	if (args->command == COMMAND_config_show)
		return show(args);
	return args->command == COMMAND_config_check ? check(args) : diff(args);
}
