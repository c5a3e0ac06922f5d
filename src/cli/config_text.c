#include "cli/config_text.h"

static void show_open(struct buf *out, const struct config *config, bool origins)
{
	for (size_t i = 0; i < config_open_count(config); i++) {
		const struct config_open *open = config_open_at(config, i);
		if (!open->key.len) {
			buf_printf(out, "\n[%.*s]\n", STR_ARG(open->section));
			continue;
		}
		buf_printf(out, "%.*s = ", STR_ARG(open->key));
		config_open_print(out, open);
		if (origins) {
			buf_printf(out, "  # ");
			config_print_file_origin(out, config, open->line);
		}
		buf_char(out, '\n');
	}
}

void config_text_print(struct buf *out, const struct config *config, bool origins)
{
	const char *section = "";
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		const struct config_row *row = config_row(id);
		if (strcmp(row->section, section) != 0)
			buf_printf(out, "%s[%s]\n", *section ? "\n" : "", row->section);
		section = row->section;
		buf_printf(out, "%s = ", row->key);
		config_print_value(out, config, id);
		if (origins) {
			buf_printf(out, "  # ");
			config_print_origin(out, config, id);
		}
		buf_char(out, '\n');
	}
	show_open(out, config, origins);
}
