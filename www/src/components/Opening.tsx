import { useMessages } from "../i18n";
import { Story } from "./Story";

/** Stands where the desk will be. */
export function Opening() {
  const t = useMessages();
  return (
    <>
      <Story />
      <p className="opening" role="status">
        {t.opening}
      </p>
    </>
  );
}
