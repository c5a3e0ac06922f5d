#include "os/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"

enum { SIGNALS_MAX = 8, TIMERS_PER_TURN = 4096, SHORT_WAIT_NS = 100000 };

struct signal_slot {
	uv_signal_t handle;
	void (*fn)(void *ctx, int signal_number);
	void *ctx;
};

struct loop {
	uv_loop_t uv;
	uv_timer_t alarm;     /* bounds the poll: the heap's next deadline */
	uv_prepare_t prepare; /* runs just before the poll */
	uv_async_t wake;
	struct timers *timers;
	struct clock_port clock;
	struct loop_task deferred, at_end; /* heads of circular lists */
	int64_t now_ns, wall_ns;
	bool now_known;
	bool stopping;
	struct signal_slot signals[SIGNALS_MAX];
	size_t signal_count;
	uint64_t idle_ns; /* libuv's total time in the poll */
	uint64_t turn_began_ns;
	struct loop_stats stats;
	struct hist busy_ns;
	char scratch[LOOP_SCRATCH_BYTES];
};

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t loop_precise_ns(void) { return read_clock(CLOCK_MONOTONIC); }

static void read_now(struct loop *loop)
{
	if (loop->now_known)
		return;
	loop->now_ns = loop_precise_ns();
	loop->wall_ns = read_clock(CLOCK_REALTIME);
	loop->now_known = true;
}

int64_t loop_now_ns(struct loop *loop)
{
	read_now(loop);
	return loop->now_ns;
}

int64_t loop_wall_ns(struct loop *loop)
{
	read_now(loop);
	return loop->wall_ns;
}

static int64_t port_monotonic_ns(void *ctx) { return loop_now_ns(ctx); }
static int64_t port_wall_ns(void *ctx) { return loop_wall_ns(ctx); }

/* What was read before the poll is old when the poll returns. */
static void on_prepare(uv_prepare_t *handle)
{
	struct loop *loop = handle->data;
	loop->now_known = false;
}

static void on_alarm(uv_timer_t *handle) { (void)handle; }
static void on_wake(uv_async_t *handle) { (void)handle; }

static void list_init(struct loop_task *head) { head->next = head->prev = head; }

static int init_handles(struct loop *loop)
{
	int rc = uv_loop_init(&loop->uv);
	if (rc)
		return rc;
	uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME);
	uv_timer_init(&loop->uv, &loop->alarm);
	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->prepare.data = loop;
	uv_prepare_start(&loop->prepare, on_prepare);
	return uv_async_init(&loop->uv, &loop->wake, on_wake);
}

enum status loop_create(size_t timer_room, struct loop **out, struct err *err)
{
	struct loop *loop = calloc(1, sizeof *loop);
	if (!loop)
		return err_set(err, STATUS_NO_MEMORY, "event loop: out of memory");
	loop->timers = timers_create(timer_room);
	int rc = loop->timers ? init_handles(loop) : UV_ENOMEM;
	if (rc) {
		timers_destroy(loop->timers);
		free(loop);
		return err_errno(err, -rc, "event loop");
	}
	loop->clock = (struct clock_port){ port_monotonic_ns, port_wall_ns, loop };
	list_init(&loop->deferred);
	list_init(&loop->at_end);
	loop->stats.busy_ns = &loop->busy_ns;
	loop->turn_began_ns = uv_hrtime();
	signal(SIGPIPE, SIG_IGN);
	*out = loop;
	return STATUS_OK;
}

static void close_own(struct loop *loop)
{
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	for (size_t i = 0; i < loop->signal_count; i++)
		uv_close((uv_handle_t *)&loop->signals[i].handle, NULL);
}

/* libwebsockets 4.1 leaves a connection's poll handle behind where its connect fails late:
 * stopped, and from malloc (os/ws_open.c sweeps those whose connect fails at once). Everybody
 * else has closed his by now. */
static void close_orphan(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (uv_handle_get_type(handle) == UV_POLL && !uv_is_active(handle) &&
	    !uv_is_closing(handle))
		uv_close(handle, (uv_close_cb)free);
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	close_own(loop);
	while (uv_run(&loop->uv, UV_RUN_NOWAIT))
		;
	uv_walk(&loop->uv, close_orphan, NULL);
	while (uv_run(&loop->uv, UV_RUN_NOWAIT))
		;
	int rc = uv_loop_close(&loop->uv);
	if (rc)
		uv_print_all_handles(&loop->uv, stderr);
	CHECK(rc == 0); /* somebody left a handle open */
	timers_destroy(loop->timers);
	free(loop);
}

static void append(struct loop_task *head, struct loop_task *task)
{
	if (task->next)
		return;
	task->next = head;
	task->prev = head->prev;
	head->prev->next = task;
	head->prev = task;
}

void loop_task_cancel(struct loop_task *task)
{
	if (!task->next)
		return;
	task->prev->next = task->next;
	task->next->prev = task->prev;
	task->next = task->prev = NULL;
}

void loop_defer(struct loop *loop, struct loop_task *task) { append(&loop->deferred, task); }
void loop_at_end(struct loop *loop, struct loop_task *task) { append(&loop->at_end, task); }

/* Runs what is queued now. The tasks move to a list of their own first, so that one
 * may queue or cancel any other. */
static void run_list(struct loop_task *head)
{
	struct loop_task mine;
	if (head->next == head)
		return;
	mine = *head;
	mine.next->prev = mine.prev->next = &mine;
	list_init(head);
	while (mine.next != &mine) {
		struct loop_task *task = mine.next;
		loop_task_cancel(task);
		task->fn(task->ctx);
	}
}

static bool has_tasks(const struct loop *loop)
{
	return loop->deferred.next != &loop->deferred || loop->at_end.next != &loop->at_end;
}

/* How long the poll may last, in ms; rounded up, because waking early would spin. A
 * wait too short to sleep is none: rounding it up would cost a thousand times more. */
static uint64_t poll_ms(struct loop *loop, int64_t wait_ns)
{
	int64_t next_ns = timers_next_ns(loop->timers);
	if (next_ns != INT64_MAX && next_ns - loop_now_ns(loop) < wait_ns)
		wait_ns = next_ns - loop_now_ns(loop);
	return wait_ns < SHORT_WAIT_NS ? 0 : ((uint64_t)wait_ns + 999999) / 1000000;
}

static void poll_once(struct loop *loop, int64_t wait_ns)
{
	uint64_t ms = has_tasks(loop) || loop->stopping ? 0 : poll_ms(loop, wait_ns);
	if (!ms) {
		loop->now_known = false;
		uv_run(&loop->uv, UV_RUN_NOWAIT);
		return;
	}
	uv_update_time(&loop->uv);
	/* uv_run runs timers before it polls: an alarm that is due by then (this thread had
	 * to wait for its core) would be spent, and the poll would wait for ever. */
	uv_timer_start(&loop->alarm, on_alarm, ms, 1);
	uv_run(&loop->uv, UV_RUN_ONCE);
	uv_timer_stop(&loop->alarm);
}

static void account(struct loop *loop)
{
	uint64_t now_ns = uv_hrtime();
	uint64_t idle_ns = uv_metrics_idle_time(&loop->uv);
	uint64_t turn_ns = now_ns - loop->turn_began_ns;
	uint64_t waited_ns = idle_ns - loop->idle_ns;
	uint64_t busy_ns = turn_ns > waited_ns ? turn_ns - waited_ns : 0;
	loop->turn_began_ns = now_ns;
	loop->idle_ns = idle_ns;
	loop->stats.turns++;
	loop->stats.slow_turns += busy_ns > LOOP_SLOW_NS;
	hist_record(&loop->busy_ns, busy_ns);
}

void loop_turn(struct loop *loop, int64_t wait_ns)
{
	poll_once(loop, wait_ns);
	loop->stats.timers_run += timers_run(loop->timers, loop_now_ns(loop), TIMERS_PER_TURN);
	run_list(&loop->deferred);
	run_list(&loop->at_end);
	account(loop);
}

void loop_run(struct loop *loop)
{
	loop->stopping = false;
	while (!loop->stopping)
		loop_turn(loop, INT64_MAX / 2);
}

void loop_stop(struct loop *loop) { loop->stopping = true; }

bool loop_turn_until(struct loop *loop, const bool *done, int64_t patience_ns)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	while (!*done) {
		int64_t left_ns = until_ns - loop_precise_ns();
		if (left_ns <= 0)
			break;
		loop_turn(loop, left_ns);
	}
	return *done;
}

const struct clock_port *loop_clock(struct loop *loop) { return &loop->clock; }
struct timers *loop_timers(struct loop *loop) { return loop->timers; }
const struct loop_stats *loop_stats(const struct loop *loop) { return &loop->stats; }
uv_loop_t *loop_uv(struct loop *loop) { return &loop->uv; }
char *loop_scratch(struct loop *loop) { return loop->scratch; }
void loop_wake(struct loop *loop) { uv_async_send(&loop->wake); }

void loop_timer_after(struct loop *loop, struct timer *timer, int64_t delay_ns)
{
	timers_arm(loop->timers, timer, loop_now_ns(loop) + delay_ns);
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
	struct signal_slot *slot = handle->data;
	slot->fn(slot->ctx, signal_number);
}

enum status loop_on_signal(struct loop *loop, int signal_number,
			   void (*fn)(void *ctx, int signal_number), void *ctx)
{
	if (loop->signal_count == SIGNALS_MAX)
		return STATUS_FULL;
	struct signal_slot *slot = &loop->signals[loop->signal_count];
	if (uv_signal_init(&loop->uv, &slot->handle))
		return STATUS_IO;
	loop->signal_count++;
	slot->fn = fn;
	slot->ctx = ctx;
	slot->handle.data = slot;
	return uv_signal_start(&slot->handle, on_signal, signal_number) ? STATUS_IO : STATUS_OK;
}
