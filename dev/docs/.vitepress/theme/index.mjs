// VitePress's own theme, which has no diagrams.
import DefaultTheme from "vitepress/theme";
import Diagram from "./Diagram.vue";

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component("Diagram", Diagram);
  },
};
