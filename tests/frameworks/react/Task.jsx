import { useTask } from "tollbox/react";

export function Task() {
  const task = useTask((request, context) => globalThis.work(request, context));
  const start = () =>
    task
      .run({ taskId: "task", amount: globalThis.taskAmount ?? 7, feature: "film" })
      .catch(() => {});
  return (
    <p>
      <b data-testid="task">{task.status}</b>
      <b data-testid="task-progress">{(task.status === "running" && task.progress) || "none"}</b>
      <b data-testid="task-value">{"value" in task ? task.value : "none"}</b>
      <button type="button" data-testid="task-run" onClick={start}>
        run
      </button>
      <button type="button" data-testid="task-reset" onClick={task.reset}>
        reset
      </button>
    </p>
  );
}
