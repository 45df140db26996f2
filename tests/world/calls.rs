//! The user's calls, and what they entitle a tab to.

use tollbox::core::charge::{Charge, ChargeRequest, Key};
use tollbox::core::engine::{CallId, CallRequest, Event};

use super::World;
use super::driver::Driver;
use super::promises::{Asked, NEW_CHARGE};
use super::tab::{Life, TabId};

impl<D: Driver> World<D> {
    /// `{ taskId, amount, feature: "f" }`: its key is `f:TASK`.
    pub fn request(&self, task: &str, amount: u64) -> Charge {
        let request = ChargeRequest {
            task_id: task.to_owned(),
            amount: amount as f64,
            feature: "f".to_owned(),
            ..ChargeRequest::default()
        };
        request.into_charge(self.now.wall_ms).unwrap()
    }

    pub fn ask(&mut self, tab: TabId, request: CallRequest) -> CallId {
        let within_ms = Some(self.config.respond_within_ms);
        let starts = match self.runs(tab, &request) {
            true => "start again",
            false => "start",
        };
        let (what, key, within_ms, nudges) = match &request {
            CallRequest::Charge(charge) => ("charge", Some(&charge.key), within_ms, false),
            CallRequest::Retry(key) => ("retry", Some(key), within_ms, true),
            CallRequest::Cancel(key) => ("cancel", Some(key), within_ms, true),
            CallRequest::Settled(key) => ("settled", Some(key), None, true),
            CallRequest::Show(key) => ("show", Some(key), None, true),
            CallRequest::Flush => ("flush", None, None, true),
            CallRequest::RefreshBalance { .. } => ("refresh", None, None, true),
            CallRequest::StartTask { charge, .. } => (starts, Some(&charge.key), None, false),
            CallRequest::SignOut => ("sign out", None, None, false),
        };
        let key = key.cloned();
        self.entitle(tab, &request);
        let id = self.enter_call(tab, what, key, within_ms);
        let event = Event::Call { id, request };
        match nudges {
            true => self.nudge(tab, event),
            false => self.tell(tab, event),
        }
        id
    }

    /// Whether it is about a task that runs already.
    fn runs(&self, tab: TabId, request: &CallRequest) -> bool {
        let tab = self.place(tab).map(|place| &self.tabs[place]);
        match request {
            CallRequest::StartTask { charge, .. } => tab.is_some_and(|tab| {
                tab.tasks.contains_key(&charge.key) && !self.is_starting(tab.id, &charge.key)
            }),
            _ => false,
        }
    }

    /// Notes what follows from the call, whatever its tab makes of it.
    fn entitle(&mut self, tab: TabId, request: &CallRequest) {
        if let CallRequest::Charge(charge) | CallRequest::StartTask { charge, .. } = request {
            self.books.wanted.insert(charge.key.clone());
        }
        if let CallRequest::Charge(_) = request {
            self.grant(NEW_CHARGE);
        }
        let Some(place) = self.place(tab) else {
            return;
        };
        let starting = match request {
            CallRequest::Charge(charge) => self.is_starting(tab, &charge.key),
            _ => false,
        };
        let tab = &mut self.tabs[place];
        match request {
            CallRequest::Charge(charge) => {
                self.books.said_untaken.remove(&charge.key);
                if !starting {
                    tab.tasks.remove(&charge.key);
                }
            }
            CallRequest::Retry(key) => {
                self.books.said_untaken.remove(key);
                tab.insists(key.as_str());
            }
            CallRequest::StartTask { charge, .. } if !tab.tasks.contains_key(&charge.key) => {
                // Taken back if the answer is that it may not start.
                let points = charge.amount.get();
                tab.tasks.insert(charge.key.clone(), points);
                *self.books.tasks.entry(tab.id).or_default() += points;
            }
            CallRequest::SignOut => tab.life = Life::SignedOut,
            CallRequest::StartTask { .. }
            | CallRequest::Cancel(_)
            | CallRequest::Settled(_)
            | CallRequest::Show(_)
            | CallRequest::Flush
            | CallRequest::RefreshBalance { .. } => {}
        }
    }

    /// Whether this task waits for the word that it may start.
    pub fn is_starting(&self, tab: TabId, key: &Key) -> bool {
        let mut calls = self.books.calls.values();
        calls.any(|asked| {
            asked.tab == tab && asked.what == "start" && asked.key.as_ref() == Some(key)
        })
    }

    /// A task runs now: those that wait under its key are about a running one.
    pub fn starts_again(&mut self, tab: TabId, key: Option<&Key>) {
        for asked in self.books.calls.values_mut() {
            if asked.tab == tab && asked.what == "start" && asked.key.as_ref() == key {
                asked.what = "start again";
            }
        }
    }

    fn enter_call(
        &mut self,
        tab: TabId,
        what: &'static str,
        key: Option<Key>,
        within_ms: Option<u64>,
    ) -> CallId {
        self.last_call += 1;
        self.counts.calls += 1;
        let place = self.place(tab);
        let throttled = place.is_some_and(|place| self.tabs[place].throttle_ms > 0);
        let within_ms = within_ms.filter(|_| !throttled);
        let asked = Asked {
            tab,
            what,
            known: key
                .as_ref()
                .is_some_and(|key| self.journal.records.contains_key(key)),
            key,
            until_ms: within_ms.map(|within_ms| self.now.mono_ms + within_ms),
            failures: 0,
        };
        self.books.calls.insert(self.last_call, asked);
        self.last_call
    }

    pub fn drop_task(&mut self, tab: TabId, key: Key) {
        if let Some(place) = self.place(tab) {
            self.tabs[place].tasks.remove(&key);
        }
        self.tell(tab, Event::EndTask { key });
    }
}
