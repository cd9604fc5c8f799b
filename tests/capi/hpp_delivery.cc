// rmq.hpp against a broker: what leaves a callback is caught, batches are iterated, settled and kept, queues steered.
// hpp_delivery <name servers> <group> <topic> <messages>: one queue, tags "good" and "bad" in turn, keys, property "p"
#include "check.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <poll.h>
#include <unistd.h>

using std::chrono::milliseconds;
using std::chrono::seconds;

static std::string namesrv, group, topic;
static std::size_t messages;

// What callbacks note and the program waits for.
class Notes {
public:
    void add(const std::string &note)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        notes_.insert(note);
        changed_.notify_all();
    }
    std::size_t count(const std::string &note)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return notes_.count(note);
    }
    std::size_t size()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return notes_.size();
    }
    void wait_for(const std::string &note, std::size_t times = 1)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        if (!changed_.wait_for(lock, seconds(30), [&] { return notes_.count(note) >= times; })) {
            std::fprintf(stderr, "%zu of %zu times: %s\n", notes_.count(note), times, note.c_str());
            std::exit(1);
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::multiset<std::string> notes_;
};

static rmq::Config config(const std::string &suffix)
{
    rmq::Config config;
    config.set_namesrv_addr(namesrv).set_group(group + suffix).set("consume.from", "first_offset");
    config.set("start.timeout.ms", "60000"); // valgrind is slow on a busy machine
    return config;
}

static void check_message(rmq::BatchRef batch, rmq::MessageRef message)
{
    CHECK(message.topic() == topic && message.stored_topic() == batch.topic());
    CHECK(message.broker_name() == batch.broker() && message.queue_id() == batch.queue_id());
    CHECK(message.tags() == "good" || message.tags() == "bad");
    CHECK(message.keys().data() != nullptr && message.property("p") == "v" && message.property("q").data() == nullptr);
    CHECK(message.transaction_id().data() == nullptr || !message.transaction_id().empty());
    CHECK(!message.body().empty() && !message.msg_id().empty() && message.offset_msg_id().size() >= 32);
    CHECK(std::string(message.born_host()).find(':') != std::string::npos && !message.store_host().empty());
    CHECK(message.origin_topic() == topic && message.origin_msg_id() == message.msg_id());
    CHECK(!message.origin_offset_msg_id().empty() && message.to_json().find(topic) != std::string::npos);
    bool found = false;
    for (std::size_t i = 0; i < message.property_count(); i++)
        found = found || message.property_at(i) == std::make_pair(rmq::string_view("p"), rmq::string_view("v"));
    CHECK(found);
    CHECK(message.queue_offset() >= 0 && message.commit_log_offset() >= 0 && message.store_size() > 0);
    CHECK(message.born_timestamp() > 0 && message.store_timestamp() > 0 && message.body_crc() != 0);
    CHECK(message.flag() == 0 && message.sys_flag() >= 0 && message.delay_level() >= 0);
    CHECK(message.prepared_transaction_offset() == 0);
}

// Each message's first delivery throws; none is lost and the library goes on.
static void exceptions_deliver_again()
{
    Notes notes;
    rmq::Config settings = config("-throws");
    settings.set_exception_hook([&](const std::string &text, std::exception_ptr exception) {
        try {
            std::rethrow_exception(exception);
        } catch (const std::runtime_error &) {
            notes.add("runtime_error " + text);
        } catch (int) {
            notes.add("int " + text);
        }
    });
    rmq::Message kept;
    rmq::Consumer consumer(settings);
    consumer.set_message_callback([&](rmq::BatchRef batch, rmq::Context &context) -> rmq::Outcome {
        CHECK(context.topic() == batch.topic() && context.broker() == batch.broker());
        CHECK(context.queue_id() == batch.queue_id() && context.consumer().is_started());
        throws(RMQ_E_IN_CALLBACK, "", [&] { context.consumer().shutdown(); });
        throws(RMQ_E_IN_CALLBACK, "", [&] { context.consumer().wait_stopped(); });
        std::size_t place = 0;
        for (rmq::MessageRef message : batch) {
            CHECK(message.get() == batch[place].get() && message.get() == batch.at(place).get());
            place++;
            check_message(batch, message);
            if (message.reconsume_times() == 0 && message.tags() == "bad")
                throw 7;
            if (message.reconsume_times() == 0)
                throw std::runtime_error("no disk");
            notes.add("again");
        }
        CHECK(place == batch.size());
        for (auto message = batch.begin(); message != batch.end(); message++)
            if (message.index() == 0 && message->tags() == "good" && notes.count("kept") == 0) {
                kept = message->retain();
                notes.add("kept");
            }
        return rmq::Outcome::success;
    });
    consumer.set_event_callback(RMQ_EVENT_ASSIGNED, [&](rmq::ConsumerRef self, rmq::EventRef event) {
        CHECK(event.kind() == RMQ_EVENT_ASSIGNED && event.code() == RMQ_OK && event.level() == RMQ_LOG_INFO);
        CHECK(event.count() == 1 && event.target().data() == nullptr);
        CHECK(!event.text().empty() && event.json()[0] == '{' && self.state() > 0);
        throw std::runtime_error("not of interest");
    });
    consumer.subscribe(topic);
    consumer.start();
    notes.wait_for("again", messages);
    notes.wait_for("runtime_error event callback: not of interest");
    notes.wait_for("runtime_error message callback: no disk", messages / 2);
    notes.wait_for("int message callback: an exception that is no std::exception", messages / 2);
    CHECK(consumer.exceptions() > messages && !consumer.last_exception().empty());
    CHECK(consumer.route_json(topic).find(topic) != std::string::npos);
    consumer.destroy();
    CHECK(kept && kept.topic() == topic && kept.tags() == "good" && kept.reconsume_times() == 1);
    rmq::Message moved = std::move(kept);
    CHECK(!kept && moved.property("p") == "v");
}

static void deferred_batches_are_settled_later()
{
    Notes notes;
    std::mutex mutex;
    std::vector<rmq::Batch> batches;
    rmq::Consumer consumer(config("-deferred"));
    consumer.set_message_callback([&](rmq::BatchRef batch, rmq::Context &) {
        rmq::Batch kept = batch.retain();
        std::lock_guard<std::mutex> lock(mutex);
        batches.push_back(std::move(kept));
        notes.add("kept");
        return rmq::Outcome::deferred;
    });
    consumer.subscribe(topic);
    consumer.start();
    notes.wait_for("kept", messages);
    {
        std::lock_guard<std::mutex> lock(mutex);
        for (const rmq::Batch &batch : batches) {
            CHECK(batch.unsettled() == 1);
            batch.ack();
            CHECK(batch.unsettled() == 0);
            throws(RMQ_E_STATE, "", [&] { batch.ack(); });
        }
        batches.clear();
    }
    consumer.commit();
    std::int64_t offset = 0;
    CHECK(consumer.committed({topic, "broker-a", 0}, offset) && offset == static_cast<std::int64_t>(messages));
    consumer.destroy();
}

static void polls_and_steers()
{
    const std::int64_t all = static_cast<std::int64_t>(messages);
    rmq::Consumer consumer(config("-poll"));
    consumer.subscribe(topic);
    consumer.start();
    rmq::Batch batch;
    std::size_t seen = 0;
    while (seen < messages) {
        CHECK(consumer.poll(batch, 4, seconds(30)) == RMQ_OK && !batch.empty());
        for (rmq::MessageRef message : batch) {
            check_message(batch, message);
            seen++;
        }
        const std::vector<rmq_message_view> views = batch.views();
        CHECK(views.size() == batch.size());
        for (std::size_t i = 0; i < views.size(); i++)
            CHECK(views[i].body == rmq_message_body(batch[i].get(), nullptr) &&
                  views[i].queue_offset == batch[i].queue_offset() && batch[i].topic() == views[i].topic);
        batch.ack_at(0);
        if (batch.size() > 1)
            batch.ack_until(batch.size() - 1);
        CHECK(batch.unsettled() == 0);
    }
    const rmq::Queue queue = batch.queue();
    CHECK(queue.topic == topic && queue.broker == "broker-a" && queue.id == 0);
    consumer.commit(queue);
    std::int64_t offset = 0;
    CHECK(consumer.committed(queue, offset) && offset == all && consumer.position(queue) == all);
    CHECK(consumer.watermarks(queue).min == 0 && consumer.watermarks(queue).max == all);
    CHECK(consumer.poll(batch, 1, milliseconds(0)) == RMQ_E_TIMEOUT && !batch);
    consumer.wakeup();
    CHECK(consumer.poll(batch, 1) == RMQ_E_WOKEN);

    consumer.seek_begin(queue);
    CHECK(consumer.poll(batch, 1, seconds(30)) == RMQ_OK && batch[0].queue_offset() == 0);
    const std::int64_t stored = batch[0].store_timestamp();
    rmq::Batch other = batch.retain();
    other.ack();
    CHECK(batch.unsettled() == 0);
    throws(RMQ_E_STATE, "orderly", [&] { other.suspend(); });
    consumer.seek(queue, all - 1);
    CHECK(consumer.poll(batch, 1, seconds(30)) == RMQ_OK && batch[0].queue_offset() == all - 1);
    throws(RMQ_E_INVALID_ARG, "", [&] { batch.retry(-2); });
    batch.retry_at(0, 1);
    CHECK(consumer.poll(batch, 1, seconds(30)) == RMQ_OK && batch[0].reconsume_times() == 1);
    batch.retry(-1);
    consumer.seek_timestamp(queue, stored);
    CHECK(consumer.poll(batch, 1, seconds(30)) == RMQ_OK && batch[0].queue_offset() == 0);
    batch.ack();
    consumer.pause(topic);
    consumer.seek_end(queue);
    CHECK(consumer.position(queue) == all);
    consumer.resume(topic);
    throws(RMQ_E_INVALID_ARG, "", [&] { consumer.seek(queue, all + 1); });

    rmq::Event event;
    CHECK(consumer.poll_event(event, seconds(10)) == RMQ_OK && event && event.kind() == RMQ_EVENT_ASSIGNED);
    const rmq::Event moved = std::move(event);
    CHECK(!event && !moved.json().empty());
    CHECK(consumer.shutdown() && consumer.poll(batch, 1) == RMQ_E_CLOSED);
}

// The descriptor and the callback tell of messages; a callback that throws takes nothing away.
static void event_loops_are_woken()
{
    Notes notes;
    rmq::Consumer consumer(config("-wake"));
    consumer.set_wakeup_callback([&] {
        notes.add("woken");
        throw std::runtime_error("nobody listens");
    });
    consumer.subscribe(topic);
    consumer.start();
    const int copy = consumer.wakeup_fd_dup();
    CHECK(copy >= 0 && copy != consumer.wakeup_fd() && consumer.wakeup_fd() == consumer.wakeup_fd());
    std::size_t seen = 0;
    rmq::Batch batch;
    while (seen < messages) {
        struct pollfd readable = {copy, POLLIN, 0};
        CHECK(::poll(&readable, 1, 30000) == 1);
        while (consumer.poll(batch, 32, milliseconds(0)) == RMQ_OK) {
            seen += batch.size();
            batch.ack();
        }
        rmq::Event event;
        while (consumer.poll_event(event, milliseconds(0)) == RMQ_OK)
            CHECK(event.kind() != 0);
    }
    CHECK(!consumer.wait_stopped(milliseconds(1)) && consumer.fatal_error().empty());
    consumer.request_stop();
    CHECK(consumer.wait_stopped() && consumer.state() == RMQ_STATE_STOPPED);
    CHECK(notes.count("woken") > 0 && consumer.last_exception() == "wake-up callback: nobody listens");
    CHECK(::close(copy) == 0);
}

static void a_division_that_throws_takes_nothing()
{
    Notes notes;
    rmq::Config settings = config("-custom");
    settings.set("allocate.strategy", "custom");
    rmq::Consumer consumer(settings);
    consumer.set_allocate_callback([&](rmq::ConsumerRef self, const rmq::Allocation &allocation) -> rmq::Choice {
        CHECK(self.client_id() == std::string(allocation.client_id()) && allocation.member_count() == 1);
        CHECK(allocation.member_at(0) == allocation.client_id() && allocation.member_at(1).data() == nullptr);
        if (allocation.topic() != topic)
            return rmq::Choice::average();
        CHECK(allocation.queue_count() == 1 && allocation.queue_broker(0) == "broker-a" && allocation.queue_id(0) == 0);
        notes.add("asked");
        if (notes.count("asked") == 1)
            throw std::logic_error("undecided");
        if (notes.count("asked") == 2)
            return {0, 1, 2}; // more than there are
        return {0};
    });
    consumer.set_message_callback([&](rmq::BatchRef batch, rmq::Context &) {
        CHECK(notes.count("asked") >= 3);
        for (std::size_t i = 0; i < batch.size(); i++)
            notes.add("consumed");
        return rmq::Outcome::success;
    });
    consumer.subscribe(topic);
    consumer.start();
    notes.wait_for("consumed", messages);
    CHECK(consumer.last_exception() == "allocate callback: undecided");
}

// The callback outlasts the shutdown's time, and what it refers to ends right after the consumer.
static void the_destructor_waits_for_callbacks_and_lets_none_begin()
{
    Notes notes;
    bool ended = false;
    rmq::Config settings = config("-late");
    settings.set("shutdown.timeout.ms", "1000").set_consume_threads(1);
    settings.set_exception_hook([&](const std::string &text, std::exception_ptr) { notes.add(text); });
    {
        rmq::Consumer consumer(settings);
        consumer.set_message_callback([&](rmq::BatchRef, rmq::Context &) {
            CHECK(!ended);
            notes.add("began");
            std::this_thread::sleep_for(milliseconds(2500));
            ended = true;
            return rmq::Outcome::success;
        });
        consumer.subscribe(topic);
        consumer.start();
        notes.wait_for("began");
        throws(RMQ_E_TIMEOUT, "", [&] { consumer.destroy(); });
        CHECK(consumer && !consumer.shutdown(milliseconds(1)));
    }
    // Nothing was told, so nothing was left behind.
    CHECK(ended && notes.size() == 1 && notes.count("began") == 1);
}

// A batch that nobody settles keeps the handle; the destructor neither hangs nor is silent.
static void the_destructor_tells_what_it_leaves_behind()
{
    Notes notes;
    rmq::Batch batch;
    rmq::Config settings = config("-kept");
    settings.set("shutdown.timeout.ms", "1000");
    settings.set_exception_hook([&](const std::string &text, std::exception_ptr) { notes.add(text.substr(0, 10)); });
    rmq::ConsumerRef left;
    {
        rmq::Consumer consumer(settings);
        consumer.subscribe(topic);
        consumer.start();
        CHECK(consumer.poll(batch, 1, seconds(30)) == RMQ_OK);
        left = consumer;
    }
    CHECK(notes.count("~Consumer:") == 1 && left.state() == RMQ_STATE_STOPPING);
    batch.ack();
    rmq::Consumer(left.get()).destroy();
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    namesrv = argv[1], group = argv[2], topic = argv[3], messages = std::strtoul(argv[4], nullptr, 10);
    exceptions_deliver_again();
    deferred_batches_are_settled_later();
    polls_and_steers();
    event_loops_are_woken();
    a_division_that_throws_takes_nothing();
    the_destructor_waits_for_callbacks_and_lets_none_begin();
    the_destructor_tells_what_it_leaves_behind();
    return 0;
}
