/* host_commands.h - programs of the operator that start and stop terminals
 * (fleet.start_command, fleet.stop_command): `PROGRAM ID [clean]`, never through a shell.
 *
 * At most HOST_COMMANDS_AT_ONCE run, HOST_COMMANDS_MAX wait; one more is refused (FULL). A
 * program that fails or runs longer than HOST_COMMAND_NS is logged and counted (and, if it
 * runs on, ended). Loop thread. */
#pragma once

#include "base/str.h"
#include "os/loop.h"

enum { HOST_COMMANDS_AT_ONCE = 8, HOST_COMMANDS_MAX = 1024 };
#define HOST_COMMAND_NS INT64_C(60000000000)

struct host_commands;

struct host_commands *host_commands_create(struct loop *loop);
/* Programs that run go on without us. */
void host_commands_destroy(struct host_commands *commands);
/* program: copied, as id is. after_ns: not before so much time has passed. NOT_FOUND:
 * program is empty. */
MUST_CHECK enum status host_commands_run(struct host_commands *commands, struct str program,
					 const char *id, bool clean, int64_t after_ns);
struct host_command_counts {
	uint64_t run, failed, refused;
};
struct host_command_counts host_commands_counts(const struct host_commands *commands);
