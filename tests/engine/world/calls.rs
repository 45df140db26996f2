//! The user's calls, and their answers.

use tollbox::core::charge::{Charge, ChargeRequest, Key};
use tollbox::core::engine::{Answer, CallId, CallRequest, Event};
use tollbox::core::outcome::Outcome;

use super::{World, key};

impl World {
    pub fn ask(&mut self, tab: usize, request: CallRequest) -> CallId {
        self.last_call += 1;
        let call = self.last_call;
        self.asked.push((call, tab));
        self.tell(tab, Event::Call { id: call, request });
        call
    }

    /// `charge({ taskId, amount, feature: "f" })`: its key is `f:TASK`.
    pub fn charge(&mut self, tab: usize, task: &str, amount: u64) -> CallId {
        let charge = self.request(task, amount);
        self.charge_this(tab, charge)
    }

    pub fn charge_this(&mut self, tab: usize, charge: Charge) -> CallId {
        self.charges
            .entry(charge.key.wire())
            .or_insert_with(|| charge.clone());
        self.engine(tab).tasks.remove(&charge.key);
        self.ask(tab, CallRequest::Charge(charge))
    }

    pub fn request(&self, task: &str, amount: u64) -> Charge {
        let request = ChargeRequest {
            task_id: task.into(),
            amount: amount as f64,
            feature: "f".into(),
            ..ChargeRequest::default()
        };
        request.into_charge(self.now.wall_ms).unwrap()
    }

    pub fn retry(&mut self, tab: usize, task: &str) -> CallId {
        self.retry_this(tab, key(task))
    }

    pub fn retry_this(&mut self, tab: usize, key: Key) -> CallId {
        self.engine(tab).passes += 2;
        self.ask(tab, CallRequest::Retry(key))
    }

    pub fn cancel(&mut self, tab: usize, task: &str) -> CallId {
        self.cancel_this(tab, key(task))
    }

    pub fn cancel_this(&mut self, tab: usize, key: Key) -> CallId {
        self.ask(tab, CallRequest::Cancel(key))
    }

    pub fn settled(&mut self, tab: usize, task: &str) -> CallId {
        self.settled_this(tab, key(task))
    }

    pub fn settled_this(&mut self, tab: usize, key: Key) -> CallId {
        self.ask(tab, CallRequest::Settled(key))
    }

    pub fn show(&mut self, tab: usize, task: &str) -> CallId {
        self.ask(tab, CallRequest::Show(key(task)))
    }

    pub fn flush(&mut self, tab: usize) -> CallId {
        self.ask(tab, CallRequest::Flush)
    }

    pub fn refresh(&mut self, tab: usize) -> CallId {
        self.ask(tab, CallRequest::RefreshBalance { max_age_ms: None })
    }

    /// `refreshBalance({ maxAgeMs })`.
    pub fn refresh_within(&mut self, tab: usize, max_age_ms: u64) -> CallId {
        self.ask(
            tab,
            CallRequest::RefreshBalance {
                max_age_ms: Some(max_age_ms),
            },
        )
    }

    pub fn start_task(&mut self, tab: usize, task: &str, amount: u64) -> CallId {
        let charge = self.request(task, amount);
        self.engine(tab).tasks.insert(charge.key.clone());
        self.tasks_shared |= self.tabs.len() > 1;
        self.ask(
            tab,
            CallRequest::StartTask {
                charge,
                running: false,
            },
        )
    }

    pub fn end_task(&mut self, tab: usize, task: &str) {
        self.engine(tab).tasks.remove(&key(task));
        self.tell(tab, Event::EndTask { key: key(task) });
    }

    pub fn sign_out(&mut self, tab: usize) -> CallId {
        self.engine(tab).signed_out = true;
        self.ask(tab, CallRequest::SignOut)
    }

    /// The answer to a call; fails where there is none yet.
    pub fn answer(&self, call: CallId) -> &Answer {
        match self.answers.get(&call) {
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
        self.run_until(|world| world.answers.contains_key(&call));
        self.outcome(call).clone()
    }
}
