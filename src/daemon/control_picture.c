/* `picture dark|light QUESTION`: the answer is a PNG. */
#include "daemon/control_impl.h"
#include "daemon/picturing.h"

static void on_png(void *ctx, enum status status, struct str png)
{
	if (status)
		control_answer(ctx, 3, STR("no memory for the picture\n"));
	else
		control_answer(ctx, 0, png);
}

/* Before it was begun. */
static int refuse(const struct picturing *picturing, struct str question, enum status status,
		  struct buf *answer)
{
	int exit_status = 3;
	if (status == STATUS_FULL)
		buf_str_put(answer, STR("too many pictures are being drawn: ask again"));
	else if (status != STATUS_NOT_FOUND)
		buf_str_put(answer, str_of(status_text(status)));
	else
		exit_status = picturing_why(picturing, question, answer) == STATUS_INVALID ? 2 : 1;
	buf_char(answer, '\n');
	return exit_status;
}

int control_picture(const struct control_request *request, struct str rest)
{
	struct picturing *picturing = daemon_picturing(request->daemon);
	enum picture_theme theme;
	struct str word, question;
	if (!str_split(&rest, ' ', &word) || !word.len || !picture_theme_of(word, &theme)) {
		buf_printf(request->answer, "picture: the theme is dark or light\n");
		return 2;
	}
	question = rest.ptr ? rest : STR("");
	struct control_later *later = picturing ? control_later(request->control) : NULL;
	if (!later) {
		buf_printf(request->answer, "no memory for the picture\n");
		return 3;
	}
	enum status status = picturing_ask(picturing, question, theme, on_png, later);
	if (!status)
		return CONTROL_LATER;
	struct buf why;
	buf_init(&why, 16384);
	int exit_status = refuse(picturing, question, status, &why);
	control_answer(later, exit_status, buf_str(&why));
	buf_deinit(&why);
	return CONTROL_LATER;
}
