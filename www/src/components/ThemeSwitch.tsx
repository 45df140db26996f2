import { useMessages } from "../i18n";
import { useStore } from "../store";
import { choose, THEMES, theme, themeOf } from "../theme";
import { Icon } from "./Icon";

/** Light or dark: an icon, with a list of choices lying unseen over it. */
export function ThemeSwitch() {
  const t = useMessages().theme;
  const chosen = useStore(theme);
  return (
    <label className="theme" title={`${t.label}: ${t[chosen]}`}>
      <Icon name={chosen} />
      <span className="visually-hidden">{t.label}</span>
      <select
        data-testid="theme"
        value={chosen}
        onChange={(event) => choose(themeOf(event.target.value))}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {t[name]}
          </option>
        ))}
      </select>
    </label>
  );
}
