/*
 * server: the process that is measured: its start and end, what it costs, and
 * connections to it. See proc(5), prctl(2), sched_setaffinity(2).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define LOAD_CORE 0
#define SERVER_CORE 1
#define SOURCES 200 /* addresses from which is connected */

static pid_t started; /* what was started: the server, or what runs it */
static pid_t server;
static struct sockaddr_in address;
static struct sockaddr_un path;

int64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void fail(const char *what)
{
    int error = errno;

    server_stop();
    fprintf(stderr, "load: %s%s%s\n", what, error ? ": " : "",
            error ? strerror(error) : "");
    exit(1);
}

void *obtain(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        fail("calloc");
    return memory;
}

static void pin(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void run_server(char **command, int output, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    pin(SERVER_CORE);
    dup2(output, STDOUT_FILENO);
    close(output);
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

/* The first line of what it writes, without "ready ". */
static void read_endpoint(int fd, char *endpoint, size_t size)
{
    size_t used = 0;

    while (used < size - 1 && read(fd, endpoint + used, 1) == 1) {
        if (endpoint[used] == '\n')
            break;
        used++;
    }
    endpoint[used] = '\0';
    errno = 0;
    if (strncmp(endpoint, "ready ", 6) != 0)
        fail("the server is not ready");
    memmove(endpoint, endpoint + 6, used - 5);
}

/* The last of a chain of processes, each the other's only child: a server is
 * often run by strace. */
static pid_t innermost(pid_t pid)
{
    char name[64];
    char text[32] = "";
    FILE *file;

    snprintf(name, sizeof name, "/proc/%d/task/%d/children", pid, pid);
    file = fopen(name, "r");
    if (file != NULL) {
        if (fgets(text, sizeof text, file) == NULL)
            text[0] = '\0';
        fclose(file);
    }
    return isdigit((unsigned char)text[0])
               ? innermost((pid_t)strtol(text, NULL, 10))
               : pid;
}

void server_start(char **command)
{
    char endpoint[sizeof path.sun_path];
    pid_t parent = getpid();
    int output[2];

    if (pipe2(output, O_CLOEXEC) == -1)
        fail("pipe");
    started = fork();
    if (started == -1)
        fail("fork");
    if (started == 0)
        run_server(command, output[1], parent);
    close(output[1]);
    pin(LOAD_CORE);
    read_endpoint(output[0], endpoint, sizeof endpoint);
    server = innermost(started);
    if (isdigit((unsigned char)endpoint[0])) {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons((uint16_t)strtol(endpoint, NULL, 10));
    } else {
        path.sun_family = AF_UNIX;
        strcpy(path.sun_path, endpoint);
    }
}

static void on_alarm(int number)
{
    static const char why[] = "load: the server does not answer\n";

    (void)number;
    if (server > 0)
        kill(server, SIGKILL);
    if (started > 0)
        kill(started, SIGKILL);
    (void)!write(STDERR_FILENO, why, sizeof why - 1);
    _exit(1);
}

void server_limit(unsigned seconds)
{
    signal(SIGALRM, on_alarm);
    alarm(seconds);
}

void server_stop(void)
{
    if (started <= 0)
        return;
    kill(server > 0 ? server : started, SIGTERM);
    for (int turn = 0; turn < 300; turn++) {
        if (waitpid(started, NULL, WNOHANG) != 0) {
            started = 0;
            return;
        }
        usleep(10000);
    }
    if (server > 0)
        kill(server, SIGKILL);
    kill(started, SIGKILL);
    waitpid(started, NULL, 0);
    started = 0;
}

/* The number in a file of one line, after so many others. */
static int64_t number_in(const char *name, int skip)
{
    char text[256] = "";
    char *end = text;
    int64_t value = 0;
    FILE *file = fopen(name, "r");

    if (file == NULL)
        return 0;
    if (fgets(text, sizeof text, file) != NULL)
        while (skip-- >= 0)
            value = strtoll(end, &end, 10);
    fclose(file);
    return value;
}

int64_t server_cpu(void)
{
    char name[320];
    struct dirent *entry;
    int64_t sum = 0;
    DIR *tasks;

    snprintf(name, sizeof name, "/proc/%d/task", server);
    tasks = opendir(name);
    if (tasks == NULL)
        return 0;
    while ((entry = readdir(tasks)) != NULL) {
        snprintf(name, sizeof name, "/proc/%d/task/%s/schedstat", server,
                 entry->d_name);
        if (entry->d_name[0] != '.')
            sum += number_in(name, 0);
    }
    closedir(tasks);
    return sum;
}

int64_t server_memory(void)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/%d/statm", server);
    return number_in(name, 1) * sysconf(_SC_PAGESIZE);
}

/* A port can be used again only after a while: many addresses have more. */
static void choose_source(int fd, unsigned number)
{
    const int yes = 1;
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % SOURCES),
    };

    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&source, sizeof source) == -1)
        fail("bind");
}

static int open_socket(int type)
{
    const int yes = 1;
    int fd =
        socket(path.sun_family ? AF_UNIX : AF_INET, type | SOCK_CLOEXEC, 0);

    if (fd != -1 && !path.sun_family)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static int connect_it(int fd)
{
    if (path.sun_family)
        return connect(fd, (struct sockaddr *)&path, sizeof path);
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

int server_connect(int type)
{
    int flags = type & SOCK_NONBLOCK ? O_NONBLOCK : 0;
    int fd = open_socket(type & ~SOCK_NONBLOCK);

    if (fd == -1)
        return -1;
    if (connect_it(fd) == -1) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    fcntl(fd, F_SETFL, flags);
    return fd;
}

int server_begin_connect(unsigned number)
{
    int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK);

    if (fd == -1)
        fail("socket");
    if (!path.sun_family)
        choose_source(fd, number);
    if (connect_it(fd) == -1 && errno != EINPROGRESS)
        fail("connect");
    return fd;
}
