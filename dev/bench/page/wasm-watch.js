// Watches the page's WebAssembly: when the module is there, how much memory it has, and, where asked,
// how often JavaScript calls into it. Wraps what loaders of modules call.

const counts = new URLSearchParams(location.search).has("count");

let began = 0;
let ended = 0;
let crossings = 0;
/** @type {Set<WebAssembly.Memory>} */
const memories = new Set();

const begin = () => {
  began ||= performance.now();
};

const { fetch } = globalThis;
globalThis.fetch = (resource, options) => {
  if (!ended && String(resource?.url ?? resource).endsWith(".wasm")) begin();
  return fetch(resource, options);
};

for (const name of ["compile", "compileStreaming", "instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...parameters) => {
    begin();
    const made = await original.apply(WebAssembly, parameters);
    const instance = made instanceof WebAssembly.Instance ? made : made.instance;
    if (instance) watch(instance);
    ended = performance.now();
    return made;
  };
}

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(Instance, parameters) {
    begin();
    const instance = new Instance(...parameters);
    watch(instance);
    ended = performance.now();
    return instance;
  },
});

/** @param {WebAssembly.Instance} instance */
function watch(instance) {
  const exported = { ...instance.exports };
  for (const [name, value] of Object.entries(exported)) {
    if (value instanceof WebAssembly.Memory) memories.add(value);
    if (counts && typeof value === "function") {
      exported[name] = (...parameters) => {
        crossings += 1;
        return value(...parameters);
      };
    }
  }
  if (counts) Object.defineProperty(instance, "exports", { value: exported });
}

/** From the first byte asked of the HTTP cache to the instance, in ms. 0 without a module. */
export const moduleStartMs = () => ended - began;

export const wasmBytes = () =>
  [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);

export const crossingsSoFar = () => crossings;
