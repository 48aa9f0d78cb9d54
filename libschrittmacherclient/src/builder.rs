//! The description of a client before it is made.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::callbacks::Callbacks;
use crate::log::{Log, LogFn};
use crate::settings::{self, Pid, Settings};
use crate::{AddressFamily, Client, Error, LogLevel};

/// Describes a [`Client`]; made by [`Client::builder`].
#[must_use = "build() makes the client"]
pub struct ClientBuilder {
    resource_id: String,
    settings: Settings,
    port: u16,
    callbacks: Callbacks,
    log: Log,
}

impl ClientBuilder {
    pub(crate) fn new(resource_id: String) -> ClientBuilder {
        let settings = Settings::default();
        let port = settings.endpoint.port;
        ClientBuilder { resource_id, settings, port, callbacks: Callbacks::default(), log: Log::default() }
    }

    /// The daemon's address or host name. Default: the loopback address of the
    /// [`address_family`](ClientBuilder::address_family).
    pub fn daemon_address(mut self, address: impl Into<String>) -> Self {
        self.settings.endpoint.address = Some(address.into());
        self
    }

    /// The daemon's port for applications: the `port` of its configuration plus one. 1 to 65535, default 7701.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Which of a host name's addresses to use, and which loopback address without one. Default: IPv4.
    pub fn address_family(mut self, family: AddressFamily) -> Self {
        self.settings.endpoint.family = family;
        self
    }

    /// The `run-directory` of the daemon's configuration, an absolute path. Default: `/run/schrittmacher`. The daemon has a
    /// Unix socket there, by which the kernel tells it the process and user of a report. Messages go by that socket while
    /// it is there, otherwise by UDP.
    pub fn run_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.endpoint.run_directory = Some(directory.into());
        self
    }

    /// This host's name, at most 255 bytes. Default: not sent.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.settings.host = Some(host.into());
        self
    }

    /// The kind of application, at most 255 bytes: the key `type` on the wire. Default: not sent.
    pub fn application_type(mut self, kind: impl Into<String>) -> Self {
        self.settings.kind = Some(kind.into());
        self
    }

    /// The process that the daemon watches and signals. Default: the one that runs the client.
    pub fn pid(mut self, pid: u32) -> Self {
        self.settings.pid = Pid::Fixed(pid);
        self
    }

    /// Sends no pid: the daemon then neither watches nor signals the process.
    pub fn no_pid(mut self) -> Self {
        self.settings.pid = Pid::Absent;
        self
    }

    /// The port of the application's own administration page, for the daemon to link to. Default: not sent.
    pub fn adminweb_port(mut self, port: u16) -> Self {
        self.settings.adminweb_port = port;
        self
    }

    /// The number of heartbeats for which the application may be on its way to hot or standby. With one more it has
    /// failed. Default 30: about 45 s with the default interval.
    pub fn max_transiting_counter(mut self, heartbeats: u32) -> Self {
        self.settings.max_transiting_counter = heartbeats;
        self
    }

    /// The time between heartbeats: 10 ms to 10 s, default 1.5 s.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.settings.heartbeat_interval = interval;
        self
    }

    /// Called when the application has to become hot. It may report at once. Or it starts the switch and returns, and the
    /// application reports when it is done. For its thread, see [`Client::signal_go_hot`] and [`Client::start`]. Without
    /// this function and [`on_go_standby`](ClientBuilder::on_go_standby), the application asks for
    /// [`Client::wanted_state`].
    pub fn on_go_hot(mut self, function: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        self.callbacks.go_hot = Some(Arc::new(function));
        self
    }

    /// Called when the application has to become standby; see [`on_go_hot`](ClientBuilder::on_go_hot).
    pub fn on_go_standby(mut self, function: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        self.callbacks.go_standby = Some(Arc::new(function));
        self
    }

    /// Called instead of the heartbeat, each time one is due. The function sends it with [`Client::do_heartbeat`], or lets it
    /// out. An application that has found itself stuck falls silent this way, and the daemon fails over. Runs on the heartbeat
    /// thread, or in [`Client::dispatch`].
    pub fn on_heartbeat(mut self, function: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        self.callbacks.heartbeat = Some(Arc::new(function));
        self
    }

    /// Called when the daemon is lost: it was there, and since then has refused every message for `after`,
    /// 1 ms to one day. Called once for each loss, on the heartbeat thread or in [`Client::dispatch`]. Off by
    /// default.
    ///
    /// The peer's daemon takes over when it no longer hears the lost one. An application that does not stop by
    /// then serves beside the other host's. Choose `after` longer than the daemon's restart takes, and shorter
    /// than the peer's `timeout`.
    ///
    /// A daemon may also end on purpose and leave the application alone. It says so by a file, `left-alone` in its folder
    /// in `state-directory`. The library does not look for the file: the function may.
    ///
    /// Refusals are noticed with a daemon on loopback, which is the default, and with one that had a Unix socket.
    pub fn on_daemon_lost(
        mut self,
        after: Duration,
        function: impl Fn(&Client) + Send + Sync + 'static,
    ) -> Self {
        self.settings.daemon_lost_after = Some(after);
        self.callbacks.daemon_lost = Some(Arc::new(function));
        self
    }

    /// Called when the right to serve ends: the application has to stop at once, within [`Client::right_left`]. Called once for
    /// each end, on the heartbeat thread or in [`Client::dispatch`].
    ///
    /// Under `policy = consistent` the daemon may serve only as long as the peer or the witness has promised, and says until when.
    /// It orders the application to stop by itself. A daemon that is stopped or has died cannot, and the other side takes over.
    /// Needs the daemon's Unix socket. A process that is stopped itself is told when it goes on.
    pub fn on_right_ended(mut self, function: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        self.callbacks.right_ended = Some(Arc::new(function));
        self
    }

    /// Called with messages of `least` importance and above, on the thread that they come from. It may call the client.
    /// If that call logs something, the function is called again inside itself.
    pub fn on_log(
        mut self,
        least: LogLevel,
        function: impl Fn(LogLevel, &str) + Send + Sync + 'static,
    ) -> Self {
        let function: Arc<LogFn> = Arc::new(function);
        self.log = Log { function: Some(function), least };
        self
    }

    /// Makes the client. Nothing is opened or started yet.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if a setting is out of its range.
    pub fn build(mut self) -> Result<Client, Error> {
        let settings = &mut self.settings;
        settings.resource_id = settings::checked_resource_id(Some(&self.resource_id))?;
        settings.endpoint.port = settings::checked_port(self.port)?;
        settings::checked_run_directory(settings.endpoint.run_directory.as_deref())?;
        settings::checked_name(settings.host.as_deref())?;
        settings::checked_name(settings.kind.as_deref())?;
        settings::checked_interval(settings.heartbeat_interval)?;
        settings.daemon_lost_after.map(settings::checked_lost_after).transpose()?;
        let client = Client::new(self.settings);
        client.with_state(|state, _| {
            state.reporter.asks_right = self.callbacks.right_ended.is_some();
            state.callbacks = self.callbacks;
            state.log = self.log;
        })?;
        Ok(client)
    }
}
