/// What clients meet while the server is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Connections are refused at once.
    Refused,
    /// Nothing is answered: every request runs into its time limit.
    Silent,
    /// `503` with a problem document and `Retry-After` in seconds.
    Busy,
    /// `503` with a problem document and the date of the end in `Retry-After`: the same for all.
    BusyUntil,
    /// The devices have no network, and are all told of its return.
    Offline,
}

impl Outage {
    pub const ALL: &[Outage] = &[
        Outage::Refused,
        Outage::Silent,
        Outage::Busy,
        Outage::BusyUntil,
        Outage::Offline,
    ];

    /// Its name in the figures.
    pub fn name(self) -> &'static str {
        match self {
            Outage::Refused => "refused",
            Outage::Silent => "silent",
            Outage::Busy => "busy",
            Outage::BusyUntil => "busy-until",
            Outage::Offline => "offline",
        }
    }
}
