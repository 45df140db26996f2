/** The charges that every adapter keeps and sends: about 200 bytes of JSON each. */

/**
 * @typedef {object} Charge
 * @property {string} taskId also its idempotency key
 * @property {number} amount
 * @property {string} feature
 * @property {string} createdAt
 * @property {string} note
 */

/** @param {number} index */
export const taskId = (index) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;

/**
 * @param {number} index
 * @returns {Charge}
 */
export const makeCharge = (index) => ({
  taskId: taskId(index),
  amount: 1 + (index % 5),
  feature: "cloud_trans",
  createdAt: "2025-01-01T00:00:00.000Z",
  note: "lecture recording 42 min, zh -> en, part 3 of 7, high accuracy",
});

/**
 * @param {number} from
 * @param {number} count
 */
export const makeCharges = (from, count) =>
  Array.from({ length: count }, (_, index) => makeCharge(from + index));
