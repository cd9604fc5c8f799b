/* Links the library and never calls it: nothing of the process changes. */
#include <rmq.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (readdir(tasks) != NULL)
        count++;
    closedir(tasks);
    return count - 2;
}

/* Sockets, timers, event queues; a program may inherit files and pipes. */
static int is_of_a_runtime(int fd)
{
    char link[64], target[64] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, target, sizeof target - 1) > 0 &&
           (strncmp(target, "socket:", 7) == 0 || strncmp(target, "anon_inode:", 11) == 0);
}

int main(void)
{
    struct sigaction action;
    sigset_t blocked;
    int number;
    char line[512];
    int loaded = 0;
    FILE *maps;
    for (number = 1; number < 32; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
            printf("signal %d has a handler\n", number);
            return 1;
        }
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (number = 1; number < 32; number++)
        if (sigismember(&blocked, number) == 1) {
            printf("signal %d is blocked\n", number);
            return 1;
        }
    if (threads() != 1) {
        printf("%d threads\n", threads());
        return 1;
    }
    for (number = 3; number < 64; number++)
        if (is_of_a_runtime(number)) {
            printf("file %d is of a runtime\n", number);
            return 1;
        }
    maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        loaded |= strstr(line, "librmq.so") != NULL;
    printf(loaded ? "loaded\n" : "not loaded\n");
    return !loaded;
}
