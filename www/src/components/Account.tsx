import type { Balance } from "tollbox";
import { useLocale, useMessages } from "../i18n";
import type { PurseHistory } from "../purse";
import { PurseLine } from "./PurseLine";

const SHORTENED_FROM = 1e9;
/** Rounded down: a balance is never said to be more than it is. */
const SHORTENED = {
  notation: "compact",
  maximumFractionDigits: 1,
  roundingMode: "floor",
} as const;

/** Who is signed in and what they have, for the header. */
export function Account(props: {
  account: string;
  onSignOut: () => void;
  purse: PurseHistory;
  balance: Balance | null;
}) {
  const t = useMessages().signIn;
  return (
    <>
      <PurseChip purse={props.purse} balance={props.balance} />
      <span className="signed-in">
        <span className="visually-hidden">{t.as} </span>
        <bdi data-testid="account">{props.account}</bdi>
      </span>
      <button type="button" className="quiet" data-testid="sign-out" onClick={props.onSignOut}>
        {t.out}
      </button>
    </>
  );
}

function PurseChip({ balance, purse }: { balance: Balance | null; purse: PurseHistory }) {
  const t = useMessages().balance;
  const locale = useLocale();
  const available = balance?.available ?? 0;
  const count = new Intl.NumberFormat(locale, available < SHORTENED_FROM ? {} : SHORTENED);
  return (
    <a className="purse-chip" href="#purse" data-testid="purse-chip">
      <PurseLine purse={purse} />
      <strong
        data-testid="purse-available"
        title={balance ? new Intl.NumberFormat(locale).format(available) : undefined}
      >
        {balance ? count.format(balance.available) : "…"}
      </strong>
      <span>{t.available}</span>
      <span
        className="dot"
        data-tone={balance && !balance.stale ? "good" : "wait"}
        role="img"
        aria-label={balance && !balance.stale ? t.fresh : t.stale}
        title={balance && !balance.stale ? t.fresh : t.stale}
      />
    </a>
  );
}
