// @vitest-environment jsdom

import { openBilling } from "tollbox";
import { openBilling as openInline } from "tollbox/inline";
import { expect, test } from "vitest";

const { baseUrl, token, ...options } = JSON.parse(process.env.ORDER);

test.each([
  ["tollbox", openBilling],
  ["tollbox/inline", openInline],
])("%s charges in jsdom", async (name, open) => {
  const client = await open({ ...options, baseUrl, getToken: () => token });
  const outcome = await client.charge({ taskId: name, amount: 3, feature: "cloud_trans" });
  await client.close();
  expect(outcome).toMatchObject({ status: "charged" });
});
