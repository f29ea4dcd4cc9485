//! `{{ name }}` in manifest strings, as Spin expands it.

use std::collections::BTreeMap;

/// A string with references to application variables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template<'a>(pub(crate) &'a str);

/// Why a template has no value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// `{{` without `}}`.
    #[error("`{0}` opens `{{{{` and does not close it")]
    Unclosed(String),
    /// A name that is no application variable.
    #[error("no application variable is called `{0}`")]
    Unknown(String),
}

impl Template<'_> {
    /// Replaces every `{{ name }}`; text around it stays as it is.
    pub(crate) fn expand(self, variables: &BTreeMap<String, String>) -> Result<String, TemplateError> {
        let mut expanded = String::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some((before, opened)) = rest.split_once("{{") {
            let (name, after) =
                opened.split_once("}}").ok_or_else(|| TemplateError::Unclosed(self.0.to_owned()))?;
            let name = name.trim();
            let value = variables.get(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            expanded.push_str(before);
            expanded.push_str(value);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(template: &str) -> Result<String, TemplateError> {
        let variables =
            [("host", "a.example"), ("port", "81")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Template(template).expand(&BTreeMap::from(variables))
    }

    #[test]
    fn references_are_replaced_with_or_without_spaces() {
        let expanded = expand("http://{{ host }}:{{port}}/").unwrap();
        assert_eq!(expanded, "http://a.example:81/");
        assert_eq!(expand("plain } text").unwrap(), "plain } text");
    }

    #[test]
    fn unknown_names_and_open_braces_are_refused() {
        assert_eq!(expand("{{ other }}"), Err(TemplateError::Unknown("other".to_owned())));
        assert_eq!(expand("{{ host"), Err(TemplateError::Unclosed("{{ host".to_owned())));
    }
}
