//! The user's calls in short, and their answers.

use tollbox::core::charge::{Charge, Key};
use tollbox::core::engine::{Answer, CallId, CallRequest};
use tollbox::core::outcome::Outcome;
use tollbox::core::record::Record;

use super::{World, key};
use crate::world::TabId;

impl World {
    /// `charge({ taskId, amount, feature: "f" })`: its key is `f:TASK`.
    pub fn charge(&mut self, tab: TabId, task: &str, amount: u64) -> CallId {
        let charge = self.request(task, amount);
        self.charge_this(tab, charge)
    }

    pub fn charge_this(&mut self, tab: TabId, charge: Charge) -> CallId {
        self.ask(tab, CallRequest::Charge(charge))
    }

    pub fn retry(&mut self, tab: TabId, task: &str) -> CallId {
        self.retry_this(tab, key(task))
    }

    pub fn retry_this(&mut self, tab: TabId, key: Key) -> CallId {
        self.ask(tab, CallRequest::Retry(key))
    }

    pub fn cancel(&mut self, tab: TabId, task: &str) -> CallId {
        self.cancel_this(tab, key(task))
    }

    pub fn cancel_this(&mut self, tab: TabId, key: Key) -> CallId {
        self.ask(tab, CallRequest::Cancel(key))
    }

    pub fn settled(&mut self, tab: TabId, task: &str) -> CallId {
        self.settled_this(tab, key(task))
    }

    pub fn settled_this(&mut self, tab: TabId, key: Key) -> CallId {
        self.ask(tab, CallRequest::Settled(key))
    }

    pub fn show(&mut self, tab: TabId, task: &str) -> CallId {
        self.ask(tab, CallRequest::Show(key(task)))
    }

    pub fn flush(&mut self, tab: TabId) -> CallId {
        self.ask(tab, CallRequest::Flush)
    }

    pub fn refresh(&mut self, tab: TabId) -> CallId {
        self.ask(tab, CallRequest::RefreshBalance { max_age_ms: None })
    }

    /// `refreshBalance({ maxAgeMs })`.
    pub fn refresh_within(&mut self, tab: TabId, max_age_ms: u64) -> CallId {
        let max_age_ms = Some(max_age_ms);
        self.ask(tab, CallRequest::RefreshBalance { max_age_ms })
    }

    pub fn start_task(&mut self, tab: TabId, task: &str, amount: u64) -> CallId {
        let charge = self.request(task, amount);
        let running = false;
        self.ask(tab, CallRequest::StartTask { charge, running })
    }

    pub fn end_task(&mut self, tab: TabId, task: &str) {
        self.drop_task(tab, key(task));
    }

    pub fn sign_out(&mut self, tab: TabId) -> CallId {
        self.ask(tab, CallRequest::SignOut)
    }

    /// The answer to a call; fails where there is none yet.
    pub fn answer(&self, call: CallId) -> &Answer {
        match self.driver.answers.get(&call) {
            Some(answer) => answer,
            None => self.fail(&format!("call {call} has no answer")),
        }
    }

    pub fn outcome(&self, call: CallId) -> &Outcome {
        match self.answer(call) {
            Answer::Outcome(outcome) => outcome,
            other => self.fail(&format!("call {call} was answered {other:?}")),
        }
    }

    /// Runs the world until this call is answered.
    pub fn wait(&mut self, call: CallId) -> Outcome {
        self.run_until(|world| world.driver.answers.contains_key(&call));
        self.outcome(call).clone()
    }

    pub fn record(&self, key: &Key) -> Option<&Record> {
        self.journal.records.get(key)
    }
}
