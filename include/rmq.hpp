/* SPDX-License-Identifier: Apache-2.0
 *
 * rmq.hpp - RocketMQ consumer, C++ interface: C++11 and later, header only, above rmq.h. */

#ifndef RMQ_HPP
#define RMQ_HPP

#include "rmq.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#if __cplusplus >= 201703L
# include <string_view>
#endif

/**
 * Everything is inline and calls rmq.h, where each function is described; there is no library of its own and no ABI.
 *
 * - Handles: Config, Consumer, Batch, Message and Event own what they hold; they can be moved, not copied, and end it.
 *   ConsumerRef, BatchRef, MessageRef, EventRef, Context and Allocation are lent, as in rmq.h: they are copied like
 *   pointers and end with what they refer to. get() gives the handle of rmq.h.
 * - Errors: a call that fails throws an Error with the code and the text. What is no failure (nothing came in time,
 *   nothing is committed) is returned.
 * - Callbacks: any std::function. An exception that leaves one never reaches the library: messages are delivered again
 *   as after RMQ_RECONSUME_LATER, and Consumer::last_exception and the hook of Config::set_exception_hook tell of it.
 * - Texts got are string_view, which is std::string_view from C++17 on; one that is absent has data() == nullptr, one
 *   that is empty has not. They live as long as what gave them. A NUL stands behind each but a body.
 */
namespace rmq {

// Sources of one program may be compiled as different standards; what they see differs, so it is called differently.
#if __cplusplus >= 201703L
inline namespace cxx17 {

using string_view = std::string_view;
#else
inline namespace cxx11 {

/** What is needed of std::string_view. */
class string_view {
public:
    string_view() noexcept : data_(nullptr), size_(0) {}
    string_view(const char *data, std::size_t size) noexcept : data_(data), size_(size) {}
    string_view(const char *text) noexcept : data_(text), size_(std::strlen(text)) {}
    string_view(const std::string &text) noexcept : data_(text.data()), size_(text.size()) {}
    const char *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const char *begin() const noexcept { return data_; }
    const char *end() const noexcept { return data_ + size_; }
    char operator[](std::size_t index) const { return data_[index]; }
    explicit operator std::string() const { return size_ == 0 ? std::string() : std::string(data_, size_); }

    friend bool operator==(string_view a, string_view b) noexcept
    {
        return a.size_ == b.size_ && (a.size_ == 0 || std::memcmp(a.data_, b.data_, a.size_) == 0);
    }
    friend bool operator!=(string_view a, string_view b) noexcept { return !(a == b); }
    friend std::ostream &operator<<(std::ostream &out, string_view text)
    {
        return out.write(text.data_, static_cast<std::streamsize>(text.size_));
    }

private:
    const char *data_;
    std::size_t size_;
};
#endif

/** A call that failed. what() is the text of rmq_last_error_message. */
class Error : public std::runtime_error {
public:
    Error(rmq_code code, const std::string &text, const std::string &remark = std::string())
        : std::runtime_error(text.empty() ? rmq_code_string(code) : text), code_(code), remark_(remark)
    {
    }
    /** The code of rmq.h, or a broker's own. */
    rmq_code code() const noexcept { return code_; }
    /** "RMQ_E_STATE", or the broker's name for its code. */
    const char *name() const noexcept { return rmq_code_name(code_); }
    /** What the broker said when it refused; else empty. */
    const std::string &remark() const noexcept { return remark_; }
    /** The same call may succeed later without any change. */
    bool is_retriable() const noexcept { return rmq_code_is_retriable(code_) != 0; }
    /** The consumer may only be destroyed. */
    bool is_fatal() const noexcept { return rmq_code_is_fatal(code_) != 0; }

private:
    rmq_code code_;
    std::string remark_;
};

/** Waits without a bound; but for `shutdown`, which then takes the property "shutdown.timeout.ms". */
constexpr std::chrono::milliseconds forever{-1};

/** What a message callback answers; RMQ_CONSUME_* and RMQ_RECONSUME_LATER tell what each means. */
enum class Outcome : std::int32_t {
    success = RMQ_CONSUME_SUCCESS,
    later = RMQ_RECONSUME_LATER,
    suspend = RMQ_CONSUME_SUSPEND,
    commit = RMQ_CONSUME_COMMIT,
    rollback = RMQ_CONSUME_ROLLBACK,
    deferred = RMQ_CONSUME_DEFERRED
};

/** Gets what left a callback: a text with the kind of callback, and the exception. It may be called on any thread of
 *  the library, several at once. */
using ExceptionHook = std::function<void(const std::string &text, std::exception_ptr exception)>;

/** A queue of a topic. */
struct Queue {
    std::string topic;
    std::string broker;
    std::int32_t id;
};

/** The offset of the first message that the broker still has, and the one behind the last. */
struct Watermarks {
    std::int64_t min;
    std::int64_t max;
};

namespace detail {

/** Throws what the last call of this thread failed with. */
[[noreturn]] inline void fail(rmq_code code)
{
    throw Error(code, rmq_last_error_message(), rmq_last_broker_remark());
}

inline void check(rmq_code code)
{
    if (code != RMQ_OK)
        fail(code);
}

/** A text for rmq.h, which would end at its first NUL. */
inline const char *text(const char *name, const std::string &value)
{
    if (value.find('\0') != std::string::npos)
        throw Error(RMQ_E_INVALID_ARG, std::string(name) + " has a NUL in it: \"" + value.c_str() + "\"");
    return value.c_str();
}

/** Where an empty text means "any". */
inline const char *text_or_null(const char *name, const std::string &value)
{
    return value.empty() ? nullptr : text(name, value);
}

inline std::int32_t millis(std::chrono::milliseconds time)
{
    const std::int64_t most = (std::numeric_limits<std::int32_t>::max)();
    const std::int64_t least = (std::numeric_limits<std::int32_t>::min)();
    const std::int64_t count = time.count();
    return static_cast<std::int32_t>(count > most ? most : count < least ? least : count);
}

inline string_view view(const char *data, std::size_t size) noexcept
{
    return data == nullptr ? string_view() : string_view(data, size);
}

/** The text of a function of the form (buf, size, needed). What it says may grow between two calls. */
template <class Call> std::string written(Call call)
{
    std::string text(512, '\0');
    for (;;) {
        std::size_t needed = 0;
        const rmq_code code = call(&text[0], text.size(), &needed);
        if (code == RMQ_OK) {
            text.resize(needed == 0 ? 0 : needed - 1);
            return text;
        }
        if (code != RMQ_E_BUFFER_TOO_SMALL || needed <= text.size())
            fail(code);
        text.resize(needed);
    }
}

/** What the callbacks of a configuration or consumer have in common: who runs, and what left them. */
class Callbacks {
public:
    explicit Callbacks(ExceptionHook hook = ExceptionHook()) : hook_(std::move(hook)) {}

    /** One call, from its begin to its end. Once closed, a call shall not run. */
    class Running {
    public:
        explicit Running(Callbacks &callbacks) noexcept : callbacks_(callbacks)
        {
            callbacks_.running_.fetch_add(1);
        }
        Running(const Running &) = delete;
        Running &operator=(const Running &) = delete;
        ~Running()
        {
            if (callbacks_.running_.fetch_sub(1) == 1 && callbacks_.closed_.load()) {
                std::lock_guard<std::mutex> lock(callbacks_.mutex_);
                callbacks_.idle_.notify_all();
            }
        }
        bool allowed() const noexcept { return !callbacks_.closed_.load(); }

    private:
        Callbacks &callbacks_;
    };

    /** From now on no call runs that has not begun. */
    void close() noexcept { closed_.store(true); }
    void wait_until_none_runs()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        idle_.wait(lock, [this] { return running_.load() == 0; });
    }

    /** Called in a catch block. Never throws; the hook's own exceptions end here. */
    void caught(const char *where) noexcept
    {
        try {
            const std::exception_ptr exception = std::current_exception();
            const std::string text = std::string(where) + ": " + what(exception);
            ExceptionHook hook;
            {
                std::lock_guard<std::mutex> lock(mutex_);
                ++count_;
                last_ = text;
                hook = hook_;
            }
            if (hook)
                hook(text, exception);
        } catch (...) {
        }
    }

    void set_hook(ExceptionHook hook)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        hook_.swap(hook);
    }
    ExceptionHook hook() const { return locked(hook_); }
    std::string last() const { return locked(last_); }
    std::size_t count() const { return locked(count_); }

private:
    template <class T> T locked(const T &value) const
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return value;
    }

    static std::string what(const std::exception_ptr &exception)
    {
        try {
            std::rethrow_exception(exception);
        } catch (const std::exception &e) {
            return e.what();
        } catch (...) {
            return "an exception that is no std::exception";
        }
    }

    mutable std::mutex mutex_;
    std::condition_variable idle_;
    std::atomic<std::size_t> running_{0};
    std::atomic<bool> closed_{false};
    ExceptionHook hook_;
    std::string last_;
    std::size_t count_ = 0;
};

/** The userdata of a callback: the program's function, freed by the library after its last call. */
template <class Function> struct Userdata {
    Function function;
    std::shared_ptr<Callbacks> callbacks;

    static Userdata &of(void *userdata) noexcept { return *static_cast<Userdata *>(userdata); }
    static void free(void *userdata) noexcept { delete static_cast<Userdata *>(userdata); }

    /** Gives a function to a setter of rmq.h; an empty one takes the present callback away. */
    template <class Set> static void install(Function function, const std::shared_ptr<Callbacks> &callbacks, Set set)
    {
        if (!function)
            return check(set(nullptr, nullptr, false));
        std::unique_ptr<Userdata> userdata(new Userdata{std::move(function), callbacks});
        check(set(userdata.get(), &Userdata::free, true));
        userdata.release();
    }
};

} // namespace detail

class Batch;
class Message;

/** A message that a batch lends; retain() copies it. */
class MessageRef {
public:
    explicit MessageRef(const rmq_message *message = nullptr) noexcept : message_(message) {}
    const rmq_message *get() const noexcept { return message_; }
    explicit operator bool() const noexcept { return message_ != nullptr; }

    string_view topic() const noexcept { return text(rmq_message_topic); }
    string_view stored_topic() const noexcept { return text(rmq_message_stored_topic); }
    string_view tags() const noexcept { return text(rmq_message_tags); }
    string_view keys() const noexcept { return text(rmq_message_keys); }
    string_view msg_id() const noexcept { return text(rmq_message_msg_id); }
    string_view offset_msg_id() const noexcept { return text(rmq_message_offset_msg_id); }
    string_view transaction_id() const noexcept { return text(rmq_message_transaction_id); }
    string_view broker_name() const noexcept { return text(rmq_message_broker_name); }
    string_view born_host() const noexcept { return text(rmq_message_born_host); }
    string_view store_host() const noexcept { return text(rmq_message_store_host); }
    string_view origin_topic() const noexcept { return text(rmq_message_origin_topic); }
    string_view origin_msg_id() const noexcept { return text(rmq_message_origin_msg_id); }
    string_view origin_offset_msg_id() const noexcept { return text(rmq_message_origin_offset_msg_id); }

    /** The bytes that the producer sent; no NUL stands behind them. */
    string_view body() const noexcept
    {
        std::size_t size = 0;
        const std::uint8_t *data = rmq_message_body(message_, &size);
        return detail::view(reinterpret_cast<const char *>(data), size);
    }

    string_view property(const std::string &key) const
    {
        std::size_t size = 0;
        const char *data = rmq_message_property(message_, detail::text("key", key), &size);
        return detail::view(data, size);
    }
    std::size_t property_count() const noexcept { return rmq_message_property_count(message_); }
    /** Key and value. */
    std::pair<string_view, string_view> property_at(std::size_t index) const
    {
        const char *key = nullptr, *value = nullptr;
        std::size_t key_size = 0, value_size = 0;
        detail::check(rmq_message_property_at(message_, index, &key, &key_size, &value, &value_size));
        return {detail::view(key, key_size), detail::view(value, value_size)};
    }

    std::int32_t queue_id() const noexcept { return rmq_message_queue_id(message_); }
    std::int64_t queue_offset() const noexcept { return rmq_message_queue_offset(message_); }
    std::int64_t commit_log_offset() const noexcept { return rmq_message_commit_log_offset(message_); }
    std::int64_t born_timestamp() const noexcept { return rmq_message_born_timestamp(message_); }
    std::int64_t store_timestamp() const noexcept { return rmq_message_store_timestamp(message_); }
    std::int32_t reconsume_times() const noexcept { return rmq_message_reconsume_times(message_); }
    std::int32_t delay_level() const noexcept { return rmq_message_delay_level(message_); }
    std::int32_t flag() const noexcept { return rmq_message_flag(message_); }
    std::int32_t sys_flag() const noexcept { return rmq_message_sys_flag(message_); }
    std::int32_t store_size() const noexcept { return rmq_message_store_size(message_); }
    std::int32_t body_crc() const noexcept { return rmq_message_body_crc(message_); }
    std::int64_t prepared_transaction_offset() const noexcept
    {
        return rmq_message_prepared_transaction_offset(message_);
    }

    std::string to_json() const
    {
        const rmq_message *message = message_;
        return detail::written([message](char *buf, std::size_t size, std::size_t *needed) {
            return rmq_message_to_json(message, buf, size, needed);
        });
    }

    /** A copy that may be kept. */
    Message retain() const;

protected:
    const rmq_message *message_;

private:
    string_view text(const char *(*field)(const rmq_message *, std::size_t *)) const noexcept
    {
        std::size_t size = 0;
        const char *data = field(message_, &size);
        return detail::view(data, size);
    }
};

/** A copy of a message, from MessageRef::retain. */
class Message : public MessageRef {
public:
    Message() noexcept = default;
    /** Takes over what rmq_message_retain gave. */
    explicit Message(rmq_message *message) noexcept : MessageRef(message), owned_(message) {}
    Message(Message &&other) noexcept : MessageRef(other.owned_), owned_(other.release()) {}
    Message &operator=(Message &&other) noexcept
    {
        Message(std::move(other)).swap(*this);
        return *this;
    }
    ~Message() { rmq_message_release(owned_); }

    /** Gives the handle up; rmq_message_release ends it. */
    rmq_message *release() noexcept
    {
        rmq_message *message = owned_;
        message_ = owned_ = nullptr;
        return message;
    }
    void swap(Message &other) noexcept
    {
        std::swap(message_, other.message_);
        std::swap(owned_, other.owned_);
    }

private:
    rmq_message *owned_ = nullptr;
};

inline Message MessageRef::retain() const
{
    rmq_message *copy = rmq_message_retain(message_);
    if (copy == nullptr)
        detail::fail(RMQ_E_INVALID_ARG);
    return Message(copy);
}

/** A batch that is lent to a message callback; retain() keeps it. Iterating gives a MessageRef each. */
class BatchRef {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = MessageRef;
        using difference_type = std::ptrdiff_t;
        using pointer = const MessageRef *;
        using reference = MessageRef;

        iterator() noexcept : batch_(nullptr), index_(0) {}
        iterator(const rmq_batch *batch, std::size_t index) noexcept : batch_(batch), index_(index) { load(); }
        MessageRef operator*() const noexcept { return message_; }
        const MessageRef *operator->() const noexcept { return &message_; }
        iterator &operator++() noexcept
        {
            ++index_;
            load();
            return *this;
        }
        iterator operator++(int) noexcept
        {
            iterator before = *this;
            ++*this;
            return before;
        }
        /** The place in the batch, as for Batch::ack_at. */
        std::size_t index() const noexcept { return index_; }
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.index_ == b.index_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return a.index_ != b.index_; }

    private:
        void load() noexcept { message_ = MessageRef(rmq_batch_at(batch_, index_)); }

        const rmq_batch *batch_;
        std::size_t index_;
        MessageRef message_;
    };
    using const_iterator = iterator;

    explicit BatchRef(const rmq_batch *batch = nullptr) noexcept : batch_(batch) {}
    const rmq_batch *get() const noexcept { return batch_; }
    explicit operator bool() const noexcept { return batch_ != nullptr; }

    std::size_t size() const noexcept { return rmq_batch_count(batch_); }
    bool empty() const noexcept { return size() == 0; }
    /** Throws behind the last one. */
    MessageRef at(std::size_t index) const
    {
        const rmq_message *message = rmq_batch_at(batch_, index);
        if (message == nullptr)
            throw Error(RMQ_E_INVALID_ARG, "index is " + std::to_string(index) + ": the batch has " +
                                               std::to_string(size()) + " messages");
        return MessageRef(message);
    }
    MessageRef operator[](std::size_t index) const noexcept { return MessageRef(rmq_batch_at(batch_, index)); }
    iterator begin() const noexcept { return iterator(batch_, 0); }
    iterator end() const noexcept { return iterator(batch_, size()); }

    string_view topic() const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_batch_topic(batch_, &length);
        return detail::view(data, length);
    }
    string_view broker() const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_batch_broker(batch_, &length);
        return detail::view(data, length);
    }
    std::int32_t queue_id() const noexcept { return rmq_batch_queue_id(batch_); }
    Queue queue() const { return Queue{std::string(topic()), std::string(broker()), queue_id()}; }

    /** What is asked for most of all messages, by one call; the texts are the batch's. */
    std::vector<rmq_message_view> views() const
    {
        std::vector<rmq_message_view> views(size());
        const std::size_t filled = rmq_batch_views(batch_, views.data(), sizeof(rmq_message_view), views.size());
        if (filled == 0)
            detail::fail(RMQ_E_INVALID_ARG);
        views.resize(filled);
        return views;
    }

    /** Another handle to the same messages. In a callback, which then answers Outcome::deferred. */
    Batch retain() const;

protected:
    const rmq_batch *batch_;
};

/** A batch of the program's own, from poll or retain. What is not settled when its last handle ends is delivered
 *  again, unless "poll.ack" says otherwise. */
class Batch : public BatchRef {
public:
    Batch() noexcept = default;
    /** Takes over what rmq_consumer_poll or rmq_batch_retain gave. */
    explicit Batch(rmq_batch *batch) noexcept : BatchRef(batch), owned_(batch) {}
    Batch(Batch &&other) noexcept : BatchRef(other.owned_), owned_(other.release()) {}
    Batch &operator=(Batch &&other) noexcept
    {
        Batch(std::move(other)).swap(*this);
        return *this;
    }
    ~Batch() { rmq_batch_destroy(owned_); }

    void ack() const { detail::check(rmq_batch_ack(owned_)); }
    void ack_until(std::size_t index) const { detail::check(rmq_batch_ack_until(owned_, index)); }
    void ack_at(std::size_t index) const { detail::check(rmq_batch_ack_at(owned_, index)); }
    void retry(std::int32_t delay_level = 0) const { detail::check(rmq_batch_retry(owned_, delay_level)); }
    void retry_at(std::size_t index, std::int32_t delay_level = 0) const
    {
        detail::check(rmq_batch_retry_at(owned_, index, delay_level));
    }
    /** Without a time it is the property "suspend.queue.ms". */
    void suspend(std::chrono::milliseconds rest = std::chrono::milliseconds(-1)) const
    {
        detail::check(rmq_batch_suspend(owned_, detail::millis(rest)));
    }
    std::size_t unsettled() const noexcept { return rmq_batch_unsettled(owned_); }

    /** Gives the handle up; rmq_batch_destroy ends it. */
    rmq_batch *release() noexcept
    {
        rmq_batch *batch = owned_;
        batch_ = owned_ = nullptr;
        return batch;
    }
    void swap(Batch &other) noexcept
    {
        std::swap(batch_, other.batch_);
        std::swap(owned_, other.owned_);
    }

private:
    rmq_batch *owned_ = nullptr;
};

inline Batch BatchRef::retain() const
{
    rmq_batch *kept = rmq_batch_retain(batch_);
    if (kept == nullptr)
        detail::fail(batch_ == nullptr ? RMQ_E_INVALID_ARG : rmq_last_error_code());
    return Batch(kept);
}

/** An event that is lent to an event callback. Kinds that are not known shall be ignored. */
class EventRef {
public:
    explicit EventRef(const rmq_event *event = nullptr) noexcept : event_(event) {}
    const rmq_event *get() const noexcept { return event_; }
    explicit operator bool() const noexcept { return event_ != nullptr; }

    /** One of RMQ_EVENT_*. */
    std::int32_t kind() const noexcept { return rmq_event_kind(event_); }
    rmq_code code() const noexcept { return rmq_event_code(event_); }
    /** One of RMQ_LOG_*. */
    std::int32_t level() const noexcept { return rmq_event_level(event_); }
    /** For how many of its like it stands. */
    std::int64_t count() const noexcept { return rmq_event_count(event_); }
    /** The part of the library that speaks, as a log callback gets it; absent for other kinds. */
    string_view target() const noexcept { return of(rmq_event_target(event_)); }
    string_view text() const noexcept { return of(rmq_event_text(event_)); }
    string_view json() const noexcept { return of(rmq_event_json(event_)); }

protected:
    const rmq_event *event_;

private:
    static string_view of(const char *text) noexcept { return text == nullptr ? string_view() : string_view(text); }
};

/** An event of the program's own, from poll_event. */
class Event : public EventRef {
public:
    Event() noexcept = default;
    /** Takes over what rmq_consumer_poll_event gave. */
    explicit Event(rmq_event *event) noexcept : EventRef(event), owned_(event) {}
    Event(Event &&other) noexcept : EventRef(other.owned_), owned_(other.release()) {}
    Event &operator=(Event &&other) noexcept
    {
        Event(std::move(other)).swap(*this);
        return *this;
    }
    ~Event() { rmq_event_destroy(owned_); }

    /** Gives the handle up; rmq_event_destroy ends it. */
    rmq_event *release() noexcept
    {
        rmq_event *event = owned_;
        event_ = owned_ = nullptr;
        return event;
    }
    void swap(Event &other) noexcept
    {
        std::swap(event_, other.event_);
        std::swap(owned_, other.owned_);
    }

private:
    rmq_event *owned_ = nullptr;
};

/** Gets a log record: the level, one of RMQ_LOG_*, the part of the library that speaks, and the text. It must return
 *  soon and calls nothing of this library; several threads may call it at once. */
using LogCallback = std::function<void(std::int32_t level, string_view target, string_view message)>;

/** The properties of consumers to be. Setters answer the configuration itself, so that they can stand in a chain. */
class Config {
public:
    Config() : Config(rmq_config_new(), std::make_shared<detail::Callbacks>()) {}
    /** Takes over what rmq_config_new or rmq_config_clone gave. */
    explicit Config(rmq_config *config) : Config(config, std::make_shared<detail::Callbacks>()) {}
    Config(Config &&) noexcept = default;
    Config &operator=(Config &&) noexcept = default;

    rmq_config *get() const noexcept { return config_.get(); }
    /** Gives the handle up; rmq_config_destroy ends it. */
    rmq_config *release() noexcept { return config_.release(); }
    Config clone() const { return Config(rmq_config_clone(get()), callbacks_); }

    Config &set(const std::string &key, const std::string &value)
    {
        char error[512] = "";
        return done(rmq_config_set(get(), detail::text("key", key), detail::text("value", value), error, sizeof error),
                    error);
    }
    Config &load_json(const std::string &json)
    {
        char error[512] = "";
        return done(rmq_config_load_json(get(), json.data(), json.size(), error, sizeof error), error);
    }
    std::string get(const std::string &key) const
    {
        const rmq_config *config = get();
        const char *name = detail::text("key", key);
        return detail::written([config, name](char *buf, std::size_t size, std::size_t *needed) {
            return rmq_config_get(config, name, buf, size, needed);
        });
    }
    std::string dump_json() const
    {
        const rmq_config *config = get();
        return detail::written([config](char *buf, std::size_t size, std::size_t *needed) {
            return rmq_config_dump_json(config, buf, size, needed);
        });
    }

    Config &set_group(const std::string &group)
    {
        return done(rmq_config_set_group(get(), detail::text("group", group)));
    }
    Config &set_namesrv_addr(const std::string &addresses)
    {
        return done(rmq_config_set_namesrv_addr(get(), detail::text("addresses", addresses)));
    }
    Config &set_instance_name(const std::string &name)
    {
        return done(rmq_config_set_instance_name(get(), detail::text("name", name)));
    }
    Config &set_credentials(const std::string &access_key, const std::string &secret_key,
                            const std::string &security_token = std::string())
    {
        return done(rmq_config_set_credentials(get(), detail::text("access_key", access_key),
                                               detail::text("secret_key", secret_key),
                                               detail::text_or_null("security_token", security_token)));
    }
    /** RMQ_MESSAGE_MODEL_CLUSTERING or RMQ_MESSAGE_MODEL_BROADCASTING. */
    Config &set_message_model(std::int32_t model) { return done(rmq_config_set_message_model(get(), model)); }
    Config &set_consume_threads(std::int32_t threads) { return done(rmq_config_set_consume_threads(get(), threads)); }
    Config &set_batch_size(std::int32_t messages) { return done(rmq_config_set_batch_size(get(), messages)); }
    Config &set_max_reconsume_times(std::int32_t times)
    {
        return done(rmq_config_set_max_reconsume_times(get(), times));
    }

    /** What it refers to has to live as long as the consumers made from this configuration. */
    Config &set_log_callback(LogCallback function)
    {
        rmq_config *config = get();
        using Userdata = detail::Userdata<LogCallback>;
        Userdata::install(std::move(function), callbacks_, [config](void *userdata, rmq_free_cb free, bool is_set) {
            return rmq_config_set_log_callback(config, is_set ? &Config::log : nullptr, userdata, free);
        });
        return *this;
    }
    /** For this configuration and the consumers made from it later. */
    Config &set_exception_hook(ExceptionHook hook)
    {
        callbacks_->set_hook(std::move(hook));
        return *this;
    }
    /** The last exception that left the log callback; empty without one. */
    std::string last_exception() const { return callbacks_->last(); }

private:
    friend class Consumer;

    struct Destroy {
        void operator()(rmq_config *config) const noexcept { rmq_config_destroy(config); }
    };

    Config(rmq_config *config, std::shared_ptr<detail::Callbacks> callbacks)
        : config_(config), callbacks_(std::move(callbacks))
    {
        if (config == nullptr)
            detail::fail(rmq_last_error_code() == RMQ_OK ? RMQ_E_INVALID_ARG : rmq_last_error_code());
    }

    Config &done(rmq_code code, const char *error = nullptr)
    {
        if (code != RMQ_OK)
            throw Error(code, error != nullptr && *error != '\0' ? error : rmq_last_error_message());
        return *this;
    }

    static void log(std::int32_t level, const char *target, const char *message, void *userdata) noexcept
    {
        auto &self = detail::Userdata<LogCallback>::of(userdata);
        try {
            self.function(level, target, message);
        } catch (...) {
            self.callbacks->caught("log callback");
        }
    }

    std::unique_ptr<rmq_config, Destroy> config_;
    std::shared_ptr<detail::Callbacks> callbacks_;
};

/** A consumer that is lent, as to a callback: everything but its callbacks and its end. Any thread. */
class ConsumerRef {
public:
    explicit ConsumerRef(rmq_consumer *consumer = nullptr) noexcept : consumer_(consumer) {}
    rmq_consumer *get() const noexcept { return consumer_; }
    explicit operator bool() const noexcept { return consumer_ != nullptr; }

    void subscribe(const std::string &topic, const std::string &expression = "*") const
    {
        detail::check(rmq_consumer_subscribe(consumer_, detail::text("topic", topic),
                                             detail::text("expression", expression)));
    }
    void subscribe_selector(const std::string &topic, const std::string &type, const std::string &expression) const
    {
        detail::check(rmq_consumer_subscribe_selector(consumer_, detail::text("topic", topic),
                                                      detail::text("type", type),
                                                      detail::text("expression", expression)));
    }
    void subscribe_pattern(const std::string &topic_regex, const std::string &type = "TAG",
                           const std::string &expression = "*") const
    {
        detail::check(rmq_consumer_subscribe_pattern(consumer_, detail::text("topic_regex", topic_regex),
                                                     detail::text("type", type),
                                                     detail::text("expression", expression)));
    }
    void unsubscribe(const std::string &topic) const
    {
        detail::check(rmq_consumer_unsubscribe(consumer_, detail::text("topic", topic)));
    }
    void unsubscribe_pattern(const std::string &topic_regex) const
    {
        detail::check(rmq_consumer_unsubscribe_pattern(consumer_, detail::text("topic_regex", topic_regex)));
    }
    /** An empty expression takes the filter of the field away. */
    void filter_regex(const std::string &topic, const std::string &field, const std::string &regex) const
    {
        detail::check(rmq_consumer_filter_regex(consumer_, detail::text("topic", topic), detail::text("field", field),
                                                detail::text("regex", regex)));
    }
    std::string subscriptions_json() const { return json(rmq_consumer_subscriptions_json); }
    void assign(const std::string &queues_json) const
    {
        detail::check(rmq_consumer_assign(consumer_, detail::text("queues_json", queues_json)));
    }

    void start() const { detail::check(rmq_consumer_start(consumer_)); }
    /** False when callbacks are still running or messages are not settled; then it may be called again. */
    bool shutdown(std::chrono::milliseconds timeout = forever) const
    {
        return in_time(rmq_consumer_shutdown(consumer_, detail::millis(timeout)));
    }

    /** In place of "namesrv.addr", also while it is running. */
    void set_namesrv_addr(const std::string &addresses) const
    {
        detail::check(rmq_consumer_set_namesrv_addr(consumer_, detail::text("addresses", addresses)));
    }
    /** In place of "consume.thread.max", also while it is running. */
    void set_thread_max(std::int32_t threads) const { detail::check(rmq_consumer_set_thread_max(consumer_, threads)); }
    /** Messages a second of a topic, or of the whole consumer if it is empty; 0 takes the limit away. */
    void set_rate_limit(const std::string &topic, std::int32_t per_second) const
    {
        detail::check(rmq_consumer_set_rate_limit(consumer_, detail::text_or_null("topic", topic), per_second));
    }

    /** Begins to stop and returns at once; a callback may call it. */
    void request_stop() const { detail::check(rmq_consumer_request_stop(consumer_)); }
    /** Waits until a stop was asked for, then for its end. False when that did not come in time. */
    bool wait_stopped(std::chrono::milliseconds timeout = forever) const
    {
        return in_time(rmq_consumer_wait_stopped(consumer_, detail::millis(timeout)));
    }

    /** One of RMQ_STATE_*. */
    std::int32_t state() const
    {
        const std::int32_t state = rmq_consumer_state(consumer_);
        if (state < 0)
            detail::fail(state);
        return state;
    }
    bool is_started() const noexcept { return rmq_consumer_is_started(consumer_) != 0; }
    std::string client_id() const
    {
        const char *id = rmq_consumer_client_id(consumer_);
        if (id == nullptr)
            detail::fail(rmq_last_error_code());
        return id;
    }
    /** The text of the last failure, on whichever thread it was; empty without one. */
    std::string last_error() const { return json(rmq_consumer_last_error); }
    /** The text of the bug that left the consumer in RMQ_STATE_FATAL; empty without one. */
    std::string fatal_error() const { return json(rmq_consumer_fatal_error); }
    std::string assignment_json() const { return json(rmq_consumer_assignment_json); }
    std::string stats_json() const { return json(rmq_consumer_stats_json); }
    std::string route_json(const std::string &topic) const
    {
        const rmq_consumer *consumer = consumer_;
        const char *name = detail::text("topic", topic);
        return detail::written([consumer, name](char *buf, std::size_t size, std::size_t *needed) {
            return rmq_consumer_route_json(consumer, name, buf, size, needed);
        });
    }

    /** Takes messages of one queue: RMQ_OK with a batch; without one RMQ_E_TIMEOUT, RMQ_E_WOKEN or RMQ_E_CLOSED. What
     *  the variable held before ends. */
    rmq_code poll(Batch &batch, std::size_t max, std::chrono::milliseconds timeout = forever) const
    {
        batch = Batch();
        rmq_batch *polled = nullptr;
        const rmq_code code = rmq_consumer_poll(consumer_, max, detail::millis(timeout), &polled);
        batch = Batch(polled);
        return nothing_came(code);
    }
    void wakeup() const { detail::check(rmq_consumer_wakeup(consumer_)); }
    /** Readable while there may be something to poll; the consumer's own. */
    int wakeup_fd() const { return descriptor(rmq_consumer_wakeup_fd(consumer_)); }
    /** A duplicate, which the caller closes. */
    int wakeup_fd_dup() const { return descriptor(rmq_consumer_wakeup_fd_dup(consumer_)); }
    /** As poll, for events; it is never woken. */
    rmq_code poll_event(Event &event, std::chrono::milliseconds timeout = forever) const
    {
        event = Event();
        rmq_event *polled = nullptr;
        const rmq_code code = rmq_consumer_poll_event(consumer_, detail::millis(timeout), &polled);
        event = Event(polled);
        return nothing_came(code);
    }

    /** Without a topic, broker or number any is meant. */
    void pause(const std::string &topic = std::string(), const std::string &broker = std::string(),
               std::int32_t queue_id = -1) const
    {
        detail::check(rmq_consumer_pause(consumer_, detail::text_or_null("topic", topic),
                                         detail::text_or_null("broker", broker), queue_id));
    }
    void resume(const std::string &topic = std::string(), const std::string &broker = std::string(),
                std::int32_t queue_id = -1) const
    {
        detail::check(rmq_consumer_resume(consumer_, detail::text_or_null("topic", topic),
                                          detail::text_or_null("broker", broker), queue_id));
    }
    /** Commits all queues. */
    void commit() const { detail::check(rmq_consumer_commit(consumer_)); }
    void commit(const Queue &queue) const
    {
        detail::check(rmq_consumer_commit_queue(consumer_, topic(queue), broker(queue), queue.id));
    }
    /** False when the group has committed nothing. */
    bool committed(const Queue &queue, std::int64_t &offset) const
    {
        const rmq_code code = rmq_consumer_committed(consumer_, topic(queue), broker(queue), queue.id, &offset);
        if (code != RMQ_E_NO_OFFSET)
            detail::check(code);
        return code == RMQ_OK;
    }
    std::int64_t position(const Queue &queue) const
    {
        std::int64_t offset = -1;
        detail::check(rmq_consumer_position(consumer_, topic(queue), broker(queue), queue.id, &offset));
        return offset;
    }
    Watermarks watermarks(const Queue &queue) const
    {
        Watermarks ends = {-1, -1};
        detail::check(
            rmq_consumer_watermarks(consumer_, topic(queue), broker(queue), queue.id, &ends.min, &ends.max));
        return ends;
    }
    void seek(const Queue &queue, std::int64_t offset) const
    {
        detail::check(rmq_consumer_seek(consumer_, topic(queue), broker(queue), queue.id, offset));
    }
    void seek_begin(const Queue &queue) const
    {
        detail::check(rmq_consumer_seek_begin(consumer_, topic(queue), broker(queue), queue.id));
    }
    void seek_end(const Queue &queue) const
    {
        detail::check(rmq_consumer_seek_end(consumer_, topic(queue), broker(queue), queue.id));
    }
    /** Milliseconds since 1970, by the broker's clock. */
    void seek_timestamp(const Queue &queue, std::int64_t timestamp_ms) const
    {
        detail::check(rmq_consumer_seek_timestamp(consumer_, topic(queue), broker(queue), queue.id, timestamp_ms));
    }

protected:
    rmq_consumer *consumer_;

    /** RMQ_E_TIMEOUT is an answer here, not a failure. */
    static bool in_time(rmq_code code)
    {
        if (code != RMQ_E_TIMEOUT)
            detail::check(code);
        return code == RMQ_OK;
    }

private:
    static int descriptor(std::int32_t answer)
    {
        if (answer < 0)
            detail::fail(answer);
        return answer;
    }
    static rmq_code nothing_came(rmq_code code)
    {
        if (code != RMQ_E_TIMEOUT && code != RMQ_E_WOKEN && code != RMQ_E_CLOSED)
            detail::check(code);
        return code;
    }
    static const char *topic(const Queue &queue) { return detail::text("topic", queue.topic); }
    static const char *broker(const Queue &queue) { return detail::text("broker", queue.broker); }
    std::string json(rmq_code (*function)(const rmq_consumer *, char *, std::size_t, std::size_t *)) const
    {
        const rmq_consumer *consumer = consumer_;
        return detail::written([function, consumer](char *buf, std::size_t size, std::size_t *needed) {
            return function(consumer, buf, size, needed);
        });
    }
};

/** Lent to a message callback until it returns; for its thread only. */
class Context {
public:
    Context(rmq_consumer *consumer, rmq_context *context) noexcept : consumer_(consumer), context_(context) {}
    rmq_context *get() const noexcept { return context_; }
    ConsumerRef consumer() const noexcept { return ConsumerRef(consumer_); }

    void set_delay_level(std::int32_t level) const { detail::check(rmq_context_set_delay_level(context_, level)); }
    void set_ack_index(std::size_t index) const { detail::check(rmq_context_set_ack_index(context_, index)); }
    void set_suspend(std::chrono::milliseconds rest) const
    {
        detail::check(rmq_context_set_suspend_ms(context_, detail::millis(rest)));
    }
    void set_auto_commit(bool auto_commit) const
    {
        detail::check(rmq_context_set_auto_commit(context_, auto_commit ? 1 : 0));
    }
    string_view topic() const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_context_topic(context_, &length);
        return detail::view(data, length);
    }
    string_view broker() const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_context_broker(context_, &length);
        return detail::view(data, length);
    }
    std::int32_t queue_id() const noexcept { return rmq_context_queue_id(context_); }

private:
    rmq_consumer *consumer_;
    rmq_context *context_;
};

/** The queues of a topic and the members to divide them among; lent to an allocate callback until it returns. */
class Allocation {
public:
    explicit Allocation(const rmq_allocation *allocation) noexcept : allocation_(allocation) {}
    const rmq_allocation *get() const noexcept { return allocation_; }

    string_view topic() const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_allocation_topic(allocation_, &length);
        return detail::view(data, length);
    }
    string_view client_id() const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_allocation_client_id(allocation_, &length);
        return detail::view(data, length);
    }
    std::size_t member_count() const noexcept { return rmq_allocation_member_count(allocation_); }
    string_view member_at(std::size_t index) const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_allocation_member_at(allocation_, index, &length);
        return detail::view(data, length);
    }
    std::size_t queue_count() const noexcept { return rmq_allocation_queue_count(allocation_); }
    string_view queue_broker(std::size_t index) const noexcept
    {
        std::size_t length = 0;
        const char *data = rmq_allocation_queue_broker(allocation_, index, &length);
        return detail::view(data, length);
    }
    std::int32_t queue_id(std::size_t index) const noexcept { return rmq_allocation_queue_id(allocation_, index); }

private:
    const rmq_allocation *allocation_;
};

/** What an allocate callback answers: the indexes of the queues it takes, or average(). */
class Choice {
public:
    Choice(std::vector<std::size_t> queues) : queues_(std::move(queues)), average_(false) {}
    Choice(std::initializer_list<std::size_t> queues) : queues_(queues), average_(false) {}
    /** Divide this topic as the strategy "avg" does. */
    static Choice average()
    {
        Choice choice((std::vector<std::size_t>()));
        choice.average_ = true;
        return choice;
    }
    bool is_average() const noexcept { return average_; }
    const std::vector<std::size_t> &queues() const noexcept { return queues_; }

private:
    std::vector<std::size_t> queues_;
    bool average_;
};

/** Consumes the messages of a batch, on threads of the library, several at once. */
using MessageCallback = std::function<Outcome(BatchRef batch, Context &context)>;
/** Gets the events one after the other, on a thread of the library. */
using EventCallback = std::function<void(ConsumerRef consumer, EventRef event)>;
/** Tells that there may be something to poll. */
using WakeupCallback = std::function<void()>;
/** Divides queues, on a thread of the library. After an exception the consumer keeps the queues it has. */
using AllocateCallback = std::function<Choice(ConsumerRef consumer, const Allocation &allocation)>;

/**
 * A consumer of the program's own. destroy() ends it and says whether that went well.
 *
 * The destructor ends it too, within the property "shutdown.timeout.ms". When callbacks outlast that, the destructor
 * waits for those that run and lets no other begin: what they refer to may go away after it, but for what a log
 * callback refers to. If messages are still not settled then, or in a callback of its own, where a consumer cannot be
 * destroyed, the handle of rmq.h stays behind and the exception hook is told.
 */
class Consumer : public ConsumerRef {
public:
    Consumer() noexcept = default;
    explicit Consumer(const Config &config) : callbacks_(std::make_shared<detail::Callbacks>(config.callbacks_->hook()))
    {
        char error[512] = "";
        consumer_ = rmq_consumer_new(config.get(), error, sizeof error);
        if (consumer_ == nullptr)
            throw Error(rmq_last_error_code(), error);
    }
    /** Takes over what rmq_consumer_new gave. */
    explicit Consumer(rmq_consumer *consumer, ExceptionHook hook = ExceptionHook())
        : callbacks_(std::make_shared<detail::Callbacks>(std::move(hook)))
    {
        consumer_ = consumer;
    }
    Consumer(Consumer &&other) noexcept : ConsumerRef(other.consumer_), callbacks_(std::move(other.callbacks_))
    {
        other.consumer_ = nullptr;
    }
    Consumer &operator=(Consumer &&other) noexcept
    {
        Consumer(std::move(other)).swap(*this);
        return *this;
    }
    ~Consumer() { end(); }

    /** Each is set before the start; an empty function takes the present one away. */
    void set_message_callback(MessageCallback function)
    {
        rmq_consumer *consumer = consumer_;
        using Userdata = detail::Userdata<MessageCallback>;
        Userdata::install(std::move(function), callbacks_, [consumer](void *userdata, rmq_free_cb free, bool is_set) {
            return rmq_consumer_set_message_callback(consumer, is_set ? &Consumer::consume : nullptr, userdata, free);
        });
    }
    void set_event_callback(std::int32_t mask, EventCallback function)
    {
        rmq_consumer *consumer = consumer_;
        using Userdata = detail::Userdata<EventCallback>;
        Userdata::install(
            std::move(function), callbacks_, [consumer, mask](void *userdata, rmq_free_cb free, bool is_set) {
                return rmq_consumer_set_event_callback(consumer, mask, is_set ? &Consumer::tell : nullptr, userdata,
                                                       free);
            });
    }
    void set_allocate_callback(AllocateCallback function)
    {
        rmq_consumer *consumer = consumer_;
        using Userdata = detail::Userdata<AllocateCallback>;
        Userdata::install(std::move(function), callbacks_, [consumer](void *userdata, rmq_free_cb free, bool is_set) {
            return rmq_consumer_set_allocate_callback(consumer, is_set ? &Consumer::allocate : nullptr, userdata,
                                                      free);
        });
    }

    /** It only passes the news on, as rmq_wakeup_cb tells, and calls nothing of this library. */
    void set_wakeup_callback(WakeupCallback function)
    {
        rmq_consumer *consumer = consumer_;
        using Userdata = detail::Userdata<WakeupCallback>;
        Userdata::install(std::move(function), callbacks_, [consumer](void *userdata, rmq_free_cb free, bool is_set) {
            return rmq_consumer_set_wakeup_callback(consumer, is_set ? &Consumer::wake : nullptr, userdata, free);
        });
    }

    /** Shuts down and ends; when it throws, the consumer stays as it is and it may be called again. */
    void destroy()
    {
        detail::check(rmq_consumer_destroy(consumer_));
        consumer_ = nullptr;
    }
    /** Gives the handle up; rmq_consumer_destroy ends it. */
    rmq_consumer *release() noexcept
    {
        rmq_consumer *consumer = consumer_;
        consumer_ = nullptr;
        return consumer;
    }
    void swap(Consumer &other) noexcept
    {
        std::swap(consumer_, other.consumer_);
        callbacks_.swap(other.callbacks_);
    }

    /** The last exception that left a callback, with the kind of callback; empty without one. */
    std::string last_exception() const { return callbacks_ ? callbacks_->last() : std::string(); }
    /** How many left one. */
    std::size_t exceptions() const { return callbacks_ ? callbacks_->count() : 0; }

private:
    void end() noexcept
    {
        rmq_code code = rmq_consumer_destroy(consumer_);
        if (code == RMQ_E_TIMEOUT) {
            callbacks_->close();
            callbacks_->wait_until_none_runs();
            code = rmq_consumer_destroy(consumer_);
        }
        if (code != RMQ_OK) {
            callbacks_->close();
            try {
                detail::fail(code);
            } catch (...) {
                callbacks_->caught("~Consumer");
            }
        }
    }

    static std::int32_t consume(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *raw,
                                void *userdata) noexcept
    {
        auto &self = detail::Userdata<MessageCallback>::of(userdata);
        detail::Callbacks::Running running(*self.callbacks);
        if (!running.allowed())
            return RMQ_RECONSUME_LATER;
        try {
            Context context(consumer, raw);
            return static_cast<std::int32_t>(self.function(BatchRef(batch), context));
        } catch (...) {
            self.callbacks->caught("message callback");
        }
        return RMQ_RECONSUME_LATER;
    }

    static void tell(rmq_consumer *consumer, const rmq_event *event, void *userdata) noexcept
    {
        auto &self = detail::Userdata<EventCallback>::of(userdata);
        detail::Callbacks::Running running(*self.callbacks);
        if (!running.allowed())
            return;
        try {
            self.function(ConsumerRef(consumer), EventRef(event));
        } catch (...) {
            self.callbacks->caught("event callback");
        }
    }

    static std::int32_t allocate(rmq_consumer *consumer, const rmq_allocation *raw, std::size_t *taken,
                                 std::size_t *count, void *userdata) noexcept
    {
        auto &self = detail::Userdata<AllocateCallback>::of(userdata);
        detail::Callbacks::Running running(*self.callbacks);
        if (!running.allowed())
            return 0;
        try {
            const Allocation allocation(raw);
            const Choice choice = self.function(ConsumerRef(consumer), allocation);
            if (choice.is_average())
                return RMQ_ALLOCATE_AVG;
            // More than there are cannot be right, and there is no room for them; the library says so.
            *count = choice.queues().size();
            for (std::size_t i = 0; i < *count && i < allocation.queue_count(); i++)
                taken[i] = choice.queues()[i];
            return RMQ_ALLOCATE_SUCCESS;
        } catch (...) {
            self.callbacks->caught("allocate callback");
        }
        return 0;
    }

    static void wake(void *userdata) noexcept
    {
        auto &self = detail::Userdata<WakeupCallback>::of(userdata);
        detail::Callbacks::Running running(*self.callbacks);
        if (!running.allowed())
            return;
        try {
            self.function();
        } catch (...) {
            self.callbacks->caught("wake-up callback");
        }
    }

    std::shared_ptr<detail::Callbacks> callbacks_;
};

/** Throws when the library that is loaded is older than this header, or of another ABI. */
inline void check_version() { detail::check(rmq_check_version(RMQ_VERSION_NUMBER)); }
inline const char *version() noexcept { return rmq_version(); }
inline std::uint32_t version_number() noexcept { return rmq_version_number(); }
inline std::int32_t abi_version() noexcept { return rmq_abi_version(); }
inline const char *build_info_json() noexcept { return rmq_build_info_json(); }
inline const char *codes_json() noexcept { return rmq_codes_json(); }
inline const char *config_properties_json() noexcept { return rmq_config_properties_json(); }
inline bool is_tag_type(const std::string &type) { return rmq_is_tag_type(detail::text("type", type)) != 0; }

/** The topic of the messages that a group has given up. */
inline std::string dead_letter_topic(const std::string &group)
{
    const char *name = detail::text("group", group);
    return detail::written([name](char *buf, std::size_t size, std::size_t *needed) {
        return rmq_dead_letter_topic(name, buf, size, needed);
    });
}

} // namespace cxx11 or cxx17
} // namespace rmq

#endif /* RMQ_HPP */
