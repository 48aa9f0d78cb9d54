//! A configuration in one word.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use super::Config;

/// Eight hexadecimal digits that tell one configuration from another, whatever its file looks like: two with the same values have
/// the same. Another version of this program may give others. No secret is in it.
pub fn fingerprint(config: &Config) -> String {
    let mut hash = Hasher(Sha256::new());
    // Writing into a hash does not fail.
    let _ = write!(hash, "{config:?}");
    hash.0.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_text;

    fn of(lines: &str) -> String {
        let text = format!(
            "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\nsecurity = legacy\n{lines}"
        );
        let loaded = load_text("x.conf".as_ref(), &text).unwrap_or_else(|error| panic!("{error}"));
        fingerprint(&loaded.config)
    }

    #[test]
    fn values_count_and_not_how_they_are_written() {
        let usual = of("group = resource\nname = x\n");
        assert_eq!(usual.len(), 8);
        assert_eq!(of("heartbeat = 2.0 \n# words\ngroup = resource\nname = x\npriority = 0\n"), usual);
        assert_ne!(of("group = resource\nname = x\npriority = 1\n"), usual);
        assert_ne!(of("group = resource\nname = x\nstart-action = true\nstop-action = true\n"), usual);
    }
}
