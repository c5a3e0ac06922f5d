#include "cli/doctor_facts.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/library.h"
#include "base/json_out.h"
#include "daemon/config_file.h"
#include "daemon/settings.h"
#include "os/files.h"
#include "os/line_client.h"

enum {
	OWN_BYTES = 300 << 20, /* weir itself, with a thousand terminals and 80 markets */
	OWN_FILES = 256,       /* logs, archive, venues, Redis */
	ASK_MS = 2000,
};

static bool weir_runs(const char *state_dir)
{
	char path[PATH_BYTES_MAX], storage[256];
	struct buf answer = buf_over(storage, sizeof storage);
	struct err err;
	int exit_status;
	return !path_format(path, &err, "%s/run/weir.sock", state_dir) &&
	       !control_call(path, STR("version"), ASK_MS, &exit_status, &answer, &err);
}

/* ---- what the configuration needs ---- */

static bool is_managed(const struct config *config, enum segment segment)
{
	enum config_id mode = config_of_segment(CONFIG_segment_rts_mode, segment);
	return str_eq(config_str(config, mode), STR("managed"));
}

/* As a start would have it: of `redis.maxmemory = plan`, the plan's. */
static int64_t budget_of(const struct config *config, const struct store_config *store,
			 enum segment segment)
{
	enum config_id id = config_of_segment(CONFIG_segment_rts_maxmemory, segment);
	return store && store->segments[segment].maxmemory
		   ? (int64_t)store->segments[segment].maxmemory
		   : config_i64(config, id);
}

static void read_needs(const struct config *config, const char *state_dir,
		       struct doctor_facts *facts)
{
	struct store_config store;
	struct err ignored;
	bool planned = !settings_store(config, state_dir, &store, &ignored);
	facts->need_memory = OWN_BYTES;
	facts->archive_wanted = config_str(config, CONFIG_archive_duckdb).len > 0;
	if (facts->archive_wanted)
		facts->need_memory += config_i64(config, CONFIG_archive_memory);
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		if (!is_managed(config, segment))
			continue;
		facts->redis_wanted = true;
		facts->need_memory += budget_of(config, planned ? &store : NULL, segment);
	}
	facts->need_files = OWN_FILES + config_i64(config, CONFIG_fleet_room) +
			    config_i64(config, CONFIG_serve_room);
}

/* ---- ports ---- */

static void add_port(struct doctor_facts *facts, enum config_id id, const char *host, uint16_t port)
{
	const struct config_row *row = config_row(id);
	if (!port || facts->port_count == DOCTOR_PORTS_MAX)
		return; /* one of the kernel's choice is always free */
	struct doctor_port *slot = &facts->ports[facts->port_count++];
	snprintf(slot->setting, sizeof slot->setting, "%s.%s", row->section, row->key);
	slot->state = machine_port_try(host, port);
	snprintf(slot->address, sizeof slot->address, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
		 port);
}

static void read_ports(const struct config *config, struct doctor_facts *facts)
{
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		char host[64];
		uint16_t port;
		if (config_row(id)->type != CONFIG_ADDRESS || !config_str(config, id).len)
			continue;
		config_address(config, id, host, &port);
		add_port(facts, id, host, port);
	}
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		enum config_id id = config_of_segment(CONFIG_segment_rts_port, segment);
		if (is_managed(config, segment))
			add_port(facts, id, "127.0.0.1", (uint16_t)config_i64(config, id));
	}
}

/* ---- secret files ---- */

static void add_secret(struct doctor_facts *facts, struct str setting, struct str path, bool must)
{
	if (!path.len || facts->secret_count == DOCTOR_SECRETS_MAX)
		return;
	struct doctor_secret *slot = &facts->secrets[facts->secret_count++];
	snprintf(slot->setting, sizeof slot->setting, "%.*s", STR_ARG(setting));
	snprintf(slot->path, sizeof slot->path, "%.*s", STR_ARG(path));
	machine_file_read(slot->path, &slot->file);
	slot->must_be_there = must;
}

/* A setting that names a file of secrets, by how it ends. */
static bool names_secret(const char *key)
{
	static const char *const ends[] = { "token_file", "tokens_file", "key_file", "tls_key",
					    "secret_file" };
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t len = strlen(key), end = strlen(ends[i]);
		if (len >= end && strcmp(key + len - end, ends[i]) == 0)
			return true;
	}
	return false;
}

static struct str setting_name(enum config_id id, char *out, size_t size)
{
	snprintf(out, size, "%s.%s", config_row(id)->section, config_row(id)->key);
	return str_of(out);
}

static void read_secrets(const struct config *config, const char *state_dir,
			 struct doctor_facts *facts)
{
	char path[PATH_BYTES_MAX], name[64];
	struct err err;
	for (enum config_id id = 0; id < CONFIG_COUNT; id++)
		if (config_row(id)->type == CONFIG_PATH && names_secret(config_row(id)->key))
			add_secret(facts, setting_name(id, name, sizeof name),
				   config_str(config, id), true);
	for (size_t i = 0; i < config_open_count(config); i++) {
		const struct config_open *open = config_open_at(config, i);
		if (str_eq(open->key, STR("key_file")))
			add_secret(facts, open->section, open->text, true);
	}
	if (!path_format(path, &err, "%s/tokens", state_dir))
		add_secret(facts, STR("terminals' tokens"), str_of(path), false);
	if (!path_format(path, &err, "%s/run/users", state_dir))
		add_secret(facts, STR("segments' passwords"), str_of(path), false);
}

/* ---- all ---- */

static struct config *read_config(const char *path, struct doctor_reading *reading)
{
	const struct config_source nothing = { 0 };
	struct config_problems problems;
	struct config *config = NULL;
	if (!config_file_load(path, &config, NULL, &reading->config))
		return config;
	reading->facts.config_error = reading->config.text;
	return config_create(&nothing, &config, &problems) ? NULL : config;
}

static void read_programs(const struct config *config, struct doctor_reading *reading)
{
	struct doctor_facts *facts = &reading->facts;
	const char *server = config ? config_str(config, CONFIG_redis_server).ptr : "redis-server";
	if (machine_program_version(server, reading->redis_version, sizeof reading->redis_version,
				    &reading->redis))
		facts->redis_error = reading->redis.text;
	else
		facts->redis_version = reading->redis_version;
	facts->duckdb_version = archive_library_version(&reading->duckdb);
	if (!facts->duckdb_version)
		facts->duckdb_error = reading->duckdb.text;
}

void doctor_read(const char *config_path, const char *state_dir, struct doctor_reading *reading)
{
	struct doctor_facts *facts = &reading->facts;
	*reading = (struct doctor_reading){ .facts = { .state_dir = state_dir } };
	struct config *config = read_config(config_path, reading);
	machine_read("", &facts->machine);
	machine_disk_read(state_dir, &facts->disk);
	machine_file_read(state_dir, &facts->state);
	facts->weir_runs = weir_runs(state_dir);
	read_programs(config, reading);
	if (!config)
		return;
	read_needs(config, state_dir, facts);
	read_ports(config, facts);
	read_secrets(config, state_dir, facts);
	config_destroy(config);
}

void doctor_print_json(struct buf *out, const struct doctor_report *report)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_bool(&json, "bad", doctor_is_bad(report));
	json_out_open(&json, "checks", '[');
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_verdict *verdict = &report->verdicts[i];
		json_out_open(&json, NULL, '{');
		json_out_str(&json, "check", str_of(doctor_name(verdict->check)));
		json_out_str(&json, "level", str_of(doctor_level_text(verdict->level)));
		json_out_bytes(&json, "found", str_of(verdict->found));
		json_out_str(&json, "advice",
			     str_of(verdict->level ? doctor_advice(verdict->check) : ""));
		json_out_close(&json, '}');
	}
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	buf_char(out, '\n');
}
