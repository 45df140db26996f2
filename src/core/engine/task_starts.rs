//! Running tasks: work that will be charged when it is done, and whose points are held meanwhile.

use super::calls::{conflict_with, is_charged};
use super::tasks::Running;
use super::{Answer, CallId, Engine, Life};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::outbox::sum;
use crate::core::outcome::{DeclineReason, Outcome, What};
use crate::core::points::Points;
use crate::core::record::{Decline, Record};

impl Engine {
    /// Whether the work may start; holds the points if so.
    pub(super) fn start_task(&mut self, now: Now, call: CallId, charge: &Charge, running: bool) {
        if self.life != Life::Running {
            return self.resolve(call, Answer::Closed);
        }
        let may_start = match self.may_start(now, charge) {
            Err(_) if running => Ok(true),
            may_start => may_start,
        };
        match may_start {
            Ok(true) => {
                self.tasks.start(charge.clone());
                self.resolve(call, Answer::Started);
            }
            // Charged or held already: nothing more to hold.
            Ok(false) => self.resolve(call, Answer::Started),
            Err(what) => {
                let record = Record::open(charge.clone(), 0);
                let outcome = Outcome::about(&record, what);
                self.cx.log_outcome(now, charge, &outcome);
                self.resolve(call, Answer::Outcome(outcome));
            }
        }
    }

    pub(super) fn end_task(&mut self, key: &Key) {
        self.tasks.end(key);
    }

    /// Points of open charges and running tasks.
    pub(super) fn held(&self) -> Points {
        let charges = self.outbox.counts().held_points;
        let tasks = self.tasks.holds();
        let tasks = tasks.iter().filter(|(key, _)| !self.is_charge(key));
        charges.plus(sum(tasks.map(|(_, amount)| *amount)))
    }

    /// How many more charges may be open. A running task has its place in the queue, so that its
    /// work is not done in vain; that of `key` is not counted.
    pub(super) fn room_for(&self, key: Option<&Key>) -> usize {
        let tasks = self.tasks.holds();
        let others = tasks.keys().filter(|task| Some(*task) != key);
        let tasks = others.filter(|task| !self.is_charge(task)).count();
        let taken = self.outbox.taken().saturating_add(tasks);
        self.cx.config.max_entries.saturating_sub(taken)
    }

    /// Whether there is a charge of this key that holds its points, or has paid them.
    fn is_charge(&self, key: &Key) -> bool {
        let entry = self.outbox.get(key);
        entry.is_some_and(|entry| entry.record.is_held() || is_charged(&entry.record))
    }

    /// `Ok(true)` where points have to be held, `Ok(false)` where they are held or paid already.
    fn may_start(&self, now: Now, charge: &Charge) -> Result<bool, What> {
        if let Some(entry) = self.outbox.get(&charge.key) {
            if !entry.record.charge().is_end_of(charge) {
                return Err(conflict_with(&self.cx, entry.record.charge()));
            }
            if entry.record.is_held() || is_charged(&entry.record) {
                return Ok(false);
            }
        }
        if let Some(running) = self.tasks.own(&charge.key) {
            return match running.is_same_as(charge) {
                true => Ok(false),
                false => Err(conflict_with(&self.cx, running)),
            };
        }
        self.admission(now, charge, false).map_err(What::from)?;
        if self.tasks.held_elsewhere(&charge.key) == Some(charge.amount) {
            // The same task in another tab: its points are held already, and charged once.
            return Ok(true);
        }
        match self.balance_view(now) {
            Some(balance) if charge.amount > balance.available => {
                let (available, amount) = (balance.available, charge.amount);
                let detail = self.cx.say(
                    &format!("{available} points are available, {amount} are needed"),
                    &format!("可用算力 {available}，需要 {amount}"),
                );
                Err(What::from(Decline {
                    reason: DeclineReason::InsufficientBalance,
                    balance: Some(balance.confirmed),
                    detail,
                }))
            }
            Some(_) | None => Ok(true),
        }
    }

    /// What runs in another tab now.
    pub(super) fn tasks_elsewhere(&mut self, now: Now, tab: String, running: Vec<Running>) {
        if self.life == Life::SignedOut || tab == self.cx.tab {
            return;
        }
        let begun = self.writer.begun();
        let ended = self.tasks.hear(now, tab, running, begun, &self.cx);
        self.tasks_ended(ended);
    }

    /// The tabs that are known not to live run nothing.
    pub(super) fn end_tasks_of_the_dead(&mut self, now: Now) {
        let tabs = &self.tabs;
        let begun = self.writer.begun();
        let ended = self
            .tasks
            .end_gone(now, |tab| tabs.is_gone(tab), begun, &self.cx);
        self.tasks_ended(ended);
    }

    /// Whether there are charges in their place now, the journal tells.
    fn tasks_ended(&mut self, keys: Vec<Key>) {
        if !keys.is_empty() {
            self.told_by_peer(keys, None);
        }
    }

    pub(super) fn advance_tasks(&mut self, now: Now) {
        let begun = self.writer.begun();
        let ended = self.tasks.advance(now, &self.outbox, begun, &mut self.cx);
        self.tasks_ended(ended);
    }

    /// Another tab asks what runs here: it lives, and may not have when that was last asked.
    pub(super) fn asked_for_tasks(&mut self, now: Now) {
        self.tabs.doubt();
        self.tasks.asked(now, &self.outbox, &mut self.cx);
    }
}
