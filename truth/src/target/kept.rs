//! Values that the requests before a run kept of their responses: `{{kept.NAME}}`.
//!
//! The client that made those requests puts the values here, and every writer of requests reads them.
//! The values are replaced during a run if the target asks for a new login.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Kept values, shared by all clones.
#[derive(Clone, Default)]
pub struct Kept(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    generation: u64,
    values: BTreeMap<String, String>,
}

impl Kept {
    /// Returns a value.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values.get(name).cloned()
    }

    /// Number of times that the values were replaced; 0 while there are none.
    pub fn generation(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Replaces all values.
    pub fn replace(&self, values: BTreeMap<String, String>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.values = values;
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(state.values.keys()).finish()
    }
}
