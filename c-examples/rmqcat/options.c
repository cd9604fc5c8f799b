/* The command line. Parser and --help come from one table. No argument is repeated in an error but those of options
 * that cannot hold a secret. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
#include "rmqcat.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The group that every broker has for tools: whoever reads under its name makes no group at the broker. */
#define NO_GROUP "TOOLS_CONSUMER"

static const struct {
    char letter;
    const char *name, *argument, *help;
} OPTIONS[] = {
    {'b', "namesrv", "ADDRESSES", "name servers, host:port;host:port (default: $NAMESRV_ADDR)"},
    {'t', "topic", "TOPIC", "read this topic; may be given several times"},
    {'T', "tag", "EXPRESSION", "only messages with one of these tags: a || b"},
    {'S', "sql", "CONDITION", "only messages whose properties meet an SQL92 condition"},
    {'q', "queue", "[BROKER:]NUMBER", "only this queue (not with -g)"},
    {'o', "offset", "WHERE", "begin at: begin, end, OFFSET, -LAST, @TIME (default: begin)"},
    {'g', "group", "GROUP", "be a member of this group, and commit what was printed"},
    {'c', "count", "NUMBER", "end after so many messages"},
    {'e', "exit", NULL, "end when all that was there at the start is printed"},
    {'f', "format", "FORMAT", "print each message so (default: %s\\n)"},
    {'J', "json", NULL, "print each message as a JSON object, a line each"},
    {'L', "list", NULL, "print routes and offsets, with -g the group's too"},
    {'X', "property", "KEY=VALUE", "set a property of the consumer"},
    {'F', "config", "FILE", "set properties from a file, KEY=VALUE a line"},
    {'v', "verbose", NULL, "tell more on standard error; twice for still more"},
    {'V', "version", NULL, "print the versions of rmqcat and its library"},
    {'h', "help", NULL, "print this text"},
};

enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

static const char FORMAT_HELP[] =
    "\nFORMAT:\n"
    "  %t topic       %b broker    %q queue       %o offset\n"
    "  %k keys        %g tags      %i message id  %r times it was delivered before\n"
    "  %T stored      %B sent, both in milliseconds since 1970\n"
    "  %s body        %S its size  %p properties as JSON  %% a percent sign\n"
    "  \\n \\t \\r \\0 \\\\\n"
    "\nTIME: milliseconds since 1970, 2026-01-31, 2026-01-31T12:00:00 (local; with Z: UTC),\n"
    "  or so long ago: -90s, -15m, -2h, -7d\n"
    "\nExit codes: 0 done, also by Ctrl-C or when nobody reads the output; 1 failed; 2 wrong\n"
    "  usage; 3 no name server or broker was reached; 4 the topic or queue does not exist\n";

static int print_help(void)
{
    size_t i;
    printf("rmqcat prints messages of RocketMQ topics. Without -g it is a member of no group,\n"
           "commits nothing, and nobody loses a message to it.\n\n"
           "usage: rmqcat [options] -t TOPIC\n\n");
    for (i = 0; i < OPTION_COUNT; i++) {
        char left[64];
        snprintf(left, sizeof left, "-%c, --%s%s%s", OPTIONS[i].letter, OPTIONS[i].name,
                 OPTIONS[i].argument == NULL ? "" : " ", OPTIONS[i].argument == NULL ? "" : OPTIONS[i].argument);
        printf("  %-29s %s\n", left, OPTIONS[i].help);
    }
    fputs(FORMAT_HELP, stdout);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int usage(const char *text)
{
    say("error", "%s (see rmqcat --help)", text);
    return EXIT_USAGE;
}

static int parse_number(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

/* --- Where to begin */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int parse_ago(const char *text, int64_t *ms)
{
    static const char units[] = "smhd";
    static const int64_t lengths[] = {1000, 60000, 3600000, 86400000};
    char *end;
    long long number = strtoll(text, &end, 10);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end);
    if (end == text || unit == NULL || end[1] != '\0' || number < 0 || number > 1000000)
        return 0;
    *ms = now_ms() - number * lengths[unit - units];
    return 1;
}

static int parse_time(const char *text, int64_t *ms)
{
    struct tm parts;
    const char *end;
    if (*text == '-')
        return parse_ago(text + 1, ms);
    if (parse_number(text, ms))
        return *ms >= 0;
    memset(&parts, 0, sizeof parts);
    end = strptime(text, "%Y-%m-%d", &parts);
    if (end != NULL && (*end == 'T' || *end == ' '))
        end = strptime(end + 1, "%H:%M:%S", &parts);
    if (end == NULL || !(*end == '\0' || (*end == 'Z' && end[1] == '\0')))
        return 0;
    parts.tm_isdst = -1;
    *ms = (int64_t)(*end == 'Z' ? timegm(&parts) : mktime(&parts)) * 1000;
    return *ms >= 0;
}

static int parse_offset(const char *text, struct options *options)
{
    int64_t number;
    if (strcmp(text, "begin") == 0) {
        options->start = START_BEGIN;
    } else if (strcmp(text, "end") == 0) {
        options->start = START_END;
    } else if (*text == '@' && parse_time(text + 1, &options->start_at)) {
        options->start = START_TIME;
    } else if (*text == '@') {
        say("error", "-o %s: allowed is @ with milliseconds since 1970, 2026-01-31, 2026-01-31T12:00:00 (local; with Z: UTC)"
            " or so long ago: -90s, -15m, -2h, -7d", text);
        return EXIT_USAGE;
    } else if (parse_number(text, &number)) {
        options->start = *text == '-' ? START_LAST : START_OFFSET;
        options->start_at = number < 0 ? -number : number;
    } else {
        say("error", "-o %s: allowed is begin, end, an offset, -NUMBER for the last ones, or @TIME (see rmqcat --help)",
            text);
        return EXIT_USAGE;
    }
    return -1;
}

/* --- Properties */

static int set(rmq_config *config, const char *where, const char *key, const char *value)
{
    char error[512];
    rmq_code code = rmq_config_set(config, key, value, error, sizeof error);
    if (code == RMQ_OK)
        return -1;
    say("error", "%s%s", where, error); /* the library masks secrets */
    return exit_code(code);
}

/* KEY=VALUE; where names the place in errors. The text itself may hold a secret. */
static int set_pair(rmq_config *config, const char *where, char *pair)
{
    char *equals = strchr(pair, '=');
    if (equals == NULL) {
        say("error", "%sallowed is KEY=VALUE", where);
        return EXIT_USAGE;
    }
    *equals = '\0';
    return set(config, where, pair, equals + 1);
}

/* Blank lines and those that begin with # are left out, and blanks around key and value. */
static int set_file(rmq_config *config, const char *path)
{
    char line[8192], where[512];
    int number = 0, result = -1;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        say("error", "-F %s: %s", path, strerror(errno));
        return EXIT_USAGE;
    }
    while (result == -1 && fgets(line, sizeof line, file) != NULL) {
        char *begin = line + strspn(line, " \t\r\n"), *equals = strchr(begin, '=');
        size_t len = strlen(begin);
        number++;
        while (len > 0 && strchr(" \t\r\n", begin[len - 1]) != NULL)
            begin[--len] = '\0';
        if (*begin == '\0' || *begin == '#')
            continue;
        snprintf(where, sizeof where, "%.400s, line %d: ", path, number);
        if (equals != NULL) {
            char *end = equals, *value = equals + 1 + strspn(equals + 1, " \t");
            while (end > begin && strchr(" \t", end[-1]) != NULL)
                *--end = '\0';
            if (end == equals)
                *end = '\0';
            result = set(config, where, begin, value);
        } else {
            result = set_pair(config, where, begin);
        }
    }
    fclose(file);
    return result;
}

/* --- The options */

static int parse_queue(char *text, struct options *options)
{
    char *colon = strrchr(text, ':');
    int64_t number;
    if (!parse_number(colon == NULL ? text : colon + 1, &number) || number < 0 || number > INT32_MAX || colon == text) {
        say("error", "-q %s: allowed is the number of a queue, or BROKER:NUMBER", text);
        return EXIT_USAGE;
    }
    if (colon != NULL) {
        *colon = '\0';
        options->broker = text;
    }
    options->queue = (int32_t)number;
    return -1;
}

static int apply(int letter, char *argument, struct options *options, rmq_config *config)
{
    switch (letter) {
    case 'b': return set(config, "-b ", "namesrv.addr", argument);
    case 't': options->topics[options->topic_count++] = argument; return -1;
    case 'T': options->tags = argument; return -1;
    case 'S': options->sql = argument; return -1;
    case 'q': return parse_queue(argument, options);
    case 'o': return parse_offset(argument, options);
    case 'g': options->group = argument; return set(config, "-g ", "consumer.group", argument);
    case 'c':
        if (parse_number(argument, &options->count) && options->count >= 0)
            return -1;
        say("error", "-c %s: allowed is a number from 0 on", argument);
        return EXIT_USAGE;
    case 'e': options->exit_at_end = 1; return -1;
    case 'f':
        options->format = argument;
        switch (format_problem(argument)) {
        case '%': return usage("-f: an escape with % is not known; a percent sign is %%");
        case '\\': return usage("-f: an escape with \\ is not known; a backslash is \\\\");
        default: return -1;
        }
    case 'J': options->json = 1; return -1;
    case 'L': options->list = 1; return -1;
    case 'X': return set_pair(config, "-X ", argument);
    case 'F': return set_file(config, argument);
    case 'v': options->verbose++; return -1;
    case 'V':
        printf("rmqcat %d.%d.%d, librmq %s\n", RMQ_VERSION_MAJOR, RMQ_VERSION_MINOR, RMQ_VERSION_PATCH, rmq_version());
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
    default: return print_help();
    }
}

/* What only shows when all options are known. */
static int check(const struct options *options, rmq_config *config)
{
    char group[256];
    if (options->topic_count == 0)
        return usage("no topic is given: -t TOPIC");
    if (options->tags != NULL && options->sql != NULL)
        return usage("-T and -S: messages are selected by tag or by SQL92, not by both");
    if (options->json && options->format != NULL)
        return usage("-J and -f: messages are printed in one form");
    if (options->group == NULL) {
        if (rmq_config_get(config, "consumer.group", group, sizeof group, NULL) == RMQ_OK && *group == '\0')
            rmq_config_set(config, "consumer.group", NO_GROUP, NULL, 0);
    }
    if (options->group == NULL || options->list)
        return set(config, "", "auto.commit", "false");
    if (options->queue >= 0)
        return usage("-q and -g: a member shares all queues with its group");
    switch (options->start) {
    case START_BEGIN: return -1;
    case START_END: return set(config, "", "consume.from", "last_offset");
    case START_TIME:
        snprintf(group, sizeof group, "%lld", (long long)options->start_at);
        rmq_config_set(config, "consume.from", "timestamp", NULL, 0);
        return set(config, "-o: ", "consume.timestamp", group);
    default: return usage("-o and -g: a group begins at begin, end or @TIME where it has committed nothing yet");
    }
}

static int unknown(int argc, char **argv, int missing)
{
    /* A letter getopt knows by itself; a long option it left behind it, perhaps with a value. */
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    char text[128];
    if (missing)
        snprintf(text, sizeof text, "an option lacks its argument: -%c", optopt);
    else if (optopt != 0 && strncmp(word, "--", 2) != 0)
        snprintf(text, sizeof text, "there is no option -%c", optopt);
    else
        snprintf(text, sizeof text, "there is no such option, or it takes no argument: %.*s",
                 (int)strcspn(word, "=:"), word);
    return usage(text);
}

int options_parse(int argc, char **argv, struct options *options, rmq_config *config)
{
    struct option longs[OPTION_COUNT + 1];
    char letters[2 * OPTION_COUNT + 2] = ":";
    int letter, result = -1;
    size_t i;
    memset(longs, 0, sizeof longs);
    for (i = 0; i < OPTION_COUNT; i++) {
        const char one[] = {OPTIONS[i].letter, OPTIONS[i].argument == NULL ? '\0' : ':', '\0'};
        strcat(letters, one);
        longs[i].name = OPTIONS[i].name;
        longs[i].has_arg = OPTIONS[i].argument == NULL ? no_argument : required_argument;
        longs[i].val = OPTIONS[i].letter;
    }
    memset(options, 0, sizeof *options);
    options->queue = -1;
    options->count = -1;
    options->topics = calloc((size_t)argc, sizeof *options->topics); /* there cannot be more */
    if (options->topics == NULL)
        return EXIT_FAILED;
    opterr = 0;
    rmq_config_set(config, "consume.from", "first_offset", NULL, 0);
    while (result == -1 && (letter = getopt_long(argc, argv, letters, longs, NULL)) != -1)
        result = letter == '?' || letter == ':' ? unknown(argc, argv, letter == ':') :
                                                  apply(letter, optarg, options, config);
    if (result == -1 && optind < argc)
        result = usage("an argument belongs to no option; topics are given with -t");
    if (result == -1 && options->verbose > 0)
        rmq_config_set(config, "log.level", options->verbose > 1 ? "debug" : "info", NULL, 0);
    return result == -1 ? check(options, config) : result;
}
