//! `app-user`.

use std::fmt;

use nix::unistd::User;

use super::fields::Fields;
use super::keys;

/// The user whose processes report for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppUser {
    /// As it is written.
    pub name: String,
    /// The user's number.
    pub id: u32,
}

impl fmt::Display for AppUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The value of the key. A user who does not exist is an error: nobody could report.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<AppUser> {
    let key = &keys::APP_USER;
    let name = fields.text(key)?;
    if let Ok(id) = name.parse() {
        return Some(AppUser { name, id });
    }
    let hint = match User::from_name(&name) {
        Ok(Some(user)) => return Some(AppUser { name, id: user.uid.as_raw() }),
        Ok(None) => "create the user, or write the name or number of another one".to_owned(),
        Err(error) => format!("{error}; the number of the user needs no look-up"),
    };
    if let Some(entry) = fields.entry(key) {
        fields.error(key, entry, "is no user of this host", &hint);
    }
    None
}
