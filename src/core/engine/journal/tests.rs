//! How the parts that use the journal keep what they document, at their limits.

use super::super::context::Context;
use super::*;
use crate::core::backoff::Jitter;
use crate::core::charge::{Charge, ChargeRequest, Key};
use crate::core::clock::Now;
use crate::core::config::Config;
use crate::core::journal::Op;
use crate::core::outbox::{Outbox, Patience};
use crate::core::record::Record;
use crate::core::snapshot::StorageKind;

const NOW: Now = Now {
    mono_ms: 1_000,
    wall_ms: 1_700_000_000_000,
};

/// Longest wait until a failed storage is tried again, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 15_000;

fn charge(task: &str) -> Charge {
    let request = ChargeRequest {
        task_id: task.to_owned(),
        amount: 5.0,
        feature: "f".to_owned(),
        ..ChargeRequest::default()
    };
    request.into_charge(NOW.wall_ms).unwrap()
}

fn key(task: &str) -> Key {
    charge(task).key
}

fn read(task: &str) -> Op {
    Op::Read { key: key(task) }
}

fn forget(task: &str) -> Op {
    Op::Forget { key: key(task) }
}

fn adopt(task: &str) -> Op {
    Op::Adopt {
        record: Record::open(charge(task), 1),
    }
}

fn lose_age(task: &str) -> Op {
    Op::LoseAge { key: key(task) }
}

fn observe() -> Then {
    Then::Observe {
        from_peer: true,
        confirmed: None,
    }
}

fn unsaved(unread: u32) -> Then {
    let error = "full".to_owned();
    Then::Unsaved { error, unread }
}

fn context() -> Context {
    Context::new("a".to_owned(), "tab".to_owned(), Config::default(), 1)
}

/// A writer that has failed to write these.
fn failed(ops: impl IntoIterator<Item = Op>) -> Writer {
    let (mut writer, mut jitter) = (Writer::default(), Jitter::new(1));
    let backoff = Config::default().backoff;
    for op in ops {
        writer.keep_unsaved(op, NOW, &backoff, &mut jitter);
    }
    writer
}

/// The charges of the next transaction, which ends.
fn transaction(writer: &mut Writer) -> Vec<Key> {
    let ops = writer.begin().unwrap_or_default();
    writer.end();
    ops.iter().map(|op| op.key().clone()).collect()
}

#[test]
fn first_reading_goes_with_writes_and_repeated_ones_alone() {
    let mut writer = Writer::default();
    writer.push(forget("other"), observe());
    writer.push(read("t1"), unsaved(0));
    assert_eq!(transaction(&mut writer), [key("other"), key("t1")]);
    // The write failed, and the reading with it.
    writer.push(forget("other"), observe());
    writer.push(read("t1"), unsaved(1));
    assert_eq!(transaction(&mut writer), [key("t1")]);
    assert_eq!(transaction(&mut writer), [key("other")]);
}

#[test]
fn storage_is_to_be_tried_again_only_after_a_failure() {
    let (mut writer, mut jitter) = (Writer::default(), Jitter::new(1));
    assert_eq!(writer.again_at_ms(NOW), None);
    writer.failed(NOW, &Config::default().backoff, &mut jitter);
    assert!(writer.again_at_ms(NOW).is_some());
    writer.succeeded();
    assert_eq!(writer.again_at_ms(NOW), None);
}

#[test]
fn charge_requested_again_is_not_deleted() {
    let mut writer = Writer::default();
    writer.push(forget("t1"), observe());
    writer.push(forget("t2"), observe());
    writer.remember(&key("t1"));
    assert_eq!(transaction(&mut writer), [key("t2")]);
}

#[test]
fn unwritten_conclusions_are_kept_up_to_a_thousand_and_adoptions_beyond() {
    let conclusions = (0..1_001).map(|n| lose_age(&format!("t{n}")));
    let mut writer = failed(conclusions.chain([adopt("moved")]));
    assert!(writer.is_to_adopt(&key("moved")));
    writer.retry_unsaved_first();
    assert_eq!(transaction(&mut writer).len(), 1_001);
}

#[test]
fn end_of_a_charge_drops_its_own_adoption_only() {
    let mut writer = failed([adopt("ended"), adopt("open")]);
    writer.drop_adoption(&key("ended"));
    assert!(!writer.is_to_adopt(&key("ended")));
    assert!(writer.is_to_adopt(&key("open")));
}

#[test]
fn migration_writes_what_was_unwritten_first() {
    let mut writer = failed([lose_age("unwritten")]);
    writer.push(read("t1"), observe());
    writer.retry_unsaved_first();
    assert_eq!(transaction(&mut writer), [key("unwritten"), key("t1")]);
}

#[test]
fn ten_thousand_lost_charges_are_remembered() {
    let mut store = Store::new(StorageKind::IndexedDb, Earlier::Nothing);
    for n in 0..=10_000 {
        store.lose(&key(&format!("t{n}")));
    }
    assert!(store.may_have_been_sent(&key("t9999")));
    assert!(!store.may_have_been_sent(&key("t10000")));
}

#[test]
fn thousand_records_left_alone_are_reported_once_each() {
    let mut store = Store::new(StorageKind::IndexedDb, Earlier::Nothing);
    let mut cx = context();
    let mut tells = |details: Vec<String>| {
        store.unreadable(NOW, Vec::new(), details, &mut cx);
        std::iter::from_fn(|| cx.next_effect()).count() > 0
    };
    let details: Vec<String> = (0..1_000).map(|n| format!("record {n}")).collect();
    let (last, first) = details.split_last().unwrap();
    assert!(tells(first.to_vec()));
    assert!(!tells(first.to_vec()));
    assert!(tells(vec![last.clone()]));
    assert!(!tells(vec!["one more".to_owned()]));
}

#[test]
fn storage_is_tried_again_within_fifteen_seconds_however_long_it_has_failed() {
    let mut cx = context();
    let backoff = Store::backoff(&cx);
    let longest_ms = (0..1_000)
        .map(|n| backoff.delay_ms(n, &mut cx.jitter))
        .max();
    assert!(longest_ms <= Some(LONGEST_PAUSE_MS), "{longest_ms:?}");
}

#[test]
fn reading_requested_too_early_is_repeated() {
    let (mut reader, mut cx) = (Reader::new(), context());
    reader.read_anew(0, &mut cx);
    assert!(matches!(reader.ended(Ok(Vec::new())), Loaded::TooEarly));
    reader.read(0, &mut cx);
    let ended = reader.ended(Ok(Vec::new()));
    assert!(matches!(ended, Loaded::Read { .. }));
}

#[test]
fn failed_reading_is_a_failure_until_one_succeeds() {
    let (mut reader, mut cx) = (Reader::new(), context());
    reader.ended(Err("broken".to_owned()));
    assert!(!reader.works());
    reader.read(0, &mut cx);
    reader.ended(Ok(Vec::new()));
    assert!(reader.works());
}

#[test]
fn charge_is_unread_from_waking_until_it_or_the_journal_is_read() {
    let patience = Patience {
        delay_ms: 0,
        hold_ms: 0,
    };
    let mut outbox = Outbox::default();
    outbox.put(Record::open(charge("t1"), 1), true, NOW, patience);
    let (mut reader, mut cx) = (Reader::new(), context());
    reader.woke(7);
    let is_unread = |reader: &Reader, outbox: &Outbox| {
        let entry = outbox.get(&key("t1"));
        entry.is_some_and(|entry| reader.is_unread(entry))
    };
    for (read_in, unread) in [(0, true), (7, true), (8, false)] {
        outbox.update(&key("t1"), |entry| entry.read_in = read_in);
        assert_eq!(is_unread(&reader, &outbox), unread, "{read_in}");
    }
    outbox.update(&key("t1"), |entry| entry.read_in = 7);
    reader.read(0, &mut cx);
    reader.ended(Ok(Vec::new()));
    assert!(!is_unread(&reader, &outbox));
}
