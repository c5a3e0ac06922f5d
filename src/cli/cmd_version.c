#include "cli/cli.h"
#include "cli/commands.h"

int cmd_version(const struct args *args)
{
	char storage[256];
	struct buf out = buf_over(storage, sizeof storage);
	if (args_has(args, FLAG_json)) {
		buf_printf(&out, "{\"version\":");
		buf_json_str(&out, STR(WEIR_VERSION));
		buf_printf(&out, ",\"compiler\":");
		buf_json_str(&out, STR(__VERSION__));
		buf_printf(&out, "}\n");
	} else {
		buf_printf(&out, "weir %s (built with %s)\n", WEIR_VERSION, __VERSION__);
	}
	return cli_print(args, &out);
}
