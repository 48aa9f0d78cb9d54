//! The part of the page that a reader wants to see.

use form_urlencoded::{Serializer, parse};

/// Resources on one page; more are behind a link.
pub(super) const AT_ONCE: usize = 500;

/// Whether a name contains what is looked for, which is in lower case.
pub(super) fn is_found(find: &str, name: &str) -> bool {
    find.is_empty() || name.to_lowercase().contains(find)
}

/// What the query of the page's address asks for. Everything in it is somebody's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct Wish {
    /// Only resources whose name contains this, in whatever case.
    pub find: String,
    /// Only those that need a look.
    pub problems: bool,
    /// The number of resources on the pages before.
    pub skip: usize,
    /// The page does not fetch itself again.
    pub still: bool,
}

impl Wish {
    /// What a query asks for. Words that mean something else are left alone.
    pub fn parse(query: &[u8]) -> Wish {
        let mut wish = Wish::default();
        for (key, value) in parse(query) {
            match &*key {
                "find" => wish.find = value.trim().to_owned(),
                "problems" => wish.problems = value == "yes",
                "still" => wish.still = value == "yes",
                "skip" => wish.skip = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        wish
    }

    /// The same, as a link.
    pub(super) fn same(&self) -> String {
        self.link()
    }

    /// The same with other resources, as a link.
    pub(super) fn at(&self, skip: usize) -> String {
        Wish { skip, ..self.clone() }.link()
    }

    /// The page that fetches itself again, or no longer.
    pub(super) fn moving(&self, moves: bool) -> String {
        Wish { still: !moves, ..self.clone() }.link()
    }

    fn link(&self) -> String {
        let mut query = Serializer::new(String::new());
        let skip = self.skip.to_string();
        let all = [
            ("find", self.find.as_str(), !self.find.is_empty()),
            ("problems", "yes", self.problems),
            ("skip", &skip, self.skip > 0),
            ("still", "yes", self.still),
        ];
        for (key, value, _) in all.into_iter().filter(|(_, _, is_said)| *is_said) {
            query.append_pair(key, value);
        }
        let query = query.finish();
        if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_means_what_it_was_made_of() {
        let wish = Wish { find: "ä&b=<c>".into(), problems: true, skip: 500, still: true };
        let link = wish.at(1000);
        assert!(!link.contains('<'), "{link}");
        let (_, query) = link.split_once('?').unwrap();
        assert_eq!(Wish::parse(query.as_bytes()), Wish { skip: 1000, ..wish.clone() });
        assert!(!wish.moving(true).contains("still"));
        assert_eq!(Wish::default().at(0), "/");
    }

    #[test]
    fn nonsense_is_no_wish() {
        assert_eq!(Wish::parse(b"skip=-1&problems=perhaps&still&find=%20&%ff=%fe"), Wish::default());
    }

    #[test]
    fn a_name_is_found_by_a_part_of_it_in_any_case() {
        assert!(is_found("smsc", "the-SMSC-1"));
        assert!(!is_found("smsc-2", "the-smsc-1"));
        assert!(is_found("", "x"));
    }
}
