/*
 * SMCompat.h - every difference between the Objective-C dialects and runtimes, in one place
 *
 * GCC knows neither ARC nor `strong`. clang with ARC does not allow `release`. With ulib the class inherits from
 * UMObject. Nothing else here or in the sources is conditional.
 */

#ifndef SMCOMPAT_H
#define SMCOMPAT_H

#import <Foundation/Foundation.h>

/* How the library was built. The superclass is part of an object's layout, so a program must not choose another one.
 * Therefore this file is generated and installed, and the choice is no option of the compiler. */
#import <schrittmacherclient/SMConfig.h>

#ifdef __has_feature
#if __has_feature(objc_arc)
#define SMC_ARC 1
#endif
#endif

#ifdef SMC_ARC
#define SMC_STRONG strong
#define SMC_RETAIN(object) (object)
#define SMC_RELEASE(object) ((void)(object))
#define SMC_AUTORELEASE(object) (object)
#define SMC_SUPER_DEALLOC
/* A reference that no variable holds. */
#define SMC_HOLD(object) ((void)(__bridge_retained void *)(object))
#define SMC_LET_GO(object) ((void)(__bridge_transfer id)(__bridge void *)(object))
#define SMC_POOL_BEGIN @autoreleasepool {
#define SMC_POOL_END }
#else
#define SMC_STRONG retain
#define SMC_RETAIN(object) [(object) retain]
#define SMC_RELEASE(object) [(object) release]
#define SMC_AUTORELEASE(object) [(object) autorelease]
#define SMC_SUPER_DEALLOC [super dealloc]
#define SMC_HOLD(object) ((void)[(object) retain])
#define SMC_LET_GO(object) [(object) release]
#define SMC_POOL_BEGIN { NSAutoreleasePool *smc_pool = [[NSAutoreleasePool alloc] init];
#define SMC_POOL_END [smc_pool release]; }
#endif

#if SCHRITTMACHER_WITH_ULIB
#import <ulib/ulib.h>
#define SMC_SUPERCLASS UMObject
#else
#import <schrittmacherclient/SMStandIn.h>
#define SMC_SUPERCLASS SMObject
#endif

#endif
