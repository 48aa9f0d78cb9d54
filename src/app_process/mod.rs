//! The process of the application: which one it is, and when it ends (A3).
