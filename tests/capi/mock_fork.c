/* In a child process the parent's cluster answers, and its destroy does nothing. */
#include "mock_check.h"

#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status = -1;
    rmq_mock_cluster *cluster = mock_cluster(1, 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (rmq_mock_namesrv_down(cluster) != RMQ_MOCK_E_FORKED || rmq_mock_cluster_namesrv_addr(cluster) != NULL)
            _exit(1);
        rmq_mock_cluster_destroy(cluster);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(rmq_mock_cluster_namesrv_addr(cluster) != NULL);
    MOCK_WORKS(rmq_mock_namesrv_down(cluster));
    rmq_mock_cluster_destroy(cluster);
    return 0;
}
