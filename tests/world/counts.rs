//! Counts of the events of runs.

use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub seeds: u64,
    pub simulated_ms: u64,
    /// Events reported to engines.
    pub events: u64,
    pub transactions: u64,
    pub failed_transactions: u64,
    pub requests: u64,
    pub arrivals: u64,
    pub late_arrivals: u64,
    pub calls: u64,
    /// Charges that the ledger made for these clients.
    pub charges: u64,
    pub declined: u64,
    pub failed: u64,
    pub parked: u64,
    pub crashes: u64,
    pub jumps: u64,
    /// Tasks in all announcements of tasks.
    pub tasks_told: u64,
    /// Ticks after which the deadline was still in the past.
    pub spins: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.seeds += other.seeds;
        self.simulated_ms += other.simulated_ms;
        self.events += other.events;
        self.transactions += other.transactions;
        self.failed_transactions += other.failed_transactions;
        self.requests += other.requests;
        self.arrivals += other.arrivals;
        self.late_arrivals += other.late_arrivals;
        self.calls += other.calls;
        self.charges += other.charges;
        self.declined += other.declined;
        self.failed += other.failed;
        self.parked += other.parked;
        self.crashes += other.crashes;
        self.jumps += other.jumps;
        self.tasks_told += other.tasks_told;
        self.spins += other.spins;
    }
}

impl Counts {
    pub fn lines(&self) -> String {
        format!(
            "{} seeds, {:.0} simulated hours, {} events\n\
             {} transactions, {} of them failed; {} requests, {} arrivals, {} of them late\n\
             {} calls, {} charges, {} declined, {} failed, {} parked\n\
             {} crashes, {} jumps of the wall clock",
            self.seeds,
            self.simulated_ms as f64 / 3_600_000.0,
            self.events,
            self.transactions,
            self.failed_transactions,
            self.requests,
            self.arrivals,
            self.late_arrivals,
            self.calls,
            self.charges,
            self.declined,
            self.failed,
            self.parked,
            self.crashes,
            self.jumps,
        )
    }
}
