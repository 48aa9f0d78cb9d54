//! A command line as the shell reads it, and as 2.0.0 read it, which had no shell.

use std::collections::BTreeSet;

use super::legacy::is_space;

/// The characters of `command` that mean something to `/bin/sh` and meant nothing to 2.0.0 (X6), which only
/// split it at white space. In order and without repetition; empty if both do the same.
pub(super) fn shell_features(command: &str) -> BTreeSet<char> {
    let mut features: BTreeSet<char> = command.chars().filter(|c| "`$\"'\\|&;<>()*?[".contains(*c)).collect();
    for word in command.split(is_space) {
        features.extend(word.chars().next().filter(|c| "~#".contains(*c)));
        if ["{", "!"].contains(&word) {
            features.extend(word.chars());
        }
    }
    if command.split(is_space).find(|word| !word.is_empty()).is_some_and(|word| word.contains('=')) {
        features.insert('=');
    }
    features
}

/// White space that divided words for 2.0.0 and is an ordinary character for the shell: the no-break space
/// of a copied web page, for example.
pub(super) fn foreign_space(command: &str) -> Option<char> {
    command.chars().find(|&c| is_space(c) && !matches!(c, ' ' | '\t'))
}

/// The quote that `command` opens and never closes, which makes the shell refuse it.
pub(super) fn open_quote(command: &str) -> Option<char> {
    let mut open = None;
    let mut backticks = false;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (Some('\''), '\'') | (Some('"'), '"') => open = None,
            (Some('\''), _) => {}
            (_, '\\') => drop(chars.next()),
            (_, '`') => backticks = !backticks,
            (None, '\'' | '"') => open = Some(c),
            (None | Some(_), _) => {}
        }
    }
    open.or(backticks.then_some('`'))
}

/// A quote of a word processor, which the shell takes for an ordinary character.
pub(super) fn typographic_quote(command: &str) -> Option<char> {
    command.chars().find(|c| "“”„‟‘’‚‛«»".contains(*c))
}

/// The one word that `command` makes of several. In `/opt/x" --user "bob`, for example: the rest of
/// `"/opt/x" --user "bob"` when the quotes at both ends of a value are removed.
pub(super) fn swallowed_words(command: &str) -> Option<String> {
    let parts: Vec<&str> = command.split('"').collect();
    let [before, inside, after] = parts[..] else { return None };
    let joined = |text: &str, edge: Option<char>| !text.is_empty() && edge.is_some_and(|c| !is_space(c));
    let swallows = joined(before, before.chars().next_back())
        && joined(after, after.chars().next())
        && inside.starts_with(is_space)
        && inside.ends_with(is_space);
    swallows.then(|| format!("{before}{inside}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(command: &str) -> String {
        shell_features(command).into_iter().collect()
    }

    #[test]
    fn a_plain_command_is_the_same_with_and_without_a_shell() {
        for command in
            ["", "/etc/ha/start.sh", "ip addr add 10.2.1.9/25 dev eth0 label eth0:9", "a --b=c d~ e#f {x}"]
        {
            assert_eq!(features(command), "", "{command}");
        }
    }

    #[test]
    fn what_the_shell_would_act_on_is_found() {
        assert_eq!(features("kill -10 `cat /run/x.pid`"), "`");
        assert_eq!(features("stop.sh; echo $A > 'b' || true"), "$';>|");
        assert_eq!(features("ls ~/x # all"), "#~");
        assert_eq!(features("  A=1 run x=y"), "=");
        assert_eq!(features("! { true"), "!{");
    }

    #[test]
    fn a_quote_left_open_is_found() {
        for command in ["/bin/sh -c \"x y", "echo it's", "kill `cat x", "a \"b\\\" c"] {
            assert!(open_quote(command).is_some(), "{command}");
        }
        for command in
            ["", "kill `cat x`", "sh -c 'a \"b'", "echo \"it's\"", "echo \\\"", "echo 'a\\'", "a \\"]
        {
            assert_eq!(open_quote(command), None, "{command}");
        }
    }

    #[test]
    fn words_that_lost_their_outer_quotes_are_found() {
        let one = swallowed_words("/opt/x\" --user \"bob");
        assert_eq!(one.as_deref(), Some("/opt/x --user bob"));
        for command in ["/opt/x --user bob", "echo \" a \"", "a\"b c\"d", "sh -c \"a b\"", "a\" b", "\" a \""]
        {
            assert_eq!(swallowed_words(command), None, "{command}");
        }
    }

    #[test]
    fn a_copied_no_break_space_is_found() {
        assert_eq!(foreign_space("ip\u{a0}addr add"), Some('\u{a0}'));
        assert_eq!(foreign_space("ip  addr\tadd"), None);
    }
}
