//! `schrittmacherctl init`: the configuration of a first pair, with its key, for both hosts.

use std::fs::DirBuilder;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{CtlError, Output, keygen};
use schrittmacher_text::exit_code;

/// Write the configuration of a first pair, with a key, for both hosts
#[derive(clap::Args)]
#[command(after_help = "\
Examples, on host-a:
  schrittmacherctl init --local 10.1.0.1 --remote 10.1.0.2 --resource redis \\
      --shared-address 10.1.0.100/24 --shared-interface eth0 \\
      --run 'redis-server --dir /var/lib/redis' --check 'redis-cli ping | grep -q PONG' \\
      --path 10.9.0.1,10.9.0.2
  schrittmacherctl init --local 10.1.0.1 --remote 10.1.0.2 --resource web --unit nginx.service

The service is a program that stays in the foreground (--run, which needs no check), a unit of systemd
(--unit), or what three commands start, stop and check (--start-action, --stop-action, --check). Without
any of them the application reports by itself, as with the client library.

It writes schrittmacher.conf, peer.key and with --run NAME.run for this host, and the same for the other
host into a folder beside them. It prints the commands that carry those there. Nothing is written over.

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

    /// Both hosts' addresses on another network, like 10.9.0.1,10.9.0.2: a further path for the heartbeats. Up to three times
    #[arg(long, value_name = "LOCAL,REMOTE", value_parser = two_ends)]
    pub path: Vec<(String, String)>,

    /// The name of the service
    #[arg(long, value_name = "NAME")]
    pub resource: String,

    /// The address at which clients reach the service, with its prefix, like 10.1.0.100/24
    #[arg(long, value_name = "ADDRESS", requires = "shared_interface")]
    pub shared_address: Option<String>,

    /// The interface to which the daemon adds that address on the hot side, the same on both hosts
    #[arg(long, value_name = "NAME", requires = "shared_address")]
    pub shared_interface: Option<String>,

    /// The program that is the service, under schrittmacher-run: it has to stay in the foreground
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["unit", "start_action"])]
    pub run: Option<String>,

    /// The unit of systemd that is the service, like nginx.service
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["start_action", "check"])]
    pub unit: Option<String>,

    /// The command that starts the service
    #[arg(long, value_name = "COMMAND", requires = "stop_action", requires = "check")]
    pub start_action: Option<String>,

    /// The command that stops it
    #[arg(long, value_name = "COMMAND", requires = "start_action")]
    pub stop_action: Option<String>,

    /// The command that says by its exit status whether the service runs
    #[arg(long, value_name = "COMMAND")]
    pub check: Option<String>,

    /// The UDP port of the link
    #[arg(long, default_value_t = 7700, value_parser = clap::value_parser!(u16).range(1..=65_534))]
    pub port: u16,

    /// The folder of the configuration, on both hosts
    #[arg(long, value_name = "FOLDER", default_value = "/etc/schrittmacher")]
    pub folder: PathBuf,

    /// What was written, and the commands to come, for programs
    #[arg(short, long)]
    pub json: bool,
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
    if args.check.is_some() && args.run.is_none() && args.start_action.is_none() {
        let why = "--check: needs --run, or --start-action and --stop-action";
        return Err(CtlError::new(exit_code::USAGE, &why));
    }
    let run_file = run_file(args)?;
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
    let named: Vec<PathBuf> = names(args).iter().map(|name| folder.join(name)).collect();
    if let Some(there) = named.iter().chain([&parcel]).find(|path| path.symlink_metadata().is_ok()) {
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
        if let Some((name, text)) = &run_file {
            write(&folder.join(name), 0o644, text)?;
        }
    }
    let (carry, then) = (carry(args, folder, &parcel), then(args));
    if args.json {
        output.line(
            &json!({ "written": named, "for_the_other_host": parcel, "carry": carry, "then_on_both": then }),
        );
    } else {
        output.text(&next_steps(args, folder, &parcel, &carry, &then));
    }
    Ok(exit_code::OK)
}

/// `LOCAL,REMOTE`; a link-local address has its interface behind it.
fn two_ends(text: &str) -> Result<(String, String), String> {
    let is_end = |end: &str| {
        let (address, interface) = end.split_once('%').unwrap_or((end, "-"));
        let is_name = !interface.is_empty()
            && interface.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        address.parse::<IpAddr>().is_ok() && is_name
    };
    match text.split_once(',') {
        Some((local, remote)) if is_end(local) && is_end(remote) => Ok((local.to_owned(), remote.to_owned())),
        _ => Err("two addresses with a comma between them, this host's first".to_owned()),
    }
}

fn config(args: &InitArgs, host: &Host, security: &str) -> String {
    let Host { local, remote, priority } = host;
    let InitArgs { port, resource, .. } = args;
    let crosswise = *local != args.local;
    let paths: String = (2..)
        .zip(&args.path)
        .map(|(number, (one, other))| {
            let (local, remote) = if crosswise { (other, one) } else { (one, other) };
            format!("local-address-{number} = {local}\nremote-address-{number} = {remote}\n")
        })
        .collect();
    let mut text = format!(
        "# Written by schrittmacherctl init. schrittmacher.conf.example has every key.\n\
         group = core\nlocal-address = {local}\nremote-address = {remote}\n{paths}port = {port}\nhttp-port = 7780\n\
         http-address = 127.0.0.1\nheartbeat = 0.5\n{security}\n\n\
         group = resource\nname = {resource}\npriority = {priority}\n"
    );
    if let (Some(address), Some(interface)) = (&args.shared_address, &args.shared_interface) {
        text += &format!("shared-address = {address}\nshared-interface = {interface}\n");
    }
    let checked = args.check.as_ref().filter(|_| args.run.is_none());
    for (key, value) in [
        ("unit", args.unit.as_ref()),
        ("start-action", args.start_action.as_ref()),
        ("stop-action", args.stop_action.as_ref()),
        ("check-command", checked),
    ] {
        text += &value.map(|value| format!("{key} = {value}\n")).unwrap_or_default();
    }
    text
}

/// The files that a host gets.
fn names(args: &InitArgs) -> Vec<String> {
    let run = args.run.as_ref().map(|_| format!("{}.run", args.resource));
    ["schrittmacher.conf", "peer.key"].map(str::to_owned).into_iter().chain(run).collect()
}

/// The file that tells `schrittmacher-run@.service` the program, by its name.
fn run_file(args: &InitArgs) -> Result<Option<(String, String)>, CtlError> {
    let Some(command) = &args.run else { return Ok(None) };
    let wrong = |why: &str| Err(CtlError::new(exit_code::CONFIG, &why));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":_.-".contains(c);
    if !args.resource.chars().all(is_plain) {
        return wrong("--resource: with --run of letters, digits and : _ . - alone, as the name of a unit");
    }
    // systemd takes quotes out of the file before it splits it into words.
    let has_quote = |text: &&String| text.contains(['"', '\'', '\\', '\n']);
    if [Some(command), args.check.as_ref()].into_iter().flatten().any(|text| has_quote(&text)) {
        return wrong(
            "--run, --check: without quotes and backslashes, which systemd would take out; put them into a script",
        );
    }
    let check = args.check.as_ref().map(|check| format!(" --check \"{check}\"")).unwrap_or_default();
    // The peer takes over after its `timeout`, three heartbeats of half a second, and the command has to be stopped before.
    let text = format!(
        "# For schrittmacher-run@{}.service.\nCOMMAND={command}\nOPTIONS=--daemon-lost 1{check}\n",
        args.resource
    );
    Ok(Some((format!("{}.run", args.resource), text)))
}

/// The command that carries the other host's files there.
fn carry(args: &InitArgs, folder: &Path, parcel: &Path) -> String {
    let remote = args.remote;
    let (folder, parcel, names) = (folder.display(), parcel.display(), names(args));
    let there: Vec<String> = names.iter().map(|name| format!("[ -e {name} ]")).collect();
    format!(
        "tar -C {parcel} -c {} | ssh root@{remote} 'mkdir -p {folder} && cd {folder} && if {}; \
         then echo there already: nothing was written >&2; exit 1; else tar -xp; fi' && rm -r {parcel}",
        names.join(" "),
        there.join(" || ")
    )
}

/// The commands that begin the service, for both hosts.
fn then(args: &InitArgs) -> Vec<String> {
    let resource = &args.resource;
    let daemon = "systemctl enable --now schrittmacher".to_owned();
    match (&args.run, &args.unit, &args.start_action) {
        (Some(_), _, _) => vec![format!("{daemon} schrittmacher-run@{resource}")],
        (None, Some(unit), _) => vec![format!("systemctl disable --now {unit}"), daemon],
        (None, None, Some(_)) => vec![daemon],
        (None, None, None) => vec![daemon, format!("schrittmacher-run --resource {resource} -- COMMAND")],
    }
}

fn next_steps(args: &InitArgs, folder: &Path, parcel: &Path, carry: &str, then: &[String]) -> String {
    let InitArgs { local, remote, .. } = args;
    let (folder, parcel) = (folder.display(), parcel.display());
    let (last, others) = (names(args).pop().unwrap_or_default(), names(args));
    let names = format!("{} and {last}", others[..others.len() - 1].join(", "));
    let own_unit = match args.run {
        Some(_) => {
            "(systemd must not start the service as well: `systemctl disable --now` its own unit, if it has one)\n"
        }
        None => "",
    };
    format!(
        "{folder} has {names} of this host, {local}; {parcel} those of {remote}.\n\
         They go there, and the copy of the key goes away, by this command. It writes nothing over.\n  {carry}\n\
         Then, on both hosts:\n  {}\n{own_unit}",
        then.join("\n  ")
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
            path: Vec::new(),
            resource: "redis".to_owned(),
            shared_address: Some("10.1.0.100/24".to_owned()),
            shared_interface: Some("eth0".to_owned()),
            port: 7700,
            folder: folder.to_owned(),
            run: None,
            unit: None,
            start_action: None,
            stop_action: None,
            check: None,
            json: false,
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

    #[test]
    fn a_further_path_is_crosswise_on_the_other_host() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("etc");
        let path = ["10.9.0.1,10.9.0.2", "fe80::1%eth1,fe80::2%eth1"].map(|ends| two_ends(ends).unwrap());
        run(&InitArgs { path: path.to_vec(), ..args(&folder) }).unwrap();
        let ends = |folder: &Path| -> Vec<_> {
            core(folder).more_paths.iter().map(|path| (path.number, path.local, path.remote)).collect()
        };
        let (here, there) = (ends(&folder), ends(&folder.join("for-10.1.0.2")));
        assert_eq!(here.len(), 2);
        for ((number, local, remote), other) in here.into_iter().zip(there) {
            assert_eq!((number, remote, local), other);
        }
        for wrong in [
            "10.9.0.1",
            "10.9.0.1,",
            "10.9.0.1,10.9.0.2,10.9.0.3",
            "a,b",
            "fe80::1%,fe80::2%eth1",
            "10.9.0.1,10.9.0.2\nx",
        ] {
            assert!(two_ends(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_kind_of_service_gets_what_it_needs_and_the_commands_that_begin_it() {
        let root = tempfile::tempdir().unwrap();
        let text = |value: &str| Some(value.to_owned());
        let folder = |name: &str| root.path().join(name);
        let resource = |folder: &Path| {
            let loaded = schrittmacher_config::load(&folder.join("schrittmacher.conf"));
            loaded.unwrap_or_else(|error| panic!("{error}")).config.resources.remove(0)
        };

        let run_args = InitArgs {
            run: text("redis-server --dir /var/lib/redis"),
            check: text("redis-cli ping | grep -q PONG"),
            ..args(&folder("run"))
        };
        let said = run(&run_args).unwrap();
        assert!(said.contains("  systemctl enable --now schrittmacher schrittmacher-run@redis\n"), "{said}");
        assert!(said.contains(" -c schrittmacher.conf peer.key redis.run | ssh"), "{said}");
        for place in [folder("run"), folder("run").join("for-10.1.0.2")] {
            let file = fs::read_to_string(place.join("redis.run")).unwrap();
            assert!(file.ends_with(
                "COMMAND=redis-server --dir /var/lib/redis\nOPTIONS=--daemon-lost 1 --check \"redis-cli ping | grep -q PONG\"\n"
            ), "{file}");
        }
        assert!(resource(&folder("run")).check.is_none(), "schrittmacher-run checks");

        let unit = InitArgs { unit: text("nginx"), ..args(&folder("unit")) };
        let said = run(&unit).unwrap();
        assert!(
            said.contains("  systemctl disable --now nginx\n  systemctl enable --now schrittmacher\n"),
            "{said}"
        );
        assert_eq!(resource(&folder("unit").join("for-10.1.0.2")).unit.as_deref(), Some("nginx.service"));

        let commands = InitArgs {
            start_action: text("nginx"),
            stop_action: text("nginx -s quit"),
            check: text("curl -fs http://127.0.0.1/"),
            json: true,
            ..args(&folder("commands"))
        };
        let said: serde_json::Value = serde_json::from_str(&run(&commands).unwrap()).unwrap();
        assert_eq!(said["then_on_both"], json!(["systemctl enable --now schrittmacher"]));
        let made = resource(&folder("commands"));
        assert!(made.start_action.is_some() && made.stop_action.is_some() && made.check.is_some());
    }

    #[test]
    fn what_systemd_would_take_apart_is_refused_before_anything_is_written() {
        let root = tempfile::tempdir().unwrap();
        let of = |run: &str, resource: &str| InitArgs {
            run: Some(run.to_owned()),
            resource: resource.to_owned(),
            ..args(&root.path().join("etc"))
        };
        for (command, resource) in [("sh -c \"a b\"", "r"), ("a\\b", "r"), ("true", "a b"), ("true", "../r")]
        {
            assert_eq!(run(&of(command, resource)).unwrap_err().exit_code, exit_code::CONFIG, "{command}");
        }
        let lonely = InitArgs { check: Some("true".to_owned()), ..args(&root.path().join("etc")) };
        assert_eq!(run(&lonely).unwrap_err().exit_code, exit_code::USAGE);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
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
