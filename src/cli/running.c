#include "cli/running.h"

#include "os/files.h"
#include "os/line_client.h"

enum { TIMEOUT_MS = 10000 };

enum status running_ask(const char *state_dir, struct str request, int *exit_status,
			struct buf *answer, struct err *err)
{
	char path[PATH_BYTES_MAX];
	enum status status = path_format(path, err, "%s/run/weir.sock", state_dir);
	if (status)
		return status;
	status = control_call(path, request, TIMEOUT_MS, exit_status, answer, err);
	if (status == STATUS_UNAVAILABLE)
		return err_set(err, status, "no weir runs on %s (start it: weir up --state %s)",
			       state_dir, state_dir);
	return status;
}
