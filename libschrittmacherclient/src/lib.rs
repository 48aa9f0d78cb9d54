//! Client library of schrittmacher.
