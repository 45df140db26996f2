import type { Session } from "./session";

/** The demo server's own endpoints. Charges never go through here: they go through Tollbox. */

export type Language = "zh" | "en";

export interface Translation {
  task_id: string;
  translated: string;
  price: number;
}

export interface LedgerCharge {
  idempotency_key: string;
  charge_id: string;
  task_id: string;
  feature: string;
  amount: number;
  charged_at: string;
  /** How often this key reached the server. */
  requests: number;
}

/** What the server's database holds for the account. */
export interface Ledger {
  balance: number;
  version: number;
  charges: LedgerCharge[];
}

export interface About {
  faults: boolean;
  seed_balance: number;
}

/** The server answered, and its answer was no. */
export class ServerRefusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
    this.name = "ServerRefusal";
  }
}

const REQUEST_LIMIT_MS = 15_000;

export function translate(
  session: Session,
  task: { id: string; source: string; target: Language },
): Promise<Translation> {
  const body = { task_id: task.id, text: task.source, target: task.target };
  return asAccount(session, "/demo/translate", body);
}

/** Tells the server what a task of several requests costs, as the backend that did the work would. */
export function askPrice(
  session: Session,
  taskId: string,
  price: number,
): Promise<{ price: number }> {
  return asAccount(session, "/demo/price", { task_id: taskId, price });
}

export function topUp(session: Session, points: number): Promise<{ balance: number }> {
  return asAccount(session, "/demo/top-up", { points });
}

export function readLedger(session: Session): Promise<Ledger> {
  return asAccount(session, "/demo/ledger");
}

export function about(): Promise<About> {
  return call("/demo/about", {});
}

async function asAccount<T>(session: Session, path: string, body?: object): Promise<T> {
  const attempt = async (refresh: boolean): Promise<T> => {
    const token = await session.ownToken({ refresh });
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    if (!body) return call(path, { headers });
    headers["content-type"] = "application/json";
    return call(path, { method: "POST", headers, body: JSON.stringify(body) });
  };
  try {
    return await attempt(false);
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 401) return attempt(true);
    throw error;
  }
}

/** One JSON request. Rejects with a ServerRefusal where the server said no. */
export async function call<T>(path: string, init: RequestInit): Promise<T> {
  const signal = init.signal ?? AbortSignal.timeout(REQUEST_LIMIT_MS);
  const response = await fetch(path, { ...init, signal, cache: "no-store" });
  const text = await response.text();
  if (!response.ok) throw new ServerRefusal(response.status, problemDetail(text, response));
  return (text ? JSON.parse(text) : null) as T;
}

function problemDetail(text: string, response: Response): string {
  try {
    const problem = JSON.parse(text) as { detail?: string; title?: string };
    return problem.detail ?? problem.title ?? `HTTP ${response.status}`;
  } catch {
    return `HTTP ${response.status}`;
  }
}
