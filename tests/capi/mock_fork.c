/* In a child process the parent's cluster and holds answer, and their destroys do nothing. */
#include "mock_check.h"

#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status = -1;
    rmq_mock_cluster *cluster = mock_cluster(1, 0);
    rmq_mock_hold *hold = rmq_mock_hold_new(cluster, RMQ_MOCK_HEART_BEAT, RMQ_MOCK_ANYWHERE, NULL, 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (rmq_mock_namesrv_down(cluster) != RMQ_MOCK_E_FORKED || rmq_mock_cluster_namesrv_addr(cluster) != NULL)
            _exit(1);
        if (rmq_mock_hold_wait(hold, 1, -1) != RMQ_MOCK_E_FORKED || rmq_mock_hold_release(hold) != RMQ_MOCK_E_FORKED)
            _exit(2);
        rmq_mock_hold_destroy(hold);
        rmq_mock_cluster_destroy(cluster);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(rmq_mock_cluster_namesrv_addr(cluster) != NULL);
    MOCK_WORKS(rmq_mock_namesrv_down(cluster));
    rmq_mock_hold_destroy(hold);
    rmq_mock_cluster_destroy(cluster);
    return 0;
}
