use tollbox::core::config::Config;

use super::outage::Outage;

/// What is played.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub outage: Outage,
    /// The requests that the server decides in a second; `None` for any number.
    pub capacity: Option<u64>,
    pub clients: usize,
    pub charges_each: u64,
    pub config: Config,
}

impl Scenario {
    /// Pages opened at any time in these 5 minutes before the outage.
    pub const OPENED_MS: u64 = 300_000;
    /// The length of the outage.
    pub const OUTAGE_MS: u64 = 600_000;
    /// The first charge of each client is made in the outage's first second.
    pub const FIRST_MS: u64 = 1_000;
    /// No scenario goes on for longer after the outage.
    pub const LIMIT_MS: u64 = 3_600_000;

    pub fn new(outage: Outage, capacity: Option<u64>, clients: usize) -> Scenario {
        Scenario {
            outage,
            capacity,
            clients,
            charges_each: 5,
            config: Config::default(),
        }
    }
}
