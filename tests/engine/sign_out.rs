//! Sign-out: what it reports and keeps, and how it reaches every tab of the account.

use tollbox::core::charge::Key;
use tollbox::core::config::LAUNCH_WITHIN_MS;
use tollbox::core::engine::{Answer, CallId, CallRequest, Event};
use tollbox::core::journal::{Applied, Op, Write};
use tollbox::core::outcome::{Outcome, What};
use tollbox::core::snapshot::BalanceResult;

use super::outcomes::word;
use super::script::{Happening, World, key};
use super::server::{Fault, On};

/// Long enough for everything that a tab does on its own.
const WHILE_MS: u64 = 400_000;

fn two_tabs() -> (World, usize, usize) {
    let mut world = World::with(|config| config.sync_every_ms = 30_000);
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    (world, one, two)
}

fn is_answered(world: &mut World, out: CallId) -> u64 {
    let asked_ms = world.now.mono_ms;
    world.run_until(|world| world.answers.contains_key(&out));
    assert!(matches!(world.answer(out), Answer::SignedOut(_)));
    world.now.mono_ms - asked_ms
}

#[test]
fn sign_out_ends_every_tab_without_delay() {
    let (mut world, one, two) = two_tabs();
    world.go_online(false);
    let open = world.charge(two, "t1", 5);
    world.wait(open);
    let out = world.sign_out(one);
    let took_ms = is_answered(&mut world, out);
    assert!(took_ms < 100, "{took_ms} ms");
    assert_eq!(world.snapshot(two).balance, None);
    world.go_online(true);
    let before = world.server.count(On::Any);
    // The world fails if a tab of the session sends anything.
    world.run_for(WHILE_MS);
    assert_eq!(world.server.count(On::Any), before);
    assert_eq!(world.cache.now(), None);
    let late = world.charge(two, "t2", 5);
    assert_eq!(world.answer(late), &Answer::Closed);

    world.start();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_tab_unaware_of_the_sign_out_takes_on_no_charge() {
    let (mut world, one, two) = two_tabs();
    world.announcements = false;
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    let charge = world.charge(two, "t1", 5);
    world.run_until(|world| world.answers.contains_key(&charge));
    assert_eq!(world.answer(charge), &Answer::Closed);
    assert!(world.journal.records.is_empty());
    assert_eq!(world.snapshot(two).balance, None, "it has learnt that");
    let counts = world.snapshot(two).stats;
    assert_eq!((counts.enqueued, counts.open), (0, 0));
    world.run_for(WHILE_MS);
}

#[test]
fn a_tab_unaware_of_the_sign_out_reads_no_balance() {
    let (mut world, one, two) = two_tabs();
    world.announcements = false;
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    let before = world.server.count(On::Any);
    let refresh = world.refresh(two);
    world.run_until(|world| world.answers.contains_key(&refresh));
    let said = world.answer(refresh);
    let nothing = matches!(
        said,
        Answer::Balance(BalanceResult::Unavailable { cached: None, .. })
    );
    assert!(nothing, "{said:?}");
    assert_eq!(world.server.count(On::Any), before);
    assert_eq!(world.cache.now(), None);
}

#[test]
fn a_frozen_tab_is_signed_out_when_it_thaws() {
    let (mut world, one, two) = two_tabs();
    world.go_online(false);
    let open = world.charge(two, "t1", 5);
    world.wait(open);
    world.freeze(two);
    let out = world.sign_out(one);
    let took_ms = is_answered(&mut world, out);
    assert!(took_ms < 1_500, "it has claimed nothing: {took_ms} ms");
    world.online = true;
    world.run_for(WHILE_MS);
    world.thaw(two);
    world.go_online(true);
    world.run_for(WHILE_MS);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    assert_eq!(world.snapshot(two).balance, None);
}

#[test]
fn sign_out_waits_for_a_frozen_tabs_claim() {
    let (mut world, one, two) = two_tabs();
    let charge = world.charge(two, "t1", 5);
    // The claim is in the journal, and its tab does not know yet.
    let committed = |what: &Happening| matches!(what, Happening::Committed { .. });
    world.run_until(|world| world.happenings.any(committed));
    world.freeze(two);
    let out = world.sign_out(one);
    let took_ms = is_answered(&mut world, out);
    assert!(took_ms >= LAUNCH_WITHIN_MS, "{took_ms} ms");
    assert_eq!(world.counts.spins, 0, "a deadline stayed in the past");
    world.thaw(two);
    world.run_for(WHILE_MS);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    assert!(world.answers.contains_key(&charge));
}

#[test]
fn an_answer_after_another_tabs_sign_out_is_still_written() {
    let (mut world, one, two) = two_tabs();
    world.server.fault(On::Charge, 1, Fault::Late(500));
    let charge = world.charge(two, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    world.run_for(1_000);
    assert!(world.journal.records[&key("t1")].receipt().is_some());
    let said = word(world.outcome(charge));
    assert!(said.starts_with("unknown"), "{said}");
    assert_eq!(world.snapshot(two).balance, None);
    assert_eq!(world.cache.now(), None);
}

#[test]
fn the_account_may_sign_in_again_beside_a_tab_of_the_old_session() {
    let (mut world, one, two) = two_tabs();
    world.announcements = false;
    world.freeze(two);
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    let next = world.start();
    let paid = world.charge(next, "t1", 5);
    assert_eq!(word(&world.wait(paid)), "charged");
    world.thaw(two);
    // The old tab signs out too: its session is already over, and the new one goes on.
    let again = world.sign_out(two);
    is_answered(&mut world, again);
    let paid = world.charge(next, "t2", 5);
    assert_eq!(word(&world.wait(paid)), "charged");
    assert!(world.cache.now().is_some());
    assert_eq!(world.snapshot(next).balance.unwrap().confirmed.get(), 110);
}

#[test]
fn sign_out_gives_up_on_an_unwritable_mark_after_respond_within_ms() {
    let (mut world, one, two) = two_tabs();
    world.fail_mark = true;
    let out = world.sign_out(one);
    let took_ms = is_answered(&mut world, out);
    assert_eq!(took_ms, world.config.respond_within_ms);
    // A mark that comes later would end the session of whoever has signed in since.
    world.fail_mark = false;
    let next = world.start();
    world.run_for(WHILE_MS);
    let paid = world.charge(next, "t1", 5);
    assert_eq!(word(&world.wait(paid)), "charged");
    let again = world.sign_out(two);
    is_answered(&mut world, again);
    assert!(world.journal.mark > 0);
}

#[test]
fn sign_out_retries_a_mark_that_failed_to_write() {
    let (mut world, one, _two) = two_tabs();
    world.fail_mark = true;
    let out = world.sign_out(one);
    world.run_for(100);
    assert!(!world.answers.contains_key(&out));
    world.fail_mark = false;
    is_answered(&mut world, out);
    assert!(world.journal.mark > 0);
}

#[test]
fn sign_out_without_locks_waits_a_second_for_other_tabs() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let out = world.sign_out(one);
    let took_ms = is_answered(&mut world, out);
    assert!((1_000..1_100).contains(&took_ms), "{took_ms} ms");
    world.tell(two, Event::Online(true));
    world.run_for(WHILE_MS);
    assert_eq!(world.snapshot(two).balance, None);
}

#[test]
fn sign_out_reports_charges_that_are_not_durable() {
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

/// The keys that the sign-out reports as open.
fn reported_open(world: &mut World, out: CallId) -> Vec<String> {
    world.run_until(|world| world.answers.contains_key(&out));
    let Answer::SignedOut(open) = world.answer(out) else {
        panic!()
    };
    open.iter()
        .map(|record| record.key.as_str().to_owned())
        .collect()
}

#[test]
fn sign_out_reports_open_charges_of_other_tabs() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let paid = world.charge(two, "paid", 5);
    world.wait(paid);
    world.go_online(false);
    let open = world.charge(two, "open", 6);
    world.wait(open);
    let out = world.sign_out(one);
    assert_eq!(reported_open(&mut world, out), ["f:open"]);
    world.run_for(100);
    let kept: Vec<&str> = world.journal.records.keys().map(Key::as_str).collect();
    assert_eq!(kept, ["f:open"]);
}

#[test]
fn sign_out_reports_known_charges_if_the_journal_hangs() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let open = world.charge(tab, "open", 6);
    world.wait(open);
    let asked_ms = world.now.mono_ms;
    let out = world.sign_out(tab);
    let load = |what: &Happening| matches!(what, Happening::Load { .. });
    world.happenings.cancel(load);
    assert_eq!(reported_open(&mut world, out), ["f:open"]);
    let waited_ms = world.now.mono_ms - asked_ms;
    assert_eq!(waited_ms, world.config.respond_within_ms);

    let again = world.sign_out(tab);
    world.close(tab);
    assert_eq!(reported_open(&mut world, again), ["f:open"]);
}

#[test]
fn sign_out_deletes_settled_charges_and_keeps_open_ones() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "paid", 5);
    world.wait(call);
    world.go_online(false);
    let call = world.charge(tab, "open", 6);
    world.wait(call);
    let out = world.sign_out(tab);
    assert_eq!(reported_open(&mut world, out), ["f:open"]);
    world.run_for(100);
    assert_eq!(world.cache.now(), None);
    assert_eq!(
        world
            .journal
            .records
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
fn sign_out_during_a_claim_sends_nothing() {
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
fn an_unsent_charge_can_be_cancelled_after_sign_out() {
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
    // If the cancel can't be written, the next sign-in would send the charge.
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
fn cancel_of_a_sent_charge_after_sign_out_is_unknown_and_never_resent() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.sign_out(tab);
    let cancel = world.cancel(tab, "t1");
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    assert!(world.journal.records[&key("t1")].is_cancelling());
    world.server.heal();
    world.crash(tab);
    world.start();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 0);
}

#[test]
fn nothing_is_told_as_being_resolved_after_sign_out() {
    let mut world = World::with(|config| config.max_attempts = 1);
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    // One attempt has been lost, the other is under way.
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    let lost = world.charge(one, "t1", 5);
    world.wait(lost);
    world.server.rule(|_| Some(Fault::Hang));
    let under_way = world.retry(one, "t1");
    let out = world.sign_out(one);
    assert!(is_unresolved(world.outcome(under_way)));
    is_answered(&mut world, out);
    let Answer::SignedOut(open) = world.answer(out) else {
        panic!("it is not signed out");
    };
    let shown = open.iter().filter_map(|record| record.outcome.as_ref());
    assert_eq!(shown.filter(|outcome| is_unresolved(outcome)).count(), 1);
    for tab in [one, two] {
        for call in [world.retry(tab, "t1"), world.cancel(tab, "t1")] {
            let outcome = world.wait(call);
            assert!(is_unresolved(&outcome), "tab{tab}: {outcome:?}");
        }
        let show = world.show(tab, "t1");
        world.run_until(|world| world.answers.contains_key(&show));
        let Answer::Record(Some(record)) = world.answer(show) else {
            panic!("the record is gone");
        };
        assert!(record.outcome.as_ref().is_some_and(is_unresolved));
        let all = world.list(tab, None);
        let mut shown = all.iter().filter_map(|record| record.outcome.as_ref());
        assert!(shown.all(is_unresolved));
    }
}

#[test]
fn a_settled_call_that_goes_on_waiting_after_sign_out_is_told_the_verdict() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    let lost = world.charge(tab, "t1", 5);
    world.wait(lost);
    let settled = world.settled(tab, "t1");
    world.sign_out(tab);
    world.run_for(1_000);
    assert!(!world.answers.contains_key(&settled), "nothing is certain");
    world.start();
    world.settle();
    assert!(word(world.outcome(settled)).starts_with("charged"));
}

/// Whether this is an unknown outcome at which this client is at work no more.
fn is_unresolved(outcome: &Outcome) -> bool {
    matches!(
        outcome.what,
        What::Unknown {
            resolving: false,
            ..
        }
    )
}

#[test]
fn every_tab_knows_that_it_is_signed_out() {
    let (mut world, one, two) = two_tabs();
    assert!(!world.engine(one).is_signed_out());
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    for tab in [one, two] {
        assert!(world.engine(tab).is_signed_out(), "tab{tab}");
    }
}

#[test]
fn what_is_settled_is_shown_no_more_after_a_sign_out() {
    let (mut world, one, two) = two_tabs();
    let charged = world.charge(one, "t1", 5);
    world.wait(charged);
    world.settle();
    let stored = Some(world.journal.read(true));
    assert_eq!(world.list(two, stored.clone()).len(), 1);
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    // As a reading shows it that began before the deletion.
    for tab in [one, two] {
        assert_eq!(world.list(tab, stored.clone()), []);
    }
}

#[test]
fn calls_about_a_settled_charge_are_answered_though_sign_out_deletes_it() {
    let (mut world, one, _) = two_tabs();
    let declined = world.charge(one, "t1", 500);
    world.wait(declined);
    // Each reads the journal first, which the sign-out does not wait for.
    let settled = world.settled(one, "t1");
    let shown = world.show(one, "t1");
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    assert_eq!(word(&world.wait(settled)), "declined InsufficientBalance");
    world.run_until(|world| world.answers.contains_key(&shown));
    let said = world.answer(shown);
    assert!(matches!(said, Answer::Record(_)), "{said:?}");
}

#[test]
fn a_repeated_sign_out_writes_the_mark_that_the_first_could_not() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_mark = true;
    let out = world.sign_out(tab);
    is_answered(&mut world, out);
    world.run_for(WHILE_MS);
    world.fail_mark = false;
    let again = world.sign_out(tab);
    is_answered(&mut world, again);
    assert!(world.journal.mark > 0);
}

#[test]
fn a_sign_out_is_marked_once_however_often_it_is_asked_for() {
    let mut world = World::new();
    let tab = world.start();
    let is_mark = |happening: &Happening| matches!(happening, Happening::Mark { .. });
    // While the mark is being written, and when it has been.
    let mut outs = vec![world.sign_out(tab)];
    let mark = world.take_out(is_mark);
    outs.push(world.sign_out(tab));
    assert!(!world.happenings.any(is_mark));
    world.happenings.plan_last(world.now.mono_ms, mark);
    for out in outs {
        is_answered(&mut world, out);
    }
    let again = world.sign_out(tab);
    assert!(!world.happenings.any(is_mark));
    is_answered(&mut world, again);
}

#[test]
fn a_repeated_sign_out_reports_what_is_open_by_then() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let open = world.charge(tab, "open", 6);
    world.wait(open);
    let out = world.sign_out(tab);
    assert_eq!(reported_open(&mut world, out), ["f:open"]);
    // The account signs in again, and the charge is made.
    world.announcements = false;
    world.go_online(true);
    world.start();
    world.run_for(1_000);
    assert_eq!(world.server.times_charged("f:open"), 1);
    let again = world.sign_out(tab);
    assert!(reported_open(&mut world, again).is_empty());
}

#[test]
fn a_charge_refused_after_sign_out_ends_no_call_about_the_same_charge_of_another_tab() {
    let (mut world, one, two) = two_tabs();
    world.announcements = false;
    world.go_online(false);
    let open = world.charge(one, "t1", 5);
    world.wait(open);
    let out = world.sign_out(one);
    is_answered(&mut world, out);
    let late = world.charge(two, "t1", 5);
    let settled = world.settled(two, "t1");
    world.run_for(100);
    assert_eq!(world.answer(late), &Answer::Closed);
    assert!(!world.answers.contains_key(&settled));
    // The next sign-in sends it.
    world.go_online(true);
    world.start();
    assert_eq!(word(&world.wait(settled)), "charged");
}

#[test]
fn a_transaction_that_finds_the_mark_signs_the_tab_out() {
    let mut world = World::new();
    let tab = world.start();
    let (now, charge) = (world.now, world.request("t1", 5));
    let request = CallRequest::Charge(charge);
    let engine = world.engine(tab);
    engine.handle(now, Event::Call { id: 1, request });
    while engine.poll().is_some() {}
    let refused = Applied {
        record: None,
        write: Write::Keep,
        done: false,
        unreadable: None,
        lost: false,
        signed_out: true,
    };
    engine.handle(now, Event::Journaled(Ok(vec![refused])));
    assert!(engine.is_signed_out());
}
