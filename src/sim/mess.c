#include "sim/mess.h"

#include <stdlib.h>

#include "sim/mess_impl.h"

enum status mess_create(const struct mess_config *config, struct mess **out, struct err *err)
{
	struct mess *mess = calloc(1, sizeof *mess);
	if (!mess)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	mess->config = *config;
	mess->db = -1;
	buf_init(&mess->value.bytes, MESS_VALUE_BYTES);
	buf_init(&mess->payload, 2 * MESS_VALUE_BYTES);
	enum status status = mess_plan(mess, err);
	if (status)
		mess_destroy(mess);
	else
		*out = mess;
	return status;
}

void mess_destroy(struct mess *mess)
{
	if (!mess)
		return;
	buf_deinit(&mess->value.bytes);
	buf_deinit(&mess->payload);
	free(mess);
}

int64_t mess_keys(const struct mess *mess) { return mess->total; }

static bool step(struct mess *mess)
{
	while (mess->row < mess->n_rows && mess->index == mess->counts[mess->row]) {
		mess->row++;
		mess->index = 0;
	}
	return mess->row < mess->n_rows;
}

bool mess_next(struct mess *mess, const struct mess_sink *sink)
{
	char space[MESS_NAME_BYTES];
	struct buf name = buf_over(space, sizeof space);
	if (!step(mess))
		return false;
	struct mess_key key = mess_key_of(mess, mess->row, mess->index);
	mess_name(mess, mess->row, mess->index++, &name);
	CHECK(!name.overflow);
	mess_value_write(mess, &key);
	mess_tell_commands(mess, &key, buf_str(&name), sink);
	if (sink->hit)
		mess_tell_truth(mess, &key, buf_str(&name), sink);
	return true;
}
