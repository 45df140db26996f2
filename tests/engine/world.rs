//! A small deterministic world around engines: clocks, a journal and a lock that tabs share, a
//! network, and a server. It keeps the contract of `tollbox::core::engine` and checks the promises
//! after every step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tollbox::core::balance::Confirmed;
use tollbox::core::charge::{Charge, ChargeRequest, Key};
use tollbox::core::clock::Now;
use tollbox::core::config::Config;
use tollbox::core::engine::{Answer, CallId, Effect, Engine, Event, Notice, SendId, Setup};
use tollbox::core::journal::{Applied, ApplyAt, Op, Write};
use tollbox::core::outcome::Outcome;
use tollbox::core::protocol::{Request, Response};
use tollbox::core::record::Record;
use tollbox::core::snapshot::{ChargeRecord, Snapshot, StorageKind};

use super::server::{Fault, Server};

/// More steps than any scenario takes: whatever needs more goes round in circles.
const STEPS_LIMIT: usize = 200_000;
const TRACE_LINES: usize = 80;

/// 2026-01-01T00:00:00Z
pub const START_WALL_MS: u64 = 1_767_225_600_000;

/// Where the journal fails, from the next transaction on.
pub type WriteFault = Box<dyn FnMut(usize, &[Op]) -> bool>;

pub struct World {
    pub now: Now,
    pub config: Config,
    pub server: Server,
    pub journal: BTreeMap<Key, Record>,
    /// Committed transactions.
    pub transactions: usize,
    pub fail_write: WriteFault,
    pub cache: Option<Confirmed>,
    /// Whether tabs hear each other.
    pub announcements: bool,
    pub online: bool,
    pub storage: StorageKind,
    pub answers: BTreeMap<CallId, Answer>,
    pub answered_at_ms: BTreeMap<CallId, u64>,
    pub tabs: Vec<Option<Tab>>,
    /// Ticks after which the deadline was still in the past.
    pub spins: usize,
    pub(super) charges: BTreeMap<String, Charge>,
    happenings: BTreeMap<(u64, u64), Happening>,
    lock: Option<usize>,
    lock_queue: VecDeque<usize>,
    last_happening: u64,
    last_call: CallId,
    steps: usize,
    trace: VecDeque<String>,
}

/// One client, and what it was seen to do.
pub struct Tab {
    pub engine: Engine,
    pub notices: Vec<(u64, Notice)>,
    /// What its listeners were last told of each charge.
    pub seen: BTreeMap<Key, ChargeRecord>,
    pub journal_orders: usize,
    /// Tasks that may be running.
    pub tasks: BTreeSet<Key>,
    pub(super) last_version: u64,
    /// Nothing may leave before this.
    pub(super) held_until_ms: u64,
    /// Nothing has answered since a request was lost.
    pub(super) outage: bool,
    pub(super) signed_out: bool,
    writing: bool,
    spinning: bool,
    lock_asked_at_ms: Option<u64>,
}

#[derive(Debug)]
enum Happening {
    Commit {
        tab: usize,
        ops: Vec<Op>,
    },
    Committed {
        tab: usize,
        result: Result<Vec<Applied>, String>,
    },
    Load {
        tab: usize,
    },
    Arrive {
        tab: usize,
        send: SendId,
        request: Request,
        refresh_token: bool,
        limit_at_ms: u64,
    },
    Process {
        tab: usize,
        send: SendId,
        request: Request,
        limit_at_ms: u64,
    },
    Deliver {
        tab: usize,
        send: SendId,
        delivery: Delivery,
    },
    Lock {
        tab: usize,
    },
    LockTimeout {
        tab: usize,
        asked_at_ms: u64,
    },
    Peer {
        tab: usize,
        keys: Vec<Key>,
        confirmed: Option<Confirmed>,
    },
}

#[derive(Debug)]
enum Delivery {
    Answer(Response),
    Lost { timed_out: bool },
    NotSent,
}

impl World {
    pub fn new() -> World {
        World::with(|_| {})
    }

    pub fn with(configure: impl FnOnce(&mut Config)) -> World {
        let mut config = Config {
            sync_every_ms: 0,
            ..Config::default()
        };
        configure(&mut config);
        World {
            now: Now {
                mono_ms: 1_000,
                wall_ms: START_WALL_MS,
            },
            config,
            server: Server::new(120, None),
            journal: BTreeMap::new(),
            transactions: 0,
            fail_write: Box::new(|_, _| false),
            cache: None,
            announcements: true,
            online: true,
            storage: StorageKind::IndexedDb,
            answers: BTreeMap::new(),
            answered_at_ms: BTreeMap::new(),
            tabs: Vec::new(),
            spins: 0,
            charges: BTreeMap::new(),
            happenings: BTreeMap::new(),
            lock: None,
            lock_queue: VecDeque::new(),
            last_happening: 0,
            last_call: 0,
            steps: 0,
            trace: VecDeque::new(),
        }
    }

    /// Opens a client; it recovers when the world goes on.
    pub fn open(&mut self) -> usize {
        let tab = self.tabs.len();
        let setup = Setup {
            account: "alice".into(),
            tab: format!("tab{tab}"),
            seed: tab as u64 + 1,
            storage: self.storage,
            online: self.online,
        };
        self.note(format!("tab{tab} opens"));
        self.tabs.push(Some(Tab {
            engine: Engine::new(setup, self.config.clone()),
            notices: Vec::new(),
            seen: BTreeMap::new(),
            journal_orders: 0,
            tasks: BTreeSet::new(),
            last_version: 0,
            held_until_ms: 0,
            outage: false,
            signed_out: false,
            writing: false,
            spinning: false,
            lock_asked_at_ms: None,
        }));
        if let Some(confirmed) = self.cache.clone() {
            self.engine(tab).handle_quietly(Event::Cached(confirmed));
        }
        self.drain(tab);
        tab
    }

    /// Opens a client, and lets it recover and read the balance.
    pub fn start(&mut self) -> usize {
        let tab = self.open();
        self.run_for(200);
        tab
    }

    /// The tab dies without a word. What is on its way to the server arrives.
    pub fn crash(&mut self, tab: usize) {
        self.note(format!("tab{tab} CRASHES"));
        self.tabs[tab] = None;
        self.let_go_of_lock(tab);
    }

    pub fn tab(&self, tab: usize) -> &Tab {
        self.tabs[tab].as_ref().unwrap()
    }

    pub fn snapshot(&self, tab: usize) -> Snapshot {
        self.tab(tab).engine.snapshot(self.now)
    }

    pub fn tell(&mut self, tab: usize, event: Event) {
        self.note(format!("tab{tab} <- {}", brief(&event)));
        self.engine(tab).spinning = false;
        let now = self.now;
        self.engine(tab).engine.handle(now, event);
        self.drain(tab);
        self.check();
    }

    pub fn go_online(&mut self, online: bool) {
        self.online = online;
        for tab in self.live() {
            self.tell(tab, Event::Online(online));
        }
    }

    pub fn jump_wall(&mut self, by_ms: i64) {
        self.note(format!("the wall clock jumps by {by_ms} ms"));
        self.now.wall_ms = self.now.wall_ms.checked_add_signed(by_ms).unwrap();
    }

    // ---- calls

    fn ask(&mut self, tab: usize, event: impl FnOnce(CallId) -> Event) -> CallId {
        self.last_call += 1;
        let call = self.last_call;
        self.tell(tab, event(call));
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
        self.ask(tab, |call| Event::Charge { call, charge })
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
        self.ask(tab, |call| Event::Retry {
            call,
            key: key(task),
        })
    }

    pub fn cancel(&mut self, tab: usize, task: &str) -> CallId {
        self.ask(tab, |call| Event::Cancel {
            call,
            key: key(task),
        })
    }

    pub fn settled(&mut self, tab: usize, task: &str) -> CallId {
        self.ask(tab, |call| Event::Settled {
            call,
            key: key(task),
        })
    }

    pub fn show(&mut self, tab: usize, task: &str) -> CallId {
        self.ask(tab, |call| Event::Show {
            call,
            key: key(task),
        })
    }

    pub fn flush(&mut self, tab: usize) -> CallId {
        self.ask(tab, |call| Event::Flush { call })
    }

    pub fn refresh(&mut self, tab: usize) -> CallId {
        self.ask(tab, |call| Event::RefreshBalance {
            call,
            max_age_ms: None,
        })
    }

    pub fn start_task(&mut self, tab: usize, task: &str, amount: u64) -> CallId {
        let charge = self.request(task, amount);
        self.engine(tab).tasks.insert(charge.key.clone());
        self.ask(tab, |call| Event::StartTask { call, charge })
    }

    pub fn end_task(&mut self, tab: usize, task: &str) {
        self.engine(tab).tasks.remove(&key(task));
        self.tell(tab, Event::EndTask { key: key(task) });
    }

    pub fn sign_out(&mut self, tab: usize) -> CallId {
        self.engine(tab).signed_out = true;
        self.ask(tab, |call| Event::SignOut { call })
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

    /// Lets the world go on until this call is answered.
    pub fn wait(&mut self, call: CallId) -> Outcome {
        self.run_until(|world| world.answers.contains_key(&call));
        self.outcome(call).clone()
    }

    // ---- time

    /// Goes on until `done`, and fails where nothing more happens before that.
    pub fn run_until(&mut self, mut done: impl FnMut(&World) -> bool) {
        while !done(self) {
            if !self.step(u64::MAX) {
                self.fail("nothing more happens, and what was waited for has not");
            }
        }
    }

    pub fn run_for(&mut self, ms: u64) {
        let until_ms = self.now.mono_ms + ms;
        while self.step(until_ms) {}
        self.advance_to(until_ms);
    }

    /// Goes on until nothing is open anywhere and nothing is under way.
    pub fn settle(&mut self) {
        let start_ms = self.now.mono_ms;
        self.run_until(|world| {
            let late = world.now.mono_ms - start_ms > 3_600_000;
            if late {
                world.fail("not settled within an hour");
            }
            world.happenings.is_empty()
                && !world.journal.values().any(Record::is_open)
                && (1..=world.last_call).all(|call| world.answers.contains_key(&call))
        });
    }

    /// One happening or one tick, the earliest; false where there is none until `until_ms`.
    pub fn step(&mut self, until_ms: u64) -> bool {
        self.steps += 1;
        if self.steps > STEPS_LIMIT {
            self.fail("it goes round in circles");
        }
        let next = self
            .happenings
            .first_key_value()
            .map(|((at_ms, _), _)| *at_ms);
        let tick = self.next_tick();
        match (next, tick) {
            (next, Some((at_ms, tab)))
                if at_ms <= until_ms && next.is_none_or(|next| at_ms < next) =>
            {
                self.advance_to(at_ms);
                self.tick(tab);
            }
            (Some(at_ms), _) if at_ms <= until_ms => {
                self.advance_to(at_ms);
                let (_, happening) = self.happenings.pop_first().unwrap();
                self.happen(happening);
            }
            (_, _) => return false,
        }
        self.check();
        true
    }

    fn next_tick(&self) -> Option<(u64, usize)> {
        let ticks = self.tabs.iter().enumerate().filter_map(|(number, tab)| {
            let tab = tab.as_ref().filter(|tab| !tab.spinning)?;
            Some((tab.engine.deadline(self.now)?, number))
        });
        ticks.min()
    }

    fn tick(&mut self, tab: usize) {
        let now = self.now;
        self.note(format!("tab{tab} <- Tick"));
        self.engine(tab).engine.handle(now, Event::Tick);
        self.drain(tab);
        let still_due = self
            .tab(tab)
            .engine
            .deadline(now)
            .is_some_and(|at_ms| at_ms <= now.mono_ms);
        if still_due {
            // A browser would tick again at once, and again: until something else happens.
            self.note(format!("tab{tab}: its deadline stays in the past"));
            self.spins += 1;
            self.engine(tab).spinning = true;
        }
    }

    fn advance_to(&mut self, mono_ms: u64) {
        let by_ms = mono_ms.saturating_sub(self.now.mono_ms);
        self.now.mono_ms += by_ms;
        self.now.wall_ms += by_ms;
    }

    // ---- what happens

    fn plan(&mut self, in_ms: u64, happening: Happening) {
        self.last_happening += 1;
        self.happenings
            .insert((self.now.mono_ms + in_ms, self.last_happening), happening);
    }

    fn drain(&mut self, tab: usize) {
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
                self.plan(1, Happening::Commit { tab, ops });
            }
            Effect::Load => self.plan(1, Happening::Load { tab }),
            Effect::Send {
                send,
                request,
                refresh_token,
                time_limit_ms,
            } => {
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
            Effect::ReleaseLock => self.let_go_of_lock(tab),
            Effect::Announce { keys, confirmed } => {
                if self.announcements {
                    for peer in self.live().into_iter().filter(|peer| *peer != tab) {
                        let (keys, confirmed) = (keys.clone(), confirmed.clone());
                        self.plan(
                            1,
                            Happening::Peer {
                                tab: peer,
                                keys,
                                confirmed,
                            },
                        );
                    }
                }
            }
            Effect::SaveBalance(confirmed) => self.cache = confirmed,
            Effect::Resolve { call, answer } => {
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
                let tab = self.engine(tab);
                if let Notice::Charge(record) = &notice {
                    tab.seen.insert(record.key.clone(), record.clone());
                }
                tab.notices.push((at_ms, notice));
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Commit { tab, ops } => {
                if self.tabs[tab].is_none() {
                    return;
                }
                let result = if (self.fail_write)(tab, &ops) {
                    Err("the disk is full".to_owned())
                } else {
                    Ok(self.commit(&ops))
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
            Happening::Load { tab } => {
                if self.tabs[tab].is_some() {
                    self.tell(tab, Event::Loaded(self.journal.values().cloned().collect()));
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
            Happening::Process {
                tab,
                send,
                request,
                limit_at_ms,
            } => {
                let answer = self.server.answer(self.now.mono_ms, &request);
                self.deliver(tab, send, 10, limit_at_ms, Delivery::Answer(answer));
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
            Happening::Peer {
                tab,
                keys,
                confirmed,
            } => {
                if self.tabs[tab].is_some() {
                    self.tell(tab, Event::Peer { keys, confirmed });
                }
            }
        }
    }

    fn commit(&mut self, ops: &[Op]) -> Vec<Applied> {
        self.transactions += 1;
        let at = ApplyAt {
            wall_ms: self.now.wall_ms,
            longest_claim_ms: self.config.claim_ms(),
        };
        let mut results = Vec::new();
        for op in ops {
            let applied = op.apply(self.journal.get(op.key()).cloned(), at);
            match (applied.write, &applied.record) {
                (Write::Put, Some(record)) => {
                    self.journal.insert(op.key().clone(), record.clone());
                }
                (Write::Delete, _) => {
                    self.journal.remove(op.key());
                }
                (Write::Keep, _) => {}
                (Write::Put, None) => self.fail("there is nothing to put"),
            }
            results.push(applied);
        }
        results
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
        let (fault, _) = self
            .server
            .arrive(now_ms, tab, send, &request, refresh_token);
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
            Fault::None => (10, Delivery::Answer(self.server.answer(now_ms, &request))),
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
            Fault::Answer(response) => (10, Delivery::Answer(response)),
            Fault::AnswerAfter(response) => {
                self.server.answer(now_ms, &request);
                (10, Delivery::Answer(response))
            }
            Fault::Late(ms) => (ms, Delivery::Answer(self.server.answer(now_ms, &request))),
            Fault::Slow(ms) => {
                return self.plan(
                    ms,
                    Happening::Process {
                        tab,
                        send,
                        request,
                        limit_at_ms,
                    },
                );
            }
            Fault::NoToken => (0, Delivery::NotSent),
        };
        self.deliver(tab, send, after_ms, limit_at_ms, delivery);
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
            Delivery::NotSent => Event::NotSent {
                send,
                detail: "no token".into(),
            },
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

    fn let_go_of_lock(&mut self, tab: usize) {
        self.lock_queue.retain(|waiting| *waiting != tab);
        if self.lock == Some(tab) {
            self.lock = None;
        }
        self.grant_lock();
    }

    pub(super) fn engine(&mut self, tab: usize) -> &mut Tab {
        self.tabs[tab].as_mut().unwrap()
    }

    pub(super) fn live(&self) -> Vec<usize> {
        (0..self.tabs.len())
            .filter(|tab| self.tabs[*tab].is_some())
            .collect()
    }

    // ---- the trace

    pub(super) fn note(&mut self, line: String) {
        if self.trace.len() >= TRACE_LINES {
            self.trace.pop_front();
        }
        self.trace
            .push_back(format!("{:>9} {line}", self.now.mono_ms));
    }

    pub fn fail(&self, why: &str) -> ! {
        let trace: Vec<&str> = self.trace.iter().map(String::as_str).collect();
        panic!("{why}\nthe last steps:\n{}", trace.join("\n"));
    }
}

impl Tab {
    /// Reports before anything else has been polled.
    fn handle_quietly(&mut self, event: Event) {
        self.engine.handle(
            Now {
                mono_ms: 1_000,
                wall_ms: START_WALL_MS,
            },
            event,
        );
    }
}

pub fn key(task: &str) -> Key {
    Key::new(format!("f:{task}")).unwrap()
}

fn brief(thing: &impl std::fmt::Debug) -> String {
    let text = format!("{thing:?}");
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
