//! Tokens that a server quotes in its answers are redacted.

use serde_json::json;
use tollbox::core::codec::encode;
use tollbox::core::protocol::{Response, Secret};

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem};

const TOKEN: &str = "a.token/of+many=signs";

/// Problems of every status, with the token in their detail in several spellings.
fn quoting() -> Vec<Response> {
    let ways = [
        TOKEN,
        "a.token%2Fof%2Bmany%3Dsigns",
        r"a.token\/of\u002Bmany=signs",
    ];
    let quoted = |(status, way)| Response {
        body: json!({"type": "no", "declined": true, "detail": format!("no: Bearer {way}")})
            .to_string(),
        secret: Secret::of(Some(TOKEN)),
        ..problem(status, "no")
    };
    let statuses = [400, 401, 402, 403, 409, 429, 500, 503, 504];
    statuses
        .into_iter()
        .flat_map(|status| ways.map(|way| (status, way)))
        .map(quoted)
        .collect()
}

#[test]
fn a_token_quoted_by_the_server_is_never_told_logged_or_stored() {
    for response in quoting() {
        let mut world = World::new();
        let tab = world.start();
        let fault = Fault::Answer(response.clone());
        world.server.fault(On::Any, 2, fault);
        let call = world.charge(tab, "t1", 5);
        let answer = world.wait(call);
        world.run_for(1_000);
        let told = &world.notices(tab);
        let stored: Vec<String> = world
            .journal
            .records
            .values()
            .map(|record| encode(record).body)
            .collect();
        let all = format!("{answer:?} {told:?} {stored:?}").replace("\\\\", "\\");
        for part in ["a.token", "signs"] {
            assert!(!all.contains(part), "{}: {all}", response.status);
        }
        assert!(all.contains("no: Bearer …"), "{}: {}", word(&answer), all);
    }
}
