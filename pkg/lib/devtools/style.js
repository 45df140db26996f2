// @ts-check

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** The panel's style: a constructed sheet, which no CSP forbids, made once for all panels. */
export function styleSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  return sheet;
}

const STYLE = `
:host {
  --ground: light-dark(#ffffff, #191c1f);
  --sunken: light-dark(#f5f5f2, #131517);
  --line: light-dark(#dfdfd9, #33383c);
  --text: light-dark(#1f2427, #e8e8e4);
  --soft: light-dark(#5b6368, #a2a9ad);
  --accent: light-dark(#0e6b5b, #5cc4ac);
  --on-accent: light-dark(#ffffff, #0d1f1b);
  --good: light-dark(#0b5c4e, #6fd0b8);
  --good-ground: light-dark(#def1eb, #16352d);
  --wait: light-dark(#6f4a00, #ecc064);
  --wait-ground: light-dark(#fbeecf, #3a2d10);
  --bad: light-dark(#98271f, #f39b91);
  --bad-ground: light-dark(#fbe3df, #421f1b);
  --plain-ground: light-dark(#ecece7, #2a2f33);
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Noto Sans Mono", Consolas, monospace;
  all: initial;
  color-scheme: light dark;
  position: fixed;
  z-index: 2147483000;
  inset-block-end: 1rem;
  inset-inline-end: 1rem;
  color: var(--text);
  font: 13px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
}
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([position="bottom-left"]) { inset-inline: 1rem auto; }

*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h2, h3, p, dl, dd, ul, ol, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
svg { width: 1em; height: 1em; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }

button, select {
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--ground);
  color: inherit;
  font: inherit;
}
button { padding: 3px 10px; cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { cursor: default; opacity: 0.5; }
select { padding: 2px 4px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }

.toggle {
  display: flex;
  align-items: center;
  gap: 6px;
  min-height: 32px;
  padding: 4px 12px;
  border-radius: 999px;
  box-shadow: 0 2px 10px rgb(0 0 0 / 16%);
  font-weight: 600;
}
.toggle svg { width: 16px; height: 16px; color: var(--accent); }
.toggle .open { min-width: 18px; padding: 0 5px; border-radius: 9px; background: var(--accent); color: var(--on-accent); font-size: 11px; line-height: 18px; text-align: center; }
.toggle .dot { width: 8px; height: 8px; border-radius: 50%; background: var(--good); }
.toggle .dot[data-tone="wait"] { background: var(--wait); }
.toggle .dot[data-tone="bad"] { background: var(--bad); }

.panel {
  display: flex;
  flex-direction: column;
  width: min(440px, calc(100vw - 2rem));
  height: min(620px, calc(100vh - 2rem));
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: 12px;
  background: var(--ground);
  box-shadow: 0 8px 32px rgb(0 0 0 / 22%);
}
.head { display: flex; align-items: center; gap: 8px; padding: 10px 10px 6px 14px; }
.head svg { flex: none; width: 18px; height: 18px; color: var(--accent); }
.head h2 { font-size: 14px; font-weight: 650; white-space: nowrap; }
.head .account { flex: 1; overflow: hidden; color: var(--soft); font: 12px/1.5 var(--mono); text-overflow: ellipsis; white-space: nowrap; }
.head button { display: grid; place-items: center; width: 28px; height: 28px; padding: 0; border-color: transparent; }
.head button svg { width: 14px; height: 14px; color: var(--soft); }

[role="tablist"] { display: flex; gap: 2px; padding: 0 10px; border-bottom: 1px solid var(--line); }
[role="tab"] { display: flex; align-items: center; gap: 6px; padding: 6px 9px; border: 0; border-bottom: 2px solid transparent; border-radius: 6px 6px 0 0; margin-bottom: -1px; background: none; color: var(--soft); }
[role="tab"]:hover { color: var(--text); }
[role="tab"][aria-selected="true"] { border-bottom-color: var(--accent); color: var(--text); font-weight: 600; }
.tally { min-width: 18px; padding: 0 5px; border-radius: 9px; background: var(--plain-ground); color: var(--soft); font-size: 11px; font-weight: 500; line-height: 17px; text-align: center; }
.tally[data-tone="wait"] { background: var(--wait-ground); color: var(--wait); }

[role="tabpanel"] { flex: 1; overflow: auto; padding: 14px; overscroll-behavior: contain; scrollbar-gutter: stable; scrollbar-width: thin; }
section { margin-bottom: 18px; }
h3 { margin-bottom: 6px; color: var(--soft); font-size: 11px; font-weight: 650; letter-spacing: 0.04em; text-transform: uppercase; }
.sub { margin: 10px 0 4px; }
dt, .soft { color: var(--soft); }
.key { font: 12px/1.5 var(--mono); overflow-wrap: anywhere; }
.number, dd, time { font-variant-numeric: tabular-nums; }
.line { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; }

.badge { flex: none; display: inline-block; padding: 0 7px; border-radius: 5px; background: var(--plain-ground); font-size: 11.5px; line-height: 19px; }
.badge:is([data-tone="good"], [data-tone="success"]) { background: var(--good-ground); color: var(--good); }
.badge:is([data-tone="wait"], [data-tone="pending"], [data-tone="retrying"], [data-tone="unknown"]) { background: var(--wait-ground); color: var(--wait); }
.badge:is([data-tone="bad"], [data-tone="failed"]) { background: var(--bad-ground); color: var(--bad); }

.balance { display: grid; grid-template-columns: 1.4fr 1fr 1fr; gap: 8px; margin-bottom: 8px; }
.balance div { padding: 8px 12px; border-radius: 8px; background: var(--sunken); }
.balance dd { overflow: hidden; font-size: 20px; font-weight: 600; line-height: 1.3; text-overflow: ellipsis; }
.balance .available dd { color: var(--accent); }
.counts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 8px; }
.counts div { display: flex; flex-direction: column-reverse; padding: 6px 12px; border-radius: 8px; background: var(--sunken); }
.counts dd { font-size: 16px; font-weight: 600; }
.counts dd[data-none] { color: var(--soft); font-weight: 400; }
.pairs > div { display: grid; grid-template-columns: 10.5em 1fr; gap: 8px; padding: 3px 0; }
.rows li { display: flex; justify-content: space-between; gap: 12px; padding: 3px 0; border-bottom: 1px solid var(--line); }
.rows li:last-child { border: 0; }
.rows .number { white-space: nowrap; }
progress { width: 100%; height: 6px; accent-color: var(--accent); }

.charges { margin-top: 10px; }
.charges > li { border-top: 1px solid var(--line); }
.charges > li:last-child { border-bottom: 1px solid var(--line); }
summary { display: flex; align-items: center; gap: 8px; padding: 6px 4px; border-radius: 6px; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: ""; flex: none; width: 5px; height: 5px; border: solid var(--soft); border-width: 0 1.5px 1.5px 0; transform: rotate(-45deg); transition: transform 100ms; }
details[open] > summary::before { transform: rotate(45deg); }
summary:hover { background: var(--sunken); }
summary .key { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
summary .number { white-space: nowrap; }
summary time { flex: none; font-size: 12px; }
.inner { padding: 4px 6px 12px 17px; }
.inner .pairs { margin-top: 8px; }
.history li { display: flex; align-items: baseline; gap: 8px; padding: 2px 0; }
pre { max-height: 14em; overflow: auto; padding: 8px 10px; border-radius: 8px; background: var(--sunken); font: 12px/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }

.alerts li { padding: 6px 0; border-bottom: 1px solid var(--line); }
.alerts li:last-child { border: 0; }
.log { margin-top: 10px; font-size: 12.5px; }
.log li { display: grid; grid-template-columns: auto 3.4em 1fr; gap: 8px; padding: 2px 0; overflow-wrap: anywhere; }
.log .level { color: var(--soft); }
.log [data-level="error"] .level, .log [data-level="error"] > span:last-child { color: var(--bad); }

.foot { display: flex; align-items: center; gap: 8px; min-height: 46px; padding: 8px 14px; border-top: 1px solid var(--line); background: var(--sunken); }
.foot output { flex: 1; color: var(--soft); font-size: 12px; line-height: 1.35; overflow-wrap: anywhere; }
.foot .primary { border-color: transparent; background: var(--accent); color: var(--on-accent); font-weight: 600; }

@media (max-width: 440px) {
  [role="tablist"] { padding: 0 4px; }
  [role="tab"] { flex: 1; justify-content: center; gap: 4px; padding: 6px 2px; }
  .tally { min-width: 16px; padding: 0 4px; }
  .balance { grid-template-columns: repeat(3, 1fr); }
  .balance div, .counts div { padding: 6px 8px; }
  .counts { grid-template-columns: repeat(2, 1fr); }
  .pairs > div { grid-template-columns: 8em 1fr; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media (forced-colors: active) { .badge, .balance div, .counts div { border: 1px solid; } }
`;
