// @ts-check
/** @import { TransportRequest, TransportResponse } from "tollbox" */

const CENTS_A_POINT = 5;
// A card has no balance that a page could know. This one never runs out, and never changes.
const NO_BALANCE = { balance: Number.MAX_SAFE_INTEGER, version: 1 };

/**
 * @param {string} api where it starts, e.g. "https://pay.example/v1"
 * @param {string} customer whom it charges
 * @returns {(request: TransportRequest) => Promise<TransportResponse>}
 */
export function cardTransport(api, customer) {
  return async ({ method, path, headers, body, signal }) => {
    const [operation, query] = path.split("?");
    /** @type {(url: string, init?: RequestInit) => Promise<Response>} */
    const ask = (url, init) =>
      fetch(api + url, {
        cache: "no-store",
        // Followed, a POST would become a GET.
        redirect: "error",
        signal,
        ...init,
        headers: { authorization: headers.authorization ?? "", ...init?.headers },
      });

    if (operation === "balance") {
      // The client learns by it whether the server is there: never answer it without asking.
      const answer = await ask(`/customers/${customer}`);
      return answer.ok ? said(answer, 200, NO_BALANCE) : refused(answer);
    }
    if (operation === "charges/batch") {
      return problem(404, "no-batches");
    }
    if (method === "GET") {
      const key = new URLSearchParams(query).get("key") ?? "";
      const answer = await ask(`/charges?limit=100&transfer_group=${encodeURIComponent(key)}`);
      if (!answer.ok) {
        return refused(answer);
      }
      const { data } = await answer.json();
      // Declined ones are listed too.
      const charge = data.find((/** @type {any} */ one) => one.status !== "failed");
      return charge ? receipt(answer, charge, key) : problem(404, "charge-not-found");
    }
    const { amount, task_id, feature } = JSON.parse(body ?? "");
    const name = headers["idempotency-key"]?.slice(1, -1) ?? "";
    const key = decodeURIComponent(name);
    const answer = await ask("/charges", {
      method: "POST",
      headers: { "idempotency-key": name },
      body: new URLSearchParams({
        amount: String(amount * CENTS_A_POINT),
        currency: "eur",
        customer,
        transfer_group: key,
        "metadata[task_id]": task_id,
        "metadata[feature]": feature,
      }),
    });
    return answer.ok ? receipt(answer, await answer.json(), key) : refused(answer);
  };
}

/** @type {(answer: Response, charge: any, key: string) => TransportResponse} */
function receipt(answer, charge, key) {
  if (charge.status === "pending") {
    return problem(409, "request-in-progress");
  }
  return said(answer, 200, {
    charge_id: charge.id,
    idempotency_key: key,
    amount: charge.amount / CENTS_A_POINT,
    charged_at: new Date(charge.created * 1000).toISOString(),
    ...NO_BALANCE,
  });
}

/** @type {(answer: Response) => Promise<TransportResponse>} */
async function refused(answer) {
  const body = await answer.text();
  const error = errorIn(body);
  const { status } = answer;
  if (!error || status >= 500) {
    // A proxy's page, or a failure in the middle of things: the client finds it to be unknown.
    return { status, headers: Object.fromEntries(answer.headers), body };
  }
  const more = { detail: error.message };
  if (error.code === "idempotency_key_in_use") {
    return problem(409, "request-in-progress", more);
  }
  if (error.type === "idempotency_error") {
    return problem(422, "idempotency-key-reused", more);
  }
  if (status === 402) {
    return problem(402, error.code, { ...more, declined: true });
  }
  return problem(status, error.code ?? error.type, more, answer.headers);
}

/** @type {(body: string) => any} the error of the API's own words; null for anybody else's */
function errorIn(body) {
  try {
    return JSON.parse(body).error ?? null;
  } catch {
    return null;
  }
}

/** @type {(status: number, type: string, more?: object, headers?: Headers) => TransportResponse} */
function problem(status, type, more, headers) {
  return {
    status,
    headers: { ...Object.fromEntries(headers ?? []), "content-type": "application/problem+json" },
    body: JSON.stringify({ type, ...more }),
  };
}

/** @type {(answer: Response, status: number, body: object) => TransportResponse} */
function said(answer, status, body) {
  // Its Date, Age and Idempotent-Replayed tell the client how fresh it is.
  const headers = { ...Object.fromEntries(answer.headers), "content-type": "application/json" };
  return { status, headers, body: JSON.stringify(body) };
}
