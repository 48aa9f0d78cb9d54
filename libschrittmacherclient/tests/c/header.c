/* The header in every C and C++: included twice, with its types, macros and enums in use. Compiled only. */

#include <schrittmacherclient/schrittmacherclient.h>
#include <schrittmacherclient/schrittmacherclient.h>

#if SCHRITTMACHERCLIENT_VERSION_NUMBER < 30000
#error "the version is a number to compare"
#endif

const char *texts[] = {
    SCHRITTMACHERCLIENT_VERSION, MESSAGE_LOCAL_HOT, MESSAGE_LOCAL_STANDBY, MESSAGE_LOCAL_UNKNOWN, MESSAGE_LOCAL_FAIL,
    MESSAGE_LOCAL_TRANSITING_TO_HOT, MESSAGE_LOCAL_TRANSITING_TO_STANDBY, MESSAGE_LOCAL_REQUEST_FAILOVER,
    MESSAGE_LOCAL_REQUEST_TAKEOVER};
schrittmacher_client *clients[SCHRITTMACHER_CLIENTS_MAX];
schrittmacher_func_ptr func;
schrittmacher_callback callback;
schrittmacher_log_func log_func;
schrittmacher_status status = SCHRITTMACHER_ERR_TOO_MANY;
schrittmacher_log_level level = SCHRITTMACHER_LOG_PANIC;
SchrittmacherClientCurrentState current = SchrittmacherClientCurrentState_transiting_to_standby;

/* -Wswitch knows the states, and so a new one is not forgotten. */
const char *name_of(SchrittmacherClientWantedState state);
const char *name_of(SchrittmacherClientWantedState state)
{
    switch (state) {
    case SchrittmacherClientWantedState_none: return "none";
    case SchrittmacherClientWantedState_hot: return "hot";
    case SchrittmacherClientWantedState_standby: return "standby";
    }
    return "error";
}
