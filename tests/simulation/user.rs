//! The actions of the user, the application around the client, and the world.

use tollbox::core::charge::Key;
use tollbox::core::engine::{CallRequest, Event};
use tollbox_server::ledger::Amount;

use super::World;
use super::chance::Own;
use super::world::server::ACCOUNT;
use super::world::{Happening, TabId};

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
    StartMany,
    EndMany,
    StopWaiting,
    TopUp,
    ChargeElsewhere,
    /// Another device holds points for a task.
    HoldElsewhere,
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
    RejectTokens,
    BlockAccount,
    FillDisk,
    SignOut,
    Wipe,
    /// A service worker answers `GET balance` from its cache for a while.
    CacheBalance,
    /// Some kinds of requests are rejected for a while.
    RejectSome,
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
}

impl World {
    /// Takes one action and plans the next; after the last the faults stop.
    pub fn act(&mut self) {
        if self.driver.user.actions_left == 0 {
            return self.calm_down();
        }
        self.driver.user.actions_left -= 1;
        if !self.anybody_works() && self.driver.user_name == ACCOUNT {
            self.open();
        }
        let total: u64 = self
            .driver
            .mix
            .weights
            .iter()
            .map(|(weight, _)| weight)
            .sum();
        let mut drawn = self.driver.dice.between(0, total);
        let mut action = Action::Charge;
        for (weight, candidate) in &self.driver.mix.weights {
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
        let away_ms = std::mem::take(&mut self.driver.user.away_ms);
        let in_ms = away_ms + self.driver.dice.skewed(self.driver.mix.gaps_ms);
        self.plan(in_ms, Happening::Own(Own::Act));
    }

    fn do_with(&mut self, tab: TabId, action: Action) {
        match action {
            Action::Charge if self.driver.user.doubted.is_some() => {
                self.do_with(tab, Action::ChargeAgain)
            }
            Action::Charge => self.charge_new(tab),
            Action::ChargeMany => {
                for _ in 0..self.driver.dice.between(2, 12) {
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
            Action::Cancel => self.about_a_task(tab, CallRequest::Cancel),
            Action::Retry => self.about_a_task(tab, CallRequest::Retry),
            Action::Settled => self.about_a_task(tab, CallRequest::Settled),
            Action::Show => self.about_a_task(tab, CallRequest::Show),
            Action::Flush => drop(self.ask(tab, CallRequest::Flush)),
            Action::Refresh => {
                let max_age_ms = self.driver.dice.pick(&[None, Some(1_000), Some(60_000)]);
                self.ask(tab, CallRequest::RefreshBalance { max_age_ms });
            }
            Action::StartTask => self.start_task(tab),
            Action::EndTask => self.end_a_task(tab),
            Action::StartMany => {
                let tasks = self.driver.dice.between(2, 12);
                self.while_it_runs(tab, tasks, World::start_task);
            }
            Action::EndMany => {
                let tasks = self.driver.dice.between(2, 12);
                self.while_it_runs(tab, tasks, World::end_a_task);
            }
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
                let points = self.driver.dice.between(1, 100);
                self.server.top_up(points);
                self.enter_balance();
            }
            Action::ChargeElsewhere => {
                let free = self.free_points();
                if free > 0 {
                    let points = self.driver.dice.between(1, free.min(30));
                    let key = self.key_elsewhere();
                    let at_ms = self.elapsed_ms();
                    self.server.charge_elsewhere(at_ms, &key, points);
                    self.enter_charges();
                }
            }
            Action::HoldElsewhere => {
                let free = self.free_points();
                if free > 0 {
                    let points = self.driver.dice.between(1, free.min(60));
                    let seconds = self.driver.dice.skewed(&[2, 60, 1_000]) + 1;
                    let key = self.key_elsewhere();
                    self.hold_elsewhere(&key, points, seconds);
                }
            }
            Action::SetPrice => {
                let task = self.next_task();
                let points = self.driver.dice.between(1, 3);
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
            | Action::RejectTokens
            | Action::BlockAccount
            | Action::FillDisk
            | Action::SignOut
            | Action::Wipe
            | Action::CacheBalance
            | Action::RejectSome
            | Action::SwitchAccount
            | Action::KeepBusy
            | Action::Damage
            | Action::LoseDatabase => self.befall(tab, action),
        }
    }

    /// Does the same so many times at once, unless the tab stands still by then.
    fn while_it_runs(&mut self, tab: TabId, times: u64, act: fn(&mut World, TabId)) {
        for _ in 0..times {
            if !self.is_frozen(tab) {
                act(self, tab);
            }
        }
    }

    /// The points that neither this device nor another holds at the server.
    fn free_points(&self) -> u64 {
        let held = self.server.held(self.elapsed_ms());
        self.server.balance().saturating_sub(held)
    }

    fn key_elsewhere(&mut self) -> String {
        self.driver.user.elsewhere += 1;
        format!("elsewhere{}", self.driver.user.elsewhere)
    }

    fn a_task(&mut self) -> Option<(String, u64)> {
        if let Some(doubted) = self.driver.user.doubted.take() {
            return Some(doubted);
        }
        let tasks = &self.driver.user.tasks;
        // Mostly a recent one.
        let least = tasks
            .len()
            .saturating_sub(self.driver.dice.pick(&[1, 4, usize::MAX]));
        let at = self
            .driver
            .dice
            .between(least as u64, tasks.len().max(1) as u64 - 1);
        tasks.get(at as usize).cloned()
    }

    /// The name of a new task.
    fn next_task(&self) -> String {
        let odd = if self.driver.mix.odd_keys {
            "/译 50%"
        } else {
            ""
        };
        format!("t{}{odd}", self.driver.user.tasks.len())
    }

    pub fn charge_new(&mut self, tab: TabId) {
        let task = self.next_task();
        let amount = self.driver.dice.skewed(&[2, 9, 40]) + 1;
        self.driver.user.tasks.push((task.clone(), amount));
        self.charge(tab, &task, amount);
    }

    fn charge(&mut self, tab: TabId, task: &str, amount: u64) {
        let charge = self.request(task, amount);
        self.ask(tab, CallRequest::Charge(charge));
    }

    fn about_a_task(&mut self, tab: TabId, request: impl FnOnce(Key) -> CallRequest) {
        if let Some((task, _)) = self.a_task()
            && let Ok(key) = Key::new(format!("f:{task}"))
        {
            self.ask(tab, request(key));
        }
    }

    fn start_task(&mut self, tab: TabId) {
        // A server that keeps holds may still hold the points of a task that is started again. Where
        // others work for the same task, what they tell of its hold may come too late.
        let alone = self.server.keeps_holds && self.driver.mix.most_tabs == 1;
        let again = alone && self.driver.dice.chance(300);
        let known = if again { self.a_task() } else { None };
        let (task, amount) =
            known.unwrap_or_else(|| (self.next_task(), self.driver.dice.between(1, 9)));
        let charge = self.request(&task, amount);
        self.driver.user.tasks.push((task, amount));
        let running = false;
        self.ask(tab, CallRequest::StartTask { charge, running });
    }

    fn end_a_task(&mut self, tab: TabId) {
        let Some(place) = self.place(tab) else {
            return;
        };
        let tasks = &self.tabs[place].tasks;
        let Some((key, amount)) = tasks.first_key_value() else {
            return;
        };
        let (key, amount) = (key.clone(), *amount);
        if self.is_starting(tab, &key) {
            return;
        }
        if self.driver.dice.chance(700) {
            let task = key.as_str().trim_start_matches("f:").to_owned();
            return self.charge(tab, &task, amount);
        }
        self.drop_task(tab, key);
    }
}
