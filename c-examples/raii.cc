// The C++ way: handles end by themselves, errors are exceptions, callbacks are lambdas.
//
//   raii <group> <topic> <messages>
//
// Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. A message with the tag "broken" makes the
// callback throw at its first delivery: that costs nothing but time, the message is delivered again.
#include <rmq.hpp>

#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <stdexcept>

// What the callbacks, which run on threads of the library, tell the program.
class Progress {
public:
    void print(const std::string &line)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        std::cout << line << '\n';
    }
    void add()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        ++done_;
        changed_.notify_all();
    }
    std::size_t wait_for(std::size_t wanted)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return done_ >= wanted; });
        return done_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t done_ = 0;
};

static void handle(rmq::MessageRef message, Progress &progress)
{
    if (message.tags() == "broken" && message.reconsume_times() == 0)
        throw std::runtime_error("offset " + std::to_string(message.queue_offset()) + " is broken");
    progress.print(std::string(message.topic()) + "/" + std::to_string(message.queue_id()) + ": " +
                   std::string(message.body()));
    progress.add();
}

static int consume(const std::string &group, const std::string &topic, std::size_t wanted)
{
    Progress progress; // outlives the consumer, whose callbacks refer to it
    rmq::Config config;
    config.set_group(group).set("consume.from", "first_offset");
    config.set_exception_hook([&](const std::string &text, std::exception_ptr) { progress.print(text); });

    rmq::Consumer consumer(config);
    consumer.set_message_callback([&](rmq::BatchRef batch, rmq::Context &context) {
        context.set_delay_level(1); // should it throw: soon again
        for (rmq::MessageRef message : batch)
            handle(message, progress);
        return rmq::Outcome::success;
    });
    consumer.subscribe(topic);
    consumer.start();
    const std::size_t done = progress.wait_for(wanted);
    const std::size_t exceptions = consumer.exceptions();
    consumer.destroy(); // the destructor would do it too, but could not say what failed
    std::cout << done << " messages, " << exceptions << " exceptions\n";
    return done >= wanted ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        std::cerr << "usage: NAMESRV_ADDR=host:port raii <group> <topic> <messages>\n";
        return 2;
    }
    try {
        return consume(argv[1], argv[2], std::strtoul(argv[3], nullptr, 10));
    } catch (const rmq::Error &error) {
        std::cerr << error.name() << ": " << error.what() << '\n';
        return 2;
    }
}
