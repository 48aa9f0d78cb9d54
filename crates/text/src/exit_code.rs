//! Exit statuses: those of `sysexits.h`, so that a supervisor and a script can tell the cases apart.
//!
//! The legacy program knew 0 and 1. systemd shows these by name.

/// Success (`EX_OK`); also `--help` and `--version` (D36).
pub const OK: u8 = 0;
/// The things compared differ, as with diff(1) and cmp(1).
pub const DIFFERENT: u8 = 1;
/// `schrittmacherctl status`: a resource is served, and the other side could not take over.
pub const UNPROTECTED: u8 = 1;
/// The daemon does not carry out an order.
pub const REFUSED: u8 = 1;
/// `schrittmacherctl status`: of a resource no side is hot, or both are.
pub const NOT_ONE_HOT: u8 = 2;
/// `schrittmacherctl failover --wait`: the service is hot where it was before.
pub const CAME_BACK: u8 = 3;
/// `schrittmacherctl failover --wait`: the switch is not over within the time.
pub const NOT_OVER: u8 = 4;
/// The command line is wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The input has the wrong form (`EX_DATAERR`).
pub const DATAERR: u8 = 65;
/// A file that is to be read does not exist or cannot be read (`EX_NOINPUT`).
pub const NOINPUT: u8 = 66;
/// A daemon that should answer does not (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// A defect of the program itself (`EX_SOFTWARE`).
pub const SOFTWARE: u8 = 70;
/// The system refused something it usually grants: a thread, a socket, a descriptor (`EX_OSERR`).
pub const OSERR: u8 = 71;
/// A file that is to be written cannot be created (`EX_CANTCREAT`).
pub const CANTCREAT: u8 = 73;
/// Output cannot be written (`EX_IOERR`).
pub const IOERR: u8 = 74;
/// A permission is missing (`EX_NOPERM`).
pub const NOPERM: u8 = 77;
/// The configuration is wrong (`EX_CONFIG`).
pub const CONFIG: u8 = 78;
