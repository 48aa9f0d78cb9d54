/*
 * SMStandIn.h - the part of ulib that users of the class need, for hosts without ulib
 *
 * It has only the names that a user of SchrittmacherClient meets: UMLogLevel, UMLogFeed, logFeed and
 * objectStatisticsName. The classes have names of their own in the running program. So nothing clashes if the program
 * loads ulib after all.
 */

#ifndef SMSTANDIN_H
#define SMSTANDIN_H

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

/**
 * Takes lines for the log, and writes them with NSLog() to standard error: level, section, subsection, name and
 * message with tabs between them. Override a method to send its lines elsewhere. The methods are called on any thread.
 */
@interface SMLogFeed : NSObject
{
    NSString *_section;
    NSString *_subsection;
    NSString *_name;
}
@property (readwrite, SMC_STRONG) NSString *section;
@property (readwrite, SMC_STRONG) NSString *subsection;
@property (readwrite, SMC_STRONG) NSString *name;

- (void)debugText:(NSString *)message;
- (void)infoText:(NSString *)message;
- (void)warningText:(NSString *)message;
- (void)minorErrorText:(NSString *)message;
- (void)majorErrorText:(NSString *)message;
- (void)panicText:(NSString *)message;
@end

@compatibility_alias UMLogFeed SMLogFeed;

/** The superclass of SchrittmacherClient in place of UMObject. */
@interface SMObject : NSObject
{
    UMLogFeed *_logFeed;
    NSString *_objectStatisticsName;
}
@property (readwrite, SMC_STRONG) UMLogFeed *logFeed;
@property (readwrite, SMC_STRONG) NSString *objectStatisticsName;
@end

#endif
