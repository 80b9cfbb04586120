//! Secrets that requests with events need, read and checked before the first of them leaves.

use thiserror::Error;

use super::Target;
use super::secrets::{MissingVariable, Secrets};
use super::sign::{SignError, Signer};
use super::template::{Filter, HoleName, Template};
use crate::plan::values::Values;

/// Reason why requests with events cannot be made.
#[derive(Debug, Error)]
pub enum NeededError {
    /// A variable is not there.
    #[error(transparent)]
    Missing(#[from] MissingVariable),
    /// The secret of a signature cannot be used.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A header field cannot hold a secret.
    #[error(
        "the environment variable {variable} holds a control character or has spaces at its ends, perhaps a line \
         end, which the header field `{header}` cannot hold: set it without"
    )]
    Header {
        /// Name of the variable.
        variable: String,
        /// Name of the header field.
        header: String,
    },
}

impl Secrets {
    /// Reads the secrets that requests with events need, and guards them from being shown. `values`
    /// are those of the scenario.
    pub fn needed(target: &Target, values: &Values) -> Result<Self, NeededError> {
        let templates = target.publish_templates();
        let named = templates.iter().flat_map(|(_, template)| template.variables());
        let secrets = Self::read(named.chain(values.variables()))?;
        for (header, template) in target.publish_headers() {
            let by_topic: Vec<&str> =
                if has_value(template) { values.variables().collect() } else { Vec::new() };
            let mut variables = bare(template).chain(by_topic);
            let is_odd = |text: &str| text.chars().any(char::is_control) || text.trim() != text;
            if let Some(variable) = variables.find(|variable| secrets.get(variable).is_some_and(is_odd)) {
                return Err(NeededError::Header { variable: variable.to_owned(), header });
            }
        }
        if let Some(sign) = &target.publish.sign {
            Signer::new(sign, &secrets)?;
        }
        Ok(secrets)
    }
}

/// Returns the variables that a header field holds as they are.
fn bare(template: &Template) -> impl Iterator<Item = &str> {
    template.holes().filter_map(|hole| {
        let is_encoded = hole.filters.iter().any(|filter| matches!(filter, Filter::Url | Filter::Base64));
        match &hole.name {
            HoleName::Env(variable) if !is_encoded => Some(variable.as_str()),
            _ => None,
        }
    })
}

fn has_value(template: &Template) -> bool {
    template.holes().any(|hole| matches!(hole.name, HoleName::Value(_)))
}
