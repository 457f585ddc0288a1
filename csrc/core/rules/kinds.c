#include "rules/kinds.h"

#include "base/json.h"

bool pomex_kinds_check(const json_t *payload, pomex_violation *violation)
{
    static const struct {
        const char *name, *kind;
    } fields[] = {
        {"duration", "a number"}, {"execution_expires_after", "a number"},
        {"frames", "a number"},   {"generate_audio", "true or false"},
        {"priority", "a number"}, {"return_last_frame", "true or false"},
        {"seed", "a number"},     {"watermark", "true or false"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *value = json_object_get(payload, fields[i].name);
        if (json_is_string(value))
            return pomex_violation_set(violation, fields[i].name, value, "%s must be %s",
                                       fields[i].name, fields[i].kind);
    }
    return true;
}
