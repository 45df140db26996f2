import { Component } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";
import { type BillingOptions, type ChargeRequest, openBilling } from "tollbox";

type Order = BillingOptions & { token: string; request: ChargeRequest };

@Component({ selector: "shop-page", template: "<p>Shop</p>" })
class ShopPage {
  constructor() {
    const charge = async ({ token, request, ...options }: Order) => {
      // angular.json copies the file there: Angular's bundler does not take it along by itself.
      const module = new URL("tollbox_bg.wasm", document.baseURI);
      const client = await openBilling({ ...options, module, getToken: () => token });
      return client.charge(request);
    };
    Object.assign(globalThis, { charge });
  }
}

bootstrapApplication(ShopPage);
