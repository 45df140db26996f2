import { hydrate, mount, unmount } from "svelte";
import { openBilling } from "tollbox";
import App from "./App.svelte";
import { Props } from "./props.svelte.js";

let app;
const props = new Props();
globalThis.mount = (given) => {
  props.given = given;
  const target = document.getElementById("app");
  const set = { target, props: props.shown() };
  app = target.hasChildNodes() ? hydrate(App, set) : mount(App, set);
};
globalThis.update = (given) => {
  props.given = given;
};
globalThis.unmount = () => unmount(app);
globalThis.openClient = ({ token, ...options }) =>
  openBilling({ ...options, getToken: () => token });
