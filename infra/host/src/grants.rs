//! What one component may use.

use std::collections::BTreeMap;

use crate::outbound::allow_list::AllowList;

/// What the manifest grants to one component.
#[derive(Debug)]
pub(crate) struct Grants {
    /// The component's id.
    pub(crate) id: String,
    /// The component's own variables, templates filled in.
    pub(crate) variables: Secrets,
    /// Environment of the guest.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where it may send requests.
    pub(crate) allow_list: AllowList,
    /// Labels it may open as key-value stores.
    pub(crate) key_value_stores: Vec<String>,
    /// Labels it may open as databases.
    pub(crate) sqlite_databases: Vec<String>,
}

/// Values by name; Debug shows the names only.
pub(crate) struct Secrets(pub(crate) BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
