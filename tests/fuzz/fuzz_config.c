/* Any text as a configuration file, and its first line as an environment variable.
 * What is accepted must print as a file that reads back to the same values; what is
 * refused must say why. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "def/config.h"

static struct config_problems problems;

static struct config *read_text(struct str text, const char *const *environ)
{
	struct config_source source = { .file_name = STR("fuzz"),
					.file_text = text,
					.environ = environ };
	struct config *config = NULL;
	enum status status = config_create(&source, &config, &problems);
	CHECK((status == STATUS_OK) == (config != NULL));
	CHECK((status == STATUS_OK) == (problems.count == 0));
	for (size_t i = 0; i < problems.count && i < CONFIG_PROBLEMS_MAX; i++) {
		struct str line = str_of(problems.lines[i]);
		CHECK(line.len > 0 && line.len < CONFIG_PROBLEM_BYTES);
		CHECK(str_find_char(line, '\n') == line.len);
	}
	return config;
}

/* As weir config show prints it, but with passwords: those it hides on purpose. */
static void print_file(struct buf *out, const struct config *config)
{
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		const struct config_row *row = config_row(id);
		if (id == 0 || !str_eq(str_of(row->section), str_of(config_row(id - 1)->section)))
			buf_printf(out, "[%s]\n", row->section);
		if (row->type == CONFIG_URL && config_str(config, id).len)
			continue;
		buf_printf(out, "%s = ", row->key);
		config_print_value(out, config, id);
		buf_char(out, '\n');
	}
}

static bool has_url(const struct config *config)
{
	for (enum config_id id = 0; id < CONFIG_COUNT; id++)
		if (config_row(id)->type == CONFIG_URL && config_str(config, id).len)
			return true;
	return false;
}

static void check_round_trip(const struct config *config)
{
	struct buf printed;
	buf_init(&printed, CONFIG_FILE_BYTES);
	print_file(&printed, config);
	CHECK(!printed.overflow);
	if (!has_url(config)) {
		struct config *again = read_text(buf_str(&printed), NULL);
		CHECK(again != NULL);
		for (enum config_id id = 0; id < CONFIG_COUNT; id++)
			CHECK(config_value_eq(config, again, id));
		config_destroy(again);
	}
	buf_deinit(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	char variable[512] = "";
	const char *const environ[] = { variable, NULL };
	struct config *config = read_text(text, NULL);
	if (config)
		check_round_trip(config);
	config_destroy(config);
	if (str_copy(str_make(text.ptr, str_find_char(text, '\n')), variable, sizeof variable))
		return 0;
	config = read_text((struct str){ 0 }, environ);
	if (config)
		check_round_trip(config);
	config_destroy(config);
	return 0;
}
