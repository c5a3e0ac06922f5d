/* Whose terminals may connect: the tokens file that is named, the state directory's, or,
 * for a demo without either, one that is made for simulated terminals and kept. */
#include "base/log.h"
#include "daemon/terminals_impl.h"
#include "os/files.h"

enum { DEMO_BYTES_MAX = 256 * 1024, SECRET_BYTES = 32 };

static enum status write_demo(const char *path, int64_t count, struct err *err)
{
	struct buf text;
	enum status status = STATUS_OK;
	buf_init(&text, DEMO_BYTES_MAX);
	buf_printf(&text, "# Simulated terminals of `weir up --demo`. Remove this file, or name\n"
			  "# another one (fleet.tokens_file), before real terminals come.\n");
	for (int64_t i = 1; i <= count && !status; i++) {
		buf_printf(&text, "sim-%03lld ", (long long)i);
		status = files_random_hex(&text, SECRET_BYTES, err);
		buf_printf(&text, " demo demo\n");
	}
	if (!status)
		status = text.overflow
			     ? err_set(err, STATUS_RANGE, "fleet.demo: too many terminals")
			     : files_write_atomic(path, buf_str(&text), 0600, err);
	buf_deinit(&text);
	return status;
}

/* The demo's own file says so by its terminals' names. */
static bool is_simulated(const struct tokens *tokens)
{
	return tokens_count(tokens) &&
	       str_starts(str_of(tokens_at(tokens, 0)->identity.id), STR("sim-"));
}

static enum status read_file(struct terminals *terminals, const char *path, struct err *err)
{
	struct tokens *tokens;
	enum status status = tokens_read(path, &tokens, err);
	if (!status)
		terminals->tokens = tokens;
	return status;
}

enum status terminals_read_tokens(struct terminals *terminals, struct err *err)
{
	const struct config *config = terminals->config.config;
	struct str named = config_str(config, CONFIG_fleet_tokens_file);
	int64_t demo = config_i64(config, CONFIG_fleet_demo);
	char path[PATH_BYTES_MAX];
	struct err ignored = { 0 };
	struct buf probe;
	if (named.len)
		return read_file(terminals, named.ptr, err);
	enum status status = path_format(path, err, "%s/tokens", terminals->config.state_dir);
	if (status)
		return status;
	buf_init(&probe, DEMO_BYTES_MAX * 16);
	bool missing = files_read(path, DEMO_BYTES_MAX * 16, &probe, &ignored) == STATUS_NOT_FOUND;
	buf_deinit(&probe);
	if (missing && !(terminals->config.demo && demo > 0)) {
		terminals->tokens = tokens_create();
		return terminals->tokens ? STATUS_OK
					 : err_set(err, STATUS_NO_MEMORY, "no memory for tokens");
	}
	if (missing && (status = write_demo(path, demo, err)))
		return status;
	status = read_file(terminals, path, err);
	if (!status)
		terminals->simulated = terminals->config.demo && is_simulated(terminals->tokens);
	return status;
}
