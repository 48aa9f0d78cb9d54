/* harness.h - what the tests of the Objective-C library share */

#import <Foundation/Foundation.h>
#import <schrittmacherclient/schrittmacherclient.h>

/* Ends the test if the condition does not hold. */
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            [NSException raise:@"CHECK" format:@"%s:%d: not so: %s", __FILE__, __LINE__, #condition]; \
        } \
    } while (0)

#define CHECK_EQUAL(found, expected) check_equal(__FILE__, __LINE__, #found, (found), (expected))
void check_equal(const char *file, int line, const char *what, id found, id expected);

/* A call that has to raise an exception of this name. */
#define CHECK_RAISES(exceptionName, call) \
    do { \
        NSString *raised = nil; \
        @try { \
            call; \
        } @catch (NSException *exception) { \
            raised = [exception name]; \
        } \
        check_equal(__FILE__, __LINE__, #call, raised, (exceptionName)); \
    } while (0)

typedef struct
{
    const char *name;
    void (*run)(void);
} Test;

#define TEST(name) { #name, name }

/* Runs all tests and prints their results. The last line is that of a Rust test program. For main(). */
int run_tests(const Test *tests, size_t count);

/* How long to wait for what has to happen: a guard against hanging, far longer than anything takes. */
#define GUARD_MS 30000

/* A UDP socket on 127.0.0.1, used as the daemon. */
@interface Receiver : NSObject
{
    int _socket;
}
+ (Receiver *)receiver;
/* Its port. */
- (int)port;
/* The next datagram; waits for it. */
- (NSString *)next;
/* Whether no datagram is there. One that was sent on this machine before would be. */
- (BOOL)isEmpty;
@end

/* The datagram of client library 1.18.0 for this status, of this process and the resource r1. */
NSString *datagram(NSString *status, NSString *reason);

/* A started client of r1 with this daemon. It is stopped after the test. */
SchrittmacherClient *client_for(Receiver *daemon);
/* The same of a subclass. */
SchrittmacherClient *client_of(Class class, Receiver *daemon);

/* Keeps what is logged. */
@interface Feed : UMLogFeed
{
    NSMutableArray *_lines;
}
/* What came since the last call, as "LEVEL text". */
- (NSArray *)lines;
@end
