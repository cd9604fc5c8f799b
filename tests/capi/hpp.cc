// rmq.hpp without a broker: errors, configuration, handles that move, userdata, states.
#include "check.hpp"

#include <memory>
#include <sstream>
#include <type_traits>
#include <utility>
#include <vector>

// Handles move and are not copied; what is lent is copied like a pointer.
template <class T> constexpr bool moves_only()
{
    return std::is_nothrow_move_constructible<T>::value && std::is_nothrow_move_assignable<T>::value &&
           !std::is_copy_constructible<T>::value && !std::is_copy_assignable<T>::value;
}
static_assert(moves_only<rmq::Config>() && moves_only<rmq::Consumer>() && moves_only<rmq::Batch>() &&
                  moves_only<rmq::Message>() && moves_only<rmq::Event>(),
              "owning handles can be moved and not copied");
static_assert(std::is_copy_constructible<rmq::ConsumerRef>::value && std::is_copy_constructible<rmq::BatchRef>::value &&
                  std::is_copy_constructible<rmq::MessageRef>::value && std::is_copy_constructible<rmq::EventRef>::value,
              "lent handles can be copied");
static_assert(std::is_base_of<std::runtime_error, rmq::Error>::value, "errors are exceptions of the standard library");

static rmq::Config minimal()
{
    rmq::Config config;
    config.set_group("G").set_namesrv_addr("127.0.0.1:1;127.0.0.1:2");
    return config;
}

static void library()
{
    rmq::check_version();
    CHECK(rmq::version_number() == RMQ_VERSION_NUMBER && rmq::abi_version() == 0);
    CHECK(std::string(rmq::build_info_json()).find(rmq::version()) != std::string::npos);
    CHECK(std::string(rmq::codes_json()).find("RMQ_E_STATE") != std::string::npos);
    CHECK(std::string(rmq::config_properties_json()).find("consumer.group") != std::string::npos);
    CHECK(rmq::is_tag_type("tag") && rmq::is_tag_type("") && !rmq::is_tag_type("SQL92"));
    CHECK(rmq::dead_letter_topic("billing") == "%DLQ%billing");
    throws(RMQ_E_INVALID_ARG, "group", [] { rmq::dead_letter_topic("not a name"); });
}

static void errors()
{
    const rmq::Error error(RMQ_E_CONNECT, "");
    CHECK(error.code() == RMQ_E_CONNECT && std::string(error.name()) == "RMQ_E_CONNECT");
    CHECK(error.is_retriable() && !error.is_fatal() && error.remark().empty());
    CHECK(std::string(error.what()) == rmq_code_string(RMQ_E_CONNECT));
    CHECK(rmq::Error(RMQ_E_PANIC, "x").is_fatal());
    CHECK(rmq::Error(23, "x", "said the broker").remark() == "said the broker");
}

static void configuration()
{
    rmq::Config config = minimal();
    config.set_instance_name("one")
        .set_message_model(RMQ_MESSAGE_MODEL_CLUSTERING)
        .set_consume_threads(3)
        .set_batch_size(7)
        .set_max_reconsume_times(2)
        .set_credentials("", "")
        .set("consume.from", "first_offset")
        .load_json("{\"consume.timeout.ms\": 60000}");
    CHECK(config.get("consumer.group") == "G" && config.get("consume.thread.max") == "3");
    CHECK(config.get("consume.batch.size") == "7" && config.get("reconsume.max") == "2");
    CHECK(config.get("consume.timeout.ms") == "60000" && config.get("instance.name") == "one");
    CHECK(config.dump_json().find("\"first_offset\"") != std::string::npos);
    throws(RMQ_E_CONFIG_KEY, "consumer.group", [&] { config.set("consumer.grup", "x"); });
    throws(RMQ_E_CONFIG_VALUE, "consume.batch.size", [&] { config.set_batch_size(0); });
    throws(RMQ_E_CONFIG_VALUE, "", [&] { config.load_json("[]"); });
    throws(RMQ_E_UNSUPPORTED, "", [&] { config.set_credentials("a", "b", "c"); });
    throws(RMQ_E_CONFIG_KEY, "", [&] { config.get("nothing"); });
    // A NUL would end the text before its end.
    throws(RMQ_E_INVALID_ARG, "value has a NUL in it", [&] { config.set("consumer.group", std::string("a\0b", 3)); });

    rmq::Config copy = config.clone();
    copy.set_group("H");
    CHECK(config.get("consumer.group") == "G" && copy.get("consumer.group") == "H");
    copy = std::move(config);
    CHECK(config.get() == nullptr && copy.get("consumer.group") == "G");
    rmq::Config adopted(copy.release());
    CHECK(adopted.get("consumer.group") == "G");
    throws(RMQ_E_CONFIG_MISSING, "consumer.group", [] { rmq::Consumer consumer((rmq::Config())); });
    // Longer than any first guess of a buffer.
    std::string many = "127.0.0.1:1";
    for (int i = 0; i < 200; i++)
        many += ";127.0.0.1:" + std::to_string(1000 + i);
    CHECK(adopted.set_namesrv_addr(many).get("namesrv.addr") == many);
}

static void callbacks_live_as_long_as_they_are_needed()
{
    auto count = std::make_shared<int>(0);
    const auto consume = [count](rmq::BatchRef, rmq::Context &) { return rmq::Outcome::success; };
    rmq::Consumer consumer(minimal());
    {
        consumer.set_message_callback(consume);
        consumer.set_event_callback(RMQ_EVENT_EVERY, [count](rmq::ConsumerRef, rmq::EventRef) {});
        CHECK(count.use_count() == 4);
        consumer.set_message_callback(consume);
        CHECK(count.use_count() == 4);
        consumer.set_message_callback(nullptr);
        consumer.set_event_callback(RMQ_EVENT_EVERY, nullptr);
        CHECK(count.use_count() == 2);
        // What is refused is not kept.
        throws(RMQ_E_CONFIG_VALUE, "allocate.strategy", [&] {
            consumer.set_allocate_callback(
                [count](rmq::ConsumerRef, const rmq::Allocation &) { return rmq::Choice::average(); });
        });
        CHECK(count.use_count() == 2);
        consumer.set_message_callback(consume);
    }
    consumer.destroy();
    CHECK(count.use_count() == 2 && !consumer);
    consumer.destroy();

    rmq::Config config = minimal();
    config.set_log_callback([count](std::int32_t, rmq::string_view, rmq::string_view) {});
    rmq::Config copy = config.clone();
    rmq::Consumer logging(copy);
    config = rmq::Config();
    copy = rmq::Config();
    CHECK(count.use_count() == 3);
    logging = rmq::Consumer();
    CHECK(count.use_count() == 2);
}

static void states()
{
    rmq::Consumer consumer(minimal());
    CHECK(consumer && consumer.state() == RMQ_STATE_CREATED && !consumer.is_started());
    CHECK(consumer.client_id().find('@') != std::string::npos);
    consumer.subscribe("A");
    consumer.subscribe("B", "new || paid");
    consumer.subscribe_selector("C", "SQL92", "price > 10");
    consumer.subscribe_pattern("^D.*");
    consumer.filter_regex("A", "tag", "^x");
    CHECK(consumer.subscriptions_json().find("\"price > 10\"") != std::string::npos);
    consumer.unsubscribe("B");
    consumer.unsubscribe_pattern("^D.*");
    CHECK(consumer.subscriptions_json().find("\"B\"") == std::string::npos);
    CHECK(consumer.last_error().empty() && !consumer.assignment_json().empty() && !consumer.stats_json().empty());
    throws(RMQ_E_INVALID_ARG, "topic has a NUL in it", [&] { consumer.subscribe(std::string("A\0", 2)); });
    throws(RMQ_E_FILTER, "", [&] { consumer.subscribe("A", "a ||"); });
    throws(RMQ_E_STATE, "", [&] { consumer.assign("[]"); });
    throws(RMQ_E_STATE, "", [&] { consumer.route_json("A"); });
    consumer.set_namesrv_addr("127.0.0.1:3");
    consumer.set_thread_max(3);
    consumer.set_rate_limit("", 1000);
    consumer.set_rate_limit("A", 10);
    throws(RMQ_E_INVALID_ARG, "", [&] { consumer.set_rate_limit("A", -1); });
    consumer.pause();
    consumer.resume("A", "broker-a", 0);

    const rmq::Queue queue = {"A", "broker-a", 0};
    std::int64_t offset = 0;
    throws(RMQ_E_STATE, "", [&] { consumer.commit(); });
    throws(RMQ_E_STATE, "", [&] { consumer.commit(queue); });
    throws(RMQ_E_STATE, "", [&] { consumer.committed(queue, offset); });
    throws(RMQ_E_STATE, "", [&] { consumer.position(queue); });
    throws(RMQ_E_STATE, "", [&] { consumer.watermarks(queue); });
    throws(RMQ_E_STATE, "", [&] { consumer.seek(queue, 1); });
    throws(RMQ_E_STATE, "", [&] { consumer.seek_begin(queue); });
    throws(RMQ_E_STATE, "", [&] { consumer.seek_end(queue); });
    throws(RMQ_E_STATE, "", [&] { consumer.seek_timestamp(queue, 1); });
    rmq::Batch batch;
    rmq::Event event;
    throws(RMQ_E_STATE, "", [&] { consumer.poll(batch, 1, std::chrono::milliseconds(0)); });
    throws(RMQ_E_STATE, "", [&] { consumer.wakeup(); });
    CHECK(consumer.poll_event(event, std::chrono::milliseconds(1)) == RMQ_E_TIMEOUT && !event);

    rmq::Consumer moved(std::move(consumer));
    CHECK(!consumer && moved);
    throws(RMQ_E_INVALID_ARG, "consumer", [&] { consumer.start(); });
    rmq::Consumer adopted(moved.release());
    moved = std::move(adopted);
    throws(RMQ_E_INVALID_ARG, "timeout_ms is -7", [&] { moved.shutdown(std::chrono::milliseconds(-7)); });
    CHECK(moved.shutdown() && moved.shutdown(std::chrono::hours(100000)));
    CHECK(moved.state() == RMQ_STATE_STOPPED && moved.poll_event(event) == RMQ_E_CLOSED);
    throws(RMQ_E_STATE, "", [&] { moved.start(); });
}

static void what_is_empty_answers_as_null_does()
{
    const rmq::MessageRef message;
    CHECK(!message && message.topic().data() == nullptr && message.body().empty() && message.queue_id() == -1);
    throws(RMQ_E_INVALID_ARG, "", [&] { message.retain(); });
    throws(RMQ_E_INVALID_ARG, "", [&] { message.property_at(0); });
    const rmq::BatchRef batch;
    CHECK(!batch && batch.empty() && batch.begin() == batch.end() && batch.queue_id() == -1);
    throws(RMQ_E_INVALID_ARG, "index is 3: the batch has 0 messages", [&] { batch.at(3); });
    throws(RMQ_E_INVALID_ARG, "", [&] { batch.retain(); });
    throws(RMQ_E_INVALID_ARG, "", [&] { batch.views(); });
    const rmq::Batch owned;
    throws(RMQ_E_INVALID_ARG, "", [&] { owned.ack(); });
    CHECK(owned.unsettled() == 0 && rmq::Event().text().data() == nullptr);
    CHECK(rmq::Consumer().last_exception().empty() && rmq::Consumer().exceptions() == 0);
}

static void texts()
{
    const rmq::string_view none, empty("", 0), text("paid", 4);
    CHECK(none.data() == nullptr && empty.data() != nullptr && none == empty);
    CHECK(text == "paid" && text != "new" && text == std::string("paid") && std::string(text) == "paid");
    std::string copy;
    for (char c : text)
        copy += c;
    std::ostringstream out;
    out << text << text[0];
    CHECK(copy == "paid" && out.str() == "paidp" && std::string(none).empty());
}

static void a_log_callback_that_throws_is_told_of()
{
    std::vector<std::string> told;
    rmq::Config config = minimal();
    config.set("log.level", "debug").set("start.timeout.ms", "100");
    config.set_exception_hook([&](const std::string &text, std::exception_ptr) {
        told.push_back(text);
        throw 1; // ends in the hook
    });
    config.set_log_callback([](std::int32_t, rmq::string_view, rmq::string_view) { throw std::runtime_error("full"); });
    rmq::Consumer consumer(config);
    try {
        consumer.start();
        CHECK(false);
    } catch (const rmq::Error &e) {
        CHECK(e.is_retriable());
    }
    consumer.destroy();
    CHECK(config.last_exception() == "log callback: full" && !told.empty() && told[0] == "log callback: full");
}

int main()
{
    library();
    errors();
    configuration();
    callbacks_live_as_long_as_they_are_needed();
    states();
    what_is_empty_answers_as_null_does();
    texts();
    a_log_callback_that_throws_is_told_of();
    return 0;
}
