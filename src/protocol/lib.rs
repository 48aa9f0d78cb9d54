//! The schrittmacher state machine.
#![forbid(unsafe_code)]
