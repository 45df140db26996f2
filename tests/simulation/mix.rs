//! The mix of one run: the client's configuration, the weights of user actions, and the rates of
//! faults. Some runs are calm, some are not.

use tollbox::core::backoff::Backoff;
use tollbox::core::config::{Config, OfflineSpend};
use tollbox::core::points::Points;

use super::class::{Class, Classes};
use super::dice::Dice;
use super::middle::{self, Middle};
use super::user::Action;

/// Rates in thousandths.
pub struct Mix {
    pub config: Config,
    pub classes: Classes,
    pub seed_balance: u64,
    pub key_ttl_ms: Option<u64>,
    /// The most tabs open at once.
    pub most_tabs: usize,
    /// The number of actions of the user and the world before the faults stop.
    pub actions: u64,
    /// Bounds of the time between two actions.
    pub gaps_ms: &'static [u64],
    pub weights: Vec<(u64, Action)>,
    pub lose_request: u64,
    pub lose_answer: u64,
    pub hang: u64,
    pub slow: u64,
    pub twice: u64,
    pub late: u64,
    pub late_loss: u64,
    /// How long after its time limit a request may still arrive.
    pub late_ms: u64,
    pub bad_answer: u64,
    pub no_batches: bool,
    pub dates: bool,
    pub no_token: u64,
    pub lose_announcement: u64,
    pub slow_announcement: u64,
    pub no_locks: bool,
    pub abort_write: u64,
    pub slow_write: u64,
    pub fail_read: u64,
    pub freeze: u64,
    /// The rate of conclusions that nothing was taken that can't be written.
    pub fail_conclusion: u64,
    /// Whether keys have characters that a header can't carry.
    pub odd_keys: bool,
    /// Whether the server decodes such keys.
    pub decodes_keys: bool,
    /// The middleboxes between client and server.
    pub middle: Middle,
    /// The time limits to draw from; each tab has one.
    pub limits_ms: &'static [u64],
    pub slow_token: u64,
    /// Whether the server rejects requests for another account than the token's.
    pub checks_accounts: bool,
    /// The longest time for which the server holds points, in seconds, if it keeps holds.
    pub longest_hold_s: Option<u64>,
    /// The browser's connections to the server, if they are few.
    pub connections: Option<usize>,
}

impl Mix {
    pub fn draw(classes: Classes, late_ms: u64, dice: &mut Dice) -> Mix {
        let mut active = Classes::NONE;
        for (class, _) in Class::ALL {
            // Drawn for every class, so that leaving one out changes as little as possible; except
            // for later classes, which change nothing if left out.
            let drawn = class.came_later() || dice.chance(650);
            if (drawn || classes.insists_on(class)) && classes.has(class) {
                active = active.with(class);
            }
        }
        let clocks = active.has(Class::Clocks) && !classes.has(Class::BlindClocks);
        let dies = [Class::Crashes, Class::NoDatabase, Class::Damage];
        let dies = dies.into_iter().any(|class| active.has(class));
        if clocks && (dies || active.has(Class::Tabs)) {
            active = active.without(Class::Late).without(Class::LateLoss);
        }
        if clocks && active.has(Class::KeyTtl) {
            // Later tabs know that a clock was set back only if that could be written.
            active = active.without(Class::Writes).without(Class::NoDatabase);
        }
        let dates = dice.chance(500);
        if active.has(Class::KeyTtl) {
            // A client that forgets a charge, as the server does, may make it again.
            for forgets in [Class::Forgetting, Class::Wipe, Class::SignOut] {
                active = active.without(forgets);
            }
        }
        let mut rate = |class: Class, most: u64| {
            let rate = dice.skewed(&[most / 10, most / 3, most]);
            if active.has(class) { rate } else { 0 }
        };
        let mut mix = Mix {
            lose_request: rate(Class::Network, 300),
            lose_answer: rate(Class::Network, 300),
            hang: rate(Class::Network, 150),
            slow: rate(Class::Network, 400),
            twice: rate(Class::Twice, 400),
            late: rate(Class::Late, 500),
            late_loss: rate(Class::LateLoss, 300),
            late_ms,
            bad_answer: rate(Class::Answers, 500),
            no_token: rate(Class::Tokens, 100),
            lose_announcement: rate(Class::Tabs, 700),
            slow_announcement: rate(Class::Tabs, 500),
            abort_write: rate(Class::Writes, 200),
            slow_write: rate(Class::Writes, 300),
            fail_read: rate(Class::Reads, 500),
            freeze: 0,
            fail_conclusion: 0,
            odd_keys: false,
            decodes_keys: false,
            middle: Middle::default(),
            limits_ms: &[],
            slow_token: 0,
            checks_accounts: true,
            longest_hold_s: None,
            connections: None,
            config: config(active, dice),
            seed_balance: dice.pick(&[0, 5, 40, 200, 100_000]),
            key_ttl_ms: None,
            most_tabs: 1,
            actions: dice.skewed(&[8, 30, 60, 150]) + 2,
            gaps_ms: dice.pick(&[
                &[20_u64, 200, 2_000][..],
                &[5, 5_000, 60_000],
                &[50, 10_000, 600_000],
            ]),
            weights: Vec::new(),
            no_batches: dice.chance(200),
            no_locks: dice.chance(100),
            dates,
            classes: active,
        };
        mix.most_tabs = match active.has(Class::Tabs) {
            true => dice.between(2, 4) as usize,
            false => 1,
        };
        if active.has(Class::KeyTtl) {
            mix.key_ttl_ms = Some(mix.config.key_ttl_ms);
        }
        mix.weights = weights(active, dice);
        if active.has(Class::Frozen) {
            mix.freeze = dice.skewed(&[20, 70, 200]);
        }
        if active.has(Class::Conclusions) {
            mix.fail_conclusion = dice.skewed(&[100, 500, 1_000]);
        }
        let differ = active.has(Class::Limits) && dice.chance(300);
        if differ || classes.insists_on(Class::Limits) {
            mix.limits_ms = &[500, 2_000, 10_000];
        }
        if active.has(Class::SignOut) {
            mix.slow_token = dice.skewed(&[20, 70, 200]);
            mix.checks_accounts = dice.chance(500) || active.has(Class::Strangers);
        }
        if active.has(Class::Keys) {
            mix.odd_keys = dice.chance(300) || classes.insists_on(Class::Keys);
            mix.decodes_keys = dice.chance(500);
        }
        if active.has(Class::Middle) && (classes.insists_on(Class::Middle) || dice.chance(500)) {
            mix.middle = Middle::draw(dice);
            mix.weights.extend(middle::weights(dice));
        }
        // What another tab tells of a hold has its end by the wall clock.
        let told_wrong = active.has(Class::Clocks) && active.has(Class::Tabs);
        let keeps_holds = active.has(Class::Holds) && !told_wrong;
        if keeps_holds && (classes.insists_on(Class::Holds) || dice.chance(400)) {
            mix.longest_hold_s = Some(dice.pick(&[5, 60, 100_000]));
            mix.weights
                .push((dice.between(0, 10), Action::HoldElsewhere));
            // Holds are those of tasks.
            mix.weights.push((dice.between(0, 20), Action::StartTask));
            mix.weights.push((dice.between(0, 20), Action::EndTask));
            mix.weights.push((dice.between(0, 6), Action::StartMany));
            mix.weights.push((dice.between(0, 3), Action::EndMany));
        }
        if active.has(Class::Connections)
            && (classes.insists_on(Class::Connections) || dice.chance(300))
        {
            mix.connections = Some(dice.pick(&[2, 6, 6]));
        }
        mix
    }

    /// Ends all faults.
    pub fn calm(&mut self) {
        *self = Mix {
            lose_request: 0,
            lose_answer: 0,
            hang: 0,
            slow: 0,
            twice: 0,
            late: 0,
            late_loss: 0,
            bad_answer: 0,
            no_token: 0,
            lose_announcement: 0,
            slow_announcement: 0,
            abort_write: 0,
            slow_write: 0,
            fail_read: 0,
            freeze: 0,
            fail_conclusion: 0,
            limits_ms: self.limits_ms,
            middle: Middle::default(),
            slow_token: 0,
            config: self.config.clone(),
            weights: Vec::new(),
            ..*self
        };
    }
}

fn config(active: Classes, dice: &mut Dice) -> Config {
    let usual = Config::default();
    let key_ttl_ms = dice.pick(&[5_000, 60_000, 600_000]);
    let keep_settled = dice.pick(&[0, 1, 5]);
    let config = Config {
        stale_after_ms: dice.pick(&[1_000, 30_000]),
        sync_every_ms: dice.pick(&[0, 30_000, 300_000]),
        max_entries: dice.pick(&[3, 10_000, 10_000, 10_000]),
        offline_spend: match dice.between(0, 4) {
            0 => OfflineSpend::Unlimited,
            1 => OfflineSpend::Deny,
            2 => Points::new(30).map_or(OfflineSpend::Deny, OfflineSpend::Points),
            _ => OfflineSpend::WithinBalance,
        },
        batch_size: dice.pick(&[1, 2, 100, 100]),
        max_attempts: dice.between(1, 4) as u32,
        max_total_attempts: dice.pick(&[1, 3, 20, 20]),
        backoff: Backoff {
            base_ms: dice.pick(&[100, 1_000, 1_000]),
            max_ms: dice.pick(&[5_000, 60_000]),
        },
        respond_within_ms: dice.pick(&[500, 8_000, 8_000, 30_000]),
        ..usual.clone()
    };
    Config {
        key_ttl_ms: match active.has(Class::KeyTtl) {
            true => key_ttl_ms,
            false => usual.key_ttl_ms,
        },
        keep_settled: match active.has(Class::Forgetting) {
            true => keep_settled,
            false => usual.keep_settled,
        },
        ..config
    }
}

fn weights(active: Classes, dice: &mut Dice) -> Vec<(u64, Action)> {
    let always = [
        (40, Action::Charge),
        (8, Action::ChargeAgain),
        (3, Action::ChargeOther),
        (3, Action::ChargeMany),
        (8, Action::Cancel),
        (8, Action::Retry),
        (6, Action::Settled),
        (3, Action::Show),
        (6, Action::Flush),
        (4, Action::Refresh),
        (3, Action::StartTask),
        (3, Action::EndTask),
        (5, Action::TopUp),
        (3, Action::ChargeElsewhere),
        (3, Action::Wake),
        (2, Action::SetPrice),
    ];
    let sometimes = [
        (Class::Tabs, 5, Action::Open),
        (Class::Crashes, 5, Action::Open),
        (Class::Aborts, 5, Action::StopWaiting),
        (Class::Crashes, 4, Action::Close),
        (Class::Crashes, 6, Action::CrashTab),
        (Class::Crashes, 4, Action::CrashBrowser),
        (Class::Network, 6, Action::ServerDown),
        (Class::Network, 6, Action::NetworkDown),
        (Class::Network, 5, Action::SayOffline),
        (Class::Network, 6, Action::SayOnline),
        (Class::Tokens, 6, Action::ExpireTokens),
        (Class::Tokens, 3, Action::RejectTokens),
        (Class::Answers, 3, Action::BlockAccount),
        (Class::Clocks, 8, Action::JumpWall),
        (Class::Writes, 5, Action::FillDisk),
        (Class::Hidden, 6, Action::Hide),
        (Class::Frozen, 3, Action::Freeze),
        (Class::KeyTtl, 4, Action::OldKey),
        (Class::Standstill, 2, Action::KeepLock),
        (Class::SignOut, 2, Action::SignOut),
        (Class::Wipe, 3, Action::Wipe),
        (Class::Damage, 4, Action::Damage),
        (Class::NoDatabase, 4, Action::LoseDatabase),
        (Class::Strangers, 4, Action::ChangeUser),
    ];
    let drawn = sometimes
        .into_iter()
        .filter(|(class, _, _)| active.has(*class));
    let weights = always
        .into_iter()
        .chain(drawn.map(|(_, weight, action)| (weight, action)));
    weights
        .map(|(weight, action)| (weight * dice.between(0, 3), action))
        .collect()
}
