//! What stays closed for want of a variable. Closed by default: a missing secret closes its door and says which
//! variable to set.

/// A door or a function is closed, because a variable that it needs is not set, or cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("closed: variable {variable} {reason}")]
pub struct Closed {
    /// The variable to set.
    pub variable: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub reason: &'static str,
}

impl Closed {
    pub(crate) const fn too_short(variable: &'static str) -> Self {
        Self { variable, reason: "has fewer than 16 characters" }
    }
}
