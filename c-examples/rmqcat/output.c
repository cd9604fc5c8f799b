/* Messages as text: by a format or as JSON. What is printed is kept here until it is written, because a message may be
 * committed only when its last byte went out, and stdio does not tell how far it came. */
#define _POSIX_C_SOURCE 200809L
#include "rmqcat.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void make_room(struct output *out, size_t more)
{
    size_t capacity = out->capacity == 0 ? 4096 : out->capacity;
    while (capacity - out->size < more)
        capacity *= 2;
    if (capacity != out->capacity) {
        char *data = realloc(out->data, capacity);
        if (data == NULL) {
            say("error", "out of memory");
            _exit(EXIT_FAILED); /* what was acknowledged may be lost to nobody: it was written */
        }
        out->data = data;
        out->capacity = capacity;
    }
}

void output_text(struct output *out, const char *text, size_t len)
{
    if (len > 0) {
        make_room(out, len);
        memcpy(out->data + out->size, text, len);
        out->size += len;
    }
}

void output_printf(struct output *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    int len;
    va_start(arguments, format);
    len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len > 0)
        output_text(out, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static void output_string(struct output *out, const char *text)
{
    output_text(out, text, strlen(text));
}

/* --- JSON */

/* The length of the UTF-8 sequence that begins here; 0 when none does. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    unsigned int first = at[0], low = 0x80, high = 0xBF;
    size_t len, i;
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    len = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first == 0xE0)
        low = 0xA0; /* shorter forms exist */
    else if (first == 0xED)
        high = 0x9F; /* surrogates */
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F; /* beyond Unicode */
    if (len > left || at[1] < low || at[1] > high)
        return 0;
    for (i = 2; i < len; i++)
        if (at[i] < 0x80 || at[i] > 0xBF)
            return 0;
    return len;
}

static int is_utf8(const char *text, size_t len)
{
    size_t at = 0, step;
    for (; at < len; at += step) {
        step = utf8_length((const unsigned char *)text + at, len - at);
        if (step == 0)
            return 0;
    }
    return 1;
}

/* A JSON string with its quotes; a byte that is no UTF-8 becomes a replacement character. */
void output_json_text(struct output *out, const char *text, size_t len)
{
    size_t at = 0, step;
    output_string(out, "\"");
    for (; at < len; at += step) {
        unsigned char c = (unsigned char)text[at];
        step = utf8_length((const unsigned char *)text + at, len - at);
        if (step == 0) {
            output_string(out, "\\ufffd");
            step = 1;
        } else if (c == '"' || c == '\\') {
            output_printf(out, "\\%c", c);
        } else if (c == '\n') {
            output_string(out, "\\n");
        } else if (c < 0x20) {
            output_printf(out, "\\u%04x", c);
        } else {
            output_text(out, text + at, step);
        }
    }
    output_string(out, "\"");
}

static void output_base64(struct output *out, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t i;
    for (i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned int three = (unsigned int)bytes[i] << 16;
        three |= left > 1 ? (unsigned int)bytes[i + 1] << 8 : 0;
        three |= left > 2 ? bytes[i + 2] : 0;
        output_text(out, &digits[three >> 18], 1);
        output_text(out, &digits[three >> 12 & 63], 1);
        output_text(out, left > 1 ? &digits[three >> 6 & 63] : "=", 1);
        output_text(out, left > 2 ? &digits[three & 63] : "=", 1);
    }
}

/* What the library tells of a message, and the body as one more member. */
static void output_json(struct output *out, const rmq_message *message)
{
    size_t needed = 0, len;
    const char *body = (const char *)rmq_message_body(message, &len);
    if (rmq_message_to_json(message, NULL, 0, &needed) != RMQ_OK || needed < 2)
        return;
    make_room(out, needed);
    if (rmq_message_to_json(message, out->data + out->size, needed, NULL) != RMQ_OK)
        return;
    out->size += needed - 2; /* without the closing brace and the NUL */
    if (is_utf8(body, len)) {
        output_string(out, ",\"body\":");
        output_json_text(out, body, len);
    } else {
        output_string(out, ",\"body_base64\":\"");
        output_base64(out, (const unsigned char *)body, len);
        output_string(out, "\"");
    }
    output_string(out, "}\n");
}

/* --- Formats */

#define FIELDS "tbqokgirTBsSp%"

char format_problem(const char *format)
{
    for (; *format != '\0'; format++) {
        if (*format == '%' && (format[1] == '\0' || strchr(FIELDS, format[1]) == NULL))
            return '%';
        if (*format == '\\' && (format[1] == '\0' || strchr("ntr0\\", format[1]) == NULL))
            return '\\';
        if (*format == '%' || *format == '\\')
            format++;
    }
    return 0;
}

/* All properties as an object; of a key that stands twice the last one counts. */
static void output_properties(struct output *out, const rmq_message *message)
{
    size_t i, count = rmq_message_property_count(message), printed = 0;
    output_string(out, "{");
    for (i = 0; i < count; i++) {
        const char *key, *value;
        size_t key_len, value_len;
        if (rmq_message_property_at(message, i, &key, &key_len, &value, &value_len) != RMQ_OK ||
            rmq_message_property(message, key, NULL) != value)
            continue;
        if (printed++ > 0)
            output_string(out, ",");
        output_json_text(out, key, key_len);
        output_string(out, ":");
        output_json_text(out, value, value_len);
    }
    output_string(out, "}");
}

static void output_field(struct output *out, char field, const rmq_message *message)
{
    const char *text = NULL;
    size_t len = 0;
    switch (field) {
    case 't': text = rmq_message_topic(message, &len); break;
    case 'b': text = rmq_message_broker_name(message, &len); break;
    case 'k': text = rmq_message_keys(message, &len); break;
    case 'g': text = rmq_message_tags(message, &len); break;
    case 'i': text = rmq_message_msg_id(message, &len); break;
    case 's': text = (const char *)rmq_message_body(message, &len); break;
    case 'p': output_properties(out, message); break;
    case 'q': output_printf(out, "%d", (int)rmq_message_queue_id(message)); break;
    case 'o': output_printf(out, "%lld", (long long)rmq_message_queue_offset(message)); break;
    case 'T': output_printf(out, "%lld", (long long)rmq_message_store_timestamp(message)); break;
    case 'B': output_printf(out, "%lld", (long long)rmq_message_born_timestamp(message)); break;
    case 'r': output_printf(out, "%d", (int)rmq_message_reconsume_times(message)); break;
    case 'S': rmq_message_body(message, &len); output_printf(out, "%zu", len); break;
    default: output_string(out, "%");
    }
    if (text != NULL)
        output_text(out, text, len);
}

void output_message(struct output *out, const struct options *options, const rmq_message *message)
{
    static const char escapes[] = "n\nt\tr\r\\\\";
    const char *at = options->format == NULL ? "%s\\n" : options->format;
    if (options->json) {
        output_json(out, message);
        return;
    }
    for (; *at != '\0'; at++) {
        if (*at == '%') {
            output_field(out, *++at, message);
        } else if (*at == '\\') {
            const char *escape = strchr(escapes, *++at);
            output_text(out, escape == NULL || *at == '0' ? "" : escape + 1, 1);
        } else {
            output_text(out, at, 1);
        }
    }
}

/* --- Writing */

/* Writes no more than a pipe takes at once, and not before it takes it: so a signal always gets through. */
size_t output_flush(struct output *out, const volatile int *stop)
{
    size_t written = 0;
    while (written < out->size && !out->closed && out->error == 0) {
        struct pollfd ready = {STDOUT_FILENO, POLLOUT, 0};
        size_t piece = out->size - written < PIPE_BUF ? out->size - written : PIPE_BUF;
        ssize_t done;
        if (poll(&ready, 1, 100) <= 0) {
            if (*stop)
                break;
            continue;
        }
        done = write(STDOUT_FILENO, out->data + written, piece);
        if (done >= 0)
            written += (size_t)done;
        else if (errno == EPIPE)
            out->closed = 1;
        else if (errno != EINTR && errno != EAGAIN)
            out->error = errno;
    }
    out->size = 0;
    return written;
}

int output_is_closed(void)
{
    struct pollfd reader = {STDOUT_FILENO, 0, 0};
    return poll(&reader, 1, 0) > 0 && (reader.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}
