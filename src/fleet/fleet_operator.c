/* What operators say. A refusal has its reason, and is counted. */
#include "fleet/fleet_impl.h"

static enum status begin(struct fleet *fleet, uint32_t slot, struct terminal **t, struct err *err)
{
	fleet_begin(fleet);
	*t = fleet_terminal(fleet, slot);
	return *t ? STATUS_OK : err_set(err, STATUS_NOT_FOUND, "there is no such terminal");
}

static enum status refuse(struct terminal *t, struct err *err, const char *why)
{
	t->fleet->counts.refused_moves++;
	return err_set(err, STATUS_INVALID, "%s %s", t->seen.identity.id, why);
}

static enum status end(struct terminal *t)
{
	fleet_touch(t);
	fleet_settle(t->fleet);
	return STATUS_OK;
}

enum status fleet_start(struct fleet *fleet, uint32_t slot, struct err *err)
{
	struct terminal *t;
	enum status status = begin(fleet, slot, &t, err);
	if (status)
		return status;
	if (t->seen.state != INSTANCE_STOPPED)
		return refuse(t, err, "is not stopped");
	if (has_flag(t, INSTANCE_HELD))
		return refuse(t, err, "is held: release it first");
	if (host_drains(t))
		return refuse(t, err, "is on a host that sheds load");
	machine_tell(t, ON_START);
	return end(t);
}

enum status fleet_stop(struct fleet *fleet, uint32_t slot, bool flat, struct err *err)
{
	struct terminal *t;
	struct told told = { .on = ON_STOP, .flat = flat };
	enum status status = begin(fleet, slot, &t, err);
	if (status)
		return status;
	if (t->seen.state == INSTANCE_STOPPED)
		return refuse(t, err, "is stopped already");
	machine_take(t, &told);
	return end(t);
}

enum status fleet_restart(struct fleet *fleet, uint32_t slot, bool clean, struct err *err)
{
	struct terminal *t;
	enum status status = begin(fleet, slot, &t, err);
	if (status)
		return status;
	if (t->seen.state == INSTANCE_STOPPED)
		return refuse(t, err, "is stopped: start it");
	if (has_flag(t, INSTANCE_HELD))
		return refuse(t, err, "is held: release it first");
	if (t->restart.asked || t->awaits_hello)
		return refuse(t, err, "is being restarted already");
	restart_ask(t, -1, clean);
	return end(t);
}

enum status fleet_hold(struct fleet *fleet, uint32_t slot, struct err *err)
{
	struct terminal *t;
	enum status status = begin(fleet, slot, &t, err);
	if (status)
		return status;
	if (has_flag(t, INSTANCE_HELD))
		return refuse(t, err, "is held already");
	fleet_set_flag(t, INSTANCE_HELD, true);
	restart_cancel(t);
	return end(t);
}

/* After a recovery failure it is the reset of row 19; one that is connected while it is
 * stopped and held said its hello then: it starts as if it said it now. */
enum status fleet_release(struct fleet *fleet, uint32_t slot, struct err *err)
{
	struct terminal *t;
	enum status status = begin(fleet, slot, &t, err);
	if (status)
		return status;
	if (!has_flag(t, INSTANCE_HELD))
		return refuse(t, err, "is not held");
	if (t->given_up) {
		if (host_drains(t))
			return refuse(t, err, "is on a host that sheds load");
		machine_tell(t, ON_RESET);
		return end(t);
	}
	fleet_set_flag(t, INSTANCE_HELD, false);
	if (t->seen.state == INSTANCE_STOPPED && has_link(t))
		machine_tell(t, ON_HELLO);
	return end(t);
}
