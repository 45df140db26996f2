// @redux-offline/redux-offline with its defaults (fetch effect, redux-persist 4 in localStorage);
// only the network detector is replaced. It saves the whole outbox on a timer, so an online send
// does not wait for its save.
import { offline } from "@redux-offline/redux-offline";
import defaults from "@redux-offline/redux-offline/lib/defaults";
import { createStore } from "redux";
import { nextSave } from "./next-save.js";
import { headers } from "./post.js";

let setOnline;
let store;
const outbox = () => store.getState().offline.outbox;

const dispatch = (charge) =>
  store.dispatch({
    type: "CHARGE",
    meta: {
      offline: {
        effect: { url: "/charges", method: "POST", headers: headers(charge), json: charge },
        commit: { type: "CHARGED" },
        rollback: { type: "REFUSED" },
      },
    },
  });

const emptied = () =>
  new Promise((resolve) => {
    const check = () => outbox().length || resolve();
    store.subscribe(check);
    check();
  });

export default {
  open: () =>
    new Promise((resolve) => {
      const config = {
        ...defaults,
        returnPromises: true,
        persistCallback: resolve,
        detectNetwork: (callback) => (setOnline = callback),
      };
      store = createStore((state = {}) => state, undefined, offline(config));
    }),
  count: () => outbox().length,
  load: () => outbox().map((action) => action.meta.offline.effect.json),
  enqueue(charge) {
    const saved = nextSave();
    dispatch(charge);
    return saved;
  },
  async flush() {
    if (!outbox().length) return;
    setOnline({ online: true });
    await emptied();
    await nextSave();
  },
  charge(charge) {
    setOnline({ online: true });
    return dispatch(charge);
  },
};
