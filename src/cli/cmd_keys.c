#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "def/keys.h"

enum { KEYS_BYTES = 1 << 20 };

int cmd_keys(const struct args *args)
{
	static const char *const columns[] = {
		"segment", "key", "type", "life", "writer", "meaning"
	};
	struct table table;
	struct buf out;
	enum table_format format = table_format_of(args_str(args, FLAG_format));
	if (args_has(args, FLAG_json))
		format = TABLE_JSON;
	buf_init(&out, KEYS_BYTES);
	table_begin(&table, &out, format, columns, sizeof columns / sizeof columns[0]);
	for (enum key_id id = 0; id < KEY_COUNT; id++) {
		const struct key_row *row = key_row(id);
		struct str cells[] = { str_of(segment_row(row->segment)->name),
				       str_of(row->pattern),
				       str_of(row->type),
				       str_of(row->life),
				       str_of(row->writer),
				       str_of(row->meaning) };
		table_row(&table, cells);
	}
	table_end(&table);
	int status = cli_print(args, &out);
	buf_deinit(&out);
	return status;
}
