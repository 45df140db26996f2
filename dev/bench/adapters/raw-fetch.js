import { post } from "./post.js";

export default { charge: post };
