//! A witness behind TLS, with client certificates, users and passwords: a real etcd, and certificates made here.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, IsCa, Issuer, KeyPair, date_time_ymd};
use schrittmacher_harness::{Pair, Setup, Side, program, wait_for};
use tempfile::TempDir;

use super::witness::{Etcd, PROMISE, promise, wait_trouble};

/// Signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Writes a certificate and its key into `folder`, as `name.pem` and `name.key`.
    fn sign(&self, folder: &Path, name: &str, address: &str, is_expired: bool) {
        let mut params = CertificateParams::new([address.to_owned()]).unwrap();
        // etcd's gateway refuses a client whose certificate has a CommonName, if there are users.
        params.distinguished_name = DistinguishedName::new();
        if is_expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        write(&folder.join(format!("{name}.pem")), &params.signed_by(&key, &self.issuer).unwrap().pem());
        write(&folder.join(format!("{name}.key")), &key.serialize_pem());
    }
}

/// A file that its owner alone can read.
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// A folder with an authority in `ca.pem`.
fn folder() -> (TempDir, Authority) {
    let (folder, authority) = (TempDir::with_prefix("schrittmacher-tls.").unwrap(), Authority::new());
    write(&folder.path().join("ca.pem"), &authority.pem);
    (folder, authority)
}

/// The options of an etcd with this certificate. It demands certificates of its clients if `of_clients`.
fn options(folder: &Path, name: &str, of_clients: bool) -> Vec<String> {
    let file = |name: String| folder.join(name).display().to_string();
    let mut options = vec![
        "--cert-file".to_owned(),
        file(format!("{name}.pem")),
        "--key-file".to_owned(),
        file(format!("{name}.key")),
    ];
    if of_clients {
        options.extend([
            "--client-cert-auth".to_owned(),
            "--trusted-ca-file".to_owned(),
            file("ca.pem".to_owned()),
        ]);
    }
    options
}

/// The lines of `core` for this etcd and these files.
fn core(etcd: &Etcd, folder: &Path, client: Option<&str>) -> String {
    let folder = folder.display();
    let own = client
        .map(|name| {
            format!("witness-cert-file = {folder}/{name}.pem\nwitness-key-file = {folder}/{name}.key\n")
        })
        .unwrap_or_default();
    format!("witness = etcd {}\nwitness-ca-file = {folder}/ca.pem\n{own}", etcd.url)
}

/// Runs etcdctl as the user `root`, if there is one yet.
fn etcdctl(etcd: &Etcd, folder: &Path, user: bool, arguments: &str) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new("etcdctl");
    command.env("ETCDCTL_API", "3").args(["--endpoints", &etcd.url]);
    command.args(["--cacert", &file("ca.pem"), "--cert", &file("client.pem"), "--key", &file("client.key")]);
    command.args(user.then_some("--user=root:of-root")).args(arguments.split(' ')).stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success(), "etcdctl {arguments}");
    String::from_utf8(output.stdout).unwrap()
}

fn times_told(pair: &Pair, side: Side, text: &str) -> usize {
    pair[side].log.lines().iter().filter(|line| line.contains(text)).count()
}

#[test]
fn a_lease_is_had_with_a_certificate_and_a_password_and_other_files_come_with_a_reload() {
    const NAME: &str = "a_lease_is_had_with_a_certificate_and_a_password_and_other_files_come_with_a_reload";
    let (folder, authority) = folder();
    let files = folder.path();
    authority.sign(files, "server", "127.0.0.1", false);
    authority.sign(files, "client", "client.example", false);
    let Some(etcd) = Etcd::start_with(NAME, "https", options(files, "server", true)) else { return };
    for arguments in [
        "user add root:of-root",
        "user grant-role root root",
        "role add pairs",
        "role grant-permission pairs --prefix=true readwrite pairs/",
        "user add alice:first",
        "user grant-role alice pairs",
        "auth enable",
    ] {
        etcdctl(&etcd, files, false, arguments);
    }
    write(&files.join("password"), "first\n");
    let core = format!(
        "{}witness-user = alice\nwitness-password-file = {}\nwitness-prefix = pairs/\npolicy = consistent\npromise = {PROMISE}",
        core(&etcd, files, Some("client")),
        files.join("password").display()
    );
    let mut pair = Pair::new(Setup { core: core.leak(), priority: [1, 0], ..Setup::default() });
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        wait_trouble(&pair, side, "witness answers within");
    }
    pair[Side::A].kill();
    pair.wait_hot(Side::B, pair.timeout() + promise());
    let keys = etcdctl(&etcd, files, true, "get --prefix --keys-only pairs/");
    assert!(keys.contains("/service"), "{keys}");

    // Its tokens end with its password.
    let mut passwd = Command::new("etcdctl");
    passwd.env("ETCDCTL_API", "3").args(["--endpoints", &etcd.url, "--user=root:of-root"]);
    for (option, file) in [("--cacert", "ca.pem"), ("--cert", "client.pem"), ("--key", "client.key")] {
        passwd.arg(option).arg(files.join(file));
    }
    passwd.args(["user", "passwd", "alice", "--interactive=false"]);
    let mut process = passwd.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut process.stdin.take().unwrap(), b"second\n").unwrap();
    assert!(process.wait().unwrap().success());
    let refused = "user alice: etcdserver: authentication failed";
    pair[Side::B].log.wait(refused, promise());

    // A file that cannot be used changes nothing.
    let ca = fs::read_to_string(files.join("ca.pem")).unwrap();
    write(&files.join("ca.pem"), "no certificate");
    pair[Side::B].daemon().signal(Signal::SIGHUP);
    pair[Side::B].log.wait("has no certificate in it", Duration::from_secs(1));
    write(&files.join("ca.pem"), &ca);
    assert_eq!(times_told(&pair, Side::B, refused), 1, "{}", pair[Side::B].log.text());

    write(&files.join("password"), "second\n");
    pair[Side::B].daemon().signal(Signal::SIGHUP);
    pair[Side::B].log.wait("the witness is asked with the new files and user", Duration::from_secs(1));
    pair[Side::B].log.wait("the witness answers again", promise());
}

/// Runs `--check` with these lines, until it says this.
fn wait_check(core: &str, part: &str) {
    let folder = TempDir::with_prefix("schrittmacher-check.").unwrap();
    let file = folder.path().join("x.conf");
    let text = format!(
        "group = core\nlocal-address = 127.0.0.1\nremote-address = 127.0.0.2\nport = 7700\nsecurity = legacy\n{core}\n\
         policy = consistent\npromise = 30\ngroup = resource\nname = r\n"
    );
    fs::write(&file, text).unwrap();
    wait_for(part, Duration::from_secs(5), || {
        let output = Command::new(program("schrittmacher")).arg("--check").arg(&file).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains(part).then_some(())
    });
}

#[test]
fn a_certificate_that_is_wrong_is_named_by_a_check() {
    const NAME: &str = "a_certificate_that_is_wrong_is_named_by_a_check";
    let (folder, authority) = folder();
    let files = folder.path();
    for (name, address, is_expired) in [
        ("server", "127.0.0.1", false),
        ("expired", "127.0.0.1", true),
        ("elsewhere", "127.0.0.9", false),
        ("client", "client.example", false),
    ] {
        authority.sign(files, name, address, is_expired);
    }
    let start = |name: &str, of_clients| Etcd::start_with(NAME, "https", options(files, name, of_clients));
    let Some(etcd) = start("server", true) else { return };
    wait_check(&core(&etcd, files, None), "`witness-cert-file`");
    wait_check(&core(&etcd, files, Some("expired")), "`witness-cert-file`");
    let clear = format!("witness = etcd {}", etcd.url.replace("https", "http"));
    wait_check(&clear, "it does not answer within");
    let (other, _) = self::folder();
    let strange = core(&etcd, files, Some("client"))
        .replace(&format!("{}/ca.pem", files.display()), &format!("{}/ca.pem", other.path().display()));
    wait_check(&strange, "its certificate is of an authority that is not in `witness-ca-file`");
    let Some(etcd) = start("expired", false) else { return };
    wait_check(&core(&etcd, files, None), "its certificate has expired");
    let Some(etcd) = start("elsewhere", false) else { return };
    wait_check(&core(&etcd, files, None), "its certificate is not for this address");
    let Some(etcd) = Etcd::start_with(NAME, "http", Vec::new()) else { return };
    let secure = core(&etcd, files, None).replace("etcd http:", "etcd https:");
    wait_check(&secure, "is `http` meant?");
}

#[test]
fn files_that_do_not_belong_together_are_an_error_of_the_configuration() {
    let (folder, authority) = folder();
    let files = folder.path();
    authority.sign(files, "client", "client.example", false);
    authority.sign(files, "other", "client.example", false);
    let core = format!(
        "witness = etcd https://127.0.0.1:1\nwitness-ca-file = {0}/ca.pem\nwitness-cert-file = {0}/client.pem\n\
         witness-key-file = {0}/other.key",
        files.display()
    );
    wait_check(&core, "other.key is not the key of `witness-cert-file`");
    wait_check(&core.replace("other.key", "client.pem"), "client.pem has no private key in it");
    wait_check(&core.replace("client.pem", "client.key"), "client.key has no certificate in it");
    wait_check(&core.replace("other.key", "client.key"), "it does not answer within");
}
