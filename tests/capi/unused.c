/* Says what of a process a library may change; it calls none. */

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

/* Sockets, timers, event queues. */
static int is_of_a_runtime(int fd)
{
    char link[64], target[64] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, target, sizeof target - 1) > 0 &&
           (strncmp(target, "socket:", 7) == 0 || strncmp(target, "anon_inode:", 11) == 0);
}

/* Some of it may be inherited: the test compares it with what a program without the library prints. */
int main(void)
{
    struct sigaction action;
    sigset_t blocked;
    int number, loaded = 0;
    char line[512];
    FILE *maps;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (number = 1; number < 32; number++) {
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            printf("signal %d is %s\n", number, action.sa_handler == SIG_IGN ? "ignored" : "handled");
        if (sigismember(&blocked, number) == 1)
            printf("signal %d is blocked\n", number);
    }
    printf("%d threads\n", threads());
    for (number = 3; number < 64; number++)
        if (is_of_a_runtime(number))
            printf("file %d is of a runtime\n", number);
    maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        loaded |= strstr(line, "librmq.so") != NULL;
    printf(loaded ? "loaded\n" : "not loaded\n");
    return 0;
}
