import { Component } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";
import { type BillingOptions, type ChargeRequest, openBilling } from "tollbox/inline";

type Order = BillingOptions & { token: string; request: ChargeRequest };

@Component({ selector: "shop-page", template: "<p>Shop</p>" })
class ShopPage {
  constructor() {
    const charge = async ({ token, request, ...options }: Order) => {
      const client = await openBilling({ ...options, getToken: () => token });
      return client.charge(request);
    };
    Object.assign(globalThis, { charge });
  }
}

bootstrapApplication(ShopPage);
