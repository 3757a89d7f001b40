/*
 * worker: threads for calls that block; see worker.h.
 *
 * A pool of detached threads (pthreads(7)). One is started for a job that finds
 * none idle, up to a limit, and ends when there has been no job for a while.
 *
 * A thread whose job was abandoned does not count against the limit, so that
 * calls that nobody waits for any more keep nobody else waiting; but of such
 * threads only MOST_ABANDONED are not counted, so that there is a limit to all
 * of them. A thread that is done with its job ends where there are more than
 * the limit.
 *
 * One may still run after the Lua state is closed. A forked child begins with an
 * empty pool (pthread_atfork(3)): the parent's threads do not run in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "task/worker.h"

#define MOST_ABANDONED 256
#define IDLE_SECONDS 5
#define STACK_SIZE ((size_t)256 * 1024) /* for the resolver and its modules */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct job *first, *last; /* the queue */
    int queued;
    int threads;   /* all of them */
    int idle;      /* those that wait for a job */
    int abandoned; /* those whose job was abandoned while it ran */
    int limit;     /* how many there may be, but for those */
    unsigned generation;
    bool prepared;
} pool = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .limit = WORKER_THREADS,
};

/* ---- the queue; the mutex is held ---- */

static void enqueue(struct job *job)
{
    job->next = NULL;
    if (pool.first == NULL)
        pool.first = job;
    else
        pool.last->next = job;
    pool.last = job;
    pool.queued++;
}

static struct job *dequeue(void)
{
    struct job *job = pool.first;

    pool.first = job->next;
    pool.queued--;
    return job;
}

static void remove_queued(struct job *job)
{
    struct job **place = &pool.first;
    struct job *before = NULL;

    for (; *place != job; place = &(*place)->next)
        before = *place;
    *place = job->next;
    if (pool.last == job)
        pool.last = before;
    pool.queued--;
}

static void close_notice(struct job *job)
{
    if (job->notice != -1)
        close(job->notice);
    job->notice = -1;
}

static void release_job(struct job *job)
{
    close_notice(job);
    job->release(job, job->state == JOB_DONE);
}

/* ---- the threads; the mutex is held, but while a job runs ---- */

/* How many threads count against the limit. */
static int counted(void)
{
    int abandoned = pool.abandoned;

    return pool.threads -
           (abandoned < MOST_ABANDONED ? abandoned : MOST_ABANDONED);
}

static bool are_too_many(void)
{
    return counted() > pool.limit;
}

/* Wait for a job. False: none has come for too long, or there are too many
 * threads. */
static bool await_work(void)
{
    struct timespec limit;
    int error = 0;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += IDLE_SECONDS;
    pool.idle++;
    while (pool.first == NULL && error == 0 && !are_too_many())
        error = pthread_cond_timedwait(&pool.work, &pool.mutex, &limit);
    pool.idle--;
    return pool.first != NULL && !are_too_many();
}

/* Notify the owner by writing a byte: closing the pipe would not wake it if a
 * forked child holds the pipe too. */
static void finish(struct job *job)
{
    ssize_t n;

    job->state = JOB_DONE;
    if (job->abandoned) {
        pool.abandoned--;
        release_job(job);
        return;
    }
    n = write(job->notice, "", 1);
    (void)n;
    close_notice(job);
}

static void *work(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&pool.mutex);
    while (await_work()) {
        struct job *job = dequeue();

        job->state = JOB_RUNNING;
        pthread_mutex_unlock(&pool.mutex);
        job->run(job);
        pthread_mutex_lock(&pool.mutex);
        finish(job);
    }
    pool.threads--;
    pthread_mutex_unlock(&pool.mutex);
    return NULL;
}

/* Create a detached thread. One whose variables (pthread_key_create(3), TLS)
 * leave too little of a stack of `stack` bytes is refused. Returns zero or
 * errno. */
static int create_thread(size_t stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error = pthread_attr_init(&attributes);

    if (error != 0)
        return error;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (stack != 0)
        pthread_attr_setstacksize(&attributes, stack);
    error = pthread_create(&thread, &attributes, work, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

/* Start a thread, with all signals blocked, so that the thread that runs Lua
 * gets them. Returns zero or errno. */
static int start_thread(void)
{
    sigset_t every;
    sigset_t before;
    int error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    error = create_thread(STACK_SIZE);
    if (error == EINVAL)
        error = create_thread(0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pool.threads++;
    return error;
}

/* Start a thread if a job waits for one and the limit allows it. Returns zero or
 * errno. */
static int grow(void)
{
    if (pool.queued <= pool.idle || counted() >= pool.limit)
        return 0;
    return start_thread();
}

/* ---- fork ---- */

static void before_fork(void)
{
    pthread_mutex_lock(&pool.mutex);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&pool.mutex);
}

static void after_fork_in_child(void)
{
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.work, NULL);
    pool.first = NULL;
    pool.queued = 0;
    pool.threads = 0;
    pool.idle = 0;
    pool.abandoned = 0;
    pool.generation++;
}

/* Prepare for the first thread. The mutex is held. Returns zero or errno. */
static int prepare(void)
{
    int error = 0;

    if (!pool.prepared)
        error = pthread_atfork(before_fork, after_fork_in_parent,
                               after_fork_in_child);
    if (error == 0)
        pool.prepared = true;
    return error;
}

/* ---- jobs ---- */

/* Queue the job. After a failure no thread has it. Returns zero or errno. */
static int submit(struct job *job)
{
    int error;

    pthread_mutex_lock(&pool.mutex);
    error = prepare();
    job->generation = pool.generation;
    enqueue(job);
    if (error == 0)
        error = grow();
    if (error != 0 && pool.threads > 0)
        error = 0;
    if (error == 0)
        pthread_cond_signal(&pool.work);
    else
        remove_queued(job);
    pthread_mutex_unlock(&pool.mutex);
    return error;
}

int worker_start(struct job *job, int notice)
{
    int error;

    job->state = JOB_QUEUED;
    job->abandoned = false;
    job->notice = notice;
    error = submit(job);
    if (error != 0)
        release_job(job);
    return error;
}

bool worker_is_done(const struct job *job)
{
    bool done;

    pthread_mutex_lock(&pool.mutex);
    done = job->state == JOB_DONE;
    pthread_mutex_unlock(&pool.mutex);
    return done;
}

/* Leave a job that runs to its thread. If none can be started in its place, the
 * others wait for one that is done. */
static void leave(struct job *job)
{
    job->abandoned = true;
    close_notice(job);
    pool.abandoned++;
    grow();
}

/* A job from before a fork belongs to no thread of this process. */
void worker_abandon(struct job *job)
{
    bool ours = true;

    pthread_mutex_lock(&pool.mutex);
    if (job->generation == pool.generation) {
        if (job->state == JOB_QUEUED)
            remove_queued(job);
        ours = job->state != JOB_RUNNING;
    }
    if (!ours)
        leave(job);
    pthread_mutex_unlock(&pool.mutex);
    if (ours)
        release_job(job);
}

/* ---- the limit ---- */

/* Start threads for the jobs that a higher limit no longer keeps waiting; have
 * idle ones end that a lower one does not allow. */
void worker_limit(int threads)
{
    int error = 0;

    pthread_mutex_lock(&pool.mutex);
    pool.limit = threads;
    for (int jobs = pool.queued - pool.idle; jobs > 0 && error == 0; jobs--)
        error = grow();
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.mutex);
}

struct worker_counts worker_count(void)
{
    struct worker_counts counts;

    pthread_mutex_lock(&pool.mutex);
    counts = (struct worker_counts){
        .limit = pool.limit,
        .running = pool.threads - pool.idle - pool.abandoned,
        .idle = pool.idle,
        .abandoned = pool.abandoned,
        .queued = pool.queued,
    };
    pthread_mutex_unlock(&pool.mutex);
    return counts;
}
