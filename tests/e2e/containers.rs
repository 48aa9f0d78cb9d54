//! Somebody in a container of this host: what of the host he shares decides what he can do (`docs/threat-model.md`).

use std::fs::{self, Permissions};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use socket2::{Domain, Protocol, Socket, Type};

use crate::app_process::copied_testapp;
use crate::authentication::{enforcing, write_keys};
use crate::doors::forge;
use schrittmacher_api::DaemonStatus;
use schrittmacher_harness::{
    AT_ONCE, Cable, PORT, Pair, RESOURCE, Setup, Side, ctl_in, is_root, program, skip, wait_for,
};

/// This thread is root of a container from here on: another user, with CAP_NET_RAW alone.
fn become_root_of_a_container() {
    const CAP_NET_RAW: u32 = 1 << 13;
    // Version 3: process 0 is this thread; effective, permitted, inheritable, and their upper halves.
    let header = [0x2008_0522_u32, 0];
    let capabilities = [CAP_NET_RAW, CAP_NET_RAW, 0, 0, 0, 0];
    // SAFETY: the pointers are to arrays of the sizes that version 3 demands. All three calls are about this thread alone.
    let results = unsafe {
        [
            libc::c_long::from(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0)),
            libc::syscall(libc::SYS_setresuid, 65533, 65533, 65533),
            libc::syscall(libc::SYS_capset, header.as_ptr(), capabilities.as_ptr()),
        ]
    };
    assert_eq!(results, [0, 0, 0]);
}

/// What the daemon of this host has said last to its peer, read from the wire. It names the runs of both.
fn overhear(source: Ipv6Addr) -> String {
    let every = i32::from(u16::try_from(libc::ETH_P_ALL).unwrap().to_be());
    let mut wire = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(every))).unwrap();
    wire.set_read_timeout(Some(AT_ONCE * 10)).unwrap();
    let mut buffer = [0; 4000];
    wait_for("a datagram with both runs", AT_ONCE * 10, || {
        let length = std::io::Read::read(&mut wire, &mut buffer).unwrap();
        let packet = &buffer[..length];
        let is_from = packet.get(8..24) == Some(&source.octets()[..]);
        let text = String::from_utf8_lossy(packet.get(48..)?).into_owned();
        (is_from && text.contains("\"run\"")).then_some(text)
    })
}

/// In the name of side A, the hot one, by somebody in a container that shares its network.
fn says_that_a_has_failed(cable: &Cable) {
    let [a, b] = ["fd00::1", "fd00::2"].map(|address| address.parse::<Ipv6Addr>().unwrap());
    let [source, to] = [a, b].map(|address| SocketAddrV6::new(address, PORT, 0, 0));
    cable.end(Side::A).run(|| {
        become_root_of_a_container();
        let heard = overhear(a);
        let run = heard.split("\"run\"").nth(1).and_then(|rest| rest.split('"').nth(1)).unwrap();
        let failed = format!(
            "{{\"status\":\"FAIL\",\"random\":0,\"resource\":\"{RESOURCE}\",\"reason\":\"\",\"priority\":0,\
             \"type\":\"schrittmacher\",\"heartbeat-ms\":200,\"run\":\"{run}\"}}"
        );
        for words in [&heard.replace("HOTT", "FAIL"), &failed] {
            forge(source, to, words.as_bytes());
        }
    });
}

/// He reads the runs of both from the wire, and sends with the daemon's own address and port.
#[test]
fn with_raw_sockets_on_the_hosts_network_he_is_the_peer_unless_that_signs() {
    const NAME: &str = "with_raw_sockets_on_the_hosts_network_he_is_the_peer_unless_that_signs";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    {
        let mut pair = Pair::at(Setup { core: "", ..enforcing() }, &cable, ["fd00::1", "fd00::2"]);
        pair.start(Side::A);
        says_that_a_has_failed(&cable);
        pair[Side::B].log.wait("transiting_to_hot", AT_ONCE);
        pair.journal.forget();
    }
    let mut pair = Pair::at(enforcing(), &cable, ["fd00::1", "fd00::2"]);
    write_keys(&pair, &["00000001"]);
    pair.start(Side::A);
    let authentication = || {
        let config = pair[Side::B].files.config();
        let words = ["status", "--json", "--config", config.to_str().unwrap()];
        let (_, text, why) = ctl_in(cable.end(Side::B), &words);
        let status: DaemonStatus = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{why}"));
        status.authentication.unwrap()
    };
    wait_for("the peer to sign", AT_ONCE, || authentication().peer_key);
    let before = authentication().refused;
    says_that_a_has_failed(&cable);
    wait_for("both to be refused", AT_ONCE, || (authentication().refused >= before + 2).then_some(()));
    pair.stays();
    assert_eq!(pair[Side::B].log.transitions(), []);
}

/// A program in a container with a network of its own, and the host's `run-directory` mounted. It finds the daemon's sockets under
/// names that it makes itself.
fn contained(pair: &Pair, user: &[&str], program: &Path) -> Command {
    const SETUP: &str = "ip link set lo up && mkdir $1/mounted && mount --bind $0 $1/mounted || exit 99
        number=$(readlink /proc/self/ns/net | tr -dc 0-9)
        for socket in $1/mounted/*.app; do
            name=${socket##*/}; ln -s $socket $1/${name%.net*}.net$number.app
        done
        shift; exec \"$@\"";
    let own = pair.folder().join(format!("container-{}", user.len()));
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).args(user).args(["--mount", "--net", "sh", "-c", SETUP]);
    command.arg(pair[Side::A].files.run_directory()).arg(own).arg(program);
    command
}

const ROOT: [&str; 1] = ["unshare"];
const ROOT_OF_A_USER_NAMESPACE: [&str; 9] = [
    "--reuid",
    "65533",
    "--regid",
    "65533",
    "--clear-groups",
    "unshare",
    "--user",
    "--map-root-user",
    "--keep-caps",
];

#[test]
fn with_run_directory_mounted_he_is_the_user_that_the_kernel_names() {
    const NAME: &str = "with_run_directory_mounted_he_is_the_user_that_the_kernel_names";
    if !is_root() {
        return skip(NAME, "another user's process needs root");
    }
    let mut pair = Pair::new(Setup { resource: "app-user = 0", ..Setup::default() });
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("application socket", AT_ONCE);
    let socket =
        fs::read_dir(pair[Side::A].files.run_directory()).unwrap().flatten().map(|entry| entry.path());
    let socket = socket.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "sock")).unwrap();
    let report = |pair: &Pair, user: &[&str]| {
        let mut command = contained(pair, user, &copied_testapp(pair));
        let own = pair.folder().join(format!("container-{}", user.len())).display().to_string();
        pair[Side::A]
            .app_options(&mut command, &format!("--run-directory {own} --one-shot --start-as standby"));
        pair[Side::A].spawn(command).wait_code(AT_ONCE * 10)
    };
    let ask = |pair: &Pair, user: &[&str]| {
        fs::remove_dir_all(pair.folder().join(format!("container-{}", user.len()))).ok();
        let ctl = program("schrittmacherctl");
        let mut command = contained(pair, user, &ctl);
        command.args(["status", "--socket"]).arg(&socket);
        let output = command.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };

    let code = report(&pair, &ROOT_OF_A_USER_NAMESPACE);
    if code == 99 || code == 1 {
        return skip(NAME, "this system refuses user namespaces with mounts");
    }
    pair[Side::A].log.wait("from user 65533 is ignored: `app-user` is 0", AT_ONCE);
    let (said, why) = ask(&pair, &ROOT_OF_A_USER_NAMESPACE);
    assert!(said.is_empty() && why.contains("ermission denied"), "{said}{why}");
    assert_ne!(pair[Side::A].log.state(), "Standby");

    report(&pair, &ROOT);
    pair[Side::A].log.wait_state("Standby", AT_ONCE);
    let (said, why) = ask(&pair, &ROOT);
    assert!(said.contains(RESOURCE), "{said}{why}");
}
