// The longest task of the page's main thread. The browser tells only of those above 50 ms.

/** @type {PerformanceEntry[]} */
const tasks = [];
const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
observer.observe({ type: "longtask", buffered: true });

/**
 * In ms, of the tasks that ended after `from`; 0 where none was above 50 ms.
 *
 * @param {number} from
 */
export async function longestTaskMs(from) {
  // The browser tells of a task some turns after its end.
  await new Promise((resolve) => setTimeout(resolve, 100));
  tasks.push(...observer.takeRecords());
  const late = tasks.filter(({ startTime, duration }) => startTime + duration > from);
  return Math.max(0, ...late.map(({ duration }) => duration));
}
