/*
 * ulib.h - a substitute for ulib, which cannot be built with Debian's GNUstep: it needs blocks and ARC
 *
 * It has the names, the layout and the behaviour that the class and its tests meet. It does not show that the real
 * ulib's headers compile.
 */

#ifndef ULIB_STUB_H
#define ULIB_STUB_H

#import <Foundation/Foundation.h>

typedef enum UMLogLevel
{
    UMLOG_UNDEFINED = -1,
    UMLOG_DEBUG = 0,
    UMLOG_INFO = 1,
    UMLOG_WARNING = 2,
    UMLOG_MINOR = 3,
    UMLOG_MAJOR = 4,
    UMLOG_PANIC = 5
} UMLogLevel;

#if defined(__has_feature)
#if __has_feature(objc_arc)
#define STUB_STRONG strong
#endif
#endif
#ifndef STUB_STRONG
#define STUB_STRONG retain
#endif

@interface UMLogFeed : NSObject
{
    NSString *_section;
    NSString *_subsection;
    NSString *_name;
}
@property (readwrite, STUB_STRONG) NSString *section;
@property (readwrite, STUB_STRONG) NSString *subsection;
@property (readwrite, STUB_STRONG) NSString *name;
- (void)debugText:(NSString *)message;
- (void)infoText:(NSString *)message;
- (void)warningText:(NSString *)message;
- (void)minorErrorText:(NSString *)message;
- (void)majorErrorText:(NSString *)message;
- (void)panicText:(NSString *)message;
@end

@interface UMObject : NSObject
{
    const char *_magic;
    const char *_objectStatisticsName;
    UMLogFeed *_logFeed;
    uint32_t _umobject_flags;
}
@property (readwrite, STUB_STRONG) UMLogFeed *logFeed;
/* Custom accessors: the getter raises if no name was set. */
@property (readwrite, STUB_STRONG) NSString *objectStatisticsName;
@end

#endif
