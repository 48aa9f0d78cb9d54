/* SchrittmacherClientDelegate.h - a protocol that applications declared; no version of the library calls it */

#ifndef SCHRITTMACHERCLIENTDELEGATE_H
#define SCHRITTMACHERCLIENTDELEGATE_H

#import <Foundation/Foundation.h>

@protocol SchrittmacherClientDelegate
- (void)schrittmacherStandbyOrder;
- (void)schrittmacherHotOrder;
- (BOOL)schrittmacherInStandbyMode;
@end

#endif
