import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.compression.CompressorFactory;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageClientIDSetter;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageExtBrokerInner;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageVersion;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.apache.rocketmq.remoting.CommandCustomHeader;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.apache.rocketmq.remoting.protocol.body.CheckClientRequestBody;
import org.apache.rocketmq.remoting.protocol.body.LockBatchRequestBody;
import org.apache.rocketmq.remoting.protocol.body.LockBatchResponseBody;
import org.apache.rocketmq.remoting.protocol.body.ResetOffsetBody;
import org.apache.rocketmq.remoting.protocol.body.UnlockBatchRequestBody;
import org.apache.rocketmq.remoting.protocol.filter.FilterAPI;
import org.apache.rocketmq.remoting.protocol.header.*;
import org.apache.rocketmq.remoting.protocol.header.namesrv.GetRouteInfoRequestHeader;
import org.apache.rocketmq.remoting.protocol.heartbeat.ConsumeType;
import org.apache.rocketmq.remoting.protocol.heartbeat.ConsumerData;
import org.apache.rocketmq.remoting.protocol.heartbeat.HeartbeatData;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.heartbeat.ProducerData;
import org.apache.rocketmq.remoting.protocol.heartbeat.SubscriptionData;
import org.apache.rocketmq.remoting.protocol.route.BrokerData;
import org.apache.rocketmq.remoting.protocol.route.QueueData;
import org.apache.rocketmq.remoting.protocol.route.TopicRouteData;
import org.apache.rocketmq.store.MessageExtEncoder;
import org.apache.rocketmq.store.config.MessageStoreConfig;

/** Writes the golden vectors of tests/wire: `java -cp 'JARS/*' Vectors.java tests/wire`, with the jars of 5.5.0. */
public class Vectors {
    static PrintWriter out;

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        write(folder, "frames.txt", "RemotingCommand#encode of rocketmq-remoting 5.5.0; name = whole frame in hex", Vectors::frames);
        write(folder, "records.txt", "MessageDecoder#encode of rocketmq-common 5.5.0 and MessageExtEncoder of rocketmq-store 5.5.0;"
            + " name = record in hex, name.N = message N as MessageDecoder decodes it", Vectors::records);
        write(folder, "bodies.txt", "RemotingSerializable#encode of rocketmq-remoting 5.5.0 (fastjson2), names ending in .old:"
            + " fastjson 1.2.83, which 4.9 brokers write with; name = JSON", Vectors::bodies);
        write(folder, "subscriptions.txt", "FilterAPI#build of rocketmq-remoting 5.5.0; expression = JSON", Vectors::subscriptions);
        write(folder, "hashes.txt", "String#hashCode; text in hex = number", Vectors::hashes);
        write(folder, "ids.txt", "MessageDecoder#createMessageId and MessageClientIDSetter of rocketmq-common 5.5.0", Vectors::ids);
        System.exit(0);
    }

    interface Body {
        void run() throws Exception;
    }

    static void write(Path folder, String name, String comment, Body body) throws Exception {
        try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(folder.resolve(name)))) {
            out = file;
            file.println("# Made by tests/wire/java/Vectors.java: " + comment);
            body.run();
        }
    }

    static void line(String name, String value) {
        out.println(name + " = " + value);
    }

    static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    // --- frames ---------------------------------------------------------------------------------

    static void frame(String name, int code, CommandCustomHeader header, byte[] body) {
        for (SerializeType type : SerializeType.values()) {
            RemotingCommand command = RemotingCommand.createRequestCommand(code, header);
            command.setOpaque(77);
            command.setVersion(473);
            command.setLanguage(LanguageCode.RUST);
            command.setSerializeTypeCurrentRPC(type);
            command.setBody(body);
            ByteBuffer bytes = command.encode();
            byte[] all = new byte[bytes.remaining()];
            bytes.get(all);
            line(name + "." + type.name().toLowerCase(), hex(all));
        }
    }

    static void answer(String name, int code, String remark, CommandCustomHeader header) {
        for (SerializeType type : SerializeType.values()) {
            RemotingCommand command = RemotingCommand.createResponseCommand(code, remark);
            command.writeCustomHeader(header);
            command.setOpaque(77);
            command.setSerializeTypeCurrentRPC(type);
            ByteBuffer bytes = command.encode();
            byte[] all = new byte[bytes.remaining()];
            bytes.get(all);
            line(name + "." + type.name().toLowerCase(), hex(all));
        }
    }

    static void frames() {
        PullMessageRequestHeader pull = new PullMessageRequestHeader();
        pull.setConsumerGroup("G");
        pull.setTopic("T");
        pull.setQueueId(3);
        pull.setQueueOffset(1099511627776L);
        pull.setMaxMsgNums(32);
        pull.setSysFlag(6);
        pull.setCommitOffset(0L);
        pull.setSuspendTimeoutMillis(15000L);
        pull.setSubscription("a || ä");
        pull.setSubVersion(1700000000000L);
        pull.setExpressionType("TAG");
        pull.setMaxMsgBytes(262144);
        frame("pull", 11, pull, null);

        PullMessageResponseHeader pulled = new PullMessageResponseHeader();
        pulled.setSuggestWhichBrokerId(1L);
        pulled.setNextBeginOffset(8L);
        pulled.setMinOffset(0L);
        pulled.setMaxOffset(9L);
        pulled.setTopicSysFlag(0);
        pulled.setGroupSysFlag(0);
        answer("pulled", 0, "FOUND", pulled);
        pulled.setOffsetDelta(-5L);
        answer("moved", 21, "OFFSET_MOVED_EVENT, \"ä\"", pulled);

        QueryConsumerOffsetRequestHeader query = new QueryConsumerOffsetRequestHeader();
        query.setConsumerGroup("G");
        query.setTopic("%RETRY%G");
        query.setQueueId(0);
        query.setSetZeroIfNotFound(false);
        frame("query_consumer_offset", 14, query, null);

        UpdateConsumerOffsetRequestHeader update = new UpdateConsumerOffsetRequestHeader();
        update.setConsumerGroup("G");
        update.setTopic("T");
        update.setQueueId(2);
        update.setCommitOffset(12L);
        frame("update_consumer_offset", 15, update, null);

        SearchOffsetRequestHeader search = new SearchOffsetRequestHeader();
        search.setTopic("T");
        search.setQueueId(1);
        search.setTimestamp(1700000000000L);
        frame("search_offset", 29, search, null);

        GetMaxOffsetRequestHeader max = new GetMaxOffsetRequestHeader();
        max.setTopic("T");
        max.setQueueId(1);
        frame("get_max_offset", 30, max, null);

        GetMinOffsetRequestHeader min = new GetMinOffsetRequestHeader();
        min.setTopic("T");
        min.setQueueId(1);
        frame("get_min_offset", 31, min, null);

        frame("heartbeat", 34, null, heartbeat().encode());

        UnregisterClientRequestHeader unregister = new UnregisterClientRequestHeader();
        unregister.setClientID("10.0.0.1@7#8");
        unregister.setConsumerGroup("G");
        frame("unregister_client", 35, unregister, null);

        ConsumerSendMsgBackRequestHeader back = new ConsumerSendMsgBackRequestHeader();
        back.setOffset(123456789012L);
        back.setGroup("G");
        back.setDelayLevel(0);
        back.setOriginMsgId("7F00000100002A9F0000000000001234");
        back.setOriginTopic("T");
        back.setMaxReconsumeTimes(16);
        frame("consumer_send_message_back", 36, back, null);

        GetConsumerListByGroupRequestHeader list = new GetConsumerListByGroupRequestHeader();
        list.setConsumerGroup("G");
        frame("get_consumer_list", 38, list, null);

        NotifyConsumerIdsChangedRequestHeader notify = new NotifyConsumerIdsChangedRequestHeader();
        notify.setConsumerGroup("G");
        frame("notify_consumer_ids_changed", 40, notify, null);

        frame("lock_queues", 41, null, lock().encode());
        UnlockBatchRequestBody unlock = new UnlockBatchRequestBody();
        unlock.setClientId("10.0.0.1@7#8");
        unlock.setConsumerGroup("G");
        unlock.setMqSet(Set.of(new MessageQueue("T", "broker-a", 1)));
        frame("unlock_queues", 42, null, unlock.encode());

        CheckClientRequestBody check = new CheckClientRequestBody();
        check.setClientId("10.0.0.1@7#8");
        check.setGroup("G");
        check.setSubscriptionData(subscription("T", "a > 1 AND b = 'ä'", "SQL92"));
        frame("check_client_config", 46, null, check.encode());

        GetRouteInfoRequestHeader route = new GetRouteInfoRequestHeader();
        route.setTopic("T");
        route.setAcceptStandardJsonOnly(true);
        frame("get_route_info", 105, route, null);

        SendMessageRequestHeader send = new SendMessageRequestHeader();
        send.setProducerGroup("CLIENT_INNER_PRODUCER");
        send.setTopic("%RETRY%G");
        send.setDefaultTopic("TBW102");
        send.setDefaultTopicQueueNums(4);
        send.setQueueId(0);
        send.setSysFlag(0);
        send.setBornTimestamp(1700000000000L);
        send.setFlag(0);
        send.setProperties("DELAY\u00013\u0002KEYS\u0001ä\u0002");
        send.setReconsumeTimes(1);
        send.setUnitMode(false);
        send.setMaxReconsumeTimes(16);
        send.setBatch(false);
        send.setBrokerName("broker-a");
        frame("send_message", 310, SendMessageRequestHeaderV2.createSendMessageRequestHeaderV2(send), "body".getBytes());

        SendMessageResponseHeader sent = new SendMessageResponseHeader();
        sent.setMsgId("7F00000100002A9F0000000000001234");
        sent.setQueueId(0);
        sent.setQueueOffset(3L);
        answer("sent", 0, null, sent);
    }

    // --- records --------------------------------------------------------------------------------

    static <M extends MessageExt> M fill(M message) {
        message.setTopic("T");
        message.setBody("body".getBytes());
        message.setBodyCRC(UtilAll.crc32("body".getBytes()));
        message.setQueueId(3);
        message.setFlag(7);
        message.setQueueOffset(1099511627776L);
        message.setCommitLogOffset(123456789012L);
        message.setBornTimestamp(1700000000001L);
        message.setBornHost(new InetSocketAddress("10.1.2.3", 55555));
        message.setStoreTimestamp(1700000000002L);
        message.setStoreHost(new InetSocketAddress("127.0.0.1", 10911));
        message.setReconsumeTimes(2);
        message.setPreparedTransactionOffset(9);
        message.setTags("TagA");
        message.setKeys("k1 k2");
        message.putUserProperty("text", "ä中😀");
        MessageAccessor.putProperty(message, "UNIQ_KEY", "0A0102031F4018B4AAC2001122330007");
        return message;
    }

    static void record(String name, byte[] bytes) throws Exception {
        line(name, hex(bytes));
        List<MessageExt> decoded = new ArrayList<>();
        for (MessageExt message : MessageDecoder.decodesBatch(ByteBuffer.wrap(bytes), true, true, true)) {
            int both = MessageSysFlag.INNER_BATCH_FLAG | MessageSysFlag.NEED_UNWRAP_FLAG;
            if ((message.getSysFlag() & both) == both) {
                MessageDecoder.decodeMessage(message, decoded);
            } else {
                decoded.add(message);
            }
        }
        for (int i = 0; i < decoded.size(); i++) {
            line(name + "." + i, describe(decoded.get(i)));
        }
    }

    static String describe(MessageExt m) {
        StringBuilder properties = new StringBuilder();
        new TreeMap<>(m.getProperties() == null ? Map.of() : m.getProperties()).forEach((k, v) -> properties.append(k).append('=').append(v).append(';'));
        InetSocketAddress born = (InetSocketAddress) m.getBornHost();
        InetSocketAddress store = (InetSocketAddress) m.getStoreHost();
        return String.join("|", m.getTopic(), "" + m.getQueueId(), "" + m.getQueueOffset(), "" + m.getCommitLogOffset(),
            "" + m.getSysFlag(), "" + m.getFlag(), "" + m.getBornTimestamp(), host(born), "" + m.getStoreTimestamp(), host(store),
            m.getMsgId(), m.getTags(), m.getKeys(), hex(m.getBody()), properties);
    }

    static String host(InetSocketAddress host) {
        return hex(host.getAddress().getAddress()) + ":" + host.getPort();
    }

    static byte[] stored(MessageExtBrokerInner message) {
        message.setPropertiesString(MessageDecoder.messageProperties2String(message.getProperties()));
        MessageExtEncoder encoder = new MessageExtEncoder(new MessageStoreConfig());
        encoder.encode(message);
        byte[] bytes = new byte[encoder.getEncoderBuffer().getInt(0)];
        encoder.getEncoderBuffer().get(0, bytes);
        return bytes;
    }

    static void records() throws Exception {
        byte[] v1 = MessageDecoder.encode(fill(new MessageExt()), false);
        record("v1", v1);

        MessageExt v6 = fill(new MessageExt());
        v6.setBornHostV6Flag();
        v6.setBornHost(new InetSocketAddress("2001:db8::1", 55555));
        v6.setStoreHostAddressV6Flag();
        v6.setStoreHost(new InetSocketAddress("::1", 10911));
        record("v6", MessageDecoder.encode(v6, false));

        MessageExt plain = new MessageExt();
        fill(plain);
        MessageAccessor.setProperties(plain, new HashMap<>());
        record("without_properties", MessageDecoder.encode(plain, false));

        MessageExtBrokerInner v2 = fill(new MessageExtBrokerInner());
        v2.setTopic("t".repeat(200));
        v2.setVersion(MessageVersion.MESSAGE_VERSION_V2);
        record("v2", stored(v2));

        byte[] text = "to be, or not to be ".repeat(60).getBytes();
        for (CompressionType type : CompressionType.values()) {
            MessageExt message = fill(new MessageExt());
            message.setBody(text);
            message.setSysFlag(MessageSysFlag.COMPRESSED_FLAG | type.getCompressionFlag());
            record("compressed." + type.name().toLowerCase(), MessageDecoder.encode(message, true));
        }
        MessageExt legacy = fill(new MessageExt());
        legacy.setBody(CompressorFactory.getCompressor(CompressionType.ZLIB).compress(text, 5));
        legacy.setSysFlag(MessageSysFlag.COMPRESSED_FLAG);
        record("compressed.legacy", MessageDecoder.encode(legacy, false));

        List<Message> children = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Message child = new Message("T", "Tag" + i, "key" + i, ("child " + i).getBytes());
            child.setFlag(40 + i);
            children.add(child);
        }
        MessageExt batch = fill(new MessageExt());
        batch.setBody(MessageDecoder.encodeMessages(children));
        batch.setSysFlag(MessageSysFlag.INNER_BATCH_FLAG | MessageSysFlag.NEED_UNWRAP_FLAG);
        record("inner_batch", MessageDecoder.encode(batch, false));

        ByteBuffer two = ByteBuffer.allocate(2 * v1.length);
        two.put(v1).put(v1);
        record("two", two.array());
    }

    // --- bodies ---------------------------------------------------------------------------------

    static SubscriptionData subscription(String topic, String expression, String type) {
        try {
            SubscriptionData data = FilterAPI.build(topic, expression, type);
            data.setSubVersion(1700000000000L);
            return data;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static HeartbeatData heartbeat() {
        HeartbeatData data = new HeartbeatData();
        data.setClientID("10.0.0.1@7#8");
        ProducerData producer = new ProducerData();
        producer.setGroupName("CLIENT_INNER_PRODUCER");
        data.getProducerDataSet().add(producer);
        ConsumerData consumer = new ConsumerData();
        consumer.setGroupName("G");
        consumer.setConsumeType(ConsumeType.CONSUME_PASSIVELY);
        consumer.setMessageModel(MessageModel.CLUSTERING);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
        consumer.getSubscriptionDataSet().add(subscription("T", "TagA", "TAG"));
        data.getConsumerDataSet().add(consumer);
        return data;
    }

    static LockBatchRequestBody lock() {
        LockBatchRequestBody lock = new LockBatchRequestBody();
        lock.setClientId("10.0.0.1@7#8");
        lock.setConsumerGroup("G");
        lock.setMqSet(Set.of(new MessageQueue("T", "broker-a", 1)));
        return lock;
    }

    static void body(String name, Object body) {
        line(name, text(RemotingSerializable.encode(body)));
        line(name + ".old", com.alibaba.fastjson.JSON.toJSONString(body));
    }

    static void bodies() throws Exception {
        body("heartbeat", heartbeat());
        body("lock", lock());
        LockBatchResponseBody locked = new LockBatchResponseBody();
        locked.setLockOKMQSet(Set.of(new MessageQueue("T", "broker-a", 1)));
        body("locked", locked);
        GetConsumerListByGroupResponseBody members = new GetConsumerListByGroupResponseBody();
        members.setConsumerIdList(List.of("10.0.0.1@7#8", "ä"));
        body("members", members);

        TopicRouteData route = new TopicRouteData();
        route.setOrderTopicConf("broker-a:8");
        BrokerData broker = new BrokerData();
        broker.setCluster("Clüster");
        broker.setBrokerName("broker-a");
        broker.setBrokerAddrs(new HashMap<>(Map.of(0L, "127.0.0.1:10911", 1L, "127.0.0.1:10921")));
        broker.setEnableActingMaster(true);
        route.setBrokerDatas(List.of(broker));
        QueueData queue = new QueueData();
        queue.setBrokerName("broker-a");
        queue.setReadQueueNums(8);
        queue.setWriteQueueNums(4);
        queue.setPerm(6);
        route.setQueueDatas(List.of(queue));
        body("route", route);
        // As ClientRequestProcessor of rocketmq-namesrv 5.5.0 answers clients of 4.9.4 and later.
        line("route.standard", text(route.encode(com.alibaba.fastjson2.JSONWriter.Feature.BrowserCompatible,
            com.alibaba.fastjson2.JSONWriter.Feature.MapSortField)));

        ResetOffsetBody reset = new ResetOffsetBody();
        Map<MessageQueue, Long> offsets = new LinkedHashMap<>();
        offsets.put(new MessageQueue("T", "broker-a", 1), 200L);
        reset.setOffsetTable(offsets);
        body("offsets", reset);
        Map<String, Object> odd = new LinkedHashMap<>();
        odd.put("text", "\"\\/\b\f\n\r\t\u000b\u0001\u007f\u2028äü😀'<>");
        odd.put("numbers", List.of(-1, Long.MAX_VALUE, 1.5, 1e300, true));
        body("odd", odd);
        line("odd.standard", com.alibaba.fastjson2.JSON.toJSONString(odd, com.alibaba.fastjson2.JSONWriter.Feature.BrowserCompatible));
    }

    static void subscriptions() {
        for (String expression : new String[] {"*", "", "TagA", "TagA||TagB", " TagA || TagB || ", "TagA||TagA", "Ä || 中 || 😀"}) {
            line(expression, RemotingSerializable.toJson(subscription("T", expression, "TAG"), false));
        }
        line("sql", RemotingSerializable.toJson(subscription("T", "a > 1 AND b = 'x'", "SQL92"), false));
    }

    static void hashes() {
        for (String text : new String[] {"", "a", "TagA", "polygenelubricants", "ä", "中文", "😀", "a😀b", "x".repeat(100), "\u0000"}) {
            line(hex(text.getBytes(StandardCharsets.UTF_8)), "" + text.hashCode());
        }
    }

    static void ids() {
        for (InetSocketAddress host : new InetSocketAddress[] {
            new InetSocketAddress("127.0.0.1", 10911), new InetSocketAddress("2001:db8::1", 65535)}) {
            for (long offset : new long[] {0, 123456789012L, Long.MAX_VALUE}) {
                String address = host.getAddress().getAddress().length == 4 ? host.getAddress().getHostAddress() + ":" + host.getPort()
                    : "[" + host.getAddress().getHostAddress() + "]:" + host.getPort();
                line("offset " + address + " " + offset, MessageDecoder.createMessageId(host, offset));
            }
        }
        for (String unique : new String[] {
            "0A0102031F4018B4AAC2001122330007", "20010DB80000000000000000000000011F4018B4AAC2001122330007"}) {
            line("unique " + MessageClientIDSetter.getIPStrFromID(unique) + " " + MessageClientIDSetter.getPidFromID(unique), unique);
        }
    }
}
