//! Where the status page is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Core;

/// The address of the page, and the names that requests may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// `http-address` with its default filled in. An IPv6 address means IPv6 alone, `::` too.
    pub addresses: Vec<IpAddr>,
    /// `http-port`.
    pub port: u16,
    /// `http-host`: further names that requests may carry in `Host`.
    pub host_names: Vec<String>,
}

impl Page {
    /// The page of a configuration; `None` if it wants none.
    pub fn from_config(core: &Core) -> Option<Page> {
        let addresses = if !core.http_address.is_empty() {
            core.http_address.clone()
        } else if core.local_address.is_loopback() {
            vec![core.local_address]
        } else {
            vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
        };
        Some(Page { addresses, port: core.http_port?, host_names: core.http_host.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_text;

    #[test]
    fn addresses_follow_the_configuration() {
        let page = |local: &str, more: &str| {
            let remote = if local.contains(':') { "::2" } else { "10.2.1.89" };
            let core = format!(
                "local-address = {local}\nremote-address = {remote}\nport = 7700\nsecurity = legacy\nhttp-host = proxy\n{more}"
            );
            let text = format!("group = core\n{core}\ngroup = resource\nname = r\n");
            Page::from_config(&load_text("x.conf".as_ref(), &text).unwrap().config.core)
        };
        let addresses = |local, http_address| {
            let page = page(local, &format!("http-port = 7701\n{http_address}")).unwrap();
            assert_eq!((page.port, page.host_names), (7701, vec!["proxy".to_owned()]));
            page.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>()
        };
        assert_eq!(addresses("10.2.1.88", ""), ["0.0.0.0", "::"]);
        assert_eq!(addresses("127.0.0.2", ""), ["127.0.0.2"]);
        assert_eq!(addresses("::1", ""), ["::1"]);
        assert_eq!(addresses("127.0.0.2", "http-address = 10.2.1.88 ::1"), ["10.2.1.88", "::1"]);
        assert_eq!(page("10.2.1.88", ""), None);
    }
}
