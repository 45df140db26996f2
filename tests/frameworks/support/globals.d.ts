import type { BillingOptions, ChargeRequest } from "tollbox";
import type { TaskContext } from "tollbox/react";

/** What the root component of every page is given. */
export interface Props {
  /** Without them, the page's own client is given. */
  options?: Omit<BillingOptions, "getToken" | "transport" | "log"> & {
    /** Left out, there is no function that gives it. */
    token?: string | null;
  };
  /** The key of the charge that is shown. */
  chargeKey: string;
  /** Parts that are left out. */
  without?: ("charge" | "charges" | "task")[];
}

/** The globals of the pages. */
declare global {
  var mount: (props: Props) => void;
  var update: (props: Props) => void;
  var unmount: () => void;
  /** The work of the page's task. */
  var work: (request: ChargeRequest, task: TaskContext) => Promise<string>;
  /** The points of the page's task, where not 7. */
  var taskAmount: number | undefined;
  /** Called with the charge of every line of the list that is rendered. */
  var rendered: ((charge: import("tollbox").ChargeRecord) => void) | undefined;
  /** The devtools that the page has mounted. */
  var devtools: import("tollbox/devtools").MountedDevtools;
  /** Lets the work of the page's task end. */
  var finish: (value: string) => void;
}
