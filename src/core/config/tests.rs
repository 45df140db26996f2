//! Options as callers give them, and errors in them.

use super::*;

fn config(json: &str) -> Result<Config, InvalidArgument> {
    options(json).unwrap().into_config()
}

fn options(json: &str) -> Result<Options, Misfit> {
    Options::from_json(&Json::parse(json).unwrap())
}

#[test]
fn missing_options_have_their_defaults() {
    let config = config("{}").unwrap();
    assert_eq!(config.max_attempts, 3);
    assert_eq!(config.respond_within_ms, 8_000);
    assert_eq!(config.offline_spend, OfflineSpend::WithinBalance);
}

#[test]
fn given_options_override_the_defaults() {
    let config = config(
        r#"{"queue":{"offlineSpend":{"points":7},"batchSize":5},"retry":{"baseDelayMs":0},"locale":"zh-CN"}"#,
    )
    .unwrap();
    assert_eq!(
        config.offline_spend,
        OfflineSpend::Points(Points::new(7).unwrap())
    );
    assert_eq!(config.batch_size, 5);
    assert_eq!(config.backoff.base_ms, 0);
    assert_eq!(config.locale, Locale::ZhCn);
}

#[test]
fn invalid_options_are_rejected() {
    for json in [
        r#"{"queue":{"batchSize":101}}"#,
        r#"{"queue":{"batchSize":0}}"#,
        r#"{"queue":{"maxEntries":1.5}}"#,
        r#"{"queue":{"offlineSpend":"some"}}"#,
        r#"{"queue":{"offlineSpend":[5]}}"#,
        r#"{"retry":{"requestTimeoutMs":0}}"#,
        r#"{"retry":{"maxAttempts":-1}}"#,
        r#"{"monitor":{"alertBelowSuccessRate":2}}"#,
        r#"{"balance":{"lowWatermark":-1}}"#,
        r#"{"locale":"de"}"#,
    ] {
        assert!(config(json).is_err(), "{json}");
    }
}

#[test]
fn a_group_of_options_is_an_object_or_left_out() {
    for group in ["balance", "queue", "retry", "monitor"] {
        for wrong in ["5", "0", "\"x\"", "\"\"", "true", "false", "[]", "[5]"] {
            let json = format!(r#"{{"{group}":{wrong}}}"#);
            let told = options(&json).err().map(|misfit| misfit.to_string());
            assert_eq!(told.as_deref(), Some(group), "{json}");
        }
        let json = format!(r#"{{"{group}":null}}"#);
        assert!(config(&json).is_ok(), "{json}");
    }
}

#[test]
fn every_option_sets_its_own_field() {
    let config = config(
        r#"{"balance":{"staleAfterMs":1,"syncEveryMs":2,"lowWatermark":3},
            "queue":{"maxEntries":4,"offlineSpend":"deny","batchSize":5,"keyTtlMs":6,"keepSettled":7},
            "retry":{"maxAttempts":8,"maxTotalAttempts":9,"baseDelayMs":10,"maxDelayMs":11,
                "requestTimeoutMs":12,"respondWithinMs":13},
            "monitor":{"windowMs":14,"minSamples":15,"alertBelowSuccessRate":0.16},
            "locale":"en"}"#,
    )
    .unwrap();
    assert_eq!((config.stale_after_ms, config.sync_every_ms), (1, 2));
    assert_eq!(config.low_watermark, Points::new(3));
    assert_eq!((config.max_entries, config.batch_size), (4, 5));
    assert_eq!(config.offline_spend, OfflineSpend::Deny);
    assert_eq!((config.key_ttl_ms, config.keep_settled), (6, 7));
    assert_eq!((config.max_attempts, config.max_total_attempts), (8, 9));
    assert_eq!((config.backoff.base_ms, config.backoff.max_ms), (10, 11));
    assert_eq!(
        (config.request_timeout_ms, config.respond_within_ms),
        (12, 13)
    );
    assert_eq!((config.window_ms, config.min_samples), (14, 15));
    assert_eq!(config.alert_below_success_rate, 0.16);
    assert_eq!(config.locale, Locale::En);
}

#[test]
fn option_limits_are_inclusive() {
    for json in [
        r#"{"queue":{"batchSize":1,"maxEntries":1,"keepSettled":0}}"#,
        r#"{"queue":{"batchSize":100}}"#,
        r#"{"balance":{"staleAfterMs":0,"syncEveryMs":0,"lowWatermark":0}}"#,
        r#"{"retry":{"maxAttempts":1,"requestTimeoutMs":1,"respondWithinMs":1,"maxDelayMs":0}}"#,
        r#"{"monitor":{"alertBelowSuccessRate":0,"minSamples":1,"windowMs":1}}"#,
        r#"{"monitor":{"alertBelowSuccessRate":1}}"#,
    ] {
        assert!(config(json).is_ok(), "{json}");
    }
    for (json, policy) in [
        (r#""within_balance""#, OfflineSpend::WithinBalance),
        (r#""unlimited""#, OfflineSpend::Unlimited),
        (r#""deny""#, OfflineSpend::Deny),
    ] {
        let json = format!(r#"{{"queue":{{"offlineSpend":{json}}}}}"#);
        assert_eq!(config(&json).unwrap().offline_spend, policy);
    }
}

#[test]
fn invalid_option_is_named_in_the_error() {
    for (json, name) in [
        (r#"{"balance":{"staleAfterMs":-1}}"#, "balance.staleAfterMs"),
        (r#"{"balance":{"syncEveryMs":0.5}}"#, "balance.syncEveryMs"),
        (
            r#"{"balance":{"lowWatermark":0.5}}"#,
            "balance.lowWatermark",
        ),
        (r#"{"queue":{"maxEntries":0}}"#, "queue.maxEntries"),
        (r#"{"queue":{"keyTtlMs":-1}}"#, "queue.keyTtlMs"),
        (r#"{"queue":{"keepSettled":-1}}"#, "queue.keepSettled"),
        (
            r#"{"queue":{"offlineSpend":{"points":-1}}}"#,
            "queue.offlineSpend",
        ),
        (r#"{"retry":{"maxAttempts":0}}"#, "retry.maxAttempts"),
        (
            r#"{"retry":{"maxTotalAttempts":0}}"#,
            "retry.maxTotalAttempts",
        ),
        (r#"{"retry":{"baseDelayMs":-1}}"#, "retry.baseDelayMs"),
        (r#"{"retry":{"maxDelayMs":-1}}"#, "retry.maxDelayMs"),
        (
            r#"{"retry":{"respondWithinMs":0}}"#,
            "retry.respondWithinMs",
        ),
        (r#"{"monitor":{"windowMs":0}}"#, "monitor.windowMs"),
        (r#"{"monitor":{"minSamples":0}}"#, "monitor.minSamples"),
        (
            r#"{"monitor":{"alertBelowSuccessRate":-0.1}}"#,
            "monitor.alertBelowSuccessRate",
        ),
    ] {
        let mistake = config(json).unwrap_err();
        assert!(mistake.message.starts_with(name), "{}", mistake.message);
    }
}
