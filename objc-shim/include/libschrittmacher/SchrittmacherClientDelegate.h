/* SchrittmacherClientDelegate.h - a protocol that applications adopt; no version of the library calls it */

#ifndef SCHRITTMACHERCLIENTDELEGATE_H
#define SCHRITTMACHERCLIENTDELEGATE_H

#import <schrittmacherclient/SMCompat.h>

@protocol SchrittmacherClientDelegate <NSObject>
- (void)schrittmacherStandbyOrder;
- (void)schrittmacherHotOrder;
- (BOOL)schrittmacherInStandbyMode;
@end

#endif
