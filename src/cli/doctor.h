/* doctor.h - is a machine fit for weir: facts in, a verdict for each row of doctor.def out. Pure;
 * cmd_doctor.c reads the facts. */
#pragma once

#include "base/buf.h"
#include "os/machine.h"

enum { DOCTOR_PORTS_MAX = 16, DOCTOR_SECRETS_MAX = 48, DOCTOR_VERDICTS_MAX = 96 };

enum doctor_check {
#define DOCTOR(id, name, advice) DOCTOR_##id,
#include "def/doctor.def"
#undef DOCTOR
	DOCTOR_COUNT
};

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD, DOCTOR_UNKNOWN };

struct doctor_port {
	char setting[64]; /* "serve.listen" */
	char address[80]; /* "127.0.0.1:8780" */
	enum machine_port state;
};

struct doctor_secret {
	char setting[64]; /* "serve.tokens_file", "the segments' passwords" */
	char path[256];
	struct machine_file file;
	bool must_be_there;
};

/* Everything that is judged. Texts that may be NULL say so. */
struct doctor_facts {
	struct machine machine;
	struct machine_disk disk; /* of the state directory */
	struct machine_file state;
	const char *state_dir;
	const char *config_error; /* NULL: it is right */
	bool weir_runs;           /* on this state directory: its ports are its own */
	int64_t need_memory;      /* bytes: the segments' budgets, the archive's, weir's */
	int64_t need_files;       /* descriptors */
	const char *redis_version, *redis_error; /* one of them NULL */
	bool redis_wanted;                       /* a segment is managed */
	const char *duckdb_version, *duckdb_error;
	bool archive_wanted;
	struct doctor_port ports[DOCTOR_PORTS_MAX];
	size_t port_count;
	struct doctor_secret secrets[DOCTOR_SECRETS_MAX];
	size_t secret_count;
};

struct doctor_verdict {
	enum doctor_check check;
	enum doctor_level level;
	char found[320]; /* what is there */
};

struct doctor_report {
	struct doctor_verdict verdicts[DOCTOR_VERDICTS_MAX];
	size_t count; /* those beyond the room are left out: ports and secrets have less */
};

void doctor_judge(const struct doctor_facts *facts, struct doctor_report *report);
const char *doctor_name(enum doctor_check check);
const char *doctor_advice(enum doctor_check check);
const char *doctor_level_text(enum doctor_level level); /* "ok" "warn" "bad" "unknown" */
/* Something is bad. */
bool doctor_is_bad(const struct doctor_report *report);
