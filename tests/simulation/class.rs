//! Classes of faults. Each can be left out of all runs.

/// One class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Up to 4 tabs instead of one, and announcements that are delayed or lost.
    Tabs,
    /// Tabs and the browser die; tabs are closed and opened.
    Crashes,
    /// Requests and answers are lost, slow, or hang; outages; lies about being offline.
    Network,
    /// A POST reaches the server twice.
    Twice,
    /// 429, 503, 500, 502, garbage, foreign answers, broken batches.
    Answers,
    /// Tokens expire, are rejected for a while, or can't be had.
    Tokens,
    /// The wall clock jumps by up to a day.
    Clocks,
    /// The journal's transactions fail.
    Writes,
    /// Reading the whole journal fails.
    Reads,
    /// The server forgets keys.
    KeyTtl,
    /// Few settled charges are kept.
    Forgetting,
    /// Timers of hidden tabs are throttled.
    Hidden,
    /// Tabs stand still for minutes: all of their events wait.
    Frozen,
    /// Callers stop waiting.
    Aborts,
    /// `signOut()`.
    SignOut,
    /// The journal is wiped under running tabs.
    Wipe,
    /// A request may arrive after its time limit has passed.
    Late,
    /// A request may arrive after its client has been told that the connection failed.
    LateLoss,
    /// Tabs differ in the time limits of their requests.
    Limits,
    /// The ends of attempts can't be written, though all else can.
    Conclusions,
    /// A tab stands still for ever while it holds the lock under which one tab flushes.
    Standstill,
    /// Keys that a header can't carry as they are; some servers decode them.
    Keys,
    /// Middleboxes answer for the server, filter requests, or cache answers; and servers refuse
    /// only some kinds of requests.
    Middle,
    /// Records are damaged at rest, one at a time.
    Damage,
    /// The browser starts without the database, and has it again later.
    NoDatabase,
    /// The token becomes another user's for a while, under open clients. The server checks the
    /// account of each request.
    Strangers,
    /// The server keeps holds, and other devices hold points.
    Holds,
    /// The browser has few connections to the server, for all of its tabs.
    Connections,
    /// The wall clock is set while no tab is there to notice, or while one takes over from another:
    /// then the age of a key, and whether a request may still be under way, can't be known.
    BlindClocks,
}

impl Class {
    /// Whether the class was added after the runs of some seeds had become known.
    pub const fn came_later(self) -> bool {
        matches!(
            self,
            Class::Frozen
                | Class::Limits
                | Class::Conclusions
                | Class::Standstill
                | Class::Keys
                | Class::Middle
                | Class::Damage
                | Class::NoDatabase
                | Class::Strangers
                | Class::Holds
                | Class::Connections
        )
    }

    pub const ALL: [(Class, &'static str); 29] = [
        (Class::Tabs, "tabs"),
        (Class::Crashes, "crashes"),
        (Class::Network, "network"),
        (Class::Twice, "twice"),
        (Class::Answers, "answers"),
        (Class::Tokens, "tokens"),
        (Class::Clocks, "clocks"),
        (Class::Writes, "writes"),
        (Class::Reads, "reads"),
        (Class::KeyTtl, "key-ttl"),
        (Class::Forgetting, "forgetting"),
        (Class::Hidden, "hidden"),
        (Class::Aborts, "aborts"),
        (Class::SignOut, "sign-out"),
        (Class::Wipe, "wipe"),
        (Class::Late, "late"),
        (Class::LateLoss, "late-loss"),
        (Class::BlindClocks, "blind-clocks"),
        (Class::Frozen, "frozen"),
        (Class::Limits, "limits"),
        (Class::Conclusions, "conclusions"),
        (Class::Standstill, "standstill"),
        (Class::Keys, "keys"),
        (Class::Middle, "middle"),
        (Class::Damage, "damage"),
        (Class::NoDatabase, "no-database"),
        (Class::Strangers, "strangers"),
        (Class::Holds, "holds"),
        (Class::Connections, "connections"),
    ];
}

/// The classes that may occur, and in the bits above, those that occur in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes(u64);

/// The distance from a class's bit for "may occur" to its bit for "occurs in every run".
const IN_EVERY_RUN: u32 = 32;

impl Classes {
    pub const NONE: Classes = Classes(0);

    pub fn all() -> Classes {
        let classes = Class::ALL.into_iter();
        classes.fold(Classes::NONE, |all, (class, _)| all.with(class))
    }

    pub const fn with(self, class: Class) -> Classes {
        Classes(self.0 | 1 << class as u32)
    }

    pub const fn without(self, class: Class) -> Classes {
        Classes(self.0 & !(1 << class as u32))
    }

    pub const fn has(self, class: Class) -> bool {
        self.0 & (1 << class as u32) != 0
    }

    pub const fn insists_on(self, class: Class) -> bool {
        (self.0 >> IN_EVERY_RUN) & (1 << class as u32) != 0
    }

    /// `all`, `none`, `usual` or a class, added; with a `-` before it, taken away; with a `!`
    /// behind it, in every run; by commas.
    pub fn parse(text: &str, usual: Classes) -> Result<Classes, String> {
        let mut classes = Classes::NONE;
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            let (taken_away, name) = match word.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, word),
            };
            let (name, always) = match name.strip_suffix('!') {
                Some(name) => (name, true),
                None => (name, false),
            };
            let named = match name {
                "all" => Classes::all(),
                "none" => Classes::NONE,
                "usual" => usual,
                name => {
                    let known = Class::ALL.into_iter().find(|(_, known)| *known == name);
                    let (class, _) =
                        known.ok_or_else(|| format!("no such class of faults: {name}"))?;
                    Classes::NONE.with(class)
                }
            };
            classes = match taken_away {
                true => Classes(classes.0 & !(named.0 | named.0 << IN_EVERY_RUN)),
                false if always => Classes(classes.0 | named.0 | named.0 << IN_EVERY_RUN),
                false => Classes(classes.0 | named.0),
            };
        }
        Ok(classes)
    }

    pub fn names(self) -> String {
        let named = Class::ALL.into_iter().filter(|(class, _)| self.has(*class));
        let names = named.map(|(class, name)| match self.insists_on(class) {
            true => format!("{name}!"),
            false => name.to_owned(),
        });
        names.collect::<Vec<_>>().join(",")
    }
}
