import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./components/App";
import { keepFocus } from "./keep-focus";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";

const root = document.getElementById("root");
if (root) {
  keepFocus(root);
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
