package rmq.testbed;

/** The admin half of the driver and broadcasting consumers, for the jars of 4.9.7. */
public final class AdminMain {
    public static void main(String[] args) throws Exception {
        Admin.refuseExit();
        new BroadcastPeers().on(new LineServer()).on("admin", "admin COMMAND -n NS ... [ak= sk=]: mqadmin, answers what it prints", Admin::run).serve();
    }

    private AdminMain() {
    }
}
