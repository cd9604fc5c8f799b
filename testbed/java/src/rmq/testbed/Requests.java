package rmq.testbed;

import io.netty.channel.ChannelHandlerContext;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;
import org.apache.rocketmq.remoting.netty.NettyRequestProcessor;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * Single requests, as bare commands: the Java client's own errors hide the response code in an exception text.
 *
 * <p>One connection per address, kept, so that a raw heartbeat and the requests after it come from the same channel.
 */
final class Requests {
    static final String USAGE = "raw ADDRESS CODE [x.FIELD=VALUE]... [body=TEXT] [timeout=5000] [oneway=true] [ak= sk=] "
        + "[tls=]: sends one command; answers `code N`, `remark TEXT`, `x.FIELD VALUE` lines and `body TEXT` to the end";

    private static final int[] FROM_BROKERS = {39, 40, 220, 221, 307, 309};

    private final Map<String, NettyRemotingClient> clients = new ConcurrentHashMap<>();
    private final List<String> incoming = new CopyOnWriteArrayList<>();
    private final ExecutorService executor = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "incoming");
        thread.setDaemon(true);
        return thread;
    });

    /** The client with the credentials and the transport that the words ask for. */
    private NettyRemotingClient client(Words words) {
        String traits = words.text("ak", "") + " " + words.text("sk", "") + " " + words.flag("tls", false);
        return clients.computeIfAbsent(traits, key -> {
            NettyClientConfig config = new NettyClientConfig();
            config.setUseTLS(words.flag("tls", false));
            NettyRemotingClient client = new NettyRemotingClient(config);
            for (int code : FROM_BROKERS) {
                client.registerProcessor(code, new Recorder(), executor);
            }
            RPCHook credentials = Credentials.of(words);
            if (credentials != null) {
                client.registerRPCHook(credentials);
            }
            client.start();
            return client;
        });
    }

    /** Notes what a broker asks and answers nothing. */
    private final class Recorder implements NettyRequestProcessor {
        @Override
        public RemotingCommand processRequest(ChannelHandlerContext context, RemotingCommand request) {
            incoming.add(System.currentTimeMillis() + " " + request.getCode() + " " + request.getExtFields()
                + " " + body(request));
            return null;
        }

        @Override
        public boolean rejectRequest() {
            return false;
        }
    }

    String raw(Words words) throws Exception {
        String address = words.at(1, "address");
        RemotingCommand request = request(words.intAt(2, "request code"), words.withPrefix("x."));
        if (words.has("body")) {
            request.setBody(words.need("body").getBytes(StandardCharsets.UTF_8));
        }
        if (words.flag("oneway", false)) {
            client(words).invokeOneway(address, request, words.number("timeout", 5000));
            return "";
        }
        RemotingCommand response = client(words).invokeSync(address, request, words.number("timeout", 5000));
        StringBuilder answer = new StringBuilder("code " + response.getCode() + "\nremark " + response.getRemark() + "\n");
        new TreeMap<>(fields(response)).forEach((name, value) ->
            answer.append("x.").append(name).append(' ').append(value).append('\n'));
        return answer.append("body ").append(body(response)).toString();
    }

    String incoming(Words words) {
        return String.join("\n", incoming);
    }

    String topic(Words words) throws Exception {
        Map<String, String> fields = new HashMap<>();
        fields.put("topic", words.at(2, "topic"));
        fields.put("defaultTopic", "TBW102");
        fields.put("readQueueNums", words.at(3, "queues"));
        fields.put("writeQueueNums", words.at(3, "queues"));
        fields.put("perm", words.text("perm", "6"));
        fields.put("topicFilterType", "SINGLE_TAG");
        fields.put("topicSysFlag", "0");
        fields.put("order", words.text("order", "false"));
        if (words.has("attributes")) {
            fields.put("attributes", words.need("attributes"));
        }
        call(words, 17, fields, null);
        if (words.has("ns")) {
            awaitRoute(words);
        }
        return "";
    }

    private void awaitRoute(Words words) throws Exception {
        String topic = words.at(2, "topic");
        long deadline = System.nanoTime() + 20_000_000_000L;
        RemotingCommand request = request(105, Map.of("topic", topic));
        while (client(words).invokeSync(words.need("ns"), request, 3000).getCode() != 0) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("the name server has no route of " + topic + " after 20 s");
            }
            Thread.sleep(50);
            request = request(105, Map.of("topic", topic));
        }
    }

    String group(Words words) throws Exception {
        String config = String.format("{\"groupName\":\"%s\",\"consumeEnable\":true,\"consumeFromMinEnable\":true,"
            + "\"consumeBroadcastEnable\":%s,\"retryQueueNums\":1,\"retryMaxTimes\":%d}", words.at(2, "group"),
            words.flag("broadcast", true), words.whole("retries", 16));
        call(words, 200, Map.of(), config);
        return "";
    }

    String max(Words words) throws Exception {
        return offset(words, 30);
    }

    String min(Words words) throws Exception {
        return offset(words, 31);
    }

    private String offset(Words words, int code) throws Exception {
        Map<String, String> fields = Map.of("topic", words.at(2, "topic"), "queueId", words.at(3, "queue"));
        return fields(call(words, code, fields, null)).get("offset");
    }

    String committed(Words words) throws Exception {
        Map<String, String> fields = Map.of("consumerGroup", words.at(2, "group"), "topic", words.at(3, "topic"),
            "queueId", words.at(4, "queue"), "setZeroIfNotFound", "false");
        RemotingCommand response = client(words).invokeSync(words.at(1, "broker"), request(14, fields), 5000);
        // 22 QUERY_NOT_FOUND: the group never committed here.
        return response.getCode() == 22 ? "none" : fields(checked(response)).get("offset");
    }

    String reset(Words words) throws Exception {
        Map<String, String> fields = Map.of("group", words.at(2, "group"), "topic", words.at(3, "topic"),
            "timestamp", words.at(4, "millis"), "isForce", "true", "queueId", "-1");
        return body(call(words, 222, fields, null));
    }

    private RemotingCommand call(Words words, int code, Map<String, String> fields, String body) throws Exception {
        RemotingCommand request = request(code, fields);
        if (body != null) {
            request.setBody(body.getBytes(StandardCharsets.UTF_8));
        }
        return checked(client(words).invokeSync(words.at(1, "broker address"), request, 5000));
    }

    private static RemotingCommand checked(RemotingCommand response) {
        if (response.getCode() != 0) {
            throw new IllegalStateException("code " + response.getCode() + ": " + response.getRemark());
        }
        return response;
    }

    private static RemotingCommand request(int code, Map<String, String> fields) {
        RemotingCommand request = RemotingCommand.createRequestCommand(code, null);
        request.setExtFields(new HashMap<>(fields));
        return request;
    }

    private static Map<String, String> fields(RemotingCommand command) {
        return command.getExtFields() == null ? Map.of() : command.getExtFields();
    }

    private static String body(RemotingCommand command) {
        return command.getBody() == null ? "" : new String(command.getBody(), StandardCharsets.UTF_8);
    }
}
