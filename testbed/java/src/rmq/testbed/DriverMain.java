package rmq.testbed;

/**
 * A Java peer for tests: produces, consumes and administers on command, for any number of clusters at once.
 *
 * <p>Every client it makes has its own instance name; clients that share one would also share the name server of the first.
 */
public final class DriverMain {
    public static void main(String[] args) throws Exception {
        Admin.refuseExit();
        Producers producers = new Producers();
        Consumers consumers = new Consumers();
        Requests requests = new Requests();
        BroadcastPeers broadcasts = new BroadcastPeers();
        broadcasts.on(new LineServer())
            .on("send", Producers.USAGE, producers::send)
            .on("halt", "halt ID: ends a running `send id=ID` early", producers::halt)
            .on("push", Consumers.USAGE, consumers::push)
            .on("mqs", "mqs ID: the queues a Java consumer owns, `topic broker queue` a line", consumers::queues)
            .on("count", "count ID: deliveries so far", consumers::count)
            .on("received", "received ID [from=0]: deliveries, a line of tab-separated fields each", consumers::received)
            .on("dump", "dump ID: deliveries with system flag and sorted properties", consumers::dump)
            .on("stop", "stop ID: shuts a Java consumer down", consumers::stop)
            .on("raw", Requests.USAGE, requests::raw)
            .on("incoming", "incoming: requests brokers sent to the `raw` client", requests::incoming)
            .on("topic", "topic BROKER TOPIC QUEUES [ns=] [perm=6] [attributes=]: creates a topic", requests::topic)
            .on("group", "group BROKER GROUP [retries=16] [broadcast=true]: creates a consumer group", requests::group)
            .on("max", "max BROKER TOPIC QUEUE: offset after the last message", requests::max)
            .on("min", "min BROKER TOPIC QUEUE: offset of the first message", requests::min)
            .on("committed", "committed BROKER GROUP TOPIC QUEUE: committed offset, or none", requests::committed)
            .on("reset", "reset BROKER GROUP TOPIC MILLIS: resets a group by time (-1: to the end)", requests::reset)
            .on("admin", "admin COMMAND -n NS ... [ak= sk=]: mqadmin of 5.5.0, answers what it prints", Admin::run)
            .serve();
    }

    private DriverMain() {
    }
}
