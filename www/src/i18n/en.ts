import type { Declined, Failed, Unknown } from "tollbox";
import type { Differences } from "../agreement";

const open = {
  offline: "this tab is offline",
  unreachable: "the server can’t be reached",
  timeout: "no answer in time",
  busy: "the server is busy",
  server_error: "the server has a fault",
  unauthorized: "the sign-in was not accepted",
  retries_exhausted: "all attempts used up",
  key_expired: "too old to be sent again safely",
} satisfies Record<Unknown["reason"], string>;

const declined = {
  insufficient_balance: "not enough points",
  rejected: "the server declined it",
} satisfies Record<Declined["reason"], string>;

const failed = {
  invalid_request: "the server says the request is invalid",
  conflict: "the key was used for something else",
  forbidden: "not allowed",
  offline_spend_denied: "not covered by the known balance while offline",
  retries_exhausted: "all attempts used up",
  queue_full: "the queue is full",
  storage_unavailable: "the browser’s storage refused",
  cancelled: "cancelled",
} satisfies Record<Failed["reason"], string>;

export const en = {
  documentTitle: "Tollbox demo · subtitles, translated and paid once",
  brand: "Subtitle desk",
  tagline: "Tollbox demo",
  otherLanguage: "中文",
  otherLocale: "zh-CN",
  devtools: "Tollbox devtools",
  theme: { label: "Light or dark", system: "System", light: "Light", dark: "Dark" },

  story: {
    heading: "Pull the plug, kill the tab, lose the answer: the money stays right.",
    lead: "A subtitle service that is paid in points through Tollbox. Translate something, make it stormy, and compare this page with the server’s ledger.",
  },
  sections: {
    label: "Parts of the page",
    desk: "Desk",
    purse: "Purse",
    outbox: "Outbox",
    truth: "Truth",
    weather: "Weather",
    experiments: "Experiments",
    gauges: "Gauges",
  },
  signIn: {
    heading: "Pull the plug, kill the tab, lose the answer: the money stays right.",
    lead: "A subtitle service that is paid in points through Tollbox. Each translation is charged once, whatever the network does. Sign in, translate something, then break the connection and watch.",
    account: "Account name",
    hint: "Any name will do. A new account starts with points to spend; there is no password.",
    submit: "Sign in",
    busy: "Signing in…",
    failed: (why: string) => `Could not sign in: ${why}`,
    leftOpen: (count: number) =>
      `Signed out. ${count} ${count === 1 ? "charge is" : "charges are"} still open, and paid after the account’s next sign-in.`,
    out: "Sign out",
    as: "Signed in as",
  },
  opening: "Opening the billing client…",
  openFailed: "A part of the page could not be loaded, so nothing can be charged.",
  tryAgain: "Try again",
  phraseTable:
    "The translation comes from a small phrase table on the demo server. Words it doesn’t know stay as they are, marked. The charges are real: they are made against the server’s database.",

  network: { online: "Online", offline: "Offline", unreachable: "Server unreachable" },
  storage: {
    indexeddb: "Queue in IndexedDB",
    localstorage: "Queue in localStorage: may be lost in a crash",
    memory: "Queue in memory: lost on reload",
  },

  balance: {
    heading: "Purse",
    available: "available points",
    confirmed: "Confirmed",
    held: "Held",
    left: "Available",
    asOf: "Confirmed",
    stale: "may be out of date",
    fresh: "up to date",
    none: "Not known yet",
    refresh: "Refresh",
    topUp: "Top up",
    topUpPoints: "Points to add",
    line: (first: number, last: number) =>
      `Available points since this page was opened: from ${first} to ${last}`,
  },

  form: {
    heading: "Translate subtitles",
    text: "Text to translate",
    placeholder: "Paste subtitles or any text here",
    file: "Choose files",
    drop: "or drop .srt, .vtt and .txt files anywhere on this card",
    sample: "Use a sample",
    drafts: "Files to be translated",
    remove: "Remove",
    lines: (count: number) => `${count} ${count === 1 ? "line" : "lines"} of speech`,
    speechless: "nothing to translate in it",
    target: "Translate into",
    zh: "Chinese",
    en: "English",
    submit: "Translate",
    submitAll: (count: number) => `Translate all ${count}`,
    price: (points: number, characters: number) =>
      `${points} ${points === 1 ? "point" : "points"} for ${characters} ${characters === 1 ? "character" : "characters"}`,
    atMost: (points: number) => `${points} held until it is done: repeated lines are free`,
    tariff: "1 point for each started 100 characters of speech. Time codes are free.",
    unreadable: (name: string) =>
      `${name} is not taken: it has to be UTF-8 text of at most 1 MB as it is sent, in JSON.`,
  },

  tasks: {
    heading: "Your translations",
    none: "Nothing yet. What you submit appears here: its translation and its payment, told apart.",
    translated: "Translation",
    paid: "Payment",
    points: (points: number) => `${points} ${points === 1 ? "point" : "points"}`,
    saved: (most: number) => `${most} were held`,
    open: "Show",
    hide: "Hide",
    download: "Download",
    retry: "Retry",
    cancel: "Cancel",
    topUp: "Top up",
    translateAgain: "Try again",
    pay: "Charge",
    payAgain: "Charge again",
    source: "Original",
    result: "Translation",
    into: { zh: "Into Chinese", en: "Into English" },
    fromElsewhere: "The text stays in the tab that made it.",
    textLost: "The text is not kept in this tab. “Try again” brings it back and costs nothing.",
    copy: "Copy",
    copied: "Copied",
    notCopied: "The browser did not let it be copied",
  },
  translation: {
    running: "Translating…",
    progress: (done: number, total: number) => `${done} of ${total} lines`,
    done: "Done",
    failed: "Failed",
    why: (detail: string) => detail,
    interrupted: "Interrupted",
    not_started: "Not started",
    elsewhere: "In another tab",
    unseen: "Text not here",
  },
  payment: {
    charged: "Paid",
    sending: "Paying…",
    queued: "Waits to be paid",
    notDurable: "would not survive a crash",
    unknown: "Checking with the server",
    parked: "Needs you",
    declined: "Declined",
    failed: "Not paid",
    held: "Points held",
    nothingDue: "Nothing to pay",
    unbilled: "Not paid yet",
    next: (when: string) => `next attempt ${when}`,
    attempts: (count: number) => (count === 1 ? "sent once" : `sent ${count} times`),
    reference: (id: string) => `No. ${id}`,
  },
  /** What an outcome means for the customer, and what they can do. */
  advice: {
    queued: "Nothing has been taken. It is paid by itself as soon as that is possible.",
    unknown: "The points may have been taken: the answer was lost. The page asks until it knows.",
    parked: "The points may have been taken. Retry asks the server once more.",
    insufficient_balance: "Nothing was taken. Top up, then try again.",
    rejected: "Nothing was taken.",
    cancelled: "Nothing was taken. Retry pays it after all.",
    failed: "Nothing was taken. Retry tries once more.",
    nothingDue: "What is not translated costs nothing.",
    unbilled: "It is translated; Charge pays it.",
    not_started: "Nothing was taken, and nothing was translated. Try again begins anew.",
  },
  reason: { open, declined, failed },

  queue: {
    heading: "Outbox",
    lead: "Every charge is written down before it is sent. What can’t be sent waits here, also through a crash.",
    open: "Open",
    parked: "Parked",
    settled: "Settled",
    none: {
      open: "Nothing waits.",
      parked: "Nothing needs you.",
      settled: "Nothing has been settled yet.",
    },
    more: (count: number) => `and ${count} more`,
    flush: "Retry all now",
    progress: (done: number, total: number) => `${done} of ${total} sent`,
  },
  ledger: {
    heading: "The truth",
    lead: "The server’s ledger, read from its database, beside what this page says.",
    page: "This page",
    server: "Ledger",
    rows: { charges: "Charges paid", points: "Points paid", balance: "Balance" },
    doubles: "paid twice",
    losses: "lost",
    repeats: "repeats that took nothing",
    refresh: "Read again",
    unread: "Not read yet.",
    unreachable: "The ledger can’t be read now.",
    readAt: (when: string) => `Read ${when}`,
    agree: "Page and ledger agree",
    behind: (count: number) =>
      count === 1
        ? "Agree, but the answer to 1 charge in the ledger has not reached this page yet"
        : `Agree, but the answers to ${count} charges in the ledger have not reached this page yet`,
    more: (known: number, more: number) => {
      const rest = `${more} ${known === 0 ? "" : "more "}in the ledger ${more === 1 ? "is" : "are"} not known here`;
      if (known === 0) return `No charge on this page to compare; ${rest}`;
      return `Agree on this page’s ${known} ${known === 1 ? "charge" : "charges"}; ${rest}`;
    },
    disagree: ({ missing, amounts, taken }: Differences) => {
      const parts = [
        missing > 0 && `${missing} paid here can’t be found in the ledger`,
        amounts > 0 && `${amounts} ${amounts === 1 ? "has" : "have"} another amount there`,
        taken > 0 && `${taken} not paid here ${taken === 1 ? "is" : "are"} paid there`,
      ];
      return `Disagree: ${parts.filter(Boolean).join("; ")}`;
    },
    sent: (times: number) => (times === 1 ? "sent once" : `sent ${times} times, charged once`),
    charges: "Charges in the ledger",
  },
  weather: {
    heading: "The weather",
    lead: "Break the way to the billing server on purpose. Translations go on; only paying suffers.",
    server: "The billing server",
    none: "Fair",
    cut: "Cut off",
    slow: "Slow",
    lose_answers: "Lost answer",
    broken: "Server error",
    busy: "Maintenance",
    gateway: "Gateway 503",
    stranger: "Other user",
    unknown: "How the server fares is not known yet.",
    effect: {
      other: "Another fault is in force for this account. “Fair” ends it.",
      none: "The server answers as it should.",
      cut: "No request arrives. Charges wait and are sent when it is over.",
      slow: "Every answer takes 3 s.",
      lose_answers:
        "The server takes the points, and the next answer is lost on its way. Then it is fair again.",
      broken: "Every answer is 500. Charges wait, and attempts get rarer.",
      busy: "503 with Retry-After: come back in 10 s. The client waits that long.",
      gateway: "A proxy answers 503 with a web page: not the billing server’s word.",
      stranger: "Somebody else has signed in: charges wait, and nobody else pays them.",
    },
    offline: "Go offline",
    online: "Come back online",
    offlineNote:
      "Tells this tab that it is offline, as the browser would. The network itself stays, so a translation can finish and its charge has to wait.",
    expire: "Expire the token",
    expireNote: "The server refuses the token that this page has; the client asks for a new one.",
    kill: "Kill the module",
    killNote:
      "The WebAssembly module dies in the middle of a call, and a fresh one starts from the journal.",
    failed: "The fault panel did not answer.",
  },
  experiments: {
    heading: "Experiments",
    lead: "Each does at one click what people fear, and counts in the server’s ledger. It tops up what it spends.",
    story: {
      tabs: "Two tabs charge the same 10 tasks at the same moment.",
      reload:
        "This tab is left when the server has taken the points and no answer has come. A fresh page picks up the pieces.",
    },
    tabs: "Open a second tab",
    reload: "Kill this tab and come back",
    link: (name: string) => `Link to this experiment: ${name}`,
    running: "Running…",
    setback: {
      popup: "The browser did not let this page open a tab.",
      unsent: "The experiment broke off: no charge has reached the server.",
      alone: "The experiment broke off: the other tab was closed, or does not answer.",
      unkept: "The browser keeps nothing for this page, so it could not come back.",
    },
    failed: (why: string) => `The experiment broke off: ${why}`,
    tabsResult: (asked: number, wanted: number, charged: number) =>
      `${asked} calls in two tabs for ${wanted} tasks: ${charged} charges in the ledger.`,
    reloadResult: (count: { wanted: number; before: number; charged: number; known: number }) =>
      `${count.wanted} charges, ${count.before} of them taken before the tab died, none answered. Afterwards: ${count.charged} in the ledger, ${count.known === count.wanted ? "all" : count.known} known as paid.`,
    verdict: (doubles: number, losses: number) => `Paid twice: ${doubles}. Lost: ${losses}.`,
  },
  storm: {
    story:
      "200 charges while the connection is cut, answers get lost, and the server is slow, busy or broken, in random order; then calm. The same weather for three ways to send them.",
    link: "Link to this experiment: Run the storm",
    run: "Run the storm",
    failed: (why: string) => `The storm broke off: ${why}`,
    progress: (rival: string, known: number, asked: number) =>
      `${rival}: ${known} of ${asked} known.`,
    stormy: "It is stormy.",
    calm: "It is calm again.",
    over: "The storm is over, and its figures are in the table.",
    rivals: { tollbox: "Tollbox", loop: "Retry loop", tanstack: "TanStack" },
    how: {
      tollbox: "this package.",
      loop: "a list in localStorage, five attempts, a new key for each request.",
      tanstack: "its offline transactions, with the task as the key, and its own retries.",
    },
    figures: {
      charged: "Charges in the ledger",
      doubles: "Charges too many",
      losses: "Lost",
      wrong: "Wrong reports",
      seconds: "Seconds to the last word",
    },
  },
  stats: {
    heading: "Gauges",
    lead: "Counts since the billing module was started; rates and times of the last 10 minutes.",
    addsUp: "Where every charge is",
    enqueued: "charges",
    charged: "paid",
    declined: "declined",
    failed: "not paid",
    unknown: "parked",
    open: "open",
    attempts: "requests to charge",
    successRate: "success rate",
    latency: "median time to answer",
    cache: "balance requests spared by the cache",
    spared: (spared: number, asked: number) => `${spared} of ${asked}`,
    milliseconds: (count: string) => `${count} ms`,
    later: "The lines begin with the second charge.",
    notLoaded: "The lines could not be loaded. Reload the page to try again.",
    successRatePlot: (now: string) => `The success rate, from 0 to 100 %; now ${now}`,
    latencyLines: "Time to answer: median, and 95 % dashed",
    latencyPlot: (median: string, slow: string) =>
      `The time to answer; now ${median} ms in the median, and at most ${slow} ms for 95 %`,
  },
  tour: {
    begin: "Take the tour",
    step: (step: number, steps: number) => `Step ${step} of ${steps}`,
    next: "Next",
    back: "Back",
    skip: "Leave the tour",
    done: "Done",
    stops: {
      desk: {
        heading: "Translate something",
        text: "Press “Use a sample”, then “Translate”. The points are held, the text is translated, and the charge is made once.",
      },
      weather: {
        heading: "Make it stormy",
        text: "Choose “Cut off” or “Lost answer”, then translate again. The translation arrives; the payment has to wait.",
      },
      outbox: {
        heading: "See what waits",
        text: "The charge is written down here, with the reason and the time of its next attempt. Choose “Fair”, and it is paid by itself.",
      },
      truth: {
        heading: "Check the books",
        text: "The server’s ledger beside this page. Whatever you do, it says: paid twice 0, lost 0.",
      },
      experiments: {
        heading: "Now kill it",
        text: "One click each: two tabs at once, a tab that dies when the points are taken and the answer is not there, and a storm that other ways of sending have to stand too.",
      },
    },
  },
  feed: {
    heading: "Alerts",
    none: "No alerts.",
    log: "Log",
    goesOn: "ongoing",
    alert: {
      success_rate_low: "Fewer charges succeed than usual",
      network_lost: "The network is gone",
      network_restored: "The network is back",
      balance_low: "The balance is low",
      queue_nearly_full: "The queue is nearly full",
      storage_degraded: "The queue is not in durable storage",
      record_quarantined: "A stored charge could not be read and was set aside",
      unauthorized: "The sign-in was not accepted",
    },
  },
  notice: {
    charged: (title: string, points: number, sent: number, left: number) =>
      `“${title}” paid: ${points} ${points === 1 ? "point" : "points"}${sent > 1 ? `, taken once although it was sent ${sent} times` : ""}. The server’s balance is ${left}.`,
    replayed: (title: string) => `“${title}” was paid before and was not charged again.`,
    other: (title: string, what: string) => `“${title}”: ${what}.`,
    fresh: (points: number) => `Balance confirmed: ${points}.`,
    unavailable: (why: string) => `The balance could not be confirmed: ${why}.`,
    toppedUp: (points: number) => `${points} points added.`,
    flush: (charged: number, remaining: number, why: string | null) =>
      `${charged} paid, ${remaining} still open${why ? `: ${why}` : ""}.`,
    tokenExpired: (points: number) =>
      `The token was refused, a new one was asked for, and the balance is confirmed: ${points}.`,
    moduleKilled: (open: number) =>
      open === 0
        ? "The billing module died, and a fresh one has taken over from the journal."
        : `The billing module died. A fresh one has taken over, with ${open} open ${open === 1 ? "charge" : "charges"} from the journal.`,
    anotherTab: "another tab is sending",
    error: (why: string) => `That did not work: ${why}`,
  },
};
