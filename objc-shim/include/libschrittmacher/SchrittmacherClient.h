/*
 * SchrittmacherClient.h - the class under its oldest header name
 *
 * The port that it sends to is the client library's, 7701, and no longer 7700. The daemon hears both.
 */

#import <schrittmacherclient/schrittmacherclient.h>

#ifndef MESSAGE_LOCAL_STDBY
#define MESSAGE_LOCAL_STDBY MESSAGE_LOCAL_STANDBY
#endif
