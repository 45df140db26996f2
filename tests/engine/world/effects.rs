//! The engines' effects, and what follows from each: the journal's transactions, the lock, the
//! network and the announcements.

use std::time::{Duration, UNIX_EPOCH};

use tollbox::core::engine::{Answer, Effect, Event, Notice, SendId, Unsent};

use tollbox::core::protocol::{Request, Response};
use tollbox::core::record::Record;
use tollbox::core::snapshot::BillingStatus;

use super::happening::{Delivery, Happening};
use super::{START_WALL_MS, World, brief};
use crate::server::Fault;

impl World {
    fn plan(&mut self, in_ms: u64, happening: Happening) {
        self.last_happening += 1;
        self.happenings
            .insert((self.now.mono_ms + in_ms, self.last_happening), happening);
    }

    /// Removes the first matching happening.
    pub fn take_out(&mut self, is: impl Fn(&Happening) -> bool) -> Happening {
        let found = self.happenings.iter().find(|(_, what)| is(what));
        let at = *found.unwrap().0;
        self.happenings.remove(&at).unwrap()
    }

    /// Postpones the first matching happening to `at_ms`, after all else of that moment.
    pub fn postpone(&mut self, is: impl Fn(&Happening) -> bool, at_ms: u64) {
        let happening = self.take_out(is);
        self.happenings.insert((at_ms, u64::MAX), happening);
    }

    pub(super) fn tell_peers(&mut self, from: usize, event: impl Fn() -> Event) {
        let mut peers = self.live();
        peers.retain(|tab| *tab != from && self.announcements);
        for tab in peers {
            let event = event();
            self.plan(1, Happening::Hear { tab, event });
        }
    }

    pub(super) fn drain(&mut self, tab: usize) {
        while let Some(effect) = self.engine(tab).engine.poll() {
            self.perform(tab, effect);
        }
    }

    fn perform(&mut self, tab: usize, effect: Effect) {
        if !matches!(effect, Effect::Notice(_)) {
            self.note(format!("    tab{tab} -> {}", brief(&effect)));
        }
        match effect {
            Effect::Journal { ops, .. } => {
                if self.engine(tab).writing {
                    self.fail("two journal orders are open at once");
                }
                self.engine(tab).writing = true;
                self.engine(tab).journal_orders += 1;
                self.plan(self.commit_ms, Happening::Commit { tab, ops });
            }
            Effect::Load { all } => self.plan(1, Happening::Load { tab, all }),
            Effect::Send {
                send,
                request,
                refresh_token,
                time_limit_ms,
            } => {
                if self.tab(tab).session.is_over(self.mark) {
                    // The shell looks at the mark before anything leaves.
                    let mark = self.mark;
                    let event = Event::SignedOut { mark };
                    self.plan(0, Happening::Hear { tab, event });
                    let why = Unsent::SignedOut;
                    let event = Event::NotSent { send, why };
                    return self.plan(0, Happening::Hear { tab, event });
                }
                self.check_send(tab, &request);
                let limit_at_ms = self.now.mono_ms + time_limit_ms;
                self.plan(
                    10,
                    Happening::Arrive {
                        tab,
                        send,
                        request,
                        refresh_token,
                        limit_at_ms,
                    },
                );
            }
            Effect::AskLock => {
                let asked_at_ms = self.now.mono_ms;
                self.engine(tab).lock_asked_at_ms = Some(asked_at_ms);
                self.lock_queue.push_back(tab);
                let patience_ms = self.config.claim_ms();
                self.plan(patience_ms, Happening::LockTimeout { tab, asked_at_ms });
                self.grant_lock();
            }
            Effect::ReleaseLock => self.release_lock(tab),
            Effect::Announce { keys, confirmed } => self.tell_peers(tab, || Event::Peer {
                keys: keys.clone(),
                confirmed: confirmed.clone(),
            }),
            Effect::AnnounceFlush(flush) => self.tell_peers(tab, || Event::PeerFlush(flush)),
            Effect::AnnounceTasks(running) => self.tell_peers(tab, || Event::PeerTasks {
                tab: format!("tab{tab}"),
                running: running.clone(),
            }),
            Effect::AskTasks => self.tell_peers(tab, || Event::AskedTasks),
            Effect::SaveBalance(confirmed) => {
                let over = self.tab(tab).session.is_over(self.mark);
                if over {
                    // The cache is another session's.
                    self.note(format!("    tab{tab} may not touch the cache"));
                } else {
                    if let Some(confirmed) = &confirmed {
                        // As a `storage` event does.
                        self.tell_peers(tab, || Event::Cached(confirmed.clone()));
                    }
                    self.cache = confirmed;
                }
            }
            Effect::MarkSignOut => self.plan(1, Happening::Mark { tab }),
            Effect::AnnounceLeft => {
                let name = format!("tab{tab}");
                self.tell_peers(tab, || Event::PeerLeft { tab: name.clone() });
            }
            Effect::Resolve { call, answer } => {
                if let Answer::SignedOut(_) = &answer {
                    self.signed_out_since = self.mark;
                }
                self.check_answer(tab, &answer);
                self.answered_at_ms.insert(call, self.now.mono_ms);
                if self.answers.insert(call, answer).is_some() {
                    self.fail(&format!("call {call} was answered twice"));
                }
            }
            Effect::Notice(notice) => {
                let at_ms = self.now.mono_ms;
                if let Notice::Alert(alert) = &notice {
                    self.note(format!(
                        "    tab{tab} ALERT {:?}: {}",
                        alert.kind, alert.detail
                    ));
                }
                if let Notice::Charge(record) = &notice {
                    // A charge gone from the journal is told once, and holds nothing.
                    let gone = record.status == BillingStatus::Unknown
                        && !self.journal.contains_key(&record.key);
                    let seen = &mut self.engine(tab).seen;
                    match gone {
                        true => drop(seen.remove(&record.key)),
                        false => drop(seen.insert(record.key.clone(), record.clone())),
                    }
                }
                let tab = self.engine(tab);
                tab.notices.push((at_ms, notice));
            }
        }
    }

    pub(super) fn happen(&mut self, happening: Happening) {
        if let Some(tab) = happening.affected_tab()
            && let Some(missed) = self.tabs[tab].as_mut().and_then(|tab| tab.missed.as_mut())
        {
            return missed.push(happening);
        }
        match happening {
            Happening::Mark { tab } => self.mark_sign_out(tab),
            Happening::Commit { tab, ops } => {
                if self.tabs[tab].is_none() {
                    return;
                }
                let result = if (self.fail_write)(tab, &ops) {
                    Err("the disk is full".to_owned())
                } else {
                    Ok(self.commit(tab, &ops))
                };
                self.note(format!(
                    "tab{tab}: transaction {}",
                    if result.is_ok() { "commits" } else { "FAILS" }
                ));
                self.plan(0, Happening::Committed { tab, result });
            }
            Happening::Committed { tab, result } => {
                if self.tabs[tab].is_some() {
                    self.engine(tab).writing = false;
                    self.tell(tab, Event::Journaled(result));
                }
            }
            Happening::Load { tab, all } => {
                if self.tabs[tab].is_some() {
                    let records = match self.fail_load {
                        true => Err("the disk can't be read".to_owned()),
                        false => {
                            let unsettled =
                                |record: &&Record| record.is_held() || record.is_retryable();
                            let records = self.journal.values();
                            Ok(records.filter(|it| all || unsettled(it)).cloned().collect())
                        }
                    };
                    if self.locks {
                        let alive = self.live().into_iter().map(|tab| format!("tab{tab}"));
                        let alive = alive.collect();
                        self.tell(tab, Event::Alive(alive));
                    }
                    let (mark, engine) = (self.mark, &self.tab(tab).engine);
                    if engine.is_over(mark) && !engine.is_signed_out() {
                        self.tell(tab, Event::SignedOut { mark });
                    }
                    self.tell(tab, Event::Loaded(records));
                }
            }
            Happening::Arrive {
                tab,
                send,
                request,
                refresh_token,
                limit_at_ms,
            } => {
                self.arrive(tab, send, request, refresh_token, limit_at_ms);
            }
            Happening::Do { request } => {
                let now_ms = self.now.mono_ms;
                self.note(format!("server: {} arrives late", request.path));
                self.server.answer(now_ms, &request);
            }
            Happening::Deliver {
                tab,
                send,
                delivery,
            } => self.delivered(tab, send, delivery),
            Happening::Lock { tab } => {
                if self.tabs[tab].is_some() {
                    self.tell(tab, Event::LockGranted);
                }
            }
            Happening::LockTimeout { tab, asked_at_ms } => {
                let waiting = self.lock_queue.contains(&tab);
                if self.tabs[tab].is_some()
                    && waiting
                    && self.tab(tab).lock_asked_at_ms == Some(asked_at_ms)
                {
                    self.lock_queue.retain(|waiting| *waiting != tab);
                    self.tell(tab, Event::LockRefused);
                }
            }
            Happening::Hear { tab, event } => {
                if self.tabs[tab].is_some() {
                    self.tell(tab, event);
                }
            }
        }
    }

    fn arrive(
        &mut self,
        tab: usize,
        send: SendId,
        request: Request,
        refresh_token: bool,
        limit_at_ms: u64,
    ) {
        let now_ms = self.now.mono_ms;
        let fault = self.server.arrive(&request, refresh_token);
        self.note(format!(
            "server: {:?} {} of tab{tab}, refresh {refresh_token}: {}",
            request.method,
            request.path,
            brief(&fault)
        ));
        let lost = Delivery::Lost { timed_out: false };
        let timed_out = Delivery::Lost { timed_out: true };
        let until_limit_ms = limit_at_ms.saturating_sub(now_ms);
        let (after_ms, delivery) = match fault {
            Fault::None => (10, Delivery::Answer(self.serve(&request))),
            Fault::LoseRequest => (10, lost),
            Fault::LoseAnswer => {
                self.server.answer(now_ms, &request);
                (10, lost)
            }
            Fault::Hang => (until_limit_ms, timed_out),
            Fault::HangAfter => {
                self.server.answer(now_ms, &request);
                (until_limit_ms, timed_out)
            }
            Fault::HangThenDone(ms) => {
                self.plan(ms, Happening::Do { request });
                (until_limit_ms, timed_out)
            }
            Fault::LostThenDone(ms) => {
                self.plan(ms, Happening::Do { request });
                (10, lost)
            }
            Fault::Answer(response) => (10, Delivery::Answer(response)),
            Fault::AnswerAfter(response) => {
                self.server.answer(now_ms, &request);
                (10, Delivery::Answer(response))
            }
            Fault::AnswerThenDone(response, ms) => {
                self.plan(ms, Happening::Do { request });
                (10, Delivery::Answer(response))
            }
            Fault::Late(ms) => (ms, Delivery::Answer(self.serve(&request))),
            Fault::NoToken => (0, Delivery::NotSent(Unsent::TokenFailed)),
            Fault::StoodStill => (0, Delivery::NotSent(Unsent::Late)),
        };
        self.deliver(tab, send, after_ms, limit_at_ms, delivery);
    }

    /// The server's own answer.
    pub fn serve(&mut self, request: &Request) -> Response {
        let response = self.server.answer(self.now.mono_ms, request);
        Response {
            date: self.dated.then(|| self.date()),
            ..response
        }
    }

    /// The server's clock, which nobody sets.
    pub fn date(&self) -> String {
        let wall_ms = START_WALL_MS + self.now.mono_ms;
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(wall_ms))
    }

    fn deliver(
        &mut self,
        tab: usize,
        send: SendId,
        after_ms: u64,
        limit_at_ms: u64,
        delivery: Delivery,
    ) {
        let left_ms = limit_at_ms.saturating_sub(self.now.mono_ms);
        if after_ms > left_ms {
            let delivery = Delivery::Lost { timed_out: true };
            return self.plan(
                left_ms,
                Happening::Deliver {
                    tab,
                    send,
                    delivery,
                },
            );
        }
        self.plan(
            after_ms,
            Happening::Deliver {
                tab,
                send,
                delivery,
            },
        );
    }

    fn delivered(&mut self, tab: usize, send: SendId, delivery: Delivery) {
        if self.tabs[tab].is_none() {
            return;
        }
        let event = match delivery {
            Delivery::Answer(response) => {
                self.note_answer(tab, &response);
                Event::Answered { send, response }
            }
            Delivery::Lost { timed_out } => {
                self.engine(tab).outage = true;
                Event::Lost { send, timed_out }
            }
            Delivery::NotSent(why) => Event::NotSent { send, why },
        };
        self.tell(tab, event);
    }

    fn grant_lock(&mut self) {
        while self.lock.is_none()
            && let Some(tab) = self.lock_queue.pop_front()
        {
            if self.tabs[tab].is_some() {
                self.lock = Some(tab);
                self.plan(1, Happening::Lock { tab });
            }
        }
    }

    pub fn release_lock(&mut self, tab: usize) {
        self.lock_queue.retain(|waiting| *waiting != tab);
        if self.lock == Some(tab) {
            self.lock = None;
        }
        self.grant_lock();
    }
}
