//! The keys that a reload cannot change.

use super::Core;
use super::keys::{self, Key};

/// The keys whose values differ and need a restart, in the order of the reference.
pub fn needs_restart(old: &Core, new: &Core) -> Vec<&'static str> {
    compared(old, new).into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.name).collect()
}

fn compared(old: &Core, new: &Core) -> Vec<(&'static Key, bool)> {
    vec![
        (&keys::LOCAL_ADDRESS, old.local_address != new.local_address),
        (&keys::REMOTE_ADDRESS, old.remote_address != new.remote_address),
        (&keys::PORT, old.port != new.port),
        (&keys::HTTP_PORT, old.http_port != new.http_port),
        (&keys::HTTP_ADDRESS, old.http_address != new.http_address),
        (&keys::HTTP_HOST, old.http_host != new.http_host),
        (&keys::RUN_DIRECTORY, old.run_directory != new.run_directory),
        (&keys::CONTROL_GROUP, old.control_group != new.control_group),
        // `log-dir` is part of it.
        (&keys::LOG_FILE, old.log_file != new.log_file),
        (&keys::LOG_SYSLOG, old.log_syslog != new.log_syslog),
        (&keys::LOG_SYSLOG_SERVER, old.log_syslog_server != new.log_syslog_server),
        (&keys::LOG_TIME, old.log_time != new.log_time),
        (&keys::NOTIFY, old.notify != new.notify),
        // The peer may have been told the number of this run, and demand it.
        (&keys::EXTENSIONS, old.extensions != new.extensions),
        (&keys::STATE_DIRECTORY, old.state_directory != new.state_directory),
        (&keys::REALTIME, old.realtime != new.realtime),
        (&keys::WATCHDOG, old.watchdog != new.watchdog),
        (&keys::WITNESS, place(old) != place(new)),
        // With another one the two sides would not ask for the same keys.
        (&keys::WITNESS_PREFIX, prefix(old) != prefix(new)),
    ]
}

/// The URLs of the witness. How it is reached there may change.
fn place(core: &Core) -> Option<String> {
    core.witness.as_ref().map(ToString::to_string)
}

fn prefix(core: &Core) -> Option<&str> {
    core.witness.as_ref().map(|witness| witness.prefix.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Change, KEYS};
    use crate::load_text;

    fn core() -> Core {
        let text = "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\n\
                    group = resource\nname = r\n";
        load_text("x.conf".as_ref(), text).unwrap().config.core
    }

    #[test]
    fn every_key_that_needs_a_restart_is_compared() {
        let core = core();
        let compared: Vec<_> = compared(&core, &core).into_iter().map(|(key, _)| key.name).collect();
        let fixed: Vec<_> = KEYS
            .iter()
            .filter(|key| key.change == Change::Restart && key.name != "log-dir")
            .map(|key| key.name)
            .collect();
        assert_eq!(compared, fixed);
    }

    #[test]
    fn only_what_differs_is_named() {
        let core = core();
        let other = Core { port: 1, log_level: log::LevelFilter::Off, http_port: Some(2), ..core.clone() };
        assert_eq!(needs_restart(&core, &core), Vec::<&str>::new());
        assert_eq!(needs_restart(&core, &other), ["port", "http-port"]);
    }
}
