use tollbox::core::backoff::Jitter;
use tollbox::core::clock::Now;
use tollbox::core::engine::{Event, SendId};
use tollbox::core::protocol::{Request, Response};

use super::backend::Backend;
use super::client::{Client, Doings, account_of};
use super::outage::Outage;
use super::scenario::Scenario;
use super::schedule::Schedule;
use super::server::kind_and_keys;
use super::tally::Tally;

/// The wall clock of everybody at the start: 2026-01-01.
pub const START_WALL_MS: u64 = 1_767_225_600_000;
/// The longest way from a client to the server, or back.
const TRANSIT_MS: u64 = 100;

/// All clients, their network and their server.
pub struct Fleet<'a> {
    scenario: &'a Scenario,
    now_ms: u64,
    clients: Vec<Option<Client>>,
    backend: Backend,
    schedule: Schedule<(usize, Happening)>,
    dice: Jitter,
    tally: Tally,
}

enum Happening {
    Open,
    Charge,
    Tick,
    Online(bool),
    Arrive(SendId, Request),
    Decide(SendId, Request),
    Answer(SendId, Response),
    Lost(SendId, bool),
}

impl Fleet<'_> {
    /// Plays a scenario until everything is settled.
    pub fn run(scenario: &Scenario) -> Tally {
        let mut fleet = Fleet {
            scenario,
            now_ms: 0,
            clients: Vec::new(),
            backend: Backend::new(scenario.capacity),
            schedule: Schedule::default(),
            dice: Jitter::new(1),
            tally: Tally::default(),
        };
        fleet.tally.charges = scenario.clients as u64 * scenario.charges_each;
        for client in 0..scenario.clients {
            fleet.plan_life(client);
        }
        let ends_ms = Scenario::OPENED_MS + Scenario::OUTAGE_MS + Scenario::LIMIT_MS;
        while fleet.tally.unsettled() > 0
            && let Some(at_ms) = fleet.schedule.next_ms().filter(|at_ms| *at_ms <= ends_ms)
            && let Some((client, happening)) = fleet.schedule.pop()
        {
            fleet.now_ms = at_ms;
            fleet.happen(client, happening);
        }
        fleet.tally
    }

    fn plan_life(&mut self, client: usize) {
        self.clients.push(None);
        let opened_ms = self.dice.up_to(Scenario::OPENED_MS - 1);
        self.schedule.plan(opened_ms, (client, Happening::Open));
        let begins_ms = Scenario::OPENED_MS;
        let ends_ms = begins_ms + Scenario::OUTAGE_MS;
        for charge in 0..self.scenario.charges_each {
            let within_ms = match charge {
                0 => Scenario::FIRST_MS,
                _ => Scenario::OUTAGE_MS - 1,
            };
            let at_ms = begins_ms + self.dice.up_to(within_ms);
            self.schedule.plan(at_ms, (client, Happening::Charge));
        }
        if self.scenario.outage == Outage::Offline {
            let (off, on) = (Happening::Online(false), Happening::Online(true));
            self.schedule.plan(begins_ms, (client, off));
            self.schedule.plan(ends_ms, (client, on));
        }
    }

    fn happen(&mut self, place: usize, happening: Happening) {
        let now = self.now();
        if matches!(happening, Happening::Open) {
            let mut client = Client::new(place, self.scenario.config.clone());
            let doings = client.drain(now);
            self.clients[place] = Some(client);
            return self.follow(place, doings);
        }
        let Some(client) = &mut self.clients[place] else {
            return;
        };
        let doings = match happening {
            Happening::Open => return,
            Happening::Charge => client.charge(now),
            Happening::Tick => match client.timer_ms == Some(now.mono_ms) {
                true => client.tick(now),
                false => return,
            },
            Happening::Online(online) => client.told(now, Event::Online(online)),
            Happening::Arrive(send, request) => return self.arrive(place, send, request),
            Happening::Decide(send, request) => return self.decide(place, send, &request),
            Happening::Answer(send, response) => {
                client.hears(now, send, Event::Answered { send, response })
            }
            Happening::Lost(send, timed_out) => {
                client.hears(now, send, Event::Lost { send, timed_out })
            }
        };
        self.follow(place, doings);
    }

    /// What a client has done goes on.
    fn follow(&mut self, place: usize, doings: Doings) {
        for _ in 0..doings.settled {
            self.tally.settled(self.now_ms);
        }
        for sending in doings.sendings {
            let lost = Happening::Lost(sending.send, true);
            self.plan(sending.limit_ms, place, lost);
            let in_ms = self.dice.up_to(TRANSIT_MS);
            let arrive = Happening::Arrive(sending.send, sending.request);
            self.plan(in_ms, place, arrive);
        }
        let Some(client) = &mut self.clients[place] else {
            return;
        };
        let timer_ms = client.deadline().map(|at_ms| at_ms.max(self.now_ms + 1));
        if client.timer_ms != timer_ms {
            client.timer_ms = timer_ms;
            if let Some(at_ms) = timer_ms {
                self.schedule.plan(at_ms, (place, Happening::Tick));
            }
        }
    }

    fn arrive(&mut self, place: usize, send: SendId, request: Request) {
        if self.is_away() {
            self.tally.in_vain += 1;
            match Backend::away(self.scenario.outage, self.now_ms) {
                Some(response) => self.plan_answer(place, send, response),
                // The time limit tells the client.
                None if self.scenario.outage == Outage::Silent => {}
                None => self.plan(0, place, Happening::Lost(send, false)),
            }
            return;
        }
        let (on, _) = kind_and_keys(&request);
        self.tally.arrived(on, self.now_ms);
        match self.backend.enqueue(self.now_ms) {
            Some(at_ms) => {
                let decide = Happening::Decide(send, request);
                self.plan(at_ms - self.now_ms, place, decide);
            }
            None => {
                self.tally.refused += 1;
                self.plan_answer(place, send, Backend::refuse(self.now_ms));
            }
        }
    }

    fn decide(&mut self, place: usize, send: SendId, request: &Request) {
        let account = account_of(place);
        let response = self.backend.answer(self.now_ms, &account, request);
        self.plan_answer(place, send, response);
    }

    fn plan_answer(&mut self, place: usize, send: SendId, response: Response) {
        let in_ms = self.dice.up_to(TRANSIT_MS);
        self.plan(in_ms, place, Happening::Answer(send, response));
    }

    fn plan(&mut self, in_ms: u64, place: usize, happening: Happening) {
        self.schedule.plan(self.now_ms + in_ms, (place, happening));
    }

    fn is_away(&self) -> bool {
        let since_ms = self.now_ms.checked_sub(Scenario::OPENED_MS);
        since_ms.is_some_and(|since_ms| since_ms < Scenario::OUTAGE_MS)
    }

    fn now(&self) -> Now {
        Now {
            mono_ms: self.now_ms,
            wall_ms: START_WALL_MS + self.now_ms,
        }
    }
}
