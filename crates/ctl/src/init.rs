//! `schrittmacherctl init`: the configuration of a first pair, with its key, for both hosts.

use std::fs::DirBuilder;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{CtlError, Output, keygen};
use schrittmacher_text::exit_code;

/// Write the configuration of a first pair, with a key, for both hosts
#[derive(clap::Args)]
#[command(after_help = "\
Example, on host-a:
  schrittmacherctl init --local 10.1.0.1 --remote 10.1.0.2 --resource redis \\
      --shared-address 10.1.0.100/24 --shared-interface eth0

It writes schrittmacher.conf and peer.key for this host, and the same for the other host into a
folder beside them. It prints the commands that carry those there. Nothing is written over.

Exit status:
  0   written              73  a file is there already, or cannot be made
  78  a value is of no use")]
pub(crate) struct InitArgs {
    /// This host's address on the link to the other host
    #[arg(long, value_name = "ADDRESS")]
    pub local: IpAddr,

    /// The other host's address
    #[arg(long, value_name = "ADDRESS")]
    pub remote: IpAddr,

    /// The name of the service
    #[arg(long, value_name = "NAME")]
    pub resource: String,

    /// The address at which clients reach the service, with its prefix, like 10.1.0.100/24
    #[arg(long, value_name = "ADDRESS", requires = "shared_interface")]
    pub shared_address: Option<String>,

    /// The interface to which the daemon adds that address on the hot side, the same on both hosts
    #[arg(long, value_name = "NAME", requires = "shared_address")]
    pub shared_interface: Option<String>,

    /// The UDP port of the link
    #[arg(long, default_value_t = 7700, value_parser = clap::value_parser!(u16).range(1..=65_534))]
    pub port: u16,

    /// The folder of the configuration, on both hosts
    #[arg(long, value_name = "FOLDER", default_value = "/etc/schrittmacher")]
    pub folder: PathBuf,
}

/// One of the two hosts.
struct Host {
    local: IpAddr,
    remote: IpAddr,
    priority: u32,
}

pub(super) fn run(args: &InitArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    // It is in both files, and in the commands that are printed for a shell.
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if !args.folder.is_absolute() || !args.folder.to_str().is_some_and(is_plain) {
        let why = "--folder: has to be an absolute path of letters, digits and / . _ -";
        return Err(CtlError::new(exit_code::CONFIG, &why));
    }
    let here = Host { local: args.local, remote: args.remote, priority: 10 };
    let there = Host { local: args.remote, remote: args.local, priority: 5 };
    for host in [&here, &there] {
        // Without the key, which is not there yet. Nothing is written unless all of it can be used.
        let text = config(args, host, "security = legacy");
        schrittmacher_config::load_text(Path::new("init"), &text)
            .map_err(|error| CtlError::new(exit_code::CONFIG, &error))?;
    }
    let folder = &args.folder;
    let parcel = folder.join(format!("for-{}", args.remote));
    let key = folder.join("peer.key");
    let made = [&folder.join("schrittmacher.conf"), &key, &parcel];
    if let Some(there) = made.into_iter().find(|path| path.symlink_metadata().is_ok()) {
        let why = format!("{} is there already: nothing was written", there.display());
        return Err(CtlError::new(exit_code::CANTCREAT, &why));
    }
    let key_text = keygen::file()?;
    let strict = format!("security = strict\nauth-key-file = {}", key.display());
    make_folder(folder, 0o755)?;
    make_folder(&parcel, 0o700)?;
    for (folder, host) in [(folder, &here), (&parcel, &there)] {
        write(&folder.join("peer.key"), 0o600, &key_text)?;
        write(&folder.join("schrittmacher.conf"), 0o644, &config(args, host, &strict))?;
    }
    output.text(&next_steps(args, folder, &parcel));
    Ok(exit_code::OK)
}

fn config(args: &InitArgs, host: &Host, security: &str) -> String {
    let Host { local, remote, priority } = host;
    let InitArgs { port, resource, .. } = args;
    let mut text = format!(
        "# Written by schrittmacherctl init. schrittmacher.conf.example has every key.\n\
         group = core\nlocal-address = {local}\nremote-address = {remote}\nport = {port}\nhttp-port = 7780\n\
         http-address = 127.0.0.1\nheartbeat = 0.5\n{security}\n\n\
         group = resource\nname = {resource}\npriority = {priority}\n"
    );
    if let (Some(address), Some(interface)) = (&args.shared_address, &args.shared_interface) {
        text += &format!("shared-address = {address}\nshared-interface = {interface}\n");
    }
    text
}

fn next_steps(args: &InitArgs, folder: &Path, parcel: &Path) -> String {
    let InitArgs { local, remote, resource, .. } = args;
    let (folder, parcel) = (folder.display(), parcel.display());
    format!(
        "{folder} has schrittmacher.conf and peer.key of this host, {local}; {parcel} those of {remote}.\n\
         They go there, and the copy of the key goes away, by this command. It writes nothing over.\n  \
         tar -C {parcel} -c schrittmacher.conf peer.key | ssh root@{remote} 'mkdir -p {folder} && cd {folder} && \
         if [ -e schrittmacher.conf ] || [ -e peer.key ]; then echo there already: nothing was written >&2; exit 1; \
         else tar -xp; fi' && rm -r {parcel}\n\
         Then, on both hosts:\n  \
         systemctl enable --now schrittmacher\n  \
         schrittmacher-run --resource {resource} -- COMMAND\n"
    )
}

fn make_folder(path: &Path, mode: u32) -> Result<(), CtlError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|error| cannot(path, &error))
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), CtlError> {
    keygen::write(path, mode, text).map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &io::Error) -> CtlError {
    CtlError::new(exit_code::CANTCREAT, &format_args!("can't make {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use schrittmacher_config::{AuthMode, Core, Security};

    use super::*;

    fn args(folder: &Path) -> InitArgs {
        InitArgs {
            local: [10, 1, 0, 1].into(),
            remote: [10, 1, 0, 2].into(),
            resource: "redis".to_owned(),
            shared_address: Some("10.1.0.100/24".to_owned()),
            shared_interface: Some("eth0".to_owned()),
            port: 7700,
            folder: folder.to_owned(),
        }
    }

    fn run(args: &InitArgs) -> Result<String, CtlError> {
        let mut bytes = Vec::new();
        let mut output = Output::new(&mut bytes);
        super::run(args, &mut output)?;
        drop(output);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn core(folder: &Path) -> Core {
        let loaded = schrittmacher_config::load(&folder.join("schrittmacher.conf"));
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.warnings, []);
        loaded.config.core
    }

    #[test]
    fn both_hosts_get_a_strict_configuration_that_fits_the_other_one_and_the_same_key() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("etc");
        let said = run(&args(&folder)).unwrap();
        let parcel = folder.join("for-10.1.0.2");
        assert!(said.contains(&format!("tar -C {} -c", parcel.display())), "{said}");
        let (here, there) = (core(&folder), core(&parcel));
        assert_eq!((here.local_address, here.remote_address), (there.remote_address, there.local_address));
        for core in [&here, &there] {
            assert_eq!(core.security, Security::Strict);
            assert_eq!(core.auth.as_ref().unwrap().mode, AuthMode::Enforce);
        }
        let key = |folder: &Path| fs::read(folder.join("peer.key")).unwrap();
        assert_eq!(key(&folder), key(&parcel));
    }

    /// With a `ssh` that goes to another folder in place of another host.
    #[test]
    fn the_printed_command_carries_the_files_and_writes_nothing_over() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let (folder, there) = (root.path().join("etc"), root.path().join("there"));
        let said = run(&args(&folder)).unwrap();
        let parcel = folder.join("for-10.1.0.2");
        let key = fs::read(parcel.join("peer.key")).unwrap();
        let bin = root.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let (ours, theirs) = (folder.display(), there.display());
        let ssh = format!(
            "#!/bin/sh\n[ \"$1\" = root@10.1.0.2 ] || exit 9\neval \"$(printf %s \"$2\" | sed s,{ours},{theirs},g)\"\n"
        );
        fs::write(bin.join("ssh"), ssh).unwrap();
        fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        let command = said.lines().find(|line| line.trim_start().starts_with("tar ")).unwrap().to_owned();
        let carry = || {
            let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
            let mut shell = std::process::Command::new("sh");
            let output = shell.args(["-c", &command]).env("PATH", path).output().unwrap();
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        assert_eq!(carry(), (true, String::new()));
        assert!(!parcel.exists());
        assert_eq!(fs::read(there.join("peer.key")).unwrap(), key);
        assert_eq!(fs::metadata(there.join("peer.key")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(core(&there).local_address, args(&folder).remote);

        fs::remove_dir_all(&folder).unwrap();
        run(&args(&folder)).unwrap();
        fs::remove_file(there.join("schrittmacher.conf")).unwrap();
        let (done, why) = carry();
        assert!(!done && why.contains("nothing was written"), "{why}");
        assert!(parcel.exists() && !there.join("schrittmacher.conf").exists());
        assert_eq!(fs::read(there.join("peer.key")).unwrap(), key);
    }

    #[test]
    fn nothing_is_written_over_and_nothing_at_all_if_a_value_is_of_no_use() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        let wrong = InitArgs { shared_address: Some("10.1.0.300/24".to_owned()), ..args(path) };
        let error = run(&wrong).unwrap_err();
        assert_eq!(error.exit_code, exit_code::CONFIG, "{error:?}");
        let same = InitArgs { remote: [10, 1, 0, 1].into(), ..args(path) };
        assert_eq!(run(&same).unwrap_err().exit_code, exit_code::CONFIG);
        for folder in [PathBuf::from("etc"), path.join("a b"), path.join("a;b")] {
            let unfit = InitArgs { folder, ..args(path) };
            assert_eq!(run(&unfit).unwrap_err().exit_code, exit_code::CONFIG);
        }
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        fs::write(path.join("schrittmacher.conf"), "mine").unwrap();
        let error = run(&args(path)).unwrap_err();
        assert_eq!(error.exit_code, exit_code::CANTCREAT, "{error:?}");
        assert_eq!(fs::read_to_string(path.join("schrittmacher.conf")).unwrap(), "mine");
        assert_eq!(fs::read_dir(path).unwrap().count(), 1);
    }
}
