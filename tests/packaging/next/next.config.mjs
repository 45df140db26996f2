/** A folder for each way to build. */
export default {
  basePath: process.env.BASE_PATH ?? "",
  distDir: process.env.DIST ?? ".next",
};
