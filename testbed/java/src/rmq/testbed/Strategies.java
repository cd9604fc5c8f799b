package rmq.testbed;

import java.util.Set;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMachineRoomNearby;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByMachineRoom;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.common.message.MessageQueue;

/** Java's ways of dividing queues, by the names of the option {@code strategy}. */
final class Strategies {
    static AllocateMessageQueueStrategy of(Words words) {
        String name = words.text("strategy", "avg");
        switch (name) {
            case "avg": return new AllocateMessageQueueAveragely();
            case "circle": return new AllocateMessageQueueAveragelyByCircle();
            case "hash": return new AllocateMessageQueueConsistentHash();
            case "room":
                AllocateMessageQueueByMachineRoom room = new AllocateMessageQueueByMachineRoom();
                room.setConsumeridcs(Set.of(words.need("rooms").split(",")));
                return room;
            case "nearby": return new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), new BeforeTheAt());
            default: throw new IllegalArgumentException("unknown strategy " + name);
        }
    }

    /** The room of a broker and of a consumer is what stands before the first at sign of its name. */
    private static final class BeforeTheAt implements AllocateMachineRoomNearby.MachineRoomResolver {
        @Override
        public String brokerDeployIn(MessageQueue queue) {
            return queue.getBrokerName().split("@")[0];
        }

        @Override
        public String consumerDeployIn(String clientId) {
            return clientId.split("@")[0];
        }
    }

    private Strategies() {
    }
}
