import type { Task } from "./tasks";

/** Saves the translation under the name of its file, with the language before the extension. */
export function download(task: Task): void {
  if (task.translation.state !== "done") return;
  const address = URL.createObjectURL(new Blob([task.translation.text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = fileNameOf(task);
  link.click();
  URL.revokeObjectURL(address);
}

function fileNameOf({ fileName, title, format, target }: Task): string {
  const stem = (fileName ?? title).replace(/\.(srt|vtt|txt)$/i, "");
  const safe = stem.replaceAll(/[/\\:*?"<>|]+/g, " ").trim();
  return `${safe || "text"}.${target}.${format}`;
}
