//! Prints the transition table of this code, one row a line, in the format of the recorded legacy tables
//! (`tests/data/protocol`): `make table`.

fn main() -> std::io::Result<()> {
    use std::io::Write as _;
    std::io::stdout().write_all(schrittmacher_testkit::table::print::json_lines().as_bytes())
}
