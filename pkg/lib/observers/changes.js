// @ts-check

/** @import * as Api from "tollbox" */

/**
 * Calls `changed` with every record that changes, and without one where more may have changed than
 * records tell: settled charges are forgotten at a sign-out, and some make room for others. After a
 * reading that failed every snapshot calls it: the module may be back.
 *
 * @param {Api.BillingClient} client
 * @param {(record: Api.ChargeRecord | null) => void} changed
 * @param {() => boolean} isUnread whether the latest reading has failed
 * @returns {() => void}
 */
export function onChanges(client, changed, isUnread) {
  const ofInterest = () => {
    const { queue, balance } = client.getSnapshot();
    return { queue, isKnown: balance !== null };
  };
  let last = ofInterest();
  const ends = [
    client.on("charge", changed),
    client.subscribe(() => {
      const next = ofInterest();
      const isNew = next.queue !== last.queue || next.isKnown !== last.isKnown;
      last = next;
      if (isNew || isUnread()) {
        changed(null);
      }
    }),
  ];
  return () => {
    for (const end of ends) {
      end();
    }
  };
}
