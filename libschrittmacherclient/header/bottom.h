/* In Objective-C this header also declares the class SchrittmacherClient, as it always did. */
#ifdef __OBJC__
#import <schrittmacherclient/UMSchrittmacherClient.h>
#endif
