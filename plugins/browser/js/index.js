// For browsers, their Workers, and bundlers: the module is fetched by `load`.

import { WeirError, isStarted, start } from './core.js';

export { Normalizer, NormalizerStream, Rows, WeirError, explain, formats, schema } from './core.js';

/** A function that uses vectors: where it is no valid module, there are none. */
const VECTORS = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

let loading;

export function load(source) {
  if (isStarted()) return Promise.resolve();
  loading ??= compiled(source).then(start).catch((error) => {
    // The next call may try again.
    loading = undefined;
    throw error;
  });
  return loading;
}

async function compiled(source) {
  // Bundlers see these two, and bring the files along.
  source ??= WebAssembly.validate(VECTORS)
    ? new URL('./weir.wasm', import.meta.url)
    : new URL('./weir-nosimd.wasm', import.meta.url);
  source = await source;
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source);
  const response = source instanceof Response ? source : await fetch(source);
  if (!response.ok) {
    const remedy = 'give load() the URL that weir-flow/weir.wasm is served at';
    throw new WeirError({ message: `${response.url}: HTTP status ${response.status}; ${remedy}`, remedy });
  }
  // A server that calls it something else has it compiled when all is there.
  if (/^application\/wasm\b/.test(response.headers.get('content-type') ?? '')) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}
