//! The one table of all keys. It is long, because it has a few lines for each of them.

use super::{Key, Kind, Place, core, legacy, new, path_end, resource};
use crate::words::{
    AddressProbe, Alone, AuthMode, Extensions, Facility, HttpControl, LogTime, OnExit, OnIsolationWord,
    PolicyWord, Realtime, ScriptAddresses, Security, Word,
};

/// Where FHS 3.0 wants what a daemon keeps.
pub const DEFAULT_STATE_DIRECTORY: &str = "/var/lib/schrittmacher";

/// The longest time that can be set anywhere, in seconds: an hour.
const LONG: f64 = 3600.0;

/// The period of a heartbeat: T1.
const PERIOD: Kind = Kind::Seconds { min: 0.003, max: 20.0 };

/// The least `ping-timeout`, in seconds.
pub const PING_TIMEOUT_MIN: f64 = 0.02;

/// A time limit. Its upper end is far above any use and keeps sums of times small.
const LIMIT: Kind = Kind::Seconds { min: 0.01, max: LONG };

/// Makes a constant of each key, and the table of all of them.
macro_rules! keys {
    ($($name:ident = $key:expr;)*) => {
        $(pub(crate) static $name: Key = $key;)*

        /// Every known key, in the order in which they are explained and shown.
        pub(crate) static KEYS: &[&Key] = &[$(&$name,)*];
    };
}

keys! {
    LOCAL_ADDRESS = core(
        "local-address",
        Kind::Address,
        "mandatory",
        "This host's end of the peer link; sockets are bound to it",
    ).fixed();
    REMOTE_ADDRESS = core(
        "remote-address",
        Kind::Address,
        "mandatory",
        "The peer's end of the peer link; the only source peer messages are taken from",
    ).fixed();
    LOCAL_ADDRESS_2 = path_end("local-address-2", LOCAL_END);
    REMOTE_ADDRESS_2 = path_end("remote-address-2", REMOTE_END);
    LOCAL_ADDRESS_3 = path_end("local-address-3", LOCAL_END);
    REMOTE_ADDRESS_3 = path_end("remote-address-3", REMOTE_END);
    LOCAL_ADDRESS_4 = path_end("local-address-4", LOCAL_END);
    REMOTE_ADDRESS_4 = path_end("remote-address-4", REMOTE_END);
    SHARED_ADDRESS = legacy(
        Place::Both,
        "shared-address",
        Kind::Networks,
        "none",
        "The address of the service: added to `shared-interface` of the hot side, or only handed to commands, as SHARED_ADDRESS",
    );
    SHARED_INTERFACE = new(
        Place::Both,
        "shared-interface",
        Kind::Text,
        "none: commands bring the address up",
        "The interface to which the daemon itself adds `shared-address` on the hot side, and announces it there",
    );
    ANNOUNCE_REFRESH = new(
        Place::Both,
        "announce-refresh",
        Kind::Seconds { min: 1.0, max: LONG },
        "60",
        "Pause between two announcements of `shared-address` to the neighbours in quiet times",
    );
    TRACK_INTERFACE = new(
        Place::Both,
        "track-interface",
        Kind::YesNo,
        "yes",
        "Whether a side whose `shared-interface` is missing or has no carrier leaves the service to the other side",
    );
    TRACK_DELAY = new(
        Place::Both,
        "track-delay",
        Kind::Seconds { min: 0.0, max: LONG },
        "what a switch takes, at most the greater of one heartbeat and 0.1; `timeout` − `heartbeat` if the daemons have no other cable",
        "How long `shared-interface` may be missing or without carrier before that counts: links bounce; 0 = at once",
    );
    ADDRESS_PROBE = new(
        Place::Both,
        "address-probe",
        Kind::Word(AddressProbe::NAMES),
        "tell",
        "A side that hears no peer, while `shared-address` answers elsewhere: takes it and tells; `wait`: waits as long as it answers",
    );
    NETMASK = new(
        Place::Core,
        "netmask",
        Kind::Text,
        "that of the prefix of `shared-address`, if it has one",
        "Handed to commands, as NETMASK; the prefix of a `shared-address` without one",
    );
    PORT = core(
        "port",
        Kind::Port { max: 65534 },
        "mandatory",
        "UDP port of the peer link; applications send to the next one",
    ).fixed();
    HTTP_PORT = core(
        "http-port",
        Kind::Port { max: 65535 },
        "no page",
        "TCP port of the status page; 0 or less is no page",
    ).fixed();
    HTTP_ADDRESS = new(
        Place::Core,
        "http-address",
        Kind::Addresses,
        "all; `local-address` alone if that is a loopback address",
        "Addresses the status page listens on",
    ).fixed();
    HTTP_HOST = new(
        Place::Core,
        "http-host",
        Kind::Names,
        "none",
        "Further names by which browsers reach the status page",
    ).fixed();
    APP_ADDRESS = new(
        Place::Core,
        "app-address",
        Kind::Addresses,
        "none",
        "Further addresses that application messages are taken from, beside this host's own",
    );
    HTTP_CONTROL = new(
        Place::Core,
        "http-control",
        Kind::Word(HttpControl::NAMES),
        "all; none with `order-token-file` or `security = strict`",
        "Clients whose orders the status page takes without a token; the control socket takes orders in any case",
    );
    ORDER_TOKEN_FILE = new(
        Place::Core,
        "order-token-file",
        Kind::Path,
        "none: no order is taken because of a token",
        "File of the tokens with which everybody may give orders at the status page; `schrittmacherctl keygen` makes one",
    );
    RUN_DIRECTORY = new(
        Place::Core,
        "run-directory",
        Kind::Path,
        schrittmacher_wire::RUN_DIRECTORY,
        "Directory of the sockets for `schrittmacherctl` and for applications; made if it is not there",
    ).fixed();
    CONTROL_GROUP = new(
        Place::Core,
        "control-group",
        Kind::Text,
        "none; only the daemon's own user and root may use the control socket",
        "Group, by name or number, whose members may use the control socket too",
    ).fixed();
    LOG_DIR = core("log-dir", Kind::Path, "none", "Directory of the log file").fixed();
    LOG_FILE = core(
        "log-file",
        Kind::Path,
        "none; `schrittmacher.log` if `log-dir` is set",
        "File to log to, beside stderr; relative to `log-dir`",
    ).fixed();
    LOG_SYSLOG = new(
        Place::Core,
        "log-syslog",
        Kind::Word(Facility::NAMES),
        "not to syslog",
        "Log to syslog too, as this facility: to the local syslogd, or to `log-syslog-server`",
    ).fixed();
    LOG_SYSLOG_SERVER = new(
        Place::Core,
        "log-syslog-server",
        Kind::Server { default_port: 514 },
        "none; the local syslogd gets what `log-syslog` asks for",
        "Server that gets the log instead of the local syslogd: RFC 5424 by UDP; IPv6 in brackets",
    ).fixed();
    LOG_LEVEL = core("log-level", Kind::LogLevel, "info", "The least severe level that is logged");
    HEARTBEAT = core("heartbeat", PERIOD, "2", "Period of the heartbeat to the peer");
    TIMEOUT = core(
        "timeout",
        Kind::Seconds { min: 0.009, max: LONG },
        "3 × heartbeat, which is also the least",
        "Silence after which the peer is considered dead",
    );
    LOG_TIME = new(
        Place::Core,
        "log-time",
        Kind::Word(LogTime::NAMES),
        "s",
        "How fine the times in the log file are: seconds, as ever, or milliseconds",
    ).fixed();
    NOTIFY = new(
        Place::Core,
        "notify",
        Kind::Command,
        "none",
        "Runs for each event of a resource, with its facts in the environment: for mail, chat, SNMP",
    ).fixed();
    SCRIPT_ADDRESSES = new(
        Place::Core,
        "script-addresses",
        Kind::Word(ScriptAddresses::NAMES),
        "plain",
        "How addresses look in the environment of commands: `10.2.1.88` or `ipv4:10.2.1.88`",
    );
    ON_EXIT = new(
        Place::Core,
        "on-exit",
        Kind::Word(OnExit::NAMES),
        "handover",
        "SIGTERM on a hot node: hand over to a healthy peer, or leave the application alone",
    );
    EXTENSIONS = new(
        Place::Core,
        "extensions",
        Kind::Word(Extensions::NAMES),
        "auto",
        "Whether to use what a legacy peer does not know, with a peer that knows it",
    )
    .fixed();
    STATE_DIRECTORY = new(
        Place::Core,
        "state-directory",
        Kind::Path,
        DEFAULT_STATE_DIRECTORY,
        "Directory in which the daemon keeps what has to survive a restart; made if it is not there",
    )
    .fixed();
    ALONE = new(
        Place::Core,
        "alone",
        Kind::Word(Alone::NAMES),
        "go",
        "A node that has never heard its peer: `wait` for its first word, or `go` hot",
    );
    REALTIME = new(
        Place::Core,
        "realtime",
        Kind::Word(Realtime::NAMES),
        "auto",
        "`auto`: the heartbeats have real-time priority, and the daemon's memory stays in RAM, where the system allows it",
    )
    .fixed();
    WATCHDOG = new(
        Place::Core,
        "watchdog",
        Kind::Path,
        "none",
        "Watchdog device, like `/dev/watchdog`: the host resets itself if the daemon stands still or dies while a resource is hot here",
    )
    .fixed();
    WITNESS = new(
        Place::Core,
        "witness",
        Kind::Text,
        "none",
        "The third vote for `policy = consistent`: `etcd https://ADDRESS:2379`, or `http`, with further URLs of the same cluster after commas",
    )
    .fixed();
    WITNESS_CA_FILE = new(
        Place::Core,
        "witness-ca-file",
        Kind::Path,
        "none; mandatory with `https`",
        "File of the certificates, in PEM, that have signed those of the `witness`",
    );
    WITNESS_CERT_FILE = new(
        Place::Core,
        "witness-cert-file",
        Kind::Path,
        "none",
        "File of this host's certificate for the `witness`, in PEM, with those between it and its authority",
    );
    WITNESS_KEY_FILE = new(
        Place::Core,
        "witness-key-file",
        Kind::Path,
        "none",
        "File of the private key of `witness-cert-file`, in PEM, not encrypted",
    );
    WITNESS_USER = new(
        Place::Core,
        "witness-user",
        Kind::Text,
        "none",
        "User of the `witness`, where it demands one",
    );
    WITNESS_PASSWORD_FILE = new(
        Place::Core,
        "witness-password-file",
        Kind::Path,
        "none",
        "File of the password of `witness-user`, in one line",
    );
    WITNESS_PREFIX = new(
        Place::Core,
        "witness-prefix",
        Kind::Text,
        "schrittmacher/",
        "Each key in the `witness` begins with it; the same on both hosts",
    )
    .fixed();
    PING_ADDRESS = new(
        Place::Core,
        "ping-address",
        Kind::Targets,
        "none",
        "Hosts whose answers to ICMP echoes show that this one is not isolated; not the peer",
    );
    PING_TIMEOUT = new(
        Place::Core,
        "ping-timeout",
        Kind::Seconds { min: PING_TIMEOUT_MIN, max: LONG },
        "half of the least `timeout` less `heartbeat`, at least 0.02",
        "This host counts as isolated after this long without an answer; echoes are sent four times in it",
    );
    SECURITY = new(
        Place::Core,
        "security",
        Kind::Word(Security::NAMES),
        "legacy, with a warning",
        "The demands on peers and operators; `strict`: the peer signs, and orders come by the control socket or with a token",
    );
    AUTH_KEY_FILE = new(
        Place::Core,
        "auth-key-file",
        Kind::Path,
        "none: the peer is believed by its address",
        "File of the keys that both hosts share; `schrittmacherctl keygen` makes one",
    );
    AUTH_MODE = new(
        Place::Core,
        "auth-mode",
        Kind::Word(AuthMode::NAMES),
        "enforce; off without `auth-key-file`",
        "Whether the peer has to sign; on the way there first `receive-only` on both hosts, then `enforce` on both",
    );
    APP_TIMEOUT = new(
        Place::Both,
        "app-timeout",
        LIMIT,
        "10, or 5 × heartbeat if that is more",
        "Silence after which the application has failed",
    );
    APP_USER = new(
        Place::Both,
        "app-user",
        Kind::Text,
        "any user of this host; with `security = strict` only root and the daemon's user",
        "User, by name or number, whose processes alone may report, beside root's and the daemon's own; not by UDP then",
    );
    ACTION_TIMEOUT = new(
        Place::Both,
        "action-timeout",
        LIMIT,
        "30 for start and stop, 5 for the interface",
        "How long a command may run before it is ended",
    );
    ACTION_USER = new(
        Place::Both,
        "action-user",
        Kind::Text,
        "the daemon's own user",
        "The user, with its primary group alone, that runs `start-action`, `stop-action` and `check-command`",
    );
    ACTION_LIMITS = new(
        Place::Both,
        "action-limits",
        Kind::Text,
        "those of the daemon",
        "Limits of all commands and what they start, like `core=0 nofile=1024 as=2G`: as, core, cpu, fsize, nofile, nproc",
    );
    GOING_HOT_TIMEOUT = new(
        Place::Both,
        "going-hot-timeout",
        LIMIT,
        "20",
        "How long the application may take to become hot, from the beginning of the start command",
    );
    GOING_STANDBY_TIMEOUT = new(
        Place::Both,
        "going-standby-timeout",
        LIMIT,
        "6",
        "How long the application may take to become standby",
    );
    STARTUP_DELAY = legacy(
        Place::Both,
        "startup-delay",
        Kind::Seconds { min: 0.0, max: LONG },
        "0",
        "How long after the daemon's start silence of application or peer counts for nothing",
    );
    HOLD_BACK = new(
        Place::Both,
        "hold-back",
        Kind::Seconds { min: 0.0, max: LONG },
        "5",
        "How long a side that fails again soon is held back; doubled with each further failure; 0 = never",
    );
    HOLD_BACK_MAX = new(
        Place::Both,
        "hold-back-max",
        Kind::Seconds { min: 0.0, max: LONG },
        "300",
        "The longest time for which a side is held back, and that for which one is whose address cannot be brought up",
    );
    PREEMPT = new(
        Place::Both,
        "preempt",
        Kind::YesNo,
        "no",
        "Whether a returning node of higher priority takes a healthy hot peer's place",
    );
    POLICY = new(
        Place::Both,
        "policy",
        Kind::Word(PolicyWord::NAMES),
        "available",
        "When a side takes over: on silence; `consistent`: with the word of the peer or of the `witness`; `manual`: not on silence alone",
    );
    PROMISE = new(
        Place::Both,
        "promise",
        Kind::Seconds { min: 0.1, max: LONG },
        "the greater of `timeout` and 1",
        "How long the word of the peer or of the `witness` lasts under `policy = consistent`; a quarter of it is for stopping",
    );
    ON_ISOLATION = new(
        Place::Both,
        "on-isolation",
        Kind::Word(OnIsolationWord::NAMES),
        "keep",
        "What a side does that is isolated and does not hear its peer; `step-down`: stops before the peer takes over, and takes nothing over",
    );
    FENCE_ACTION = new(
        Place::Both,
        "fence-action",
        Kind::Command,
        "none: silence of the peer is enough",
        "Turns the host of a silent peer off, before this side takes over; exit status 0: it is off. What else means, `policy` says",
    );
    FENCE_TIMEOUT = new(
        Place::Both,
        "fence-timeout",
        LIMIT,
        "20",
        "How long `fence-action` may run; one that runs longer is ended and has confirmed nothing",
    );
    FENCE_RETRIES = new(
        Place::Both,
        "fence-retries",
        Kind::Count { min: 0, max: 100 },
        "2",
        "How many times `fence-action` is run again that has not confirmed that the host is off",
    );
    CHECK_INTERVAL = new(
        Place::Both,
        "check-interval",
        Kind::Seconds { min: 0.1, max: LONG },
        "2",
        "Pause between the end of one check and the beginning of the next",
    );
    CHECK_TIMEOUT = new(
        Place::Both,
        "check-timeout",
        LIMIT,
        "5",
        "How long a check may run; one that runs longer is ended and has failed",
    );
    CHECK_RISE = new(
        Place::Both,
        "check-rise",
        Kind::Count { min: 1, max: 100 },
        "1",
        "How many checks in a row have to succeed before the application is hot",
    );
    CHECK_FALL = new(
        Place::Both,
        "check-fall",
        Kind::Count { min: 1, max: 100 },
        "2",
        "How many checks in a row have to fail before a hot application has failed",
    );
    NAME = resource(
        "name",
        Kind::Text,
        "mandatory",
        "The resource-id, the same on both nodes and in the application; 1 … 255 bytes",
    );
    PRIORITY = resource("priority", Kind::Integer, "0", "The greater one wins a conflict");
    SET = new(
        Place::Resource,
        "set",
        Kind::Text,
        "none: it switches alone",
        "Name of a set of at most 64 resources with one priority; they are hot on one side together",
    );
    START_ACTION = resource("start-action", Kind::Command, "SIGUSR1 to the application", "Makes the application hot");
    STOP_ACTION = resource("stop-action", Kind::Command, "SIGUSR2 to the application", "Makes the application standby");
    CHECK_COMMAND = new(
        Place::Resource,
        "check-command",
        Kind::Command,
        "none; the application reports by itself",
        "Says by its exit status whether the application runs; the daemon reports for it",
    );
    UNIT = new(
        Place::Resource,
        "unit",
        Kind::Text,
        "none",
        "The application is this unit of systemd: started, stopped and watched over D-Bus",
    );
    INTERFACE_ACTIVATE = resource("interface-activate", Kind::Command, "none", "Brings the service address up");
    INTERFACE_ANNOUNCE = new(
        Place::Resource,
        "interface-announce",
        Kind::Command,
        "`interface-activate` once more",
        "Makes the service address known again after both sides were hot; not used with `shared-interface`",
    );
    INTERFACE_DEACTIVATE = resource("interface-deactivate", Kind::Command, "none", "Takes the service address down");
    PID_FILE = resource(
        "pid-file",
        Kind::Path,
        "none",
        "Handed to commands as PID_FILE; names the process of an application that sends no pid",
    );
    HEARTBEAT_INTERVALL = resource(
        "heartbeat-intervall",
        PERIOD,
        "`heartbeat` of `core`",
        "Heartbeat of this resource; with two l, as ever",
    );
}

const LOCAL_END: &str =
    "This host's end of a further path to the same peer; a link-local address with its interface";
const REMOTE_END: &str = "The peer's end of that path";
