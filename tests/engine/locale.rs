//! The locale of everything told: set at opening, and changed at any time.

use tollbox::core::engine::{Event, Notice};
use tollbox::core::locale::Locale;

use super::script::World;
use super::server::{Fault, On};

/// Whether the text is Chinese.
fn is_chinese(text: &str) -> bool {
    let whole = !text.contains(|letter: char| letter.is_control());
    assert!(whole, "{text:?} is told in one language");
    text.chars()
        .any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter))
}

fn detail_of(world: &mut World, tab: usize, task: &str) -> String {
    let key = super::script::key(task);
    let records = world.journal.records.values().cloned().collect();
    let shown = world.list(tab, Some(records));
    let record = shown.into_iter().find(|record| record.key == key).unwrap();
    let outcome = record.outcome.unwrap();
    outcome.what.detail().unwrap().to_owned()
}

#[test]
fn earlier_charges_and_alerts_are_told_in_the_current_locale() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let lost = world.charge(tab, "lost", 5);
    world.wait(lost);
    world.go_online(false);
    for task in ["waits", "given-up"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    let cancel = world.cancel(tab, "given-up");
    world.wait(cancel);
    let tasks = ["lost", "given-up"];
    for task in tasks {
        assert!(!is_chinese(&detail_of(&mut world, tab, task)), "{task}");
    }
    let before = world.snapshot(tab).alerts;
    assert!(!before.is_empty() && before.iter().all(|alert| !is_chinese(&alert.detail)));
    for (locale, chinese) in [(Locale::ZhCn, true), (Locale::En, false)] {
        world.tell(tab, Event::Locale(locale));
        for task in tasks {
            assert_eq!(
                is_chinese(&detail_of(&mut world, tab, task)),
                chinese,
                "{task}"
            );
        }
        let alerts = world.snapshot(tab).alerts;
        assert!(
            alerts
                .iter()
                .all(|alert| is_chinese(&alert.detail) == chinese)
        );
        let again = world.charge(tab, "waits", 5);
        let said = world.wait(again);
        assert_eq!(is_chinese(said.what.detail().unwrap()), chinese);
    }
}

#[test]
fn each_tab_tells_a_charge_in_its_own_locale() {
    let mut world = World::new();
    let one = world.start();
    world.config.locale = Locale::ZhCn;
    let two = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(100);
    assert!(!is_chinese(&detail_of(&mut world, one, "t1")));
    assert!(is_chinese(&detail_of(&mut world, two, "t1")));
    let heard = world
        .notices(two)
        .iter()
        .filter_map(|(_, notice)| match notice {
            Notice::Charge(record) => record.outcome.as_ref()?.what.detail().map(str::to_owned),
            _ => None,
        });
    assert!(
        heard
            .collect::<Vec<_>>()
            .iter()
            .all(|detail| is_chinese(detail))
    );
}

#[test]
fn log_lines_and_refusals_are_in_the_current_locale() {
    let mut world = World::new();
    let tab = world.start();
    let paid = world.charge(tab, "paid", 5);
    world.wait(paid);
    world.tell(tab, Event::Locale(Locale::ZhCn));
    let logged = world.notices(tab).len();
    let conflict = world.charge(tab, "paid", 6);
    assert!(is_chinese(world.wait(conflict).what.detail().unwrap()));
    let paid = world.charge(tab, "next", 5);
    world.wait(paid);
    let lines = world.notices(tab).iter().skip(logged);
    let lines = lines.filter_map(|(_, notice)| match notice {
        Notice::Log(line) if line.key.is_some() => Some(line.message.clone()),
        _ => None,
    });
    let lines: Vec<String> = lines.collect();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| is_chinese(line)),
        "{lines:?}"
    );
}
