/* Pictures of answers. */
#include "serve/serve_impl.h"

static void on_png(void *ctx, enum status status, struct str text, bool cut)
{
	struct http_call *call = ctx;
	(void)cut;
	if (!status)
		http_call_answer(
		    call, &(struct http_reply){ .code = 200, .type = "image/png", .body = text });
	else if (status == STATUS_FULL)
		serve_error_later(call, 503, 1, "too many pictures are being drawn");
	else
		serve_error_status(call, status, text);
}

void serve_chart(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	struct str question, theme;
	if (!serve_parameter(request, "q", &question) || !serve_parameter(request, "theme", &theme))
		return;
	bool light = str_eq(theme, STR("light"));
	if (!question.len || (theme.len && !light && !str_eq(theme, STR("dark"))))
		serve_error(request->call, 400,
			    "?q= is a question, as /cvd ETH 5m; &theme= is dark or light");
	else if (hooks->chart)
		hooks->chart(hooks->ctx, question, light, on_png, request->call);
	else
		serve_not_here(request->call, "a picture");
}
