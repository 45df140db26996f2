import { openBilling } from "tollbox";
import { createApp, createSSRApp, h, shallowRef } from "vue";
import App from "./App.vue";

let app;
const props = shallowRef(null);
globalThis.mount = (given) => {
  props.value = given;
  const place = document.getElementById("app");
  const root = { render: () => h(App, props.value) };
  app = place.hasChildNodes() ? createSSRApp(root) : createApp(root);
  app.mount(place);
};
globalThis.update = (given) => {
  props.value = given;
};
globalThis.unmount = () => app.unmount();
globalThis.openClient = ({ token, ...options }) =>
  openBilling({ ...options, getToken: () => token });
