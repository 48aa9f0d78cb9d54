/* SMStandIn.m - the part of ulib that users of the class need, for hosts without ulib */

#import <schrittmacherclient/SMCompat.h>

static void write_line(SMLogFeed *feed, NSString *level, NSString *message)
{
    NSLog(@"%@\t%@\t%@\t%@\t%@", level, feed.section ? feed.section : @"", feed.subsection ? feed.subsection : @"",
          feed.name ? feed.name : @"", message);
}

@implementation SMLogFeed

@synthesize section = _section;
@synthesize subsection = _subsection;
@synthesize name = _name;

- (void)dealloc
{
    SMC_RELEASE(_section);
    SMC_RELEASE(_subsection);
    SMC_RELEASE(_name);
    SMC_SUPER_DEALLOC;
}

- (void)debugText:(NSString *)message
{
    write_line(self, @"DEBUG", message);
}

- (void)infoText:(NSString *)message
{
    write_line(self, @"INFO", message);
}

- (void)warningText:(NSString *)message
{
    write_line(self, @"WARNING", message);
}

- (void)minorErrorText:(NSString *)message
{
    write_line(self, @"MINOR", message);
}

- (void)majorErrorText:(NSString *)message
{
    write_line(self, @"MAJOR", message);
}

- (void)panicText:(NSString *)message
{
    write_line(self, @"PANIC", message);
}

@end

@implementation SMObject

@synthesize logFeed = _logFeed;
@synthesize objectStatisticsName = _objectStatisticsName;

- (void)dealloc
{
    SMC_RELEASE(_logFeed);
    SMC_RELEASE(_objectStatisticsName);
    SMC_SUPER_DEALLOC;
}

@end
