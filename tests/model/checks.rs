//! The checks: with all rules the promises hold; with any one left out, they don't.

use std::io::Write as _;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use super::actions::Action;
use super::promises::{AT_MOST_ONCE, NOTHING_LOST, UNTAKEN, promises};
use super::reached::reached;
use super::rules::{Left, Rule, Rules};
use super::world::{Protocol, World};

/// Two charges, and each mishap once.
const TWO_CHARGES: Protocol = Protocol {
    rules: Rules::all(),
    left: Left {
        asks: [1, 1],
        losses: 1,
        crashes: 1,
        cancels: [0, 1],
        top_ups: 1,
        kept_back: 0,
        forgets: 0,
    },
    claim_ms: 2,
    most_attempts: 2,
    to_the_end: false,
};

/// The dear charge alone, in finer time, and more mishaps.
const ONE_CHARGE: Protocol = Protocol {
    left: Left {
        asks: [0, 2],
        losses: 2,
        crashes: 1,
        cancels: [0, 1],
        top_ups: 1,
        kept_back: 1,
        forgets: 1,
    },
    claim_ms: 3,
    most_attempts: 3,
    to_the_end: true,
    ..TWO_CHARGES
};

/// The dear charge alone, and each mishap once.
const SHORT: Protocol = Protocol {
    left: Left {
        asks: [0, 1],
        ..TWO_CHARGES.left
    },
    ..TWO_CHARGES
};

/// The longest counterexample searched for.
const MOST_STEPS: usize = 16;

/// The promise that breaks without each rule.
const GOOD_FOR: [(Rule, &str); 7] = [
    (Rule::ServerKey, AT_MOST_ONCE),
    (Rule::SendAfterCommit, UNTAKEN),
    (Rule::TellAfterCommit, NOTHING_LOST),
    (Rule::LeaveWithinClaim, UNTAKEN),
    (Rule::TooEarly, UNTAKEN),
    (Rule::Departure, UNTAKEN),
    (Rule::OwnAttempt, UNTAKEN),
];

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.opening()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.everything(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.take(&mut next, action);
        self.drop_what_is_over(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        let mut properties = promises();
        // With one charge alone not all of these can be reached.
        if self.left.asks[0] > 0 {
            properties.extend(reached());
        }
        properties
    }
}

#[test]
fn two_charges_in_two_tabs_keep_the_promises_in_every_interleaving() {
    check("two charges", TWO_CHARGES);
}

#[test]
fn one_charge_keeps_the_promises_and_settles_whenever_the_mishaps_end() {
    check("one charge", ONE_CHARGE);
}

#[test]
fn every_rule_is_needed_for_the_promises() {
    for (rule, promise) in GOOD_FOR {
        let rules = Rules::without(rule);
        let found = (1..MOST_STEPS).find_map(|steps| {
            let checker = Protocol { rules, ..SHORT }
                .checker()
                .target_max_depth(steps)
                .spawn_bfs()
                .join();
            checker.discovery(promise)
        });
        let Some(path) = found else {
            panic!("without {rule:?} this holds all the same: {promise}");
        };
        println!(
            "without {rule:?} this does not hold: {promise}\n{}",
            trace(&path)
        );
    }
}

/// Claims only save requests. A tab that ignores a claim takes over as from a dead tab, and
/// believes no more than it may.
#[test]
fn promises_hold_without_claims() {
    let rules = Rules::without(Rule::ClaimsHold);
    check("one charge, no claims", Protocol { rules, ..SHORT });
}

fn check(what: &str, protocol: Protocol) {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the checker takes is real time"
    )]
    let start = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = protocol
        .checker()
        .threads(cores)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let line = format!(
        "model: {what}: {} states, {} steps, depth {}, {:.1} s\n",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f64(),
    );
    // Not `println`, whose output the test runner captures.
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    for property in checker.model().properties() {
        let found = checker.discovery(property.name);
        let failure = property.expectation.discovery_is_failure();
        match found {
            Some(path) if failure => panic!("broken: {}\n{}", property.name, trace(&path)),
            None if !failure => panic!("never reached: {}", property.name),
            Some(_) | None => {}
        }
    }
}

fn trace(path: &Path<World, Action>) -> String {
    let steps = path.clone().into_vec().into_iter().skip(1);
    let actions = path.clone().into_actions();
    let lines = actions.iter().zip(steps).map(|(action, (world, _))| {
        let records = world.journal.iter().flatten();
        let records: Vec<String> = records
            .map(|kept| format!("{:?}", kept.record.state()))
            .collect();
        format!(
            "  {action:?}\n      {}: {}",
            world.wall_ms,
            records.join("; ")
        )
    });
    lines.collect::<Vec<String>>().join("\n")
}
