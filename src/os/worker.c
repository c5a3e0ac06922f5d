#include "os/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"

struct job_list {
	struct worker_job *first, *last;
};

struct worker {
	uv_async_t wake; /* of the loop */
	pthread_t thread;
	pthread_mutex_t lock; /* guards todo, finished, stopping */
	pthread_cond_t changed;
	struct job_list todo, finished;
	bool stopping;
	pid_t tid; /* 0: the thread has not begun */
	int nice;
	size_t waiting; /* the loop's own count */
	bool closing;
	void (*on_closed)(void *ctx);
	void *ctx;
};

static void put(struct job_list *list, struct worker_job *job)
{
	job->next = NULL;
	if (list->last)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
}

static struct worker_job *take(struct job_list *list)
{
	struct worker_job *job = list->first;
	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->last = NULL;
	return job;
}

static struct worker_job *next_job(struct worker *worker, struct worker_job *finished)
{
	pthread_mutex_lock(&worker->lock);
	if (finished) {
		put(&worker->finished, finished);
		uv_async_send(&worker->wake);
	}
	while (!worker->todo.first && !worker->stopping)
		pthread_cond_wait(&worker->changed, &worker->lock);
	struct worker_job *job = take(&worker->todo);
	pthread_mutex_unlock(&worker->lock);
	return job;
}

/* Under the lock. In Linux a thread has a nice value of its own. */
static void be_nice(const struct worker *worker)
{
	if (worker->tid && worker->nice)
		(void)setpriority(PRIO_PROCESS, (id_t)worker->tid,
				  getpriority(PRIO_PROCESS, (id_t)getpid()) + worker->nice);
}

static void *run(void *ctx)
{
	struct worker *worker = ctx;
	struct worker_job *job = NULL;
	pthread_mutex_lock(&worker->lock);
	worker->tid = gettid();
	be_nice(worker);
	pthread_mutex_unlock(&worker->lock);
	while ((job = next_job(worker, job)))
		job->work(job);
	return NULL;
}

static void on_wake_closed(uv_handle_t *handle)
{
	struct worker *worker = handle->data;
	pthread_mutex_destroy(&worker->lock);
	pthread_cond_destroy(&worker->changed);
	if (worker->on_closed)
		worker->on_closed(worker->ctx);
	free(worker);
}

static void end(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	uv_close((uv_handle_t *)&worker->wake, on_wake_closed);
}

static void on_wake(uv_async_t *wake)
{
	struct worker *worker = wake->data;
	pthread_mutex_lock(&worker->lock);
	struct job_list finished = worker->finished;
	worker->finished = (struct job_list){ 0 };
	pthread_mutex_unlock(&worker->lock);
	struct worker_job *job;
	while ((job = take(&finished))) {
		worker->waiting--;
		job->done(job);
	}
	if (worker->closing && worker->waiting == 0 && !worker->stopping)
		end(worker);
}

/* The thread takes no signal of the process. */
static int start_thread(struct worker *worker, const char *name)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_setname_np(worker->thread, name);
	return error;
}

enum status worker_open(struct loop *loop, const char *name, struct worker **out, struct err *err)
{
	struct worker *worker = calloc(1, sizeof *worker);
	if (!worker)
		return err_set(err, STATUS_NO_MEMORY, "no memory for thread %s", name);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	worker->wake.data = worker;
	int error = uv_async_init(loop_uv(loop), &worker->wake, on_wake);
	CHECK(error == 0);
	error = start_thread(worker, name);
	if (error) {
		worker->stopping = true;
		uv_close((uv_handle_t *)&worker->wake, on_wake_closed);
		return err_set(err, STATUS_UNAVAILABLE, "no thread %s: %s", name, strerror(error));
	}
	*out = worker;
	return STATUS_OK;
}

void worker_yield(struct worker *worker, int nice)
{
	pthread_mutex_lock(&worker->lock);
	worker->nice = nice;
	be_nice(worker);
	pthread_mutex_unlock(&worker->lock);
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
	CHECK(!worker->stopping);
	worker->waiting++;
	pthread_mutex_lock(&worker->lock);
	put(&worker->todo, job);
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

size_t worker_waiting(const struct worker *worker) { return worker->waiting; }

void worker_close(struct worker *worker, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!worker->closing);
	worker->closing = true;
	worker->on_closed = fn;
	worker->ctx = ctx;
	uv_async_send(&worker->wake);
}
