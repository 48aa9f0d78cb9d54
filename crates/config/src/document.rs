//! The text of a configuration file in groups and keys, before it is interpreted.
//!
//! A reader of one format fills a [`Document`]; [`super::interpret`] turns it into a [`super::Config`]
//! without knowing the format.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::auth::FileText;
use super::diagnostic::Position;
use super::keys::{self, Key};

/// The groups of a file and of all files it includes, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Document {
    /// The main file as the operator named it.
    pub name: Arc<str>,
    /// How it is written.
    pub syntax: Syntax,
    /// At most one of them is [`GroupKind::Core`].
    pub groups: Vec<Group>,
    /// The text of `auth-key-file`, if it could be read.
    pub key_text: Option<FileText>,
    /// The text of `order-token-file`, if it could be read.
    #[serde(default)]
    pub token_text: Option<FileText>,
    /// The texts of the files of the witness that could be read, by their keys.
    #[serde(default)]
    pub witness_texts: BTreeMap<String, FileText>,
}

impl Document {
    /// A file in the legacy's format that says nothing yet.
    pub fn empty(path: &Path) -> Document {
        Document::named(path.display().to_string().into(), Syntax::Legacy)
    }

    /// A file that says nothing yet.
    pub fn named(name: Arc<str>, syntax: Syntax) -> Document {
        Document {
            name,
            syntax,
            groups: Vec::new(),
            key_text: None,
            token_text: None,
            witness_texts: BTreeMap::new(),
        }
    }

    /// The `core` group.
    pub fn core(&self) -> Option<&Group> {
        self.groups.iter().find(|group| group.kind == GroupKind::Core)
    }

    /// The `resource` groups.
    pub fn resources(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.kind == GroupKind::Resource)
    }

    /// The same by their names; of several with one name the first.
    pub fn by_name(&self) -> ByName<'_> {
        let mut groups = HashMap::new();
        for group in self.resources() {
            if let Some(name) = group.entries.get(keys::NAME.name) {
                groups.entry(&*name.value).or_insert(group);
            }
        }
        ByName { core: self.core(), groups }
    }

    /// The position of a mistake in the file as a whole.
    pub fn position(&self) -> Position {
        Position { file: Arc::clone(&self.name), line: None }
    }
}

/// The groups of a document by the names of their resources.
pub(super) struct ByName<'a> {
    core: Option<&'a Group>,
    groups: HashMap<&'a str, &'a Group>,
}

impl<'a> ByName<'a> {
    /// Where a resource has a key from: its own group, or `core`.
    pub fn entry(&self, resource: &str, key: &Key) -> Option<&'a Entry> {
        let own = self.groups.get(resource).and_then(|group| group.entries.get(key.name));
        own.or_else(|| self.core.and_then(|core| core.entries.get(key.name)))
    }
}

/// The formats. Hints use the one of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Syntax {
    /// The legacy's.
    Legacy,
    /// TOML.
    Toml,
}

impl Syntax {
    /// The line that begins a group.
    pub fn group_line(self, kind: GroupKind) -> &'static str {
        match (self, kind) {
            (Syntax::Legacy, GroupKind::Core) => "`group = core`",
            (Syntax::Legacy, GroupKind::Resource) => "`group = resource`",
            (Syntax::Toml, GroupKind::Core) => "`[core]`",
            (Syntax::Toml, GroupKind::Resource) => "`[[resource]]`",
        }
    }

    /// The line that sets a key to a text.
    pub fn key_line(self, key: &str, text: &str) -> String {
        match self {
            Syntax::Legacy => format!("`{key} = {text}`"),
            Syntax::Toml => format!("`{key} = \"{text}\"`"),
        }
    }
}

/// One group and its keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    /// Which of the two.
    pub kind: GroupKind,
    /// How it is written.
    pub syntax: Syntax,
    /// Where it begins.
    pub at: Position,
    /// By key; keys are lower-case. A map, because a file of many keys must not take quadratic time.
    pub entries: BTreeMap<String, Entry>,
}

/// The two kinds of group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum GroupKind {
    /// `core`, once.
    Core,
    /// `resource`, once for each resource.
    Resource,
}

impl GroupKind {
    /// The kind for an exact (case-sensitive) name.
    pub fn from_name(name: &str) -> Option<GroupKind> {
        match name {
            "core" => Some(GroupKind::Core),
            "resource" => Some(GroupKind::Resource),
            _ => None,
        }
    }

    /// The name in a file.
    pub fn name(self) -> &'static str {
        match self {
            GroupKind::Core => "core",
            GroupKind::Resource => "resource",
        }
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// As written, without the quotes around it.
    pub value: String,
    /// Where it was written.
    pub at: Position,
}
