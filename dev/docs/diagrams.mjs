/**
 * Blocks in Mermaid's language become diagrams.
 *
 * @param {import("vitepress").MarkdownRenderer} markdown
 */
export function diagrams(markdown) {
  const { fence } = markdown.renderer.rules;
  markdown.renderer.rules.fence = (...args) => {
    const [tokens, index] = args;
    const { info, content } = tokens[index];
    return info === "mermaid"
      ? `<Diagram source="${markdown.utils.escapeHtml(content)}" />`
      : fence(...args);
  };
}
