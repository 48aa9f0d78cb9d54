//! Messages for the application's log.
//!
//! A library inside an application's process has no log of its own. A global log function would be shared by libraries
//! that do not know of each other. Therefore each client has its own.

use std::sync::Arc;

use crate::bell::Bell;

/// How important a log message is. The numbers are those of the legacy log library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum LogLevel {
    /// Each datagram that is sent.
    Debug = 0,
    /// Start, stop, orders.
    Info = 1,
    /// The daemon cannot be reached.
    Warning = 2,
    /// Not used by this library.
    Minor = 3,
    /// The application cannot be switched, or the daemon is lost.
    Major = 4,
    /// Not used by this library.
    Panic = 5,
}

impl LogLevel {
    /// The level for its number.
    pub const fn from_number(number: i32) -> Option<LogLevel> {
        match number {
            0 => Some(LogLevel::Debug),
            1 => Some(LogLevel::Info),
            2 => Some(LogLevel::Warning),
            3 => Some(LogLevel::Minor),
            4 => Some(LogLevel::Major),
            5 => Some(LogLevel::Panic),
            _ => None,
        }
    }
}

/// A log function.
pub(crate) type LogFn = dyn Fn(LogLevel, &str) + Send + Sync;

/// Where messages go, and which.
#[derive(Clone)]
pub(crate) struct Log {
    pub function: Option<Arc<LogFn>>,
    pub least: LogLevel,
}

impl Default for Log {
    fn default() -> Log {
        Log { function: None, least: LogLevel::Debug }
    }
}

impl Log {
    pub fn journal(&self) -> Journal {
        Journal { log: self.clone(), lines: Vec::new() }
    }
}

/// Messages that are collected while the client is locked, and published afterwards: the application's log function may
/// call the client.
pub(crate) struct Journal {
    log: Log,
    lines: Vec<(LogLevel, String)>,
}

impl Journal {
    /// Notes a message. `text` is called only if the log function takes messages of this level.
    pub fn note(&mut self, level: LogLevel, text: impl FnOnce() -> String) {
        if self.log.function.is_some() && level >= self.log.least {
            self.lines.push((level, text()));
        }
    }

    /// Hands the messages to the log function. Nothing may be locked. The function may close the client: then it
    /// is not called again.
    pub fn publish(self, bell: &Bell) {
        if let Some(function) = self.log.function {
            for (level, text) in self.lines {
                if bell.is_closed() {
                    return;
                }
                function(level, &text);
            }
        }
    }
}
