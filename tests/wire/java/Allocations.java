import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMachineRoomNearby;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByMachineRoom;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Writes tests/wire/allocations.txt: `java -cp 'JARS/*' Allocations.java tests/wire/allocations.txt`, with the jars of
 * 5.5.0; those of 4.9.7 give the same.
 */
public class Allocations {
    static PrintWriter out;

    public static void main(String[] args) throws Exception {
        try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(Path.of(args[0])))) {
            out = file;
            file.println("# Made by tests/wire/java/Allocations.java with the strategies of rocketmq-client 5.5.0:"
                + " strategy|topic|broker:queues,...|members = owner of each queue in order, by its place, - for nobody");
            write();
        }
        System.exit(0);
    }

    static void write() {
        Random random = new Random(42);
        for (int round = 0; round < 40; round++) {
            boolean rooms = round % 2 == 1;
            TreeMap<String, Integer> brokers = new TreeMap<>();
            for (int i = random.nextInt(4); i >= 0; i--) {
                String name = "broker-" + (char) ('a' + random.nextInt(4));
                brokers.put("r" + (1 + random.nextInt(4)) + "@" + name, 1 + random.nextInt(8));
                if (!rooms) {
                    brokers.put(name, 1 + random.nextInt(8));
                }
            }
            TreeSet<String> members = new TreeSet<>();
            for (int i = random.nextInt(round % 5 == 0 ? 20 : 6); i >= 0; i--) {
                String where = rooms ? "r" + (1 + random.nextInt(5)) : "10.0.0." + random.nextInt(200);
                members.add(where + "@" + random.nextInt(99999) + "#" + random.nextInt());
            }
            String topic = round % 4 == 0 ? "%RETRY%group-" + round : "Topic" + round;
            List<MessageQueue> queues = new ArrayList<>();
            brokers.forEach((broker, count) -> {
                for (int id = 0; id < count; id++) {
                    queues.add(new MessageQueue(topic, broker, id));
                }
            });
            Collections.sort(queues);
            String rest = topic + "|" + brokers.entrySet().stream().map(e -> e.getKey() + ":" + e.getValue()).collect(Collectors.joining(","))
                + "|" + String.join(",", members);
            List<String> ids = new ArrayList<>(members);
            for (AllocateMessageQueueStrategy strategy : Arrays.asList(new AllocateMessageQueueAveragely(),
                new AllocateMessageQueueAveragelyByCircle(), new AllocateMessageQueueConsistentHash())) {
                line(strategy.getName() + "|" + rest, strategy, queues, ids);
                AllocateMachineRoomNearby nearby = new AllocateMachineRoomNearby(strategy, new Resolver());
                if (rooms) {
                    line(nearby.getName() + "|" + rest, nearby, queues, ids);
                    line(nearby.getName() + "|" + rest.replace("Topic", "Mixed"), nearby, rename(queues, "Mixed" + round), ids);
                }
            }
            for (String list : Arrays.asList("r1", "r1 r3")) {
                AllocateMessageQueueByMachineRoom room = new AllocateMessageQueueByMachineRoom();
                room.setConsumeridcs(Set.of(list.split(" ")));
                line(room.getName() + " " + list + "|" + rest, room, queues, ids);
            }
        }
    }

    static List<MessageQueue> rename(List<MessageQueue> queues, String topic) {
        List<MessageQueue> renamed = new ArrayList<>();
        queues.forEach(queue -> renamed.add(new MessageQueue(topic, queue.getBrokerName(), queue.getQueueId())));
        return renamed;
    }

    static void line(String name, AllocateMessageQueueStrategy strategy, List<MessageQueue> queues, List<String> members) {
        String[] owners = new String[queues.size()];
        Arrays.fill(owners, "-");
        for (int i = 0; i < members.size(); i++) {
            for (MessageQueue queue : strategy.allocate("group", members.get(i), queues, members)) {
                owners[queues.indexOf(queue)] = Integer.toString(i);
            }
        }
        out.println(name + " = " + String.join(",", owners));
    }

    /** The room is what stands before the first at sign. */
    static class Resolver implements AllocateMachineRoomNearby.MachineRoomResolver {
        @Override
        public String brokerDeployIn(MessageQueue queue) {
            return queue.getBrokerName().split("@")[0];
        }

        @Override
        public String consumerDeployIn(String clientId) {
            return clientId.split("@")[0];
        }
    }
}
