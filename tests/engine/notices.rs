//! Notices to listeners: alerts, the network, the log.

use tollbox::core::alert::AlertKind;
use tollbox::core::config::OfflineSpend;
use tollbox::core::engine::{Event, Notice};
use tollbox::core::locale::Locale;
use tollbox::core::log::{Level, LogEntry};
use tollbox::core::points::Points;
use tollbox::core::snapshot::Network;

use super::flush::with_queue;
use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem};

pub fn logged(world: &World, tab: usize) -> Vec<LogEntry> {
    let notices = world.notices(tab).iter();
    notices
        .filter_map(|(_, notice)| match notice {
            // Debug lines tell how it came about.
            Notice::Log(line) if line.level != Level::Debug => Some(line.clone()),
            _ => None,
        })
        .collect()
}

fn levels(world: &World, tab: usize) -> Vec<Level> {
    logged(world, tab)
        .into_iter()
        .map(|line| line.level)
        .collect()
}

#[test]
fn a_low_balance_is_alerted_once_until_it_has_risen() {
    let mut world = World::with(|config| {
        config.low_watermark = Points::new(100);
    });
    let tab = world.start();
    let call = world.charge(tab, "t1", 20);
    world.wait(call);
    assert_eq!(alerts(&world, tab), [], "100 are not fewer than 100");
    for (task, amount) in [("t2", 1), ("t3", 10)] {
        let call = world.charge(tab, task, amount);
        world.wait(call);
        assert_eq!(alerts(&world, tab), [AlertKind::BalanceLow]);
    }
    world.server.top_up(100);
    world.refresh(tab);
    world.run_for(100);
    let call = world.charge(tab, "t4", 100);
    world.wait(call);
    assert_eq!(alerts(&world, tab), [AlertKind::BalanceLow; 2]);
}

#[test]
fn held_points_count_towards_a_low_balance() {
    let mut world = World::with(|config| {
        config.low_watermark = Points::new(100);
    });
    let tab = world.start();
    world.start_task(tab, "t1", 50);
    assert_eq!(alerts(&world, tab), [AlertKind::BalanceLow]);
}

#[test]
fn a_low_balance_is_not_alerted_without_a_watermark() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 120);
    world.wait(call);
    assert_eq!(alerts(&world, tab), []);
}

#[test]
fn a_queue_is_nearly_full_at_nine_tenths() {
    for (most, nearly_full) in [(10, 9), (20, 18), (3, 3), (1, 1)] {
        let mut world = World::with(|config| config.max_entries = most);
        let tab = world.start();
        world.go_online(false);
        for n in 1..=nearly_full {
            assert!(
                !alerts(&world, tab).contains(&AlertKind::QueueNearlyFull),
                "{} of {most}",
                n - 1
            );
            world.charge(tab, &format!("t{n}"), 1);
        }
        world.settle_calls();
        let nearly_full = |world: &World| {
            let alerts = alerts(world, tab).into_iter();
            alerts
                .filter(|kind| *kind == AlertKind::QueueNearlyFull)
                .count()
        };
        assert_eq!(nearly_full(&world), 1, "of {most}");
        world.go_online(true);
        world.settle();
        assert_eq!(nearly_full(&world), 1, "of {most}");
    }
}

#[test]
fn a_full_queue_that_drains_and_fills_again_is_alerted_once() {
    let mut world = World::with(|config| {
        config.max_entries = 2;
        config.offline_spend = OfflineSpend::Unlimited;
    });
    let tab = with_queue(&mut world, 7);
    world.go_online(true);
    world.flush(tab);
    world.run_for(5_000);
    assert_eq!(world.server.balance(), 113);
    let nearly_full = |world: &World| {
        let alerts = alerts(world, tab).into_iter();
        alerts
            .filter(|kind| *kind == AlertKind::QueueNearlyFull)
            .count()
    };
    assert_eq!(nearly_full(&world), 1);
    // That is over now: the next time is told of.
    world.go_online(false);
    for task in ["a", "b"] {
        world.charge(tab, task, 1);
    }
    world.settle_calls();
    assert_eq!(nearly_full(&world), 2);
}

#[test]
fn a_low_success_rate_is_alerted_once_there_are_enough_samples() {
    let mut world = World::with(|config| {
        config.min_samples = 4;
        config.alert_below_success_rate = 0.5;
        config.window_ms = 600_000;
    });
    let tab = world.start();
    let charge = |world: &mut World, task: &str, charged: bool| {
        if !charged {
            world
                .server
                .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
        }
        let call = world.charge(tab, task, 1);
        assert_eq!(word(&world.wait(call)) == "charged", charged);
    };
    for task in ["a", "b", "c"] {
        charge(&mut world, task, false);
    }
    assert_eq!(alerts(&world, tab), [], "three are too few");
    charge(&mut world, "d", false);
    assert_eq!(alerts(&world, tab), [AlertKind::SuccessRateLow]);
    // The rate rises to exactly a half, which does not end the alert, and falls again.
    for task in ["e", "f", "g", "h"] {
        charge(&mut world, task, true);
    }
    charge(&mut world, "i", false);
    assert_eq!(alerts(&world, tab), [AlertKind::SuccessRateLow]);
    for task in ["j", "k", "l"] {
        charge(&mut world, task, true);
    }
    for task in ["m", "n", "o"] {
        charge(&mut world, task, false);
    }
    assert_eq!(alerts(&world, tab), [AlertKind::SuccessRateLow; 2]);
}

#[test]
fn outcomes_outside_the_window_do_not_count() {
    let mut world = World::with(|config| {
        config.min_samples = 2;
        config.window_ms = 60_000;
    });
    let tab = world.start();
    let rejected = |world: &mut World, task: &str| {
        world
            .server
            .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
        let call = world.charge(tab, task, 1);
        world.wait(call);
    };
    rejected(&mut world, "a");
    world.run_for(61_000);
    rejected(&mut world, "b");
    assert_eq!(alerts(&world, tab), []);
    rejected(&mut world, "c");
    assert_eq!(alerts(&world, tab), [AlertKind::SuccessRateLow]);
}

#[test]
fn a_damaged_record_is_alerted_and_logged() {
    let mut world = World::new();
    let tab = world.start();
    let damaged = |details: &[&str]| Event::Unreadable {
        set_aside: details.iter().map(|detail| (*detail).to_owned()).collect(),
        left_alone: Vec::new(),
    };
    world.tell(
        tab,
        damaged(&["record 7 is damaged", "record 8 is damaged"]),
    );
    assert_eq!(alerts(&world, tab), [AlertKind::RecordQuarantined]);
    world.tell(tab, damaged(&["record 9 is damaged"]));
    assert_eq!(alerts(&world, tab), [AlertKind::RecordQuarantined; 2]);
    let notices = world.notices(tab).iter();
    let details = notices.filter_map(|(_, notice)| match notice {
        Notice::Alert(alert) => Some(alert.detail.as_str()),
        _ => None,
    });
    let details: Vec<&str> = details.collect();
    let both = "2 stored charges can't be read; the first: record 7 is damaged";
    assert_eq!(details, [both, "record 9 is damaged"]);
    let lines = logged(&world, tab);
    assert_eq!(lines.len(), 3);
    for (line, record) in lines.iter().zip(["record 7", "record 8", "record 9"]) {
        assert_eq!(line.level, Level::Error);
        assert!(line.message.contains(record));
    }
}

#[test]
fn a_record_of_a_newer_version_is_alerted_once() {
    let mut world = World::new();
    let tab = world.start();
    for _ in 0..3 {
        world.tell(
            tab,
            Event::Unreadable {
                set_aside: Vec::new(),
                left_alone: vec!["record 7 is of a newer version".into()],
            },
        );
    }
    assert_eq!(alerts(&world, tab), [AlertKind::RecordQuarantined]);
    assert_eq!(logged(&world, tab).len(), 1);
}

#[test]
fn the_network_is_announced_when_it_changes() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    world.go_online(false);
    world.go_online(true);
    world.server.fault(On::Any, 2, Fault::LoseRequest);
    world.charge(tab, "t1", 1);
    world.settle();
    let told: Vec<Network> = world
        .notices(tab)
        .iter()
        .filter_map(|(_, notice)| match notice {
            Notice::Network(network) => Some(*network),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            Network::Offline,
            Network::Online,
            Network::Unreachable,
            Network::Online
        ]
    );
    assert_eq!(
        alerts(&world, tab),
        [
            AlertKind::NetworkLost,
            // The browser's going online did not restore it.
            AlertKind::NetworkRestored
        ]
    );
}

#[test]
fn a_charge_is_logged_once_at_its_end() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    let settled = world.settled(tab, "t1");
    world.wait(call);
    world.wait(settled);
    let again = world.charge(tab, "t1", 5);
    world.wait(again);
    let lines = logged(&world, tab);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].level, Level::Info);
    assert!(lines[0].message.starts_with('✅'), "{}", lines[0].message);
    assert_eq!(lines[0].key.as_ref().unwrap().as_str(), "f:t1");
}

#[test]
fn an_open_outcome_is_logged_and_later_its_end() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.settled(tab, "t1");
    // One line for the network, one for the charge.
    assert_eq!(levels(&world, tab), [Level::Info; 2]);
    world.go_online(true);
    world.settle();
    assert_eq!(levels(&world, tab), [Level::Info; 4]);
}

#[test]
fn a_rejected_charge_is_logged_as_an_error() {
    let mut world = World::with(|config| config.locale = Locale::ZhCn);
    world.online = false;
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    let mut lines = logged(&world, tab);
    lines.retain(|line| line.key.is_some());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].level, Level::Error);
    assert!(
        lines[0].message.contains("扣费失败"),
        "{}",
        lines[0].message
    );
}

#[test]
fn a_decline_is_logged_once_as_an_error() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 500);
    world.wait(call);
    assert_eq!(levels(&world, tab), [Level::Error]);
}

#[test]
fn a_success_rate_at_the_threshold_raises_no_alert() {
    let mut world = World::with(|config| {
        config.min_samples = 4;
        config.alert_below_success_rate = 0.5;
    });
    let tab = world.start();
    for task in ["a", "b"] {
        let call = world.charge(tab, task, 1);
        world.wait(call);
    }
    for task in ["c", "d"] {
        let call = world.charge(tab, task, 1_000);
        world.wait(call);
    }
    assert_eq!(world.snapshot(tab).stats.success_rate, Some(0.5));
    assert_eq!(alerts(&world, tab), []);
}

#[test]
fn a_failure_is_logged_once_as_an_error() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed Forbidden");
    assert_eq!(levels(&world, tab), [Level::Error]);
}

#[test]
fn a_queue_is_no_longer_nearly_full_at_half() {
    let mut world = World::with(|config| config.max_entries = 10);
    let tab = with_queue(&mut world, 9);
    let nearly_full = |world: &World| {
        let alerts = world.snapshot(tab).alerts;
        alerts
            .iter()
            .any(|alert| alert.kind == AlertKind::QueueNearlyFull)
    };
    assert!(nearly_full(&world));
    for n in 0..4 {
        assert!(nearly_full(&world), "{} are open", 9 - n);
        let cancel = world.cancel(tab, &format!("t{n:03}"));
        world.wait(cancel);
    }
    assert!(!nearly_full(&world));
}

#[test]
fn a_low_success_rate_is_told_in_percent() {
    let mut world = World::with(|config| config.min_samples = 4);
    let tab = world.start();
    for (task, amount) in [("t1", 1), ("t2", 1_000), ("t3", 1_000), ("t4", 1_000)] {
        let call = world.charge(tab, task, amount);
        world.wait(call);
    }
    let alerts = world.snapshot(tab).alerts;
    let details: Vec<&str> = alerts.iter().map(|alert| alert.detail.as_str()).collect();
    assert!(
        matches!(details.as_slice(), [only] if only.contains("25 %") || only.contains("25%")),
        "{details:?}"
    );
}
