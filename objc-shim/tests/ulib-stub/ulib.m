/* ulib.m - a substitute for ulib; see ulib/ulib.h */

#include <stdlib.h>
#include <string.h>

#import <ulib/ulib.h>

@implementation UMLogFeed

@synthesize section = _section;
@synthesize subsection = _subsection;
@synthesize name = _name;

- (void)dealloc
{
    [_section release];
    [_subsection release];
    [_name release];
    [super dealloc];
}

- (void)debugText:(NSString *)message
{
}

- (void)infoText:(NSString *)message
{
}

- (void)warningText:(NSString *)message
{
}

- (void)minorErrorText:(NSString *)message
{
}

- (void)majorErrorText:(NSString *)message
{
}

- (void)panicText:(NSString *)message
{
}

@end

@implementation UMObject

@synthesize logFeed = _logFeed;

- (NSString *)objectStatisticsName
{
    return [NSString stringWithUTF8String:_objectStatisticsName]; /* raises for NULL */
}

- (void)setObjectStatisticsName:(NSString *)name
{
    free((void *)_objectStatisticsName);
    _objectStatisticsName = strdup([name UTF8String]);
}

- (void)dealloc
{
    [_logFeed release];
    free((void *)_objectStatisticsName);
    [super dealloc];
}

@end
