// For Node.js: the module is there as soon as this is imported.

import { readFileSync } from 'node:fs';
import { start } from './core.js';

export { Normalizer, NormalizerStream, Rows, WeirError, explain, formats, schema } from './core.js';

start(new WebAssembly.Module(readFileSync(new URL('./weir.wasm', import.meta.url))));

export async function load() {}
