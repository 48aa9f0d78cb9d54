/* libschrittmacher.h - the client library as it was called when it was a part of the daemon */

#import <libschrittmacher/SchrittmacherClient.h>
