#include "operation/task_time.h"

#include "base/json.h"

#include <string.h>

#define UTC_8  (8 * 3600)
#define LATEST 253402300800.0 /* the year 10000 */

time_t pomex_time_of_iso(const char *text)
{
    struct tm parts = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
    if (rest && *rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    return rest && strcmp(rest, "Z") == 0 ? timegm(&parts) : -1;
}

/* A number of two digits that begins there. */
static int two(const char *digits)
{
    return (digits[0] - '0') * 10 + digits[1] - '0';
}

static time_t time_of_id(const char *id)
{
    const char *dash = id ? strchr(id, '-') : NULL;
    const char *at = dash ? dash + 1 : NULL;
    if (!at || strspn(at, "0123456789") != 14 || at[14] != '-')
        return -1;
    struct tm parts = {.tm_year = two(at) * 100 + two(at + 2) - 1900,
                       .tm_mon = two(at + 4) - 1,
                       .tm_mday = two(at + 6),
                       .tm_hour = two(at + 8),
                       .tm_min = two(at + 10),
                       .tm_sec = two(at + 12)};
    time_t time = timegm(&parts);
    return time < UTC_8 ? -1 : time - UTC_8;
}

time_t pomex_task_time_said(const json_t *task, const char *field)
{
    const json_t *said = json_object_get(task, field);
    double seconds = json_number_value(said);
    if (json_is_number(said))
        return seconds >= 0 && seconds < LATEST ? (time_t)seconds : -1;
    return pomex_time_of_iso(json_string_value(said));
}

time_t pomex_task_time(const json_t *task)
{
    time_t time = pomex_task_time_said(task, "created_at");
    return time >= 0 ? time : time_of_id(pomex_json_string(task, "id"));
}
