//! The actions of the user, the application around the client, and the world.

use tollbox::core::charge::{Charge, ChargeRequest, Key};
use tollbox::core::engine::{CallId, CallRequest, Event};
use tollbox_server::ledger::Amount;

use super::books::Asked;
use super::happening::Happening;
use super::patience::NEW_CHARGE;
use super::server::ACCOUNT;
use super::tab::TabId;
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Charge,
    ChargeAgain,
    ChargeOther,
    ChargeMany,
    Cancel,
    Retry,
    Settled,
    Show,
    Flush,
    Refresh,
    StartTask,
    EndTask,
    StopWaiting,
    TopUp,
    ChargeElsewhere,
    SetPrice,
    SayOffline,
    SayOnline,
    Wake,
    Hide,
    Freeze,
    JumpWall,
    Open,
    Close,
    CrashTab,
    CrashBrowser,
    ServerDown,
    OldKey,
    KeepLock,
    ChangeUser,
    NetworkDown,
    ExpireTokens,
    RefuseTokens,
    BlockAccount,
    FillDisk,
    SignOut,
    Wipe,
    /// A service worker answers `GET balance` from its cache for a while.
    CacheBalance,
    /// Some kinds of requests are refused for a while.
    RefuseSome,
    /// Another user is signed in for a while.
    SwitchAccount,
    /// The server asks all clients for patience, briefly and often.
    KeepBusy,
    Damage,
    LoseDatabase,
}

/// The user, with the calls so far.
pub struct User {
    /// Names and amounts of tasks.
    tasks: Vec<(String, u64)>,
    pub actions_left: u64,
    /// An extra pause before the next action.
    pub away_ms: u64,
    elsewhere: u64,
    /// The charge that the next action repeats, as its outcome is in doubt.
    pub doubted: Option<(String, u64)>,
}

impl User {
    pub fn new(actions: u64) -> User {
        User {
            tasks: Vec::new(),
            actions_left: actions,
            away_ms: 0,
            elsewhere: 0,
            doubted: None,
        }
    }

    pub fn keys(&self) -> Vec<Key> {
        let tasks = self.tasks.iter();
        tasks
            .filter_map(|(task, _)| Key::new(format!("f:{task}")).ok())
            .collect()
    }
}

impl World {
    /// Takes one action and plans the next; after the last the faults stop.
    pub fn act(&mut self) {
        if self.user.actions_left == 0 {
            return self.calm_down();
        }
        self.user.actions_left -= 1;
        if !self.anybody_works() && self.user_name == ACCOUNT {
            self.open();
        }
        let total: u64 = self.mix.weights.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.dice.between(0, total);
        let mut action = Action::Charge;
        for (weight, candidate) in &self.mix.weights {
            if drawn < *weight {
                action = *candidate;
                break;
            }
            drawn -= weight;
        }
        self.note(|| format!("── {action:?}"));
        if let Some(tab) = self.any_live() {
            self.do_with(tab, action);
        }
        let away_ms = std::mem::take(&mut self.user.away_ms);
        let in_ms = away_ms + self.dice.skewed(self.mix.gaps_ms);
        self.plan(in_ms, Happening::Act);
    }

    fn do_with(&mut self, tab: TabId, action: Action) {
        match action {
            Action::Charge if self.user.doubted.is_some() => self.do_with(tab, Action::ChargeAgain),
            Action::Charge => self.charge_new(tab),
            Action::ChargeMany => {
                for _ in 0..self.dice.between(2, 12) {
                    self.charge_new(tab);
                }
            }
            Action::ChargeAgain => {
                if let Some((task, amount)) = self.a_task() {
                    self.charge(tab, &task, amount);
                }
            }
            Action::ChargeOther => {
                if let Some((task, amount)) = self.a_task() {
                    self.charge(tab, &task, amount + 1);
                }
            }
            Action::Cancel => self.about_a_task(tab, "cancel", CallRequest::Cancel),
            Action::Retry => {
                self.about_a_task(tab, "retry", CallRequest::Retry);
            }
            Action::Settled => {
                self.about_a_task(tab, "settled", CallRequest::Settled);
            }
            Action::Show => self.about_a_task(tab, "show", CallRequest::Show),
            Action::Flush => {
                let call = self.ask(tab, "flush", None, None);
                let request = CallRequest::Flush;
                self.nudge(tab, Event::Call { id: call, request });
            }
            Action::Refresh => {
                let call = self.ask(tab, "refresh", None, None);
                let max_age_ms = self.dice.pick(&[None, Some(1_000), Some(60_000)]);
                let request = CallRequest::RefreshBalance { max_age_ms };
                self.nudge(tab, Event::Call { id: call, request });
            }
            Action::StartTask => self.start_task(tab),
            Action::EndTask => self.end_task(tab),
            Action::StopWaiting => {
                let calls = self
                    .books
                    .calls
                    .iter()
                    .filter(|(_, asked)| asked.tab == tab);
                let last = calls.map(|(call, asked)| (*call, asked.what)).next_back();
                if let Some((call, "charge" | "settled")) = last {
                    self.tell(tab, Event::StopWaiting { call });
                }
            }
            Action::TopUp => {
                let points = self.dice.between(1, 100);
                self.server.top_up(points);
                self.enter_balance();
            }
            Action::ChargeElsewhere => {
                let balance = self.server.balance();
                if balance > 0 {
                    let points = self.dice.between(1, balance.min(30));
                    self.user.elsewhere += 1;
                    let key = format!("elsewhere{}", self.user.elsewhere);
                    self.server.charge_elsewhere(&key, points);
                    self.enter_charges();
                }
            }
            Action::SetPrice => {
                let task = self.next_task();
                let points = self.dice.between(1, 3);
                if let Some(price) = Amount::new(points) {
                    self.server.ledger.set_price(ACCOUNT, &task, price);
                }
            }
            Action::SayOffline
            | Action::SayOnline
            | Action::Wake
            | Action::Hide
            | Action::Freeze
            | Action::JumpWall
            | Action::Open
            | Action::Close
            | Action::CrashTab
            | Action::CrashBrowser
            | Action::ServerDown
            | Action::OldKey
            | Action::KeepLock
            | Action::ChangeUser
            | Action::NetworkDown
            | Action::ExpireTokens
            | Action::RefuseTokens
            | Action::BlockAccount
            | Action::FillDisk
            | Action::SignOut
            | Action::Wipe
            | Action::CacheBalance
            | Action::RefuseSome
            | Action::SwitchAccount
            | Action::KeepBusy
            | Action::Damage
            | Action::LoseDatabase => self.befall(tab, action),
        }
    }

    pub fn nudge(&mut self, tab: TabId, event: Event) {
        self.grant_all();
        if let Some(place) = self.place(tab) {
            self.tabs[place].nudged();
        }
        self.tell(tab, event);
    }

    fn a_task(&mut self) -> Option<(String, u64)> {
        if let Some(doubted) = self.user.doubted.take() {
            return Some(doubted);
        }
        let tasks = &self.user.tasks;
        // Mostly a recent one.
        let least = tasks
            .len()
            .saturating_sub(self.dice.pick(&[1, 4, usize::MAX]));
        let at = self
            .dice
            .between(least as u64, tasks.len().max(1) as u64 - 1);
        tasks.get(at as usize).cloned()
    }

    /// The name of a new task.
    fn next_task(&self) -> String {
        let odd = if self.mix.odd_keys { "/译 50%" } else { "" };
        format!("t{}{odd}", self.user.tasks.len())
    }

    pub fn charge_new(&mut self, tab: TabId) {
        let task = self.next_task();
        let amount = self.dice.skewed(&[2, 9, 40]) + 1;
        self.user.tasks.push((task.clone(), amount));
        self.charge(tab, &task, amount);
    }

    fn charge(&mut self, tab: TabId, task: &str, amount: u64) {
        let Some(charge) = self.charge_of(task, amount) else {
            return;
        };
        let key = charge.key.clone();
        self.grant(NEW_CHARGE);
        self.books.said_untaken.remove(&key);
        if let Some(place) = self.place(tab).filter(|_| !self.is_starting(tab, &key)) {
            self.tabs[place].tasks.remove(&key);
        }
        let call = self.ask(
            tab,
            "charge",
            Some(key),
            Some(self.mix.config.respond_within_ms),
        );
        let request = CallRequest::Charge(charge);
        self.tell(tab, Event::Call { id: call, request });
    }

    fn charge_of(&self, task: &str, amount: u64) -> Option<Charge> {
        let request = ChargeRequest {
            task_id: task.to_owned(),
            amount: amount as f64,
            feature: "f".to_owned(),
            ..ChargeRequest::default()
        };
        request.into_charge(self.wall_ms).ok()
    }

    fn about_a_task(
        &mut self,
        tab: TabId,
        what: &'static str,
        request: impl FnOnce(Key) -> CallRequest,
    ) {
        let Some((task, _)) = self.a_task() else {
            return;
        };
        let Ok(key) = Key::new(format!("f:{task}")) else {
            return;
        };
        if let Some(place) = self.place(tab).filter(|_| what == "retry") {
            self.books.said_untaken.remove(&key);
            self.tabs[place].insists(key.as_str());
        }
        let within_ms =
            matches!(what, "retry" | "cancel").then_some(self.mix.config.respond_within_ms);
        let call = self.ask(tab, what, Some(key.clone()), within_ms);
        let request = request(key);
        self.nudge(tab, Event::Call { id: call, request });
    }

    fn start_task(&mut self, tab: TabId) {
        let task = self.next_task();
        let amount = self.dice.between(1, 9);
        let Some(charge) = self.charge_of(&task, amount) else {
            return;
        };
        self.user.tasks.push((task, amount));
        let call = self.ask(tab, "start", Some(charge.key.clone()), None);
        // Taken back if the answer is that it may not start.
        if let Some(place) = self.place(tab) {
            self.tabs[place].tasks.insert(charge.key.clone(), amount);
            *self.books.tasks.entry(tab).or_default() += amount;
        }
        let running = false;
        let request = CallRequest::StartTask { charge, running };
        self.tell(tab, Event::Call { id: call, request });
    }

    /// Whether this task waits for the word that it may start.
    fn is_starting(&self, tab: TabId, key: &Key) -> bool {
        let mut calls = self.books.calls.values();
        calls.any(|asked| {
            asked.tab == tab && asked.what == "start" && asked.key.as_ref() == Some(key)
        })
    }

    fn end_task(&mut self, tab: TabId) {
        let Some(place) = self.place(tab) else {
            return;
        };
        let first = self.tabs[place].tasks.keys().next();
        if first.is_none_or(|key| self.is_starting(tab, key)) {
            return;
        }
        let Some((key, amount)) = self.tabs[place].tasks.pop_first() else {
            return;
        };
        if self.dice.chance(700) {
            let task = key.as_str().trim_start_matches("f:").to_owned();
            return self.charge(tab, &task, amount);
        }
        self.tell(tab, Event::EndTask { key });
    }

    pub fn ask(
        &mut self,
        tab: TabId,
        what: &'static str,
        key: Option<Key>,
        within_ms: Option<u64>,
    ) -> CallId {
        self.last_call += 1;
        self.counts.calls += 1;
        let throttled = self
            .place(tab)
            .is_some_and(|place| self.tabs[place].throttle_ms > 0);
        let within_ms = within_ms.filter(|_| !throttled);
        let asked = Asked {
            tab,
            what,
            known: key
                .as_ref()
                .is_some_and(|key| self.journal.records.contains_key(key)),
            key,
            until_ms: within_ms.map(|within_ms| self.mono_ms + within_ms),
            failures: 0,
        };
        self.books.calls.insert(self.last_call, asked);
        self.last_call
    }
}
