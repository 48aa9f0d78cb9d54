/* The numbers that programs have compiled in: they never change. Compiled only, as every C and C++. */

#include <schrittmacherclient/schrittmacherclient.h>
#include <schrittmacherclient/schrittmacherclient.h>

#define IS(name, number) typedef char name##_is_##number[(name) == (number) ? 1 : -1]

IS(SchrittmacherClientWantedState_hot, 101);
IS(SchrittmacherClientWantedState_standby, 102);
IS(SchrittmacherClientCurrentState_inactive, 200);
IS(SchrittmacherClientCurrentState_active, 201);
IS(SchrittmacherClientCurrentState_failed, 202);
IS(SchrittmacherClientCurrentState_unknown, 203);
IS(SchrittmacherClientCurrentState_transiting_to_hot, 204);
IS(SchrittmacherClientCurrentState_transiting_to_standby, 205);

IS(SCHRITTMACHER_OK, 0);
IS(SCHRITTMACHER_ERR_NULL, 1);
IS(SCHRITTMACHER_ERR_HANDLE, 2);
IS(SCHRITTMACHER_ERR_INVALID, 3);
IS(SCHRITTMACHER_ERR_UTF8, 4);
IS(SCHRITTMACHER_ERR_NO_RESOURCE_ID, 5);
IS(SCHRITTMACHER_ERR_NOT_STARTED, 6);
IS(SCHRITTMACHER_ERR_NOT_POLLED, 7);
IS(SCHRITTMACHER_ERR_ADDRESS, 8);
IS(SCHRITTMACHER_ERR_NO_DAEMON, 9);
IS(SCHRITTMACHER_ERR_SYSTEM, 10);
IS(SCHRITTMACHER_ERR_FORKED, 11);
IS(SCHRITTMACHER_ERR_INTERNAL, 12);

IS(SCHRITTMACHER_LOG_DEBUG, 0);
IS(SCHRITTMACHER_LOG_INFO, 1);
IS(SCHRITTMACHER_LOG_WARNING, 2);
IS(SCHRITTMACHER_LOG_MINOR, 3);
IS(SCHRITTMACHER_LOG_MAJOR, 4);
IS(SCHRITTMACHER_LOG_PANIC, 5);


schrittmacher_func_ptr func;
schrittmacher_context_func context_func;
schrittmacher_log_func log_func;
