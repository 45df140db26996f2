import { buy } from "shop";

globalThis.charge = buy;
