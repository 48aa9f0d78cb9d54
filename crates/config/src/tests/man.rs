//! schrittmacher.conf(5), from the table of keys.

use roff::{Roff, bold, roman};

use crate::document::GroupKind;
use crate::keys::{Change, KEYS, Key, Kind, Place};
use schrittmacher_testkit::man::{VERSION, compare, inlines, section, verbatim};

const FORMAT: &str = "\
The file has groups of keys, one group `core` and a group `resource` for each resource. A line `group = NAME` begins a \
group. Every other line is `key = value`, a comment that begins with `#`, or `include \"FILE\"`. The value is the rest of the \
line; quotes at both its ends are removed. A file whose name ends in .toml is TOML: the same keys in a table `[core]` and in \
tables `[[resource]]`.";

const CHECK: &str = "\
`schrittmacher --check FILE` says what is wrong with a file, with line and remedy, or shows every value that it sets or \
leaves at its default.";

const COMMANDS: &str = "\
Commands run as `/bin/sh -c COMMAND`, one after the other: `interface-activate` and `start-action` on the way to hot, \
`stop-action` and `interface-deactivate` on the way to standby. They find in their environment: `ACTION` (activate, start, \
stop or deactivate), `RESOURCE_NAME`, `RESOURCE_PID`, `PID_FILE`, `LOCAL_ADDRESS`, `REMOTE_ADDRESS`, `SHARED_ADDRESS`, \
`SHARED_ADDRESSES`, `NETMASK`, `HEARTBEAT_INTERVAL`, `LAST_LOCAL_REASON`, `LAST_REMOTE_REASON` and `EPOCH` (the number of this side's last promotion), as far as there is a value. `fence-action` is run beside them, before the first of them, with `ACTION` = fence, `REASON` (silent or never-heard) and `ATTEMPT`; the host to be turned off is `REMOTE_ADDRESS`.";

const RELOAD: &str = "\
`schrittmacherctl reload` has the daemon read the file again and says what became of it; SIGHUP does the same without an \
answer. The daemon takes all of the file or, if it is wrong, nothing. Nothing changes either if one of these keys \
has another value, which needs a restart: ";

#[test]
fn manual_page() {
    let mut page = Roff::new();
    page.control("TH", ["schrittmacher.conf", "5", VERSION, "schrittmacher", "File Formats"]);
    section(&mut page, "NAME");
    page.text([roman("schrittmacher.conf - configuration of schrittmacher(8)")]);
    section(&mut page, "DESCRIPTION");
    page.text(inlines(FORMAT));
    page.control("PP", []);
    page.text(inlines(CHECK));
    section(&mut page, "KEYS OF CORE");
    page.text(inlines(
        "Times are in seconds. A resource may have those marked with * too; its own value counts then.",
    ));
    keys(&mut page, GroupKind::Core);
    section(&mut page, "KEYS OF A RESOURCE");
    page.text(inlines("Also those that are marked with * above."));
    keys(&mut page, GroupKind::Resource);
    section(&mut page, "COMMANDS");
    page.text(inlines(COMMANDS));
    section(&mut page, "CHANGING THE FILE");
    page.text(inlines(&format!("{RELOAD}{}.", fixed())));
    section(&mut page, "EXAMPLE");
    verbatim(&mut page, include_str!("../../../../docs/examples/manual-example.conf"));
    section(&mut page, "FILES");
    page.text(inlines("/etc/schrittmacher/schrittmacher.conf.example has every key with an explanation."));
    section(&mut page, "SEE ALSO");
    page.text(inlines("`schrittmacher`(8)"));
    compare("schrittmacher.conf.5", &page.render());
}

/// Each key once; a key of both groups is explained with `core`.
fn keys(page: &mut Roff, group: GroupKind) {
    for key in KEYS.iter().filter(|key| key.place.allows(group)) {
        if group == GroupKind::Resource && key.place == Place::Both {
            continue;
        }
        let mark = if key.place == Place::Both { " *" } else { "" };
        page.control("TP", []);
        page.text([bold(key.name), roman(format!(" = {}{mark}", plain(&kind(key))))]);
        let default = match key.default {
            "mandatory" => "Mandatory.".to_owned(),
            default => format!("Default: {default}."),
        };
        page.text(inlines(&format!("{}. {default}", key.help)));
    }
}

fn fixed() -> String {
    let keys = KEYS.iter().filter(|key| key.change == Change::Restart);
    keys.map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
}

fn kind(key: &Key) -> String {
    match key.kind {
        Kind::Word(words) => words.join(" | "),
        Kind::Address
        | Kind::PathEnd
        | Kind::Targets
        | Kind::Addresses
        | Kind::Networks
        | Kind::Server { .. }
        | Kind::Port { .. }
        | Kind::Seconds { .. }
        | Kind::Integer
        | Kind::Count { .. }
        | Kind::YesNo
        | Kind::LogLevel
        | Kind::Path
        | Kind::Text
        | Kind::Names
        | Kind::Command => key.kind.to_string(),
    }
}

fn plain(text: &str) -> String {
    text.replace('`', "")
}
