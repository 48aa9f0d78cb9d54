//! `docs/transition-table.md` is that of the code.

use std::path::Path;

const BEGIN: &str = "<!-- the table: written by the test `documentation`, not by hand -->\n";
const END: &str = "<!-- end of the table -->\n";

#[test]
fn the_table_in_the_documentation_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transition-table.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected =
        format!("{before}{BEGIN}\n{}\n{END}{after}", schrittmacher_testkit::table::print::markdown());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(
        text == expected || std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/transition-table.md is out of date: UPDATE_DOCS=1 cargo test -p schrittmacher-protocol --test documentation"
    );
}
