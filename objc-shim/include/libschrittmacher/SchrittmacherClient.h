/*
 * SchrittmacherClient.h - the class under its oldest header name
 *
 * It sends to the client library's port, 7701, and no longer to 7700. The daemon hears both.
 */

#import <libschrittmacher/SchrittmacherClientDelegate.h>
#import <schrittmacherclient/schrittmacherclient.h>

#ifndef MESSAGE_LOCAL_STDBY
#define MESSAGE_LOCAL_STDBY MESSAGE_LOCAL_STANDBY
#endif
