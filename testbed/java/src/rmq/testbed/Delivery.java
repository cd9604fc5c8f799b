package rmq.testbed;

import java.nio.charset.StandardCharsets;
import java.util.TreeMap;
import org.apache.rocketmq.common.message.MessageExt;

/** One message as it reached a Java listener. */
final class Delivery {
    private static final int SHOWN_BODY_BYTES = 256;
    private final long at = System.currentTimeMillis();
    private final MessageExt message;
    /** The count at delivery: the client changes it in the message when it retries locally. */
    private final int reconsumeTimes;

    Delivery(MessageExt message) {
        this.message = message;
        this.reconsumeTimes = message.getReconsumeTimes();
    }

    /** millis, topic, broker, queue, offset, reconsume times, message id, keys, tag, body length, first bytes of the body. */
    String summary() {
        return String.join("\t", Long.toString(at), message.getTopic(), message.getBrokerName(),
            Integer.toString(message.getQueueId()), Long.toString(message.getQueueOffset()),
            Integer.toString(reconsumeTimes), message.getMsgId(), text(message.getKeys()), text(message.getTags()),
            Integer.toString(message.getBody().length), shown(message.getBody()));
    }

    /** The summary's identity, then what tests of properties need: flags, times, ids and every property, sorted. */
    String details() {
        StringBuilder line = new StringBuilder(String.join("\t", message.getTopic(), message.getBrokerName(),
            "queue=" + message.getQueueId(), "offset=" + message.getQueueOffset(),
            "sysFlag=0x" + Integer.toHexString(message.getSysFlag()), "flag=" + message.getFlag(),
            "reconsume=" + reconsumeTimes, "born=" + message.getBornTimestamp(), "stored=" + message.getStoreTimestamp(),
            "msgId=" + message.getMsgId(), "bodyCrc=" + message.getBodyCRC()));
        new TreeMap<>(message.getProperties()).forEach((name, value) ->
            line.append('\t').append(escape(name)).append('=').append(escape(value)));
        return line.toString();
    }

    private static String text(String value) {
        return value == null ? "" : escape(value);
    }

    private static String shown(byte[] body) {
        return escape(new String(body, 0, Math.min(body.length, SHOWN_BODY_BYTES), StandardCharsets.UTF_8));
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r");
    }
}
