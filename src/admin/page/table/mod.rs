//! The legacy table and words for scripts, everything escaped (H1, D44).
//!
//! Plain functions and no template: its bytes are those of the legacy program. The legacy `Lock` column showed the address of a
//! mutex and who held it; one thread owns the state now, there is no lock to show.

use std::fmt::{self, Write};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::admin::order::{OperatorOrder, Target};
use crate::admin::page::{Escaped, PageNotice};
use crate::admin::snapshot::{DoorStatus, Heard, ResourceStatus, StatusSnapshot};

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"UTF-8\"><title>Status</title></head>\n<body>\n<H1>Status</H1>\n";

const RESOURCES: &str = "<table border=1>\n<tr>\n<th>Resource</th>\n<th>Status</th>\n<th>Last Local Message</th>\n<th>Last Remote Message</th>\n<th>Action</th>\n</tr>";

const DOORS: &str =
    "</table><table border=1>\n<tr>\n<th>Listener</th>\n<th>Last Error</th>\n<th>Last Message</th>\n</tr>";

const FOOT: &str = "</table>\n</body>\n</html>\n";

/// The table as HTML.
pub(in crate::admin) fn render(snapshot: &StatusSnapshot, notices: &[PageNotice]) -> String {
    let mut html = String::with_capacity(1024 + 512 * snapshot.resources.len());
    // Writing to a String cannot fail.
    let _: fmt::Result = write_page(&mut html, snapshot, notices);
    html
}

fn write_page(html: &mut String, snapshot: &StatusSnapshot, notices: &[PageNotice]) -> fmt::Result {
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

fn write_notice(html: &mut String, notice: &PageNotice) -> fmt::Result {
    writeln!(html, "<p><strong>{}</strong></p>", Escaped(&notice.text))?;
    let Some(order) = &notice.offer else { return Ok(()) };
    write_button(html, order, &order.to_string())
}

/// A form. Browsers name the origin of a POST even where they hide the referrer. And programs that follow links (a crawler,
/// a preview in a chat) press no buttons.
fn write_button(html: &mut String, order: &OperatorOrder, label: &str) -> fmt::Result {
    html.push_str("<form method=\"post\" action=\"/\">");
    if order.force {
        html.push_str("<input type=\"hidden\" name=\"force\" value=\"yes\">");
    }
    let (key, resource) = (order.target.as_str(), Escaped(&order.resource));
    writeln!(html, "<button name=\"{key}\" value=\"{resource}\">{}</button></form>", Escaped(label))
}

fn write_resource(html: &mut String, resource: &ResourceStatus) -> fmt::Result {
    write!(html, "<tr><td>{}</td><td>{}</td>", Escaped(&resource.name), resource.state.legacy_str())?;
    write_heard(html, resource.last_local.as_ref())?;
    write_heard(html, resource.last_remote.as_ref())?;
    html.push_str("<td>");
    let offers = [(Target::OtherSide, resource.may_failover), (Target::ThisSide, resource.may_takeover)];
    for (target, _) in offers.into_iter().filter(|(_, offered)| *offered) {
        let order = OperatorOrder { target, resource: resource.name.clone(), force: false, dry_run: false };
        write_button(html, &order, target.as_str())?;
    }
    html.push_str("</td></tr>");
    // A row of its own, so that the legacy columns stay as scripts know them.
    for trouble in &resource.troubles {
        write!(html, "<tr><td></td><td colspan=\"4\"><strong>{}</strong></td></tr>", Escaped(trouble))?;
    }
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

/// `2026-11-23 04:05:58.737089`, as on the legacy page: UTC without saying so, always six digits.
fn utc(at: SystemTime) -> String {
    Timestamp::try_from(at)
        .map_or_else(|_| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

#[cfg(test)]
mod tests;
