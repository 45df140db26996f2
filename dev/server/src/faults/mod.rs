//! Faults on demand, like those of networks and servers, for demos and tests.

mod inject;
mod rules;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::routing::{MethodRouter, get};
use serde::{Deserialize, Serialize};

use crate::http::{App, JsonBody, Problem, invalid};

pub use inject::{Cut, inject};
pub use rules::{Answer, Fault, Operation, Rule};

/// The rules in force. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
}

impl Faults {
    /// The fault of the first rule that matches; it uses up one of the rule's matches.
    fn take(&self, operation: Option<Operation>, account: Option<&str>) -> Option<Fault> {
        self.lock()
            .iter_mut()
            .find(|rule| rule.matches(operation, account))
            .map(Rule::take)
    }

    /// Whether a rule is limited to an account.
    fn need_account(&self) -> bool {
        self.lock().iter().any(|rule| rule.account.is_some())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Rules {
    rules: Vec<Rule>,
}

/// `/faults`.
pub fn routes() -> MethodRouter<App> {
    get(list).put(replace).delete(clear)
}

/// The rules, with the number of matches that each has left.
async fn list(State(app): State<App>) -> Json<Rules> {
    set(app, None)
}

async fn replace(
    State(app): State<App>,
    JsonBody(Rules { rules }): JsonBody<Rules>,
) -> Result<Json<Rules>, Problem> {
    if let Some(wrong) = rules.iter().find_map(|rule| rule.fault.check().err()) {
        return Err(invalid(wrong));
    }
    Ok(set(app, Some(rules)))
}

async fn clear(State(app): State<App>) -> Json<Rules> {
    set(app, Some(Vec::new()))
}

fn set(app: App, replacement: Option<Vec<Rule>>) -> Json<Rules> {
    let Some(faults) = app.faults else {
        return Json(Rules { rules: Vec::new() });
    };
    let mut rules = faults.lock();
    if let Some(replacement) = replacement {
        *rules = replacement;
    }
    Json(Rules {
        rules: rules.clone(),
    })
}
