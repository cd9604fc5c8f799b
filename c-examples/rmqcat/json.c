/* Just enough to find members in the JSON texts of the library, which are well-formed. */
#include "rmqcat.h"

#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *skip_text(const char *at)
{
    for (at++; *at != '"' && *at != '\0'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : at;
}

static const char *skip_value(const char *at)
{
    int depth = 0;
    do {
        at = skip_blanks(at);
        if (*at == '"')
            at = skip_text(at);
        else if (*at == '{' || *at == '[')
            depth++, at++;
        else if (*at == '}' || *at == ']')
            depth--, at++;
        else if (*at == ',' || *at == ':')
            at++;
        else
            at += strcspn(at, ",:]} \t\r\n");
    } while (depth > 0 && *at != '\0');
    return at;
}

const char *json_member(const char *object, const char *key)
{
    size_t len = strlen(key);
    const char *at = object == NULL ? "" : skip_blanks(object);
    if (*at != '{')
        return NULL;
    for (at = skip_blanks(at + 1); *at == '"'; at = skip_blanks(at + 1)) {
        const char *name = at + 1;
        at = skip_text(at);
        int found = (size_t)(at - name) == len + 1 && strncmp(name, key, len) == 0;
        at = skip_blanks(skip_blanks(at) + 1); /* the colon */
        if (found)
            return at;
        at = skip_blanks(skip_value(at));
        if (*at != ',')
            break;
    }
    return NULL;
}

const char *json_first(const char *array)
{
    const char *at = array == NULL ? "" : skip_blanks(array);
    if (*at != '[')
        return NULL;
    at = skip_blanks(at + 1);
    return *at == ']' || *at == '\0' ? NULL : at;
}

const char *json_next(const char *element)
{
    const char *at = skip_blanks(skip_value(element));
    return *at == ',' ? skip_blanks(at + 1) : NULL;
}

int json_number(const char *value, int64_t *number)
{
    char *end;
    if (value == NULL || *value == '"' || *value == 'n')
        return 0;
    *number = strtoll(value, &end, 10);
    return end != value;
}

/* Escapes stay as they are: names of topics and brokers have none. */
void json_text(const char *value, char *buf, size_t size)
{
    size_t len = 0;
    if (value != NULL && *value == '"') {
        len = (size_t)(skip_text(value) - value) - 2;
        if (len >= size)
            len = size - 1;
        memcpy(buf, value + 1, len);
    }
    buf[len] = '\0';
}
