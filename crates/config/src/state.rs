//! The place of the files that outlive the daemon.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::Core;

impl Core {
    /// The folder of this daemon in `state-directory`. Two daemons of one host differ in address or port, or in their
    /// network namespace.
    pub fn state_folder(&self) -> PathBuf {
        self.state_directory.join(format!("{}-{}{}", self.local_address, self.port, network_suffix()))
    }

    /// This file says that the daemon has ended and has left its applications alone on purpose. An application that
    /// finds it goes on although its daemon is lost. The daemon makes it at such an end, readable for everybody, and
    /// removes it at its next start.
    pub fn left_alone_file(&self) -> PathBuf {
        self.state_folder().join("left-alone")
    }
}

/// Network namespaces may share a file system, an address and a port. The one of process 1 has plain names.
fn network_suffix() -> String {
    let number = |path: &str| fs::metadata(path).ok().map(|namespace| namespace.ino());
    match (number("/proc/self/ns/net"), number("/proc/1/ns/net")) {
        (Some(own), Some(first)) if own != first => format!(".net{own}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn daemons_of_one_host_do_not_share_a_folder() {
        let core = |text: &str| crate::load_text(Path::new("x.conf"), text).unwrap().config.core;
        let text = "group = core\nlocal-address = 10.0.0.1\nremote-address = 10.0.0.2\nport = 7700\n\
                    group = resource\nname = x\n";
        assert_eq!(
            core(text).left_alone_file(),
            Path::new("/var/lib/schrittmacher/10.0.0.1-7700/left-alone")
        );
        let ipv6 = text.replace("10.0.0.1", "fd00::1").replace("10.0.0.2", "fd00::2");
        let ipv6 = ipv6.replace("port =", "state-directory = /srv/s\nport =");
        assert_eq!(core(&ipv6).state_folder(), Path::new("/srv/s/fd00::1-7700"));
    }
}
