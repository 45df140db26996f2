// Resolves at the next localStorage write, rejects if that write fails.
// For peers that save on a timer and report neither success nor failure.
let waiting = [];
const setItem = Storage.prototype.setItem;

Storage.prototype.setItem = function (key, value) {
  const settled = waiting;
  waiting = [];
  try {
    setItem.call(this, key, value);
    for (const { resolve } of settled) resolve();
  } catch (error) {
    for (const { reject } of settled) reject(error);
    throw error;
  }
};

export const nextSave = () => new Promise((resolve, reject) => waiting.push({ resolve, reject }));
