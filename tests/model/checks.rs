//! Runs of the checker.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use super::rules::{Rule, Rules, Left};
use super::world::Protocol;

fn n(name: &str, default: u8) -> u8 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "real time")]
fn explore() {
    let rule = match std::env::var("WITHOUT").unwrap_or_default().as_str() {
        "" => None,
        "key" => Some(Rule::ServerKey),
        "claims" => Some(Rule::ClaimsHold),
        "commit" => Some(Rule::SendAfterCommit),
        "within" => Some(Rule::LeaveWithinClaim),
        "tell" => Some(Rule::TellAfterCommit),
        "early" => Some(Rule::TooEarly),
        "departure" => Some(Rule::Departure),
        "own" => Some(Rule::OwnAttempt),
        "givenup" => Some(Rule::GivenUp),
        _ => panic!(),
    };
    let rules = rule.map_or(Rules::default(), Rules::without);
    let start = Instant::now();
    let checker = Protocol { left: Left {
        asks: [n("CHEAP", 0), n("DEAR", 1)],
        losses: n("LOSSES", 1),
        crashes: n("CRASHES", 1),
        cancels: [n("CANCELC", 0), n("CANCELS", 1)],
        top_ups: n("TOPUPS", 1),
        kept_back: n("KEPT", 0),
        forgets: n("FORGETS", 0),
    },
        claim_ms: n("CLAIM", 2).into(),
        most_attempts: u32::from(n("ATTEMPTS", 2)),
         rules }
        .checker()
        .threads(n("THREADS", 2).into())
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!(
        "{} states, {} with repetitions, depth {}, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f64()
    );
    for (name, path) in checker.discoveries() {
        println!("{name}");
        for (_, action) in path.clone().into_vec() {
            println!("   {action:?}");
        }
        println!("{:#?}", path.last_state());
    }
}
