// One charge, one request. The application supplies the idempotency key: no peer makes one.
export const headers = (charge) => ({
  "content-type": "application/json",
  "idempotency-key": charge.taskId,
});

export async function post(charge) {
  const response = await fetch("/charges", {
    method: "POST",
    headers: headers(charge),
    body: JSON.stringify(charge),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}
