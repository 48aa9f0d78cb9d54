/* In Objective-C this file also declares the class SchrittmacherClient, at its end, as it always did. */

/* The version of this header, as text and as a number to compare: 3.1.2 is 30102. The library's own version is
 * schrittmacher_client_version() and schrittmacher_client_version_number(). */
#define SCHRITTMACHERCLIENT_VERSION "@MAJOR@.@MINOR@.@PATCH@"
#define SCHRITTMACHERCLIENT_VERSION_NUMBER @NUMBER@

/* ---- States ------------------------------------------------------------------------------------------------ */

/* Functions take and return states and log levels as int, because the result of getting one can be an error. */

/** What the daemon wants the application to be. */
typedef enum SchrittmacherClientWantedState
{
    SchrittmacherClientWantedState_none = 0, /* before the first order */
    SchrittmacherClientWantedState_hot = 101,
    SchrittmacherClientWantedState_standby = 102
} SchrittmacherClientWantedState;

/** What the application is. */
typedef enum SchrittmacherClientCurrentState
{
    SchrittmacherClientCurrentState_none = 0, /* before the first report or order */
    SchrittmacherClientCurrentState_inactive = 200, /* standby */
    SchrittmacherClientCurrentState_active = 201,   /* hot */
    SchrittmacherClientCurrentState_failed = 202,
    SchrittmacherClientCurrentState_unknown = 203,
    SchrittmacherClientCurrentState_transiting_to_hot = 204,
    SchrittmacherClientCurrentState_transiting_to_standby = 205
} SchrittmacherClientCurrentState;

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

/* ---- Log levels and status codes --------------------------------------------------------------------------- */

/** How important a message for the log is. The library itself uses DEBUG, INFO, WARNING and MAJOR. */
typedef enum schrittmacher_log_level
{
    SCHRITTMACHER_LOG_DEBUG = 0,   /* each message that is sent */
    SCHRITTMACHER_LOG_INFO = 1,    /* start, stop, orders */
    SCHRITTMACHER_LOG_WARNING = 2, /* the daemon cannot be reached */
    SCHRITTMACHER_LOG_MINOR = 3,
    SCHRITTMACHER_LOG_MAJOR = 4,   /* the application cannot be switched, or the daemon is lost */
    SCHRITTMACHER_LOG_PANIC = 5
} schrittmacher_log_level;
