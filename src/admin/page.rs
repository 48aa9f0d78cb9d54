//! The status page: the legacy table and words, everything escaped (H1, D44).
//!
//! Plain functions, no template engine: it is one page. The legacy `Lock` column showed the address of a
//! mutex and who held it; one thread owns the state now, there is no lock to show.

use std::fmt::{self, Display, Write};
use std::time::SystemTime;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::order::Order;
use super::snapshot::{DoorStatus, Heard, ResourceStatus, Snapshot};

/// What is said above the table.
pub(super) struct Notice {
    /// A sentence.
    pub text: String,
    /// An order that can be given from here with a button.
    pub offer: Option<Order>,
}

/// What needs no encoding in a link; the legacy page encoded some more and some less (behaviour.md 5.4).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"UTF-8\"><title>Status</title></head>\n<body>\n<H1>Status</H1>\n";

const RESOURCES: &str = "<table border=1>\n<tr>\n<th>Resource</th>\n<th>Status</th>\n<th>Last Local Message</th>\n<th>Last Remote Message</th>\n<th>Action</th>\n</tr>";

const DOORS: &str =
    "</table><table border=1>\n<tr>\n<th>Listener</th>\n<th>Last Error</th>\n<th>Last Message</th>\n</tr>";

const FOOT: &str = "</table>\n</body>\n</html>\n";

/// The page as HTML.
pub(super) fn render(snapshot: &Snapshot, notices: &[Notice]) -> String {
    let mut html = String::with_capacity(1024 + 512 * snapshot.resources.len());
    // Writing to a String cannot fail.
    let _: fmt::Result = write_page(&mut html, snapshot, notices);
    html
}

fn write_page(html: &mut String, snapshot: &Snapshot, notices: &[Notice]) -> fmt::Result {
    html.push_str(HEAD);
    for notice in notices {
        write_notice(html, notice)?;
    }
    if !notices.is_empty() {
        // Reloading the page as it is would give the order again.
        html.push_str("<p><a href=\"/\">Back to the status</a></p>\n");
    }
    html.push_str(RESOURCES);
    for resource in &snapshot.resources {
        write_resource(html, resource)?;
    }
    html.push_str(DOORS);
    write_door(html, "Local", &snapshot.local)?;
    write_door(html, "Peer", &snapshot.peer)?;
    html.push_str(FOOT);
    Ok(())
}

fn write_notice(html: &mut String, notice: &Notice) -> fmt::Result {
    writeln!(html, "<p><strong>{}</strong></p>", Escaped(&notice.text))?;
    let Some(order) = &notice.offer else { return Ok(()) };
    // A form, because browsers name the origin of a POST even where they hide the referrer.
    let (key, resource, force) = match order {
        Order::Failover { resource, force } => ("failover", resource, *force),
        Order::Takeover { resource } => ("takeover", resource, false),
    };
    html.push_str("<form method=\"post\" action=\"/\">");
    if force {
        html.push_str("<input type=\"hidden\" name=\"force\" value=\"yes\">");
    }
    let label = order.to_string();
    writeln!(
        html,
        "<button name=\"{key}\" value=\"{}\">{}</button></form>",
        Escaped(resource),
        Escaped(&label)
    )
}

fn write_resource(html: &mut String, resource: &ResourceStatus) -> fmt::Result {
    write!(html, "<tr><td>{}</td><td>{}</td>", Escaped(&resource.name), resource.state.legacy_str())?;
    write_heard(html, resource.last_local.as_ref())?;
    write_heard(html, resource.last_remote.as_ref())?;
    html.push_str("<td>");
    let links = [("failover", resource.may_failover), ("takeover", resource.may_takeover)];
    for (action, _) in links.iter().filter(|(_, offered)| *offered) {
        let name = utf8_percent_encode(&resource.name, UNRESERVED);
        write!(html, "<a href=/?{action}={name}>{action}</a>")?;
    }
    html.push_str("</td></tr>");
    Ok(())
}

fn write_heard(html: &mut String, heard: Option<&Heard>) -> fmt::Result {
    match heard {
        Some(Heard { word, reason, at }) => {
            write!(html, "<td>{word}<br>{}<br>{}</td>", utc(*at), Escaped(reason))
        }
        None => write!(html, "<td><i>nothing received yet</i><br>-<br></td>"),
    }
}

fn write_door(html: &mut String, name: &str, door: &DoorStatus) -> fmt::Result {
    let text = |text: &Option<String>| Escaped(text.as_deref().unwrap_or("-")).to_string();
    let (error, message) = (text(&door.last_error), text(&door.last_message));
    write!(html, "<tr>\n<td>{name}</td>\n<td>{error}</td>\n<td>{message}</td>\n</tr>")
}

/// `2026-11-23 04:05:58.737089`: UTC without saying so, always six digits (behaviour.md 10).
fn utc(at: SystemTime) -> String {
    Timestamp::try_from(at)
        .map_or_else(|_| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

/// Text that stays text in HTML, within an element and within a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
