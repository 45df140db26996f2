//! Closing, signing out, and many charges at once.

use tollbox::core::charge::Key;
use tollbox::core::engine::{Answer, CallId, Event};
use tollbox::core::journal::Op;
use tollbox::core::outcome::What;
use tollbox::core::snapshot::{BalanceResult, FlushReport};

use super::outcomes::word;
use super::server::{Fault, On};
use super::world::{Happening, World, key};

#[test]
fn closing_answers_everybody_and_the_next_start_goes_on() {
    for after_ms in [0, 1, 2, 12, 22, 23] {
        let mut world = World::new();
        let tab = world.start();
        let charge = world.charge(tab, "t1", 5);
        let settled = world.settled(tab, "t1");
        let refresh = world.refresh(tab);
        let flush = world.flush(tab);
        world.run_for(after_ms);
        world.tell(tab, Event::Close);
        let said = word(world.outcome(charge));
        assert!(
            ["queued", "unknown", "charged"]
                .iter()
                .any(|word| said.starts_with(word)),
            "{said}"
        );
        assert!(matches!(
            world.answer(settled),
            Answer::Closed | Answer::Outcome(_)
        ));
        assert!(matches!(
            world.answer(refresh),
            Answer::Balance(BalanceResult::Unavailable { .. } | BalanceResult::Fresh { .. })
        ));
        assert!(matches!(
            world.answer(flush),
            Answer::Flush(FlushReport { .. })
        ));
        world.run_for(60_000);
        assert!(world.tab(tab).engine.is_idle());
        assert_eq!(world.tab(tab).engine.deadline(), None);
        let late = world.charge(tab, "t2", 5);
        assert_eq!(world.answer(late), &Answer::Closed);

        let next = world.start();
        world.charge(next, "t1", 5);
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn what_was_never_sent_is_no_attempt_though_the_client_closes() {
    let mut world = World::new();
    let tab = world.start();
    world.charge(tab, "t1", 5);
    world.tell(tab, Event::Close);
    world.run_for(100);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    let next = world.start();
    let show = world.show(next, "t1");
    world.run_for(2);
    if let Answer::Record(Some(record)) = world.answer(show) {
        assert_eq!(
            record.attempts as usize,
            world.server.count(On::AnyCharge),
            "{record:?}"
        );
    }
    world.run_for(2_000);
    assert_eq!(
        world.server.times_charged("f:t1"),
        1,
        "it waits for its own dead claim"
    );
    world.settle();
}

#[test]
fn who_signs_out_is_told_what_is_not_stored() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::AnyCharge) == 1);
    world.fail_write = Box::new(|_, _| true);
    world.run_for(1_000);
    let out = world.sign_out(tab);
    world.run_until(|world| world.answers.contains_key(&out));
    let Answer::SignedOut(open) = world.answer(out) else {
        panic!()
    };
    let whats = open
        .iter()
        .map(|record| Some(&record.outcome.as_ref()?.what));
    let whats: Vec<_> = whats.collect();
    assert!(
        matches!(*whats, [Some(What::Unknown { durable: false, .. })]),
        "{whats:?}"
    );
}

/// The keys that whoever signs out is told of.
fn told_open(world: &mut World, out: CallId) -> Vec<String> {
    world.run_until(|world| world.answers.contains_key(&out));
    let Answer::SignedOut(open) = world.answer(out) else {
        panic!()
    };
    open.iter()
        .map(|record| record.key.as_str().to_owned())
        .collect()
}

#[test]
fn who_signs_out_is_told_what_another_tab_has_done_unheard() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let paid = world.charge(two, "paid", 5);
    world.wait(paid);
    world.go_online(false);
    let open = world.charge(two, "open", 6);
    world.wait(open);
    let out = world.sign_out(one);
    assert_eq!(told_open(&mut world, out), ["f:open"]);
    world.run_for(100);
    let kept: Vec<&str> = world.journal.keys().map(Key::as_str).collect();
    assert_eq!(kept, ["f:open"]);
}

#[test]
fn who_signs_out_is_told_what_is_known_where_the_journal_does_not_answer() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let open = world.charge(tab, "open", 6);
    world.wait(open);
    let asked_ms = world.now.mono_ms;
    let out = world.sign_out(tab);
    let load = |what: &Happening| matches!(what, Happening::Load { .. });
    world.happenings.retain(|_, what| !load(what));
    assert_eq!(told_open(&mut world, out), ["f:open"]);
    let waited_ms = world.now.mono_ms - asked_ms;
    assert_eq!(waited_ms, world.config.respond_within_ms);

    let again = world.sign_out(tab);
    world.tell(tab, Event::Close);
    assert_eq!(told_open(&mut world, again), ["f:open"]);
}

#[test]
fn signing_out_forgets_and_keeps_what_is_open() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "paid", 5);
    world.wait(call);
    world.go_online(false);
    let call = world.charge(tab, "open", 6);
    world.wait(call);
    let out = world.sign_out(tab);
    assert_eq!(told_open(&mut world, out), ["f:open"]);
    world.run_for(100);
    assert_eq!(world.cache, None);
    assert_eq!(
        world
            .journal
            .keys()
            .map(|key| key.as_str())
            .collect::<Vec<_>>(),
        ["f:open"]
    );
    world.go_online(true);
    world.run_for(120_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    let late = world.charge(tab, "late", 5);
    assert_eq!(world.answer(late), &Answer::Closed);

    world.crash(tab);
    world.start();
    world.settle();
    assert_eq!(world.server.times_charged("f:open"), 1);
}

#[test]
fn a_signed_out_tab_learns_no_balance_from_others() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let out = world.sign_out(one);
    world.run_until(|world| world.answers.contains_key(&out));
    let next = world.start();
    let call = world.charge(next, "t1", 5);
    world.wait(call);
    world.settle();
    for tab in [one, two] {
        assert_eq!(world.snapshot(tab).balance, None);
    }
}

#[test]
fn signing_out_while_a_charge_is_being_claimed_sends_nothing() {
    let mut world = World::new();
    let tab = world.start();
    world.charge(tab, "t1", 5);
    // The world fails if a charge leaves after this.
    world.sign_out(tab);
    world.run_for(60_000);
    world.crash(tab);
    world.start();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_thousand_charges_at_once_take_few_transactions() {
    let mut world = World::with(|config| config.keep_settled = 2_000);
    world.server.top_up(10_000);
    let tab = world.start();
    let calls: Vec<_> = (0..1_000)
        .map(|n| world.charge(tab, &format!("t{n:04}"), 1))
        .collect();
    for call in calls {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    world.settle();
    assert_eq!(world.server.balance(), 9_120);
    assert!(
        world.transactions < 80,
        "{} transactions",
        world.transactions
    );
    assert!(
        world.server.count(On::AnyCharge) < 60,
        "{} requests",
        world.server.count(On::AnyCharge)
    );
    assert_eq!(world.snapshot(tab).stats.charged, 1_000);
    assert_eq!(world.spins, 0);
}

#[test]
fn a_thousand_charges_in_an_outage_are_all_charged_once_after_it() {
    let mut world = World::new();
    world.server.top_up(10_000);
    let tab = world.start();
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, 10, Fault::LoseRequest);
    let first = world.charge(tab, "first", 1);
    world.wait(first);
    for n in 0..1_000 {
        world.charge(tab, &format!("t{n:04}"), 1);
    }
    world.settle();
    assert_eq!(world.server.balance(), 9_119);
    assert!(
        world.transactions < 150,
        "{} transactions",
        world.transactions
    );
}

#[test]
fn what_was_never_sent_is_given_up_for_certain_after_a_sign_out_too() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    world.sign_out(tab);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "failed Cancelled");
    // Where it can't be written down, the next sign-in would send it.
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Cancel { .. })));
    let cancel = world.cancel(tab, "t2");
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    world.fail_write = Box::new(|_, _| false);
    world.crash(tab);
    world.online = true;
    world.start();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 0);
    assert_eq!(world.server.times_charged("f:t2"), 1);
}

#[test]
fn what_may_have_been_sent_stays_unknown_after_a_sign_out_and_is_not_sent_again() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.sign_out(tab);
    let cancel = world.cancel(tab, "t1");
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    assert!(world.journal[&key("t1")].given_up());
    world.server.heal();
    world.crash(tab);
    world.start();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 0);
}
