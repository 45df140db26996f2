import { createRoot, hydrateRoot } from "react-dom/client";
import { openBilling } from "tollbox";
import { App } from "./App.jsx";

let root;
globalThis.mount = (props) => {
  const place = document.getElementById("app");
  const app = <App {...props} />;
  if (place.hasChildNodes()) {
    root = hydrateRoot(place, app, {
      onRecoverableError: (error) => console.error("hydration", error),
    });
  } else {
    root = createRoot(place);
    root.render(app);
  }
};
globalThis.update = (props) => root.render(<App {...props} />);
globalThis.unmount = () => root.unmount();
globalThis.openClient = ({ token, ...options }) =>
  openBilling({ ...options, getToken: () => token });
