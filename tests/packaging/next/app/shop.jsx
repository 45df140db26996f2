"use client";

import { useEffect } from "react";
import { openBilling } from "tollbox";

export function Shop() {
  useEffect(() => {
    globalThis.charge = async ({ token, request, ...options }) => {
      const client = await openBilling({ ...options, getToken: () => token });
      return client.charge(request);
    };
  }, []);
  return <p>Shop</p>;
}
