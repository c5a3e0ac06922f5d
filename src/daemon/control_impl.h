/* control_impl.h - handlers of control requests that have a file of their own. Each writes
 * its answer and returns the exit status, or CONTROL_LATER. */
#pragma once

#include "daemon/control.h"
#include "daemon/daemon.h"

/* A request whose answer comes later: the connection waits for it. */
struct control_later;

enum { CONTROL_LATER = -1 };

/* Of the request that is being handled, which then returns CONTROL_LATER; NULL: no memory,
 * the request is answered at once. control_answer must follow, also when the daemon ends. */
struct control_later *control_later(struct control *control);
void control_answer(struct control_later *later, int exit_status, struct str text);
struct control_request {
	struct daemon *daemon;
	struct control *control;
	struct buf *answer;
};

int control_fleet(const struct control_request *request, struct str rest);
int control_alerts(const struct control_request *request, struct str rest);
int control_archive(const struct control_request *request, struct str rest);
int control_markets(const struct control_request *request);
int control_now(const struct control_request *request);
int control_ready(const struct control_request *request);
int control_picture(const struct control_request *request, struct str rest);
int control_signal(const struct control_request *request, struct str rest);
int control_telegram(const struct control_request *request, struct str rest);

/* As `fleet halt` and `fleet resume`, for who else may say so. Returns the exit status. */
struct control_halt {
	struct str operator; /* "tg:42" */
	struct str scope;
	bool halts; /* false: lifts it */
	bool flat;
};
/* What is answered says that it is in force here; with `flat`, how the signal that closes what
 * is open has ended is said in the answer, or later to who asked by Telegram (bot_halted). */
int control_fleet_halt(struct daemon *daemon, const struct control_halt *halt, struct buf *answer);
/* Is there a terminal of this id, or one in this group (`group:NAME`)? If not, the nearest name
 * is written, where there is one. */
bool control_fleet_knows(struct daemon *daemon, struct str scope, struct buf *nearest);
