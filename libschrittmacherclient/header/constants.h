
/* The version of this header; the library's own is schrittmacher_client_version(). */
#define SCHRITTMACHERCLIENT_VERSION_MAJOR @MAJOR@
#define SCHRITTMACHERCLIENT_VERSION_MINOR @MINOR@
#define SCHRITTMACHERCLIENT_VERSION_PATCH @PATCH@
#define SCHRITTMACHERCLIENT_VERSION "@MAJOR@.@MINOR@.@PATCH@"

/* ---- States ------------------------------------------------------------------------------------------------ */

/* What the daemon wants the application to be. (Objective-C has real enums of these names.) */
#ifndef __OBJC__
#define SchrittmacherClientWantedState_hot 101
#define SchrittmacherClientWantedState_standby 102

/* What the application is. */
#define SchrittmacherClientCurrentState_inactive 200               /* standby */
#define SchrittmacherClientCurrentState_active 201                 /* hot */
#define SchrittmacherClientCurrentState_failed 202
#define SchrittmacherClientCurrentState_unknown 203
#define SchrittmacherClientCurrentState_transiting_to_hot 204
#define SchrittmacherClientCurrentState_transiting_to_standby 205
#endif

/* The same on the wire. (In Objective-C they are NSString literals.) */
#ifdef __OBJC__
#define SCHRITTMACHER_TEXT_(text) @text
#else
#define SCHRITTMACHER_TEXT_(text) text
#endif
#define MESSAGE_LOCAL_HOT SCHRITTMACHER_TEXT_("LHOT")
#define MESSAGE_LOCAL_STANDBY SCHRITTMACHER_TEXT_("LSBY")
#define MESSAGE_LOCAL_UNKNOWN SCHRITTMACHER_TEXT_("LUNK")
#define MESSAGE_LOCAL_FAIL SCHRITTMACHER_TEXT_("LFAI")
#define MESSAGE_LOCAL_TRANSITING_TO_HOT SCHRITTMACHER_TEXT_("L2HT")
#define MESSAGE_LOCAL_TRANSITING_TO_STANDBY SCHRITTMACHER_TEXT_("L2SB")
#define MESSAGE_LOCAL_REQUEST_FAILOVER SCHRITTMACHER_TEXT_("LRFO")
#define MESSAGE_LOCAL_REQUEST_TAKEOVER SCHRITTMACHER_TEXT_("LRTO")

/* How important a message for the log is; the library itself uses DEBUG, INFO, WARNING and MAJOR. */
#define SCHRITTMACHER_LOG_DEBUG 0
#define SCHRITTMACHER_LOG_INFO 1
#define SCHRITTMACHER_LOG_WARNING 2
#define SCHRITTMACHER_LOG_MINOR 3
#define SCHRITTMACHER_LOG_MAJOR 4
#define SCHRITTMACHER_LOG_PANIC 5

/* ---- Status codes ------------------------------------------------------------------------------------------ */
