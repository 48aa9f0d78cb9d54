//! The table, as text and in the documentation.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::lan::Outages;
use crate::many::{Found, PAIRS, Sum};
use crate::plan::{END, RESOURCES};

const HEADER: &str = "\
| pair | runs | broke a promise | one side serves | nobody | … though one could | two | … though the link was good | \
worst run: nobody, two | switches a fault | settled within | messages a second | at most | \
client out: built-in address, longest | … commands, longest |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

const BEGIN: &str = "<!-- written by `make sim SEEDS=10000 PAGE=docs/verification.md` -->";
const FINISH: &str = "<!-- end of the simulation's table -->";

/// The results of many seeds, as a table.
pub fn table(found: &Found) -> String {
    let rows: String = PAIRS.iter().zip(&found.sums).map(|(pair, sum)| row(&pair.name(), sum)).collect();
    format!("{HEADER}\n{rows}")
}

#[expect(clippy::cast_precision_loss, reason = "a table for people")]
fn row(pair: &str, sum: &Sum) -> String {
    let total = sum.total.total();
    let percent = |part: Duration, of: Duration| 100.0 * part.as_secs_f64() / of.as_secs_f64().max(1.0);
    let of_all = |part: Duration| format!("{:.2} %", percent(part, total));
    let of_one =
        |part: Duration| format!("{:.0} %", percent(part, END * u32::try_from(RESOURCES).unwrap_or(1)));
    let out = |outages: Outages| {
        format!("{:.3} %, {:.1} s", percent(outages.total, total), outages.longest.as_secs_f64())
    };
    let cells = [
        pair.to_owned(),
        sum.seeds.to_string(),
        sum.broken.to_string(),
        of_all(sum.total.one),
        of_all(sum.total.nobody.all),
        of_all(sum.total.nobody.avoidable),
        of_all(sum.total.two.all),
        of_all(sum.total.two.avoidable),
        format!("{}, {}", of_one(sum.worst_nobody), of_one(sum.worst_two)),
        format!("{:.2}", sum.total.switches as f64 / sum.total.faults.max(1) as f64),
        format!("{:.0} s", sum.settled_after.as_secs_f64()),
        format!("{:.2}", sum.total.messages as f64 / (2.0 * total.as_secs_f64().max(1.0))),
        format!("{}, {}", sum.most_messages[0], sum.most_messages[1]),
        out(sum.outages[0]),
        out(sum.outages[1]),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// Puts the table into a page, between its markers.
///
/// # Errors
/// The page cannot be read or written, or has no markers.
pub fn write_into(page: &Path, found: &Found) -> io::Result<()> {
    let text = fs::read_to_string(page)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(FINISH)?.1)));
    let Some((before, after)) = parts else {
        return Err(io::Error::other(format!("{}: no line {BEGIN}", page.display())));
    };
    fs::write(page, format!("{before}{BEGIN}\n\n{}\n{FINISH}{after}", table(found)))
}
