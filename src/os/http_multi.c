#include <stdlib.h>

#include "os/http_impl.h"

/* Every answer libcurl has ready. An owner's function may cancel others, ask anew or
 * close the client: the queue is asked again each time. */
static void drain(struct http *http)
{
	CURLMsg *message;
	int left;
	while (!http->is_closing && (message = curl_multi_info_read(http->multi, &left))) {
		struct http_slot *slot = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
		http_ended(http, slot, code);
	}
}

static void act(struct http *http, curl_socket_t fd, int events)
{
	int running;
	if (http->is_closing)
		return;
	curl_multi_socket_action(http->multi, fd, events, &running);
	drain(http);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct http_socket *socket = poll->data;
	int happened = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
		       (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) |
		       (status < 0 ? CURL_CSELECT_ERR : 0);
	act(socket->http, socket->fd, happened);
}

static void on_timer(void *ctx) { act(ctx, CURL_SOCKET_TIMEOUT, 0); }

/* Measured from now, not from the turn's beginning: libcurl measured so, too. */
static int want_timer(CURLM *multi, long delay_ms, void *ctx)
{
	(void)multi;
	struct http *http = ctx;
	if (delay_ms < 0)
		timers_cancel(loop_timers(http->loop), &http->timer);
	else
		timers_arm(loop_timers(http->loop), &http->timer,
			   loop_precise_ns() + (int64_t)delay_ms * 1000000);
	return 0;
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct http_socket *socket = handle->data;
	struct http *http = socket->http;
	socket->next = http->spare_sockets;
	http->spare_sockets = socket;
	http->sockets_open--;
	if (http->is_closing && !http->sockets_open)
		loop_defer(http->loop, &http->end);
}

static struct http_socket *watch(struct http *http, curl_socket_t fd)
{
	struct http_socket *socket = http->spare_sockets;
	if (socket)
		http->spare_sockets = socket->next;
	else
		socket = malloc(sizeof *socket);
	if (!socket)
		return NULL;
	*socket = (struct http_socket){ .http = http, .fd = fd };
	if (uv_poll_init_socket(loop_uv(http->loop), &socket->poll, fd)) {
		socket->next = http->spare_sockets;
		http->spare_sockets = socket;
		return NULL;
	}
	socket->poll.data = socket;
	http->sockets_open++;
	curl_multi_assign(http->multi, fd, socket);
	return socket;
}

/* A socket that cannot be watched is not an error to libcurl: that would end every
 * request there is. Its own request ends at its deadline. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	(void)easy;
	struct http *http = ctx;
	struct http_socket *socket = assigned;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (!socket)
		socket = watch(http, fd);
	if (socket)
		uv_poll_start(&socket->poll,
			      (what & CURL_POLL_IN ? UV_READABLE : 0) |
				  (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
			      on_poll);
	return 0;
}

enum status http_multi_open(struct http *http, struct err *err)
{
	http->timer = (struct timer){ .fn = on_timer, .ctx = http };
	http->multi = curl_multi_init();
	if (!http->multi)
		return err_set(err, STATUS_NO_MEMORY, "http client: out of memory");
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)http->requests_max);
	return STATUS_OK;
}

void http_multi_close(struct http *http)
{
	curl_multi_cleanup(http->multi); /* lets go of every socket, by want_socket */
	http->multi = NULL;
	timers_cancel(loop_timers(http->loop), &http->timer);
	if (!http->sockets_open)
		loop_defer(http->loop, &http->end);
}
