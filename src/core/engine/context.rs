//! The context passed to every part of the engine: the account, the configuration, the jitter, and
//! the queue of effects.

use std::collections::VecDeque;

use super::{Answer, CallId, Effect, Notice};
use crate::core::alert::{AlertKind, Raised};
use crate::core::backoff::Jitter;
use crate::core::charge::Charge;
use crate::core::clock::Now;
use crate::core::config::Config;
use crate::core::log::{self, Level, LogEntry};
use crate::core::outcome::Outcome;
use crate::core::reason::OpenReason;
use crate::core::record::{Claim, Record, State};
use crate::core::snapshot::ChargeRecord;
use crate::core::text::Message;

/// The shared context of all parts.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) account: String,
    /// This tab's name.
    pub(super) tab: String,
    pub(super) config: Config,
    pub(super) jitter: Jitter,
    effects: VecDeque<Effect>,
    signed_out: bool,
}

impl Context {
    pub(super) fn new(account: String, tab: String, config: Config, seed: u64) -> Context {
        Context {
            account,
            tab,
            config,
            jitter: Jitter::new(seed),
            effects: VecDeque::new(),
            signed_out: false,
        }
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(super) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(super) fn has_no_effects(&self) -> bool {
        self.effects.is_empty()
    }

    /// From now on nothing is told as being resolved by this client.
    pub(super) fn sign_out(&mut self) {
        self.signed_out = true;
    }

    /// The public form of a record.
    pub(super) fn show(&self, record: &Record, durable: bool) -> ChargeRecord {
        let mut shown = ChargeRecord::of(record, durable, self.config.locale);
        if let Some(outcome) = &mut shown.outcome
            && self.signed_out
        {
            outcome.leave_unresolved();
        }
        shown
    }

    /// Answers a call. The part that kept the call has dropped it.
    pub(super) fn resolve(&mut self, call: CallId, mut answer: Answer) {
        if let Answer::Outcome(outcome) = &mut answer
            && self.signed_out
        {
            outcome.leave_unresolved();
        }
        self.push(Effect::Resolve { call, answer });
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.push(Effect::Notice(notice));
    }

    /// Puts the snapshot ahead of all other notices, replacing an older one, so that listeners told
    /// of a change find it there.
    pub(super) fn notice_snapshot(&mut self, snapshot: Notice) {
        self.effects
            .retain(|effect| !matches!(effect, Effect::Notice(Notice::Snapshot(_))));
        let is_notice = |effect: &Effect| matches!(effect, Effect::Notice(_));
        let first = self.effects.iter().position(is_notice);
        let at = first.unwrap_or(self.effects.len());
        self.effects.insert(at, Effect::Notice(snapshot));
    }

    pub(super) fn alert(&mut self, now: Now, kind: AlertKind, message: Message) {
        let at = now.wall_ms;
        self.tell_alert(&Raised { kind, message, at });
    }

    pub(super) fn tell_alert(&mut self, alert: &Raised) {
        self.notice(Notice::Alert(alert.told(self.config.locale)));
    }

    pub(super) fn log_outcome(&mut self, now: Now, charge: &Charge, outcome: &Outcome) {
        let line = log::of_outcome(charge, outcome, self.config.locale, now.wall_ms);
        self.notice(Notice::Log(line));
    }

    /// Announces a change of a charge's record, and logs its end.
    pub(super) fn tell_charge(
        &mut self,
        now: Now,
        before: Option<&Record>,
        after: &Record,
        durable: bool,
    ) {
        let locale = self.config.locale;
        self.notice(Notice::Charge(self.show(after, durable)));
        let was_open = before.is_some_and(Record::is_open);
        let ended = match after.state() {
            State::Parked(_) | State::Settled(_) => true,
            State::Waiting(_) | State::Attempting(_) => false,
        };
        if was_open && ended {
            let outcome = Outcome::of(after, OpenReason::Timeout, durable, locale);
            self.log_outcome(now, after.charge(), &outcome);
        }
    }

    pub(super) fn log_error(&mut self, now: Now, message: &Message) {
        self.log(now, Level::Error, message);
    }

    pub(super) fn log(&mut self, now: Now, level: Level, message: &Message) {
        let line = LogEntry {
            level,
            message: message.told(self.config.locale),
            at: now.wall_ms,
            key: None,
        };
        self.notice(Notice::Log(line));
    }

    /// A claim of this tab for one attempt, starting now.
    pub(super) fn claim(&self, now: Now) -> Claim {
        Claim {
            tab: self.tab.clone(),
            until_ms: now.wall_after(self.config.claim_ms()),
            length_ms: self.config.claim_ms(),
        }
    }

    /// Whether the attempts of this charge are used up.
    pub(super) fn is_exhausted(&self, record: &Record) -> bool {
        record.spent() >= self.config.max_total_attempts
    }
}
