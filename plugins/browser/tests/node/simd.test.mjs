import { join } from 'node:path';
import { packageFolder, testCorpus } from './corpus.mjs';

testCorpus(await import(join(packageFolder, 'node.js')));
