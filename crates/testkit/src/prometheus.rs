//! Reads the text format of Prometheus strictly, as its own parser and its linter would, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A metric with all its samples.
#[derive(Debug, Default)]
pub struct Family {
    /// `counter`, `gauge`, `histogram` or `untyped`.
    pub kind: String,
    /// The samples, by their name and labels as written.
    pub samples: BTreeMap<String, f64>,
}

/// All metrics, by their names.
pub type Families = BTreeMap<String, Family>;

/// Reads a page.
///
/// # Errors
///
/// The first line that is wrong, and why.
pub fn parse(page: &str) -> Result<Families, String> {
    if !page.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    let mut families = Families::new();
    let mut current = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else { return wrong("no help") };
            let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} ")));
            let Some(kind) = kind else { return wrong("no type behind the help") };
            if help.is_empty() || !is_name(name) || families.contains_key(name) {
                return wrong("no help, a name that is not valid, or a second family of this name");
            }
            if !["counter", "gauge", "histogram", "untyped"].contains(&kind) {
                return wrong("no type");
            }
            if (kind == "counter") != (kind != "untyped" && name.ends_with("_total")) {
                return wrong("counters, and nothing else, end in _total");
            }
            current = name.to_owned();
            families.insert(current.clone(), Family { kind: kind.to_owned(), samples: BTreeMap::new() });
            continue;
        }
        let Some(family) = families.get_mut(&current) else { return wrong("a sample of no family") };
        let Some((series, value)) = line.rsplit_once(' ') else { return wrong("no value") };
        let Ok(value) = value.parse::<f64>() else { return wrong("no number") };
        let name = series.split('{').next().unwrap_or_default();
        let suffixes: &[&str] =
            if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        if !suffixes.iter().any(|suffix| name == format!("{current}{suffix}")) {
            return wrong("a sample of another family");
        }
        if let Err(why) = check_labels(&series[name.len()..]) {
            return wrong(&why);
        }
        if family.samples.insert(series.to_owned(), value).is_some() {
            return wrong("the same series twice");
        }
    }
    Ok(families)
}

/// Asks promtool; `None` if it is not there. The answer is its verdict and its words.
pub fn promtool(arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let mut promtool = Command::new("promtool");
    promtool.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    promtool.spawn().ok().map(|promtool| answer(promtool, input))
}

fn answer(mut promtool: Child, input: &str) -> (bool, String) {
    promtool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Every metric that a text names: words that begin with our prefix.
pub fn named_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("schrittmacher_")).map(str::to_owned).collect()
}

fn check_labels(labels: &str) -> Result<(), String> {
    if labels.is_empty() {
        return Ok(());
    }
    let inner = labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or("no braces")?;
    let mut rest = inner;
    let mut names = BTreeSet::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").ok_or("no value in quotes")?;
        if !is_name(name) || name.contains(':') || !names.insert(name) {
            return Err(format!("the label {name} is not valid or comes twice"));
        }
        let mut escaped = false;
        let end = value
            .char_indices()
            .find(|(_, letter)| {
                let ends = *letter == '"' && !escaped;
                escaped = *letter == '\\' && !escaped;
                ends
            })
            .ok_or("no closing quote")?
            .0;
        rest = &value[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_' || first == ':')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prometheus_would_refuse_is_refused() {
        let good = "# HELP a_total b\n# TYPE a_total counter\na_total{x=\"\\\"}, 1\"} 1\n";
        assert_eq!(parse(good).unwrap()["a_total"].samples.len(), 1);
        for (from, to) in [
            ("x=", "resource-name="),
            ("counter", "gauge"),
            ("a_total", "a-total"),
            ("} 1\n", "} one\n"),
            ("\na_total{", "\nb_total{"),
            ("\\\"}", "\"}"),
            ("# TYPE a_total counter\n", ""),
            ("\"} 1\n", "\"} 1"),
        ] {
            assert!(parse(&good.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(parse(&good.repeat(2)).is_err());
    }
}
