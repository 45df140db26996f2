// The service worker's code of docs/service-worker.md, as it stands there.

import { openBilling } from "tollbox";
import { flushOnSync } from "tollbox/service-worker";

flushOnSync({
  openBilling,
  baseUrl: "/billing/v1",
  async getToken({ account, refresh }) {
    const query = new URLSearchParams({ account, refresh: String(refresh) });
    const answer = await fetch(`/session/token?${query}`);
    if (!answer.ok) {
      throw new Error("nobody is signed in");
    }
    return answer.text();
  },
});
