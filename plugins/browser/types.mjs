// Writes the type of the flat record beside the package's own declarations: `node types.mjs PACKAGE`.

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = resolve(process.argv[2]);
const { schema } = await import(pathToFileURL(join(folder, 'node.js')));
const { description, properties, required } = schema();

function type(property) {
  if (property.enum) return property.enum.map((word) => `'${word}'`).join(' | ');
  if (property.type === 'integer') return property.maximum > Number.MAX_SAFE_INTEGER ? 'number | bigint' : 'number';
  return property.type === 'object' ? '{ [key: string]: unknown }' : 'string';
}

const fields = Object.entries(properties).map(([key, property]) => {
  const optional = required.includes(key) ? '' : '?';
  return `  /** ${property.description} */\n  ${key}${optional}: ${type(property)};\n`;
});
writeFileSync(
  join(folder, 'record.d.ts'),
  `/** ${description} A number that JavaScript would round is a bigint. */\n` +
    `export interface FlatRecord {\n${fields.join('')}}\n`,
);
