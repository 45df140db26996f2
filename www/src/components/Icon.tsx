const SUN =
  "M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z";

const PATHS = {
  none: SUN,
  cut: "M9 7V3m6 4V3M6 7h12v4a6 6 0 0 1-9.5 4.9M12 17v4M4 4l16 16",
  slow: "M7 3h10M7 21h10M8 3v3c0 3 4 4 4 6s-4 3-4 6v3m8-18v3c0 3-4 4-4 6s4 3 4 6v3",
  lose_answers: "M3 6h18v7M3 6v12h9M3 6l9 7 9-7M16 16l5 5m0-5-5 5",
  broken: "M13 2 5 13h6l-1 9 9-12h-6z",
  busy: "M14.5 6.5a4 4 0 0 0-5 5L4 17l3 3 5.500-5.500a4 4 0 0 0 5-5L15 12l-3-3z",
  gateway: "M7 18a4 4 0 0 1-.5-8A6 6 0 0 1 18 9a4.500 4.500 0 0 1 0 9zM9 14h6",
  stranger:
    "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20c0-4 2.500-6 6-6s6 2 6 6M16 4.500a3.500 3.500 0 0 1 0 6.200M21 20c0-3-1.200-5-3.500-5.700",
  offline:
    "M2 9a15 15 0 0 1 20 0M5.500 12.500a10 10 0 0 1 13 0M9 16a5 5 0 0 1 6 0M12 20h.01M4 4l16 16",
  token: "M15 9a4 4 0 1 0-3.700 4L4 20v-3h3v-3h2l2.300-1",
  skull: "M12 3a8 8 0 0 0-4 15v3h8v-3a8 8 0 0 0-4-15zM9 11h.01M15 11h.01M10.500 21v-2m3 2v-2",
  upload: "M12 16V4m-5 5 5-5 5 5M4 16v4h16v-4",
  download: "M12 4v12m-5-5 5 5 5-5M4 20h16",
  file: "M6 3h8l4 4v14H6zM14 3v4h4M9 13h6m-6 4h6",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  tabs: "M4 8h12v12H4zM8 8V4h12v12h-4",
  reload: "M20 11a8 8 0 1 0-.700 4.500M20 4v7h-7",
  check: "M5 12.500 10 17 19 7",
  system: "M3 5h18v11H3zM9 20h6m-3-4v4",
  light: SUN,
  dark: "M20 14.5A8.5 8.5 0 1 1 9.5 4 7 7 0 0 0 20 14.5z",
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside words that say the same. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
