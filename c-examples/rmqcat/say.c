/* What rmqcat says on stderr, and the exit codes that fit the library's. */
#include "rmqcat.h"

#include <stdarg.h>
#include <stdio.h>

volatile int rate_is_shown;

void say(const char *kind, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* One call, because the library's threads log too; the line of the rate gives way. */
    fprintf(stderr, "%srmqcat: %s: %s\n", rate_is_shown ? "\r\033[K" : "", kind, text);
}

int exit_code(rmq_code code)
{
    switch (code) {
    case RMQ_E_CONFIG_KEY: case RMQ_E_CONFIG_VALUE: case RMQ_E_CONFIG_MISSING: case RMQ_E_UNSUPPORTED:
    case RMQ_E_INVALID_ARG: case RMQ_E_FILTER: case RMQ_E_STATE:
    case 23: /* SUBSCRIPTION_PARSE_FAILED: the broker cannot read the SQL92 condition */
        return EXIT_USAGE;
    case RMQ_E_NO_NAMESRV: case RMQ_E_CONNECT: case RMQ_E_DISCONNECTED: case RMQ_E_TIMEOUT:
    case RMQ_E_REQUEST_TIMEOUT:
        return EXIT_UNREACHABLE;
    case RMQ_E_NO_ROUTE:
        return EXIT_NO_TOPIC;
    default:
        return EXIT_FAILED;
    }
}

int failed(const char *about)
{
    int code = exit_code(rmq_last_error_code());
    say("error", "%s%s%s", about == NULL ? "" : about, about == NULL ? "" : ": ", rmq_last_error_message());
    return code;
}
