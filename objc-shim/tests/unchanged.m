/*
 * unchanged.m - as applications have used the class for ten years; nothing here may have to change
 *
 * unchanged RESOURCE PORT
 */

#import <Foundation/Foundation.h>
#import <schrittmacherclient/schrittmacherclient.h>

int main(int argc, char **argv)
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    SchrittmacherClient *client = [[SchrittmacherClient alloc] init];

    if (argc < 3) {
        return 64;
    }
    client.resourceId = [NSString stringWithUTF8String:argv[1]];
    client.port = atoi(argv[2]);
    client.addressType = 4;
    [client start];
    [client reportUnknown];
    [client doHeartbeat];
    NSLog(@"reported");
    [NSThread sleepForTimeInterval:3600];
    [client release];
    [pool release];
    return 0;
}
