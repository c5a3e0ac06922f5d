/* operated.h - what somebody with the shell has changed, in the log and in the archive's table
 * operator_log. (Commands to terminals, people, dead letters and weir's alerts tell of themselves,
 * where they are carried out.) Loop thread. */
#pragma once

#include "daemon/daemon.h"

/* who: "local" for the control socket, "signal" for the process's. */
void operated_tell(struct daemon *daemon, struct str who, struct str action, struct str target,
		   struct str outcome);
/* A question from the control socket: nothing is told of one that only asks. */
void operated_ask(struct daemon *daemon, struct str question, enum ask_outcome outcome);
