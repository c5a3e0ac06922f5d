#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

static const struct doctor_row {
	const char *name, *advice;
} rows[] = {
#define DOCTOR(id, name, advice) [DOCTOR_##id] = { name, advice },
#include "def/doctor.def"
#undef DOCTOR
};

const char *doctor_name(enum doctor_check check) { return rows[check].name; }
const char *doctor_advice(enum doctor_check check) { return rows[check].advice; }

const char *doctor_level_text(enum doctor_level level)
{
	static const char *const texts[] = { "ok", "warn", "bad", "unknown" };
	CHECK(level < ARRAY_LEN(texts));
	return texts[level];
}

bool doctor_is_bad(const struct doctor_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->verdicts[i].level == DOCTOR_BAD)
			return true;
	return false;
}

__attribute__((format(printf, 4, 5))) static void say(struct doctor_report *report,
						      enum doctor_check check,
						      enum doctor_level level, const char *format,
						      ...)
{
	va_list args;
	if (report->count == DOCTOR_VERDICTS_MAX)
		return;
	struct doctor_verdict *verdict = &report->verdicts[report->count++];
	*verdict = (struct doctor_verdict){ .check = check, .level = level };
	va_start(args, format);
	vsnprintf(verdict->found, sizeof verdict->found, format, args);
	va_end(args);
}

static double gb(int64_t bytes) { return (double)bytes / (1 << 30); }

/* "6.1.0-18-amd64" is at least 5.10; false too for what is no version. */
static bool is_at_least(const char *version, long major, long minor)
{
	char *end;
	long first = strtol(version, &end, 10);
	if (end == version || *end != '.')
		return false;
	return first > major || (first == major && strtol(end + 1, NULL, 10) >= minor);
}

/* ---- the machine ---- */

static void judge_system(const struct doctor_facts *facts, struct doctor_report *report)
{
	const struct machine *machine = &facts->machine;
	enum doctor_level level = is_at_least(machine->kernel, 5, 10) ? DOCTOR_OK : DOCTOR_WARN;
	if (!machine->kernel[0])
		say(report, DOCTOR_system, DOCTOR_UNKNOWN, "not known");
	else
		say(report, DOCTOR_system, level, "%s%s%s", machine->kernel,
		    machine->system[0] ? ", " : "", machine->system);
}

static void judge_cores(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t cores = facts->machine.cores;
	say(report, DOCTOR_cores,
	    cores < 1   ? DOCTOR_UNKNOWN
	    : cores < 2 ? DOCTOR_WARN
			: DOCTOR_OK,
	    "%lld", (long long)cores);
}

/* What a control group allows is all there is. */
static void judge_memory(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t memory = facts->machine.memory, limit = facts->machine.memory_limit;
	if (limit != MACHINE_UNKNOWN && (memory == MACHINE_UNKNOWN || limit < memory))
		memory = limit;
	if (memory == MACHINE_UNKNOWN) {
		say(report, DOCTOR_memory, DOCTOR_UNKNOWN, "not known");
		return;
	}
	enum doctor_level level = DOCTOR_OK;
	if (memory < facts->need_memory / 4)
		level = DOCTOR_BAD; /* weir scales budgets down, but not to nothing */
	else if (memory < facts->need_memory)
		level = DOCTOR_WARN;
	say(report, DOCTOR_memory, level,
	    "%.1f GB there, %.1f GB available; full segments and the archive take %.1f GB",
	    gb(memory), gb(facts->machine.memory_available), gb(facts->need_memory));
}

static void judge_swap(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t swap = facts->machine.swap, used = swap - facts->machine.swap_free;
	if (swap == MACHINE_UNKNOWN)
		say(report, DOCTOR_swap, DOCTOR_UNKNOWN, "not known");
	else if (!swap)
		say(report, DOCTOR_swap, DOCTOR_OK, "none");
	else
		say(report, DOCTOR_swap, used > swap / 10 ? DOCTOR_WARN : DOCTOR_OK,
		    "%.1f GB, %.1f GB in use", gb(swap), gb(used));
}

static void judge_overcommit(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t mode = facts->machine.overcommit;
	static const enum doctor_level levels[] = { DOCTOR_WARN, DOCTOR_OK, DOCTOR_BAD };
	if (mode < 0 || mode > 2)
		say(report, DOCTOR_overcommit, DOCTOR_UNKNOWN, "not known");
	else
		say(report, DOCTOR_overcommit, levels[mode], "vm.overcommit_memory = %lld",
		    (long long)mode);
}

static void judge_huge_pages(const struct doctor_facts *facts, struct doctor_report *report)
{
	const char *mode = facts->machine.huge_pages;
	if (!*mode)
		say(report, DOCTOR_huge_pages, DOCTOR_UNKNOWN, "not known");
	else
		say(report, DOCTOR_huge_pages,
		    strcmp(mode, "always") == 0 ? DOCTOR_WARN : DOCTOR_OK, "%s", mode);
}

static void judge_files(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t hard = facts->machine.files_hard;
	if (hard == MACHINE_UNKNOWN)
		say(report, DOCTOR_files, DOCTOR_UNKNOWN, "not known");
	else if (hard == INT64_MAX)
		say(report, DOCTOR_files, DOCTOR_OK, "unlimited");
	else
		say(report, DOCTOR_files, hard < facts->need_files ? DOCTOR_BAD : DOCTOR_OK,
		    "at most %lld; as configured weir may need %lld", (long long)hard,
		    (long long)facts->need_files);
}

static void judge_core_dumps(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t bytes = facts->machine.core_soft;
	say(report, DOCTOR_core_dumps,
	    bytes == MACHINE_UNKNOWN ? DOCTOR_UNKNOWN
	    : bytes                  ? DOCTOR_WARN
				     : DOCTOR_OK,
	    "%s",
	    bytes == MACHINE_UNKNOWN ? "not known"
	    : bytes                  ? "on"
				     : "off");
}

static void judge_backlog(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t queue = facts->machine.somaxconn;
	if (queue == MACHINE_UNKNOWN)
		say(report, DOCTOR_backlog, DOCTOR_UNKNOWN, "not known");
	else
		say(report, DOCTOR_backlog, queue < 511 ? DOCTOR_WARN : DOCTOR_OK,
		    "net.core.somaxconn = %lld", (long long)queue);
}

static void judge_clock(const struct doctor_facts *facts, struct doctor_report *report)
{
	const struct machine *machine = &facts->machine;
	if (machine->clock_synced == MACHINE_UNKNOWN)
		say(report, DOCTOR_clock, DOCTOR_UNKNOWN, "not known");
	else if (machine->clock_synced)
		say(report, DOCTOR_clock, DOCTOR_OK, "synchronised, off by at most %.1f ms",
		    (double)machine->clock_error_us / 1000);
	else
		say(report, DOCTOR_clock, DOCTOR_WARN, "nothing here keeps it right");
}

static void judge_shm(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t room = facts->machine.shm_free;
	if (room == MACHINE_UNKNOWN)
		say(report, DOCTOR_shm, DOCTOR_WARN, "is not there");
	else
		say(report, DOCTOR_shm, DOCTOR_OK, "%.2f GB free", gb(room));
}

/* ---- the disk ---- */

static void judge_disk_room(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t room = facts->disk.free;
	if (room == MACHINE_UNKNOWN) {
		say(report, DOCTOR_disk_room, DOCTOR_UNKNOWN, "%s: not known", facts->state_dir);
		return;
	}
	enum doctor_level level = room < 1LL << 30   ? DOCTOR_BAD
				  : room < 5LL << 30 ? DOCTOR_WARN
						     : DOCTOR_OK;
	say(report, DOCTOR_disk_room, level, "%s: %.1f of %.1f GB free", facts->state_dir, gb(room),
	    gb(facts->disk.total));
}

static void judge_disk_speed(const struct doctor_facts *facts, struct doctor_report *report)
{
	int64_t sync_us = facts->disk.sync_us;
	const char *rotates = facts->disk.rotates == 1 ? ", a disk that turns" : "";
	if (sync_us == MACHINE_UNKNOWN)
		say(report, DOCTOR_disk_speed, DOCTOR_UNKNOWN,
		    "not measured: there is no state directory yet%s", rotates);
	else
		say(report, DOCTOR_disk_speed, sync_us > 10000 ? DOCTOR_WARN : DOCTOR_OK,
		    "a small write is on the disk after %.2f ms%s", (double)sync_us / 1000,
		    rotates);
}

static void judge_disk_kind(const struct doctor_facts *facts, struct doctor_report *report)
{
	static const struct {
		const char *kind;
		enum doctor_level level;
		const char *why;
	} known[] = {
		{ "tmpfs", DOCTOR_BAD, ": gone at the next boot" },
		{ "overlay", DOCTOR_WARN, ": a container's own, gone with it" },
		{ "nfs", DOCTOR_BAD, ": of the network" },
		{ "cifs", DOCTOR_BAD, ": of the network" },
		{ "smb2", DOCTOR_BAD, ": of the network" },
		{ "fuse", DOCTOR_WARN, ": what it promises is not known" },
		{ "9p", DOCTOR_WARN, ": what it promises is not known" },
	};
	const char *kind = facts->disk.kind;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].kind, kind) == 0) {
			say(report, DOCTOR_disk_kind, known[i].level, "%s%s", kind, known[i].why);
			return;
		}
	say(report, DOCTOR_disk_kind, *kind ? DOCTOR_OK : DOCTOR_UNKNOWN, "%s",
	    *kind ? kind : "not known");
}

/* ---- programs ---- */

/* "Redis server v=7.0.15 sha=…" */
static void judge_redis(const struct doctor_facts *facts, struct doctor_report *report)
{
	const char *line = facts->redis_version;
	const char *version = line ? strstr(line, "v=") : NULL;
	enum doctor_level missing = facts->redis_wanted ? DOCTOR_BAD : DOCTOR_OK;
	if (!line)
		say(report, DOCTOR_redis, missing, "%s",
		    facts->redis_error ? facts->redis_error : "not found");
	else if (!version)
		say(report, DOCTOR_redis, DOCTOR_UNKNOWN, "%s", line);
	else
		say(report, DOCTOR_redis, is_at_least(version + 2, 7, 0) ? DOCTOR_OK : missing,
		    "%.*s", (int)strcspn(version + 2, " "), version + 2);
}

static void judge_duckdb(const struct doctor_facts *facts, struct doctor_report *report)
{
	if (facts->duckdb_version)
		say(report, DOCTOR_duckdb, DOCTOR_OK, "%s", facts->duckdb_version);
	else
		say(report, DOCTOR_duckdb, facts->archive_wanted ? DOCTOR_BAD : DOCTOR_OK, "%s",
		    facts->duckdb_error ? facts->duckdb_error : "not found");
}

/* ---- weir's own ---- */

static void judge_config(const struct doctor_facts *facts, struct doctor_report *report)
{
	if (facts->config_error)
		say(report, DOCTOR_config, DOCTOR_BAD, "%s", facts->config_error);
	else
		say(report, DOCTOR_config, DOCTOR_OK, "right");
}

static void judge_state(const struct doctor_facts *facts, struct doctor_report *report)
{
	const struct machine_file *file = &facts->state;
	const char *runs = facts->weir_runs ? ", a weir runs on it" : "";
	if (!file->is_there)
		say(report, DOCTOR_state, DOCTOR_OK, "%s: made at the first start",
		    facts->state_dir);
	else if (!file->is_folder || !file->is_ours)
		say(report, DOCTOR_state, DOCTOR_BAD, "%s: %s", facts->state_dir,
		    file->is_folder ? "somebody else's" : "not a folder");
	else
		say(report, DOCTOR_state, file->mode & 022 ? DOCTOR_BAD : DOCTOR_OK,
		    "%s: mode %03o%s", facts->state_dir, (unsigned)file->mode & 0777, runs);
}

static void judge_ports(const struct doctor_facts *facts, struct doctor_report *report)
{
	for (size_t i = 0; i < facts->port_count; i++) {
		const struct doctor_port *port = &facts->ports[i];
		const char *what = "free";
		enum doctor_level level = DOCTOR_OK;
		if (port->state == MACHINE_PORT_USED && facts->weir_runs) {
			what = "in use, as it should be: a weir runs";
		} else if (port->state != MACHINE_PORT_FREE) {
			level = DOCTOR_BAD;
			what = port->state == MACHINE_PORT_USED ? "in use"
			       : port->state == MACHINE_PORT_FORBIDDEN
				   ? "not ours to open"
				   : "no address of this machine";
		}
		say(report, DOCTOR_ports, level, "%s %s: %s", port->setting, port->address, what);
	}
}

static void judge_secrets(const struct doctor_facts *facts, struct doctor_report *report)
{
	for (size_t i = 0; i < facts->secret_count; i++) {
		const struct doctor_secret *secret = &facts->secrets[i];
		const struct machine_file *file = &secret->file;
		char what[64];
		enum doctor_level level = DOCTOR_BAD;
		if (!file->is_there) {
			level = secret->must_be_there ? DOCTOR_BAD : DOCTOR_OK;
			snprintf(what, sizeof what, "is not there");
		} else if (!file->is_plain || !file->is_ours) {
			snprintf(what, sizeof what, file->is_plain ? "somebody else's" : "no file");
		} else {
			level = file->mode & 077 ? DOCTOR_BAD : DOCTOR_OK;
			snprintf(what, sizeof what, "mode %03o", (unsigned)file->mode & 0777);
		}
		say(report, DOCTOR_secrets, level, "%s %s: %s", secret->setting, secret->path,
		    what);
	}
}

void doctor_judge(const struct doctor_facts *facts, struct doctor_report *report)
{
	static void (*const judges[])(const struct doctor_facts *facts,
				      struct doctor_report *report) = {
#define DOCTOR(id, name, advice) judge_##id,
#include "def/doctor.def"
#undef DOCTOR
	};
	report->count = 0;
	for (size_t i = 0; i < ARRAY_LEN(judges); i++)
		judges[i](facts, report);
}
