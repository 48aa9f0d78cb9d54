//! `schrittmacherctl keygen`.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{CtlError, Output};
use schrittmacher_text::exit_code;

/// Make a key by which both hosts of a pair believe each other
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  schrittmacherctl keygen /etc/schrittmacher/peer.key
  scp -p /etc/schrittmacher/peer.key root@host-b:/etc/schrittmacher/
  schrittmacherctl keygen - >> /etc/schrittmacher/peer.key    a second key, to exchange the first
  schrittmacherctl keygen /etc/schrittmacher/order.token      a token for orders at the status page

Both hosts need the same key, and a line `auth-key-file = /etc/schrittmacher/peer.key` in `core`. A token needs
`order-token-file = /etc/schrittmacher/order.token`, and no other host needs it. Its second word is shown with an order.

Exit status:
  0   made                 73  the file is there already, or cannot be made")]
pub(crate) struct KeygenArgs {
    /// The file to make, for its owner alone; - writes the line of a key to standard output
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

pub(super) fn run(args: &KeygenArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    if args.file == Path::new("-") {
        output.text(&draw()?);
        return Ok(exit_code::OK);
    }
    write(&args.file, 0o600, &file()?).map_err(|error| {
        let path = args.file.display();
        CtlError::new(exit_code::CANTCREAT, &format_args!("can't make {path}: {error}"))
    })?;
    Ok(exit_code::OK)
}

/// The text of a file with a new key.
pub(super) fn file() -> Result<String, CtlError> {
    let line = draw()?;
    Ok(format!(
        "# Made by schrittmacherctl keygen. Keep it secret. Both hosts of a pair need the same `auth-key-file`.\n{line}"
    ))
}

/// The line of a new key.
fn draw() -> Result<String, CtlError> {
    let mut random = [0; 36];
    getrandom::fill(&mut random)
        .map_err(|error| CtlError::new(exit_code::OSERR, &format_args!("no random numbers: {error}")))?;
    Ok(line(&random))
}

/// A name of eight digits, and a secret of 32 bytes.
fn line(random: &[u8; 36]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (name, secret) = random.split_at(4);
    format!("{} {}\n", hex(name), hex(secret))
}

/// Never over another file: that key would be lost.
pub(super) fn write(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn made(path: &Path) -> Result<String, CtlError> {
        let mut bytes = Vec::new();
        let mut output = Output::new(&mut bytes);
        run(&KeygenArgs { file: path.to_owned() }, &mut output)?;
        drop(output);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn a_key_file_is_made_for_its_owner_alone_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        assert_eq!(made(&path).unwrap(), "");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        let error = made(&path).unwrap_err();
        assert_eq!(error.exit_code, exit_code::CANTCREAT);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let other = folder.path().join("other.key");
        made(&other).unwrap();
        assert_ne!(fs::read_to_string(&other).unwrap(), text);
    }

    /// The daemon takes the file, and a second key behind the first.
    #[test]
    fn the_daemon_can_use_what_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        made(&path).unwrap();
        let second = made(Path::new("-")).unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(second.as_bytes()).unwrap();
        let text = format!(
            "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\nsecurity = legacy\n\
             auth-key-file = {}\ngroup = resource\nname = r\n",
            path.display()
        );
        let loaded = schrittmacher_config::load_text("x.conf".as_ref(), &text).unwrap();
        assert_eq!(loaded.config.core.auth.unwrap().keys.ids().count(), 2);
    }
}
