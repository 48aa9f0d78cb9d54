/* ulib.m - in ulib's place; see ulib/ulib.h */

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
@synthesize objectStatisticsName = _objectStatisticsName;

- (void)dealloc
{
    [_logFeed release];
    [_objectStatisticsName release];
    [super dealloc];
}

@end
