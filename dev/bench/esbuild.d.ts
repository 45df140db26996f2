/** What is used of esbuild: types are checked where the benchmark's packages aren't installed, too. */
declare module "esbuild" {
  export function build(options: object): Promise<{ outputFiles: { text: string }[] }>;
}
