//! Describing a client before it is made.

use std::sync::Arc;
use std::time::Duration;

use crate::client::OrderFn;
use crate::log::{Log, LogFn};
use crate::settings::{self, Pid, Settings};
use crate::{AddressFamily, Client, Error, LogLevel};

/// Describes a [`Client`]; made by [`Client::builder`].
#[must_use = "build() makes the client"]
pub struct ClientBuilder {
    resource_id: String,
    settings: Settings,
    port: u16,
    go_hot: Option<Arc<OrderFn>>,
    go_standby: Option<Arc<OrderFn>>,
    log: Log,
}

impl ClientBuilder {
    pub(crate) fn new(resource_id: String) -> ClientBuilder {
        let settings = Settings::default();
        let port = settings.endpoint.port;
        ClientBuilder { resource_id, settings, port, go_hot: None, go_standby: None, log: Log::default() }
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

    /// This host's name, at most 255 bytes. Default: not sent.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.settings.host = Some(host.into());
        self
    }

    /// What kind of application this is, at most 255 bytes; the key `type` on the wire. Default: not sent.
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

    /// The application has failed when it is on its way to hot or standby for more than so many heartbeats.
    /// Default 30, which is 46 s.
    pub fn max_transiting_counter(mut self, heartbeats: u32) -> Self {
        self.settings.max_transiting_counter = heartbeats;
        self
    }

    /// The time between heartbeats: 10 ms to 10 s, default 1.5 s.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.settings.heartbeat_interval = interval;
        self
    }

    /// Called when the application has to become hot. It may report at once, or start the switch, return, and
    /// report when it is done. On which thread: see [`Client::signal_go_hot`] and [`Client::start`].
    pub fn on_go_hot(mut self, function: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        self.go_hot = Some(Arc::new(function));
        self
    }

    /// Called when the application has to become standby; see [`on_go_hot`](ClientBuilder::on_go_hot).
    pub fn on_go_standby(mut self, function: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        self.go_standby = Some(Arc::new(function));
        self
    }

    /// Called with messages of `least` importance and above, on the thread that has them to tell. It may call
    /// the client, but what it makes the client log there is logged inside it.
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
        settings::checked_name(settings.host.as_deref())?;
        settings::checked_name(settings.kind.as_deref())?;
        settings::checked_interval(settings.heartbeat_interval)?;
        let client = Client::new(self.settings);
        client.with_state(|state, _| {
            state.go_hot = self.go_hot;
            state.go_standby = self.go_standby;
            state.log = self.log;
        })?;
        Ok(client)
    }
}
