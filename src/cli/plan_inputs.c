#include "cli/plan_inputs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "gate/tokens.h"
#include "os/files.h"

enum { NAMES_BYTES = 300 };

/* ---- the load ---- */

static bool is_chosen(const struct config *config, enum config_id id)
{
	return config_origin(config, id).kind != CONFIG_FROM_DEFAULT;
}

/* Host agents have tokens too, under the names of their hosts. */
static bool is_agent(const struct tokens *tokens, size_t index)
{
	const char *id = tokens_at(tokens, index)->identity.id;
	for (size_t i = 0; i < tokens_count(tokens); i++)
		if (i != index && strcmp(tokens_at(tokens, i)->identity.host, id) == 0)
			return true;
	return false;
}

static enum status count_terminals(const char *path, int64_t *count, struct err *err)
{
	struct tokens *tokens = NULL;
	enum status status = tokens_read(path, &tokens, err);
	if (status)
		return status;
	int64_t terminals = 0;
	for (size_t i = 0; i < tokens_count(tokens); i++)
		terminals += !is_agent(tokens, i);
	if (terminals)
		*count = terminals;
	tokens_destroy(tokens);
	return STATUS_OK;
}

/* Each symbol is a market of each kind at each venue that is on. */
static void count_markets(const struct config *config, struct plan_load *load)
{
	struct str rest = config_str(config, CONFIG_market_symbols), word;
	int64_t symbols = 0, kinds = 0;
	bool chosen = is_chosen(config, CONFIG_market_symbols);
	while (str_split(&rest, ',', &word))
		symbols += word.len > 0;
	for (enum venue venue = 0; venue < VENUE_COUNT; venue++)
		for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
			enum config_id on =
			    config_of_venue(CONFIG_venue_binance_spot_on, venue, kind);
			kinds += config_bool(config, on);
			chosen = chosen || is_chosen(config, on);
		}
	if (!chosen || !symbols || !kinds)
		return;
	load->symbols = symbols;
	load->markets = symbols * kinds;
}

enum status plan_inputs_load(const struct config *config, int64_t instances, struct plan_load *out,
			     struct err *err)
{
	struct plan_load load = plan_load_usual();
	struct str tokens = config_str(config, CONFIG_fleet_tokens_file);
	if (instances > 0) {
		load.instances = instances;
	} else if (tokens.len) {
		enum status status = count_terminals(tokens.ptr, &load.instances, err);
		if (status)
			return err_wrap(err, status, "fleet.tokens_file");
	}
	count_markets(config, &load);
	if (is_chosen(config, CONFIG_archive_checkpoint))
		load.results_kept_s = (config_i64(config, CONFIG_archive_checkpoint) + 999) / 1000;
	*out = load;
	return STATUS_OK;
}

/* ---- documents ---- */

/* The folder that the program lies in; false where that is not to be known. */
static bool find_program_folder(char folder[PATH_BYTES_MAX])
{
	ssize_t n = readlink("/proc/self/exe", folder, PATH_BYTES_MAX - 1);
	if (n <= 0)
		return false;
	folder[n] = 0;
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	return slash != NULL;
}

static bool find_shipped_folder(char folder[PATH_BYTES_MAX])
{
	static const char *const places[] = { "/../share/weir/scenarios", "/../share/scenarios",
					      "/../../share/scenarios" };
	char program[PATH_BYTES_MAX];
	struct err ignored;
	bool known = find_program_folder(program);
	for (size_t i = 0; known && i < ARRAY_LEN(places); i++)
		if (!path_format(folder, &ignored, "%s%s", program, places[i]) &&
		    files_is_folder(folder))
			return true;
	return !path_format(folder, &ignored, "share/scenarios") && files_is_folder(folder);
}

static bool is_name(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a, b, c": the documents of the folder by name. */
static void list_shipped(const char *folder, struct buf *names)
{
	struct dirent **entries = NULL;
	char *found[32];
	size_t count = 0;
	int n = scandir(folder, &entries, NULL, NULL);
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;
		size_t len = strlen(name);
		if (len > 4 && strcmp(name + len - 4, ".ini") == 0 && count < ARRAY_LEN(found)) {
			name[len - 4] = 0;
			found[count++] = name;
		}
	}
	qsort(found, count, sizeof *found, by_text);
	for (size_t i = 0; i < count; i++)
		buf_printf(names, "%s%s", i ? ", " : "", found[i]);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

static enum status not_found(const char *name, const char *folder, struct err *err)
{
	char storage[NAMES_BYTES];
	struct buf names = buf_over(storage, sizeof storage);
	if (folder)
		list_shipped(folder, &names);
	if (!names.len)
		buf_printf(&names, "none, no share/scenarios was found beside the program");
	return err_set(err, STATUS_NOT_FOUND,
		       "--scenario: '%s' is neither a file nor a shipped document (%.*s)", name,
		       STR_ARG(buf_str(&names)));
}

enum status plan_inputs_scenario(const char *name, struct buf *text, struct err *err)
{
	char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
	bool shipped = find_shipped_folder(folder);
	if (shipped && is_name(name) && !path_format(path, err, "%s/%s.ini", folder, name) &&
	    access(path, F_OK) == 0)
		return files_read(path, PLAN_SCENARIO_BYTES_MAX, text, err);
	if (access(name, F_OK) != 0)
		return not_found(name, shipped ? folder : NULL, err);
	return files_read(name, PLAN_SCENARIO_BYTES_MAX, text, err);
}
