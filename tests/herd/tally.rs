use super::scenario::Scenario;
use super::server::On;

/// The counts of one run. Seconds count from the end of the outage.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that reached the server each second.
    pub requests: Vec<u64>,
    /// Those of them that were refused for want of time.
    pub refused: u64,
    /// Those of them that ask for the balance, which a probe does.
    pub probes: u64,
    pub batches: u64,
    pub singles: u64,
    pub look_ups: u64,
    /// Charges settled each second.
    pub settled: Vec<u64>,
    pub charges: u64,
    /// Requests that left while the server was away.
    pub in_vain: u64,
}

impl Tally {
    pub fn arrived(&mut self, on: On, at_ms: u64) {
        let Some(second) = after_outage(at_ms) else {
            return;
        };
        count(&mut self.requests, second);
        match on {
            On::Balance => self.probes += 1,
            On::Batch => self.batches += 1,
            On::Charge => self.singles += 1,
            On::LookUp => self.look_ups += 1,
            On::Hold | On::Release => unreachable!("its server keeps no holds"),
            On::Any | On::AnyCharge => unreachable!("no request is of this kind"),
        }
    }

    pub fn settled(&mut self, at_ms: u64) {
        count(&mut self.settled, after_outage(at_ms).unwrap_or(0));
    }

    /// The most requests in a second.
    pub fn peak(&self) -> u64 {
        self.requests.iter().copied().max().unwrap_or(0)
    }

    pub fn unsettled(&self) -> u64 {
        self.charges - self.settled.iter().sum::<u64>()
    }

    /// The second in which this share of the charges was settled.
    pub fn settled_within_s(&self, share: f64) -> Option<usize> {
        let wanted = (self.charges as f64 * share).ceil() as u64;
        let mut sum = 0;
        self.settled.iter().position(|settled| {
            sum += settled;
            sum >= wanted
        })
    }
}

fn after_outage(at_ms: u64) -> Option<usize> {
    let since_ms = at_ms.checked_sub(Scenario::OPENED_MS + Scenario::OUTAGE_MS)?;
    usize::try_from(since_ms / 1_000).ok()
}

fn count(seconds: &mut Vec<u64>, second: usize) {
    if seconds.len() <= second {
        seconds.resize(second + 1, 0);
    }
    seconds[second] += 1;
}
