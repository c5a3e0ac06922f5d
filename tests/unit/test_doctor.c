/* weir doctor: facts in, verdicts out; and the reader against files of another machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/check.h"
#include "cli/doctor.h"
#include "os/files.h"

#define GB (1LL << 30)

static struct doctor_facts facts;
static struct doctor_report report;

/* A machine on which nothing is wrong. */
static void make_sound(void)
{
	facts = (struct doctor_facts){
		.machine = { .kernel = "6.1.0-18-amd64",
			     .system = "Debian GNU/Linux 12 (bookworm)",
			     .huge_pages = "madvise",
			     .cores = 2,
			     .memory = 8 * GB,
			     .memory_available = 6 * GB,
			     .memory_limit = MACHINE_UNKNOWN,
			     .overcommit = 1,
			     .somaxconn = 4096,
			     .files_hard = 65536,
			     .clock_synced = 1,
			     .clock_error_us = 500,
			     .shm_free = GB },
		.disk = { .free = 50 * GB,
			  .total = 100 * GB,
			  .kind = "ext4",
			  .rotates = 0,
			  .sync_us = 800 },
		.state = { .is_there = true, .is_ours = true, .is_folder = true, .mode = 0700 },
		.state_dir = "./var",
		.need_memory = 4 * GB,
		.need_files = 1500,
		.redis_version = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc",
		.redis_wanted = true,
		.duckdb_version = "v1.4.4",
		.archive_wanted = true,
		.ports = { { "serve.listen", "127.0.0.1:8780", MACHINE_PORT_FREE } },
		.port_count = 1,
		.secrets = { { "serve.tokens_file",
			       "tokens",
			       { .is_there = true,
				 .is_plain = true,
				 .is_ours = true,
				 .mode = 0600 },
			       true } },
		.secret_count = 1,
	};
}

static const struct doctor_verdict *verdict_of(enum doctor_check check)
{
	doctor_judge(&facts, &report);
	for (size_t i = 0; i < report.count; i++)
		if (report.verdicts[i].check == check)
			return &report.verdicts[i];
	return NULL;
}

static void judged(enum doctor_check check, enum doctor_level level)
{
	assert_string_equal(doctor_level_text(verdict_of(check)->level), doctor_level_text(level));
	make_sound();
}

static void a_sound_machine_is_ok_in_every_row(void **state)
{
	(void)state;
	make_sound();
	doctor_judge(&facts, &report);
	assert_int_equal(report.count, DOCTOR_COUNT);
	for (size_t i = 0; i < report.count; i++) {
		assert_int_equal(report.verdicts[i].check, i);
		assert_int_equal(report.verdicts[i].level, DOCTOR_OK);
		assert_true(report.verdicts[i].found[0] != 0);
		assert_true(strlen(doctor_advice((enum doctor_check)i)) > 10);
	}
	assert_false(doctor_is_bad(&report));
}

static void the_machine_is_judged(void **state)
{
	(void)state;
	make_sound();
	snprintf(facts.machine.kernel, sizeof facts.machine.kernel, "5.9.0");
	judged(DOCTOR_system, DOCTOR_WARN);
	snprintf(facts.machine.kernel, sizeof facts.machine.kernel, "5.10.1");
	judged(DOCTOR_system, DOCTOR_OK);
	facts.machine.cores = 1;
	judged(DOCTOR_cores, DOCTOR_WARN);
	facts.machine.memory = 3 * GB;
	judged(DOCTOR_memory, DOCTOR_WARN);
	facts.machine.memory_limit = GB / 2; /* the group's limit counts */
	judged(DOCTOR_memory, DOCTOR_BAD);
	facts.machine.swap = GB;
	facts.machine.swap_free = GB / 2;
	judged(DOCTOR_swap, DOCTOR_WARN);
	facts.machine.overcommit = 0;
	judged(DOCTOR_overcommit, DOCTOR_WARN);
	facts.machine.overcommit = 2;
	judged(DOCTOR_overcommit, DOCTOR_BAD);
	snprintf(facts.machine.huge_pages, sizeof facts.machine.huge_pages, "always");
	judged(DOCTOR_huge_pages, DOCTOR_WARN);
	facts.machine.files_hard = 1024;
	judged(DOCTOR_files, DOCTOR_BAD);
	facts.machine.files_hard = INT64_MAX;
	judged(DOCTOR_files, DOCTOR_OK);
	facts.machine.core_soft = INT64_MAX;
	judged(DOCTOR_core_dumps, DOCTOR_WARN);
	facts.machine.somaxconn = 128;
	judged(DOCTOR_backlog, DOCTOR_WARN);
	facts.machine.clock_synced = 0;
	judged(DOCTOR_clock, DOCTOR_WARN);
	facts.machine.shm_free = MACHINE_UNKNOWN;
	judged(DOCTOR_shm, DOCTOR_WARN);
}

static void the_disk_is_judged(void **state)
{
	(void)state;
	make_sound();
	facts.disk.free = 2 * GB;
	judged(DOCTOR_disk_room, DOCTOR_WARN);
	facts.disk.free = GB / 2;
	judged(DOCTOR_disk_room, DOCTOR_BAD);
	facts.disk.sync_us = 30000;
	judged(DOCTOR_disk_speed, DOCTOR_WARN);
	facts.disk.sync_us = MACHINE_UNKNOWN;
	judged(DOCTOR_disk_speed, DOCTOR_UNKNOWN);
	snprintf(facts.disk.kind, sizeof facts.disk.kind, "tmpfs");
	judged(DOCTOR_disk_kind, DOCTOR_BAD);
	snprintf(facts.disk.kind, sizeof facts.disk.kind, "overlay");
	judged(DOCTOR_disk_kind, DOCTOR_WARN);
}

static void programs_are_judged_where_they_are_wanted(void **state)
{
	(void)state;
	make_sound();
	facts.redis_version = "Redis server v=6.2.7 sha=0";
	judged(DOCTOR_redis, DOCTOR_BAD);
	facts.redis_version = NULL;
	judged(DOCTOR_redis, DOCTOR_BAD);
	facts.redis_version = NULL;
	facts.redis_wanted = false;
	judged(DOCTOR_redis, DOCTOR_OK);
	facts.duckdb_version = NULL;
	judged(DOCTOR_duckdb, DOCTOR_BAD);
	facts.duckdb_version = NULL;
	facts.archive_wanted = false;
	judged(DOCTOR_duckdb, DOCTOR_OK);
}

static void weirs_own_is_judged(void **state)
{
	(void)state;
	make_sound();
	facts.config_error = "weir.conf:1:1: x";
	judged(DOCTOR_config, DOCTOR_BAD);
	facts.state.mode = 0777;
	judged(DOCTOR_state, DOCTOR_BAD);
	facts.state.is_there = false;
	judged(DOCTOR_state, DOCTOR_OK);
	facts.ports[0].state = MACHINE_PORT_USED;
	judged(DOCTOR_ports, DOCTOR_BAD);
	facts.ports[0].state = MACHINE_PORT_USED;
	facts.weir_runs = true;
	judged(DOCTOR_ports, DOCTOR_OK);
	facts.secrets[0].file.mode = 0640;
	judged(DOCTOR_secrets, DOCTOR_BAD);
	facts.secrets[0].file.is_there = false;
	judged(DOCTOR_secrets, DOCTOR_BAD);
	facts.secrets[0].file.is_there = false;
	facts.secrets[0].must_be_there = false;
	judged(DOCTOR_secrets, DOCTOR_OK);
}

static void nothing_known_is_nothing_bad(void **state)
{
	(void)state;
	facts = (struct doctor_facts){ .state_dir = "x" };
	memset(&facts.machine, 0xff, sizeof facts.machine); /* every number UNKNOWN */
	facts.machine.kernel[0] = facts.machine.system[0] = facts.machine.huge_pages[0] = 0;
	facts.disk = (struct machine_disk){ .free = MACHINE_UNKNOWN, .sync_us = MACHINE_UNKNOWN };
	doctor_judge(&facts, &report);
	assert_false(doctor_is_bad(&report));
}

/* ---- the reader ---- */

static void write_file(const char *root, const char *path, const char *text)
{
	char whole[PATH_BYTES_MAX];
	snprintf(whole, sizeof whole, "%s%s", root, path);
	*strrchr(whole, '/') = 0;
	assert_int_equal(files_make_folder(whole, 0700, NULL), STATUS_OK);
	snprintf(whole, sizeof whole, "%s%s", root, path);
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void another_machines_files_are_read(void **state)
{
	char root[] = "/tmp/weir-machine-XXXXXX", command[64];
	struct machine machine;
	(void)state;
	assert_non_null(mkdtemp(root));
	write_file(root, "/proc/meminfo",
		   "MemTotal:        4000 kB\nMemFree: 1 kB\nMemAvailable:    3000 kB\n"
		   "SwapTotal:       200 kB\nSwapFree:        150 kB\n");
	write_file(root, "/proc/sys/vm/overcommit_memory", "2\n");
	write_file(root, "/proc/sys/kernel/osrelease", "5.15.0-x\n");
	write_file(root, "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
	write_file(root, "/etc/os-release", "NAME=x\nPRETTY_NAME=\"Some Linux 3\"\n");
	write_file(root, "/sys/fs/cgroup/memory.max", "max\n");
	machine_read(root, &machine);
	assert_string_equal(machine.kernel, "5.15.0-x");
	assert_string_equal(machine.system, "Some Linux 3");
	assert_string_equal(machine.huge_pages, "always");
	assert_int_equal(machine.memory, 4000 * 1024);
	assert_int_equal(machine.memory_available, 3000 * 1024);
	assert_int_equal(machine.swap_free, 150 * 1024);
	assert_int_equal(machine.overcommit, 2);
	assert_int_equal(machine.memory_limit, MACHINE_UNKNOWN);
	assert_int_equal(machine.somaxconn, MACHINE_UNKNOWN);
	assert_int_equal(machine.shm_free, MACHINE_UNKNOWN);
	assert_true(machine.cores >= 1);
	snprintf(command, sizeof command, "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

static void programs_say_their_version(void **state)
{
	char line[64];
	struct err err;
	(void)state;
	assert_int_equal(machine_program_version("cat", line, sizeof line, &err), STATUS_OK);
	assert_non_null(strstr(line, "cat"));
	assert_int_equal(machine_program_version("no-such-program", line, sizeof line, &err),
			 STATUS_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_machine_is_ok_in_every_row),
		cmocka_unit_test(the_machine_is_judged),
		cmocka_unit_test(the_disk_is_judged),
		cmocka_unit_test(programs_are_judged_where_they_are_wanted),
		cmocka_unit_test(weirs_own_is_judged),
		cmocka_unit_test(nothing_known_is_nothing_bad),
		cmocka_unit_test(another_machines_files_are_read),
		cmocka_unit_test(programs_say_their_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
