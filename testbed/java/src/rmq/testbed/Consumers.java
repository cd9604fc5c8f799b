package rmq.testbed;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** The Java push consumers of this process, by the id their test gave them. */
final class Consumers {
    static final String USAGE = "push ID ns= group= topic=A,B [tag=*|sql=EXPR] [fail=N failing deliveries] [sleep=MS] "
        + "[orderly=false] [model=clustering|broadcasting] [from=first|last] [max=RETRIES] [threads=N] [batch=1] "
        + "[strategy=avg|circle|hash|room|nearby] [rooms=A,B of strategy room] [ip= that opens the client id] [keep=100000] [pop=false] [trace=false] [ak= sk=] [tls=] [poll= heartbeat= persist=] [nsv1= nsv2=]: "
        + "starts a Java push consumer, answers its client id";

    private final Map<String, PushPeer> peers = new ConcurrentHashMap<>();

    String push(Words words) throws Exception {
        String id = words.at(1, "id");
        PushPeer peer = new PushPeer(words);
        if (peers.putIfAbsent(id, peer) != null) {
            throw new IllegalArgumentException("there is a consumer " + id + " already");
        }
        try {
            return peer.start();
        } catch (Exception e) {
            peers.remove(id);
            throw e;
        }
    }

    String queues(Words words) {
        return peer(words).queues().stream()
            .map(queue -> queue.getTopic() + " " + queue.getBrokerName() + " " + queue.getQueueId())
            .sorted()
            .collect(Collectors.joining("\n"));
    }

    String count(Words words) {
        return Long.toString(peer(words).count());
    }

    String received(Words words) {
        return lines(words, Delivery::summary);
    }

    String dump(Words words) {
        return lines(words, Delivery::details);
    }

    String stop(Words words) {
        PushPeer peer = peers.remove(words.at(1, "id"));
        if (peer != null) {
            peer.stop();
        }
        return "";
    }

    private String lines(Words words, java.util.function.Function<Delivery, String> line) {
        List<Delivery> deliveries = peer(words).deliveries();
        return deliveries.stream().skip(words.number("from", 0)).map(line).collect(Collectors.joining("\n"));
    }

    private PushPeer peer(Words words) {
        String id = words.at(1, "id");
        PushPeer peer = peers.get(id);
        if (peer == null) {
            throw new IllegalArgumentException("no consumer " + id + "; there are " + peers.keySet());
        }
        return peer;
    }
}
