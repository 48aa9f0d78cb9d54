//! `set`.

use super::{CORE, errors, load};

fn two(first: &str, second: &str) -> String {
    format!("{CORE}group = resource\nname = r\n{first}\ngroup = resource\nname = s\n{second}\n")
}

#[test]
fn the_members_of_a_set_have_one_priority() {
    let found = errors(&two("set = web\npriority = 5", "set = web\npriority = 3")).join("\n");
    assert!(found.contains("x.conf:12: `priority` 3 of s differs from 5 of r, in the set"), "{found}");
    for (first, second) in [("set = web\npriority = 5", "set = web\npriority = 5"), ("", "priority = 5")] {
        assert_eq!(load(&two(first, second)).unwrap().warnings, [], "{first}");
    }
}

#[test]
fn a_set_has_64_members_at_most() {
    let of = |count: usize| {
        let members = (0..count).map(|number| format!("group = resource\nname = r{number}\nset = web\n"));
        format!("{CORE}{}", members.collect::<String>())
    };
    assert!(load(&of(64)).is_ok());
    assert!(errors(&of(65)).join("\n").contains("the set \"web\" has 65 members, at most 64 go"));
}

#[test]
fn check_says_that_an_older_peer_has_no_sets() {
    let loaded = load(&two("set = web", "set = web")).unwrap();
    let notes = crate::notes::notes(&loaded).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(notes.contains("each resource of the set \"web\" goes its own way"), "{notes}");
}
