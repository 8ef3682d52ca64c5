import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder, testCorpus } from './corpus.mjs';

const core = await import(join(packageFolder, 'core.js'));
core.start(new WebAssembly.Module(readFileSync(join(packageFolder, 'weir-nosimd.wasm'))));
testCorpus(core);
