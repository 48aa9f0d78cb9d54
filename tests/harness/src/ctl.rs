//! The operator's command.

use std::process::Command;

use super::namespace::Namespace;
use super::program;

/// The answer of `schrittmacherctl`: exit status, output, complaints.
pub fn ctl<'a>(arguments: impl IntoIterator<Item = &'a str>) -> (i32, String, String) {
    let output = Command::new(program("schrittmacherctl")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The same on another host.
pub fn ctl_in(namespace: &Namespace, arguments: &[&str]) -> (i32, String, String) {
    namespace.run(|| ctl(arguments.iter().copied()))
}
