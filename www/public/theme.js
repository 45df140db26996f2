/** The visitor's own choice of light or dark, before anything is painted. src/choices.ts keeps it. */
try {
  const chosen = localStorage.getItem("tollbox-demo:theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Without storage it is as the system has it.
}
