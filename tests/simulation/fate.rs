//! Misfortunes of tabs, the browser, the clocks and the server, and the end of all faults.

use tollbox::core::engine::{CallRequest, Event};

use super::World;
use super::chance::Own;
use super::class::Class;
use super::user::Action;
use super::world::server::On;
use super::world::{Happening, TabId};

const DAY_MS: u64 = 86_400_000;
/// The longest outages, rejections and the like.
const SPELLS_MS: [u64; 3] = [500, 15_000, 300_000];
/// The longest standstills of a tab.
const FROZEN_MS: [u64; 3] = [5_000, 30_000, 600_000];
/// The longest absences of the user, with no tab open.
const AWAY_MS: [u64; 3] = [60_000, 600_000, 7_200_000];

/// A tab outside of the world, which stands still and holds the lock.
const STANDS_STILL: TabId = 0;

impl World {
    pub fn befall(&mut self, tab: TabId, action: Action) {
        let spell_ms = self.driver.dice.skewed(&SPELLS_MS);
        let until_ms = self.now.mono_ms + spell_ms;
        match action {
            Action::SayOffline => self.say_online(false),
            Action::SayOnline => self.say_online(true),
            Action::Wake => {
                if let Some(place) = self.place(tab) {
                    self.tabs[place].throttle_ms = 0;
                }
                self.nudge(tab, Event::Online(self.online));
                self.tell(tab, Event::Woke);
            }
            Action::Hide => {
                if let Some(place) = self.place(tab) {
                    self.tabs[place].throttle_ms = self.driver.dice.pick(&[1_000, 60_000]);
                    self.books.expect_no_haste_of(tab);
                }
            }
            Action::Freeze => {
                if let Some(place) = self.place(tab) {
                    self.freeze(place);
                }
            }
            Action::JumpWall => self.jump(),
            Action::Open if self.tabs.len() < self.driver.mix.most_tabs => self.open(),
            Action::Open => {}
            Action::Close
            | Action::CrashTab
            | Action::CrashBrowser
            | Action::LoseDatabase
            | Action::Damage
                if self.set_back_is_unnoted() => {}
            Action::Close => self.close(tab),
            Action::CrashTab => {
                if let Some(place) = self.place(tab) {
                    self.kill(place);
                }
                self.open();
            }
            Action::CrashBrowser => self.crash_browser(),
            Action::ServerDown => self.driver.backend.down_until_ms = until_ms,
            Action::KeepLock if self.lock.holder.is_none() => self.lock.holder = Some(STANDS_STILL),
            Action::OldKey => self.keep_from_hearing(tab),
            Action::NetworkDown => self.driver.backend.cut_until_ms = until_ms,
            Action::ExpireTokens => {
                self.driver.backend.token += 1;
                self.grant_all();
            }
            Action::RejectTokens => self.driver.backend.rejects_until_ms = until_ms,
            Action::BlockAccount => self.driver.backend.blocked_until_ms = until_ms,
            Action::FillDisk => self.journal.full = !self.journal.full,
            Action::SignOut => {
                self.ask(tab, CallRequest::SignOut);
            }
            Action::ChangeUser => self.change_user(),
            Action::Wipe => self.wipe_journal(),
            Action::CacheBalance => {
                self.driver.backend.cached_until_ms = until_ms;
                if self.driver.dice.chance(700) {
                    self.driver.backend.down_until_ms = until_ms;
                }
            }
            Action::RejectSome => {
                self.driver.backend.rejected =
                    self.driver
                        .dice
                        .pick(&[On::AnyCharge, On::LookUp, On::Balance]);
                self.driver.backend.rejects_some_until_ms = until_ms;
            }
            Action::SwitchAccount => self.driver.backend.other_until_ms = until_ms,
            Action::KeepBusy => self.driver.backend.busy_until_ms = until_ms,
            Action::Damage => self.damage_a_record(tab),
            Action::LoseDatabase => self.lose_or_regain_database(),
            _ => {}
        }
    }

    /// Makes a charge whose answer is not heard until about the time at which the server forgets
    /// its key; meanwhile the clock may be set back.
    fn keep_from_hearing(&mut self, tab: TabId) {
        self.charge_new(tab);
        let ttl_ms = self.config.key_ttl_ms;
        let for_ms = ttl_ms + self.driver.dice.between(0, 30_000);
        let for_ms = for_ms.saturating_sub(25_000);
        self.driver.backend.mute_until_ms = self.now.mono_ms + for_ms;
        if self.driver.mix.classes.has(Class::Clocks) && self.driver.dice.chance(500) {
            let in_ms = self.driver.dice.between(0, for_ms);
            let by_ms = self.driver.dice.between(1_000, ttl_ms);
            self.plan(in_ms, Happening::Own(Own::SetBack { by_ms }));
        }
    }

    /// Sets the wall clock, or lets the machine sleep while its monotonic clock stands still. An
    /// open tab notices at its next heartbeat.
    fn jump(&mut self) {
        let minute_ms = match self.driver.mix.classes.has(Class::KeyTtl) {
            // Enough to make an old key young.
            true => self.config.key_ttl_ms,
            false => 60_000,
        };
        let by_ms = self.driver.dice.skewed(&[2_000, minute_ms, DAY_MS]);
        match self.driver.dice.chance(500) {
            true => self.jump_wall(by_ms as i64),
            false => {
                self.jump_wall(-(by_ms as i64));
                self.notice_set_back();
            }
        }
    }

    /// Sets the wall clock back, if a tab is there.
    pub fn set_back(&mut self, by_ms: u64) {
        if self.any_live().is_some() {
            self.jump_wall(-(by_ms as i64));
            self.notice_set_back();
        }
    }

    fn notice_set_back(&mut self) {
        if self.driver.mix.classes.has(Class::KeyTtl)
            && !self.driver.mix.classes.has(Class::BlindClocks)
        {
            let held = self.journal.records.values();
            let held = held.filter(|record| record.is_held() && !record.is_ageless());
            self.driver.unaged = held.map(|record| record.charge().key.clone()).collect();
            for tab in self.all_live() {
                self.tell(tab, Event::Tick);
            }
        }
    }

    /// Whether no tab has noted yet that the wall clock was set back: if all died now, it would
    /// never be known.
    fn set_back_is_unnoted(&self) -> bool {
        let mut unaged = self.driver.unaged.iter();
        unaged.any(|key| {
            let record = self.journal.records.get(key);
            record.is_some_and(|record| record.is_held() && !record.is_ageless())
        })
    }

    /// No browser freezes a page before its turn has ended, or while its transaction is under way.
    pub fn freeze(&mut self, place: usize) {
        self.drain_but(self.tabs[place].id, None);
        if self.tabs[place].writing {
            return;
        }
        let frozen_ms = self.driver.dice.skewed(&FROZEN_MS);
        let until_ms = self.now.mono_ms + frozen_ms;
        self.freeze_until(place, until_ms);
        // Before all other events of the meantime.
        let tab = self.tabs[place].id;
        let event = Event::Woke;
        self.plan(frozen_ms, Happening::Told { tab, event });
    }

    fn say_online(&mut self, online: bool) {
        if !online && self.driver.dice.chance(700) {
            // This time the browser's word is true.
            self.driver.backend.cut_until_ms =
                self.now.mono_ms + self.driver.dice.skewed(&SPELLS_MS);
        }
        self.go_online(online);
    }

    /// The last transaction of a tab that dies may be committed all the same.
    pub fn leave_behind(&mut self, place: usize) {
        let id = self.tabs[place].id;
        if self.driver.dice.chance(500) {
            self.orphans.insert(id);
        }
        if self.driver.dice.chance(300) {
            self.give_up_requests(place);
        }
    }

    fn crash_browser(&mut self) {
        self.note(|| "the browser CRASHES".to_owned());
        while let Some(place) = self.tabs.len().checked_sub(1) {
            self.kill(place);
        }
        self.lose_relaxed_writes();
        // localStorage comes back in an earlier state.
        if self.cache.len() > 0 && self.driver.dice.chance(700) {
            let kept = self.driver.dice.index(self.cache.len());
            self.cache.restore(kept);
        }
        if self.driver.dice.chance(500) {
            self.driver.user.away_ms = self.driver.dice.skewed(&AWAY_MS);
            let away_ms = self.driver.user.away_ms;
            return self.note(|| format!("the user is away for {away_ms} ms"));
        }
        let tabs = self
            .driver
            .dice
            .between(1, self.driver.mix.most_tabs as u64);
        for _ in 0..tabs {
            self.open();
        }
    }

    /// Stops the faults: everything has to settle by itself from now on.
    pub fn calm_down(&mut self) {
        self.note(|| "══ the faults stop".to_owned());
        self.driver.calm_since_ms = Some(self.now.mono_ms);
        self.driver.mix.calm();
        let backend = &mut self.driver.backend;
        backend.down_until_ms = 0;
        backend.cut_until_ms = 0;
        backend.mute_until_ms = 0;
        backend.rejects_until_ms = 0;
        backend.blocked_until_ms = 0;
        backend.cached_until_ms = 0;
        backend.rejects_some_until_ms = 0;
        backend.other_until_ms = 0;
        backend.busy_until_ms = 0;
        self.journal.full = false;
        for tab in &mut self.tabs {
            tab.throttle_ms = 0;
        }
        self.sign_in_again();
        if self.driver.database.is_some() {
            self.lose_or_regain_database();
            self.journal.full = false;
        }
        if !self.anybody_works() {
            self.open();
        }
        if !self.online {
            self.say_online(true);
            self.driver.backend.cut_until_ms = 0;
        }
        // Throttled timers are set anew.
        for tab in self.all_live() {
            self.drain(tab);
        }
    }
}
