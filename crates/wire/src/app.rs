//! The message of an application to its daemon.

use crate::json::{number, object, text, within_limit};
use crate::{AppCode, right};

/// A message to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppMessage<'a> {
    pub code: AppCode,
    /// The resource's name; it has to pass [`is_sendable_name`](crate::is_sendable_name).
    pub resource: &'a str,
    /// The application's process.
    pub pid: Option<u32>,
    /// Why; left out if empty, cut at a character if the datagram would become too long.
    pub reason: Option<&'a str>,
    /// `type`, what the application calls itself; it has to pass
    /// [`is_sendable_name`](crate::is_sendable_name).
    pub kind: Option<&'a str>,
    /// The application's host; it has to pass [`is_sendable_name`](crate::is_sendable_name).
    pub host: Option<&'a str>,
    /// The port of the application's own web page; left out if 0.
    pub adminweb_port: Option<u16>,
    /// Our extension, sent only if true: the application wants to know until when it may serve.
    pub asks_right: bool,
}

impl AppMessage<'_> {
    /// The datagram: the layout of client library 1.18.0 byte for byte (W1). At most
    /// [`MAX_DATAGRAM`](crate::MAX_DATAGRAM) bytes.
    pub fn encode(&self) -> Vec<u8> {
        let reason = self.reason.filter(|reason| !reason.is_empty());
        within_limit(0, reason, |reason| self.write(reason))
    }

    fn write(&self, reason: Option<&str>) -> Vec<u8> {
        let asks = text(right::ASKS, self.asks_right.then_some(right::RIGHT));
        let adminweb_port = self.adminweb_port.filter(|port| *port > 0);
        let optional = [reason.is_some(), self.kind.is_some(), self.host.is_some(), adminweb_port.is_some()];

        let random = number("random", Some(0));
        let adminweb_port = number("adminweb-port", adminweb_port);
        let pid = number("pid", self.pid);
        let status = text("status", self.code.as_str());
        let resource = text("resource", self.resource);
        let reason = text("reason", reason);
        let priority = number("priority", Some(0));
        let host = text("host", self.host);
        let kind = text("type", self.kind);

        // Legacy messages have the order of a hash table. It grows at the eighth key: five are always there, so
        // at the third optional one.
        if optional.into_iter().filter(|present| *present).count() < 3 {
            object([random, adminweb_port, pid, status, resource, reason, priority, host, kind, asks])
        } else {
            object([host, resource, status, pid, adminweb_port, priority, random, kind, reason, asks])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of a datagram in the order they are written.
    fn keys(message: &AppMessage<'_>) -> String {
        let datagram = String::from_utf8(message.encode()).unwrap();
        let keys = datagram.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once('"'));
        keys.map(|(key, _)| key).collect::<Vec<_>>().join(" ")
    }

    /// The sixteen sets of optional keys and the order that the legacy library has for each.
    const ORDERS: [&str; 16] = [
        "random pid status resource priority",
        "random pid status resource reason priority",
        "random adminweb-port pid status resource priority",
        "random adminweb-port pid status resource reason priority",
        "random pid status resource priority host",
        "random adminweb-port pid status resource priority host",
        "random pid status resource reason priority host",
        "host resource status pid adminweb-port priority random reason",
        "random pid status resource priority type",
        "random adminweb-port pid status resource priority type",
        "random pid status resource reason priority type",
        "resource status pid adminweb-port priority random type reason",
        "random pid status resource priority host type",
        "host resource status pid adminweb-port priority random type",
        "host resource status pid priority random type reason",
        "host resource status pid adminweb-port priority random type reason",
    ];

    #[test]
    fn keys_come_in_the_order_of_the_legacy_library() {
        for order in ORDERS {
            let has = |key| order.split(' ').any(|k| k == key);
            let message = AppMessage {
                code: AppCode::Lhot,
                resource: "r1",
                pid: Some(7),
                reason: has("reason").then_some("why"),
                kind: has("type").then_some("smsc"),
                host: has("host").then_some("h1"),
                adminweb_port: has("adminweb-port").then_some(8080),
                asks_right: false,
            };
            assert_eq!(keys(&message), order);
            assert_eq!(keys(&AppMessage { pid: None, ..message }), order.replace(" pid", ""));
            assert_eq!(keys(&AppMessage { asks_right: true, ..message }), format!("{order} asks"));
        }
    }

    #[test]
    fn an_empty_reason_and_port_0_are_left_out() {
        let message = AppMessage {
            code: AppCode::Lsby,
            resource: "r1",
            pid: Some(7),
            reason: Some(""),
            kind: None,
            host: None,
            adminweb_port: Some(0),
            asks_right: false,
        };
        assert_eq!(keys(&message), "random pid status resource priority");
    }
}
