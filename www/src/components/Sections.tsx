import { useMessages } from "../i18n";

const SECTIONS = ["desk", "weather", "experiments", "purse", "outbox", "truth", "gauges"] as const;

/** The way to each part on a screen that has them below each other. */
export function Sections() {
  const t = useMessages();
  return (
    <nav className="sections" aria-label={t.sections.label}>
      {SECTIONS.map((name) => (
        <a key={name} href={`#${name}`}>
          {t.sections[name]}
        </a>
      ))}
    </nav>
  );
}
