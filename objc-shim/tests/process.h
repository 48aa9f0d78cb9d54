/* process.h - a program that a test runs, and what it prints */

#import <Foundation/Foundation.h>

@interface Process : NSObject
{
    NSString *_name;
    pid_t _pid;
    int _output;
    NSMutableString *_unread;
    NSMutableString *_all;
}
/* Runs a program, by its path and arguments. It ends with this object. */
+ (Process *)run:(NSArray *)command as:(NSString *)name;
/* Waits until it prints a line that contains the text; takes all lines up to that one. */
- (void)waitFor:(NSString *)text;
/* Whether it has printed such a line, taken or not. */
- (BOOL)hasPrinted:(NSString *)text;
/* Sends it a signal, and waits for its end. */
- (void)end:(int)signo;
@end
