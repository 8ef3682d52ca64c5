// The packed package, as others have it: installed into an empty project, its README's example checked by
// TypeScript, and bundled by what people bundle with.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test, { before } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const built = join(here, '../../../../target/browser');
const tools = join(built, 'consumers');
const project = join(tools, 'project');
const require = createRequire(join(tools, 'package.json'));
const tool = async (name) => import(pathToFileURL(require.resolve(name)));

const LINE = /^huawei 192\.168\.0\.154 -> 192\.168\.3\.25 96\n1 in, 0 rejected\n$/;

function run(program, args, options = {}) {
  const ran = spawnSync(program, args, { encoding: 'utf8', cwd: project, ...options });
  assert.equal(ran.status, 0, `${program} ${args.join(' ')}\n${ran.stdout}${ran.stderr}${ran.error ?? ''}`);
  return ran.stdout;
}

function write(name, text) {
  mkdirSync(dirname(join(project, name)), { recursive: true });
  writeFileSync(join(project, name), text);
  return join(project, name);
}

/** What npm has to have installed is what the lock file names. */
function installTools() {
  mkdirSync(tools, { recursive: true });
  const pins = ['package.json', 'package-lock.json', '.npmrc'];
  const same = (name) => existsSync(join(tools, name)) && readFileSync(join(tools, name)).equals(readFileSync(join(here, name)));
  if (pins.every(same) && existsSync(join(tools, 'node_modules/.package-lock.json'))) return;
  for (const name of pins) copyFileSync(join(here, name), join(tools, name));
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: tools, stdio: 'inherit' });
}

/** The README's first example. */
const example = () => /```ts\n([\s\S]*?)```/.exec(readFileSync(join(project, 'node_modules/weir-flow/README.md'), 'utf8'))[1];

/** The example for bundlers that do not bring the module along. */
const withUrl = () => example().replace('load()', "load(new URL('./weir.wasm', import.meta.url))");

before(() => {
  installTools();
  rmSync(project, { recursive: true, force: true });
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', built, join(built, 'weir-flow')], { encoding: 'utf8' }),
  );
  write('package.json', '{ "name": "empty", "private": true, "type": "module" }');
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(built, filename)]);
  write('example.ts', example());
  write('with-url.ts', withUrl());
});

test('the package has what it names, and nothing else', async () => {
  const installed = readdirSync(join(project, 'node_modules/weir-flow')).sort();
  const expected = [
    'LICENSE', 'README.md', 'bindings.js', 'core.js', 'error.js', 'index.d.ts', 'index.js', 'node.js', 'options.js',
    'package.json', 'record.d.ts', 'weir-nosimd.wasm', 'weir.wasm', 'zone.js',
  ];
  assert.deepEqual(installed, expected);
  const { publint } = await tool('publint');
  const { messages } = await publint({ pkgDir: join(built, 'weir-flow'), strict: true, level: 'warning' });
  assert.deepEqual(messages, []);
});

const TSC = [join(tools, 'node_modules/typescript/bin/tsc'), '--strict', '--target', 'es2022'];

test('TypeScript takes the example, and Node.js runs it', () => {
  // Both ways in which people have it find modules, with the types of browsers.
  run(process.execPath, [...TSC, '--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit', 'example.ts']);
  run(process.execPath, [...TSC, '--module', 'nodenext', '--outDir', 'compiled', 'example.ts']);
  assert.match(run(process.execPath, ['compiled/example.js']), LINE);
});

test('TypeScript knows what is right and what is wrong', () => {
  write('types.ts', `
    import { Normalizer, NormalizerStream, WeirError, explain, formats, load, schema, type FlatRecord } from 'weir-flow';
    await load('/weir.wasm');
    await load(new Uint8Array(1));
    const flat = new Normalizer({ drop: ['host'], mask: 'src_ip/24', lists: { a: ['10.0.0.0/8'] }, observedAt: new Date() });
    const record: FlatRecord = flat.normalize(new Uint8Array(1)).records[0]!;
    const bytes: number | bigint | undefined = record.bytes;
    const port: number | undefined = record.src_port;
    const kind: 'flow' | 'access' | 'attack' | 'session' = record.kind;
    const made: Uint8Array = flat.push(new Uint8Array(1));
    const ocsf = new Normalizer({ to: 'ocsf' }).normalize('').records[0]!;
    const any: unknown = ocsf['time'];
    const stream: TransformStream<Uint8Array | string, Uint8Array> = new NormalizerStream({ to: 'otel' });
    new ReadableStream<Uint8Array>().pipeThrough(new NormalizerStream());
    const one = explain('x', { from: 'huawei-vpc' })[0]!;
    if (one.result === 'rejected') console.log(one.reason.length, one.place?.[0]);
    if (one.result === 'normalized') console.log(one.record.length);
    const path: string = schema('ecs')[0]!.path;
    const id: string = formats()[0]!.keys[0]!.names[0]!;
    try { flat.finish(); } catch (error) { if (error instanceof WeirError) console.log(error.position, error.remedy.length); }
    // @ts-expect-error: there is no such option
    new Normalizer({ form: 'huawei-vpc' });
    // @ts-expect-error: there is no such schema
    new Normalizer({ to: 'xml' });
    // @ts-expect-error: there is no such field
    record.byts;
    // @ts-expect-error: it is a JSON Schema, and no list
    schema('flat')[0].path;
    // @ts-expect-error: this is no text
    flat.push('text');
    console.log(bytes, port, kind, made, any, stream, path, id);
  `);
  run(process.execPath, [...TSC, '--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit', 'types.ts']);
});

/** Runs a bundle as a browser would: it fetches the module from beside itself. */
function runBundle(file) {
  const text = readFileSync(file, 'utf8');
  assert.ok(!text.includes('node:fs'), 'the bundle is for Node.js');
  const fetching = write('fetch.mjs', `
    import { readFileSync } from 'node:fs';
    globalThis.fetch = async (url) => new Response(readFileSync(new URL(url)), { headers: { 'content-type': 'application/wasm' } });
  `);
  const output = run(process.execPath, ['--import', pathToFileURL(fetching).href, file]);
  assert.match(output, LINE);
}

/** Puts the module beside a bundle, as the README says. */
function copyModule(folder) {
  copyFileSync(join(project, 'node_modules/weir-flow/weir.wasm'), join(project, folder, 'weir.wasm'));
}

test('esbuild', async () => {
  const esbuild = await tool('esbuild');
  await esbuild.build({
    absWorkingDir: project, entryPoints: ['with-url.ts'], bundle: true, format: 'esm', platform: 'browser',
    target: 'es2022', outfile: 'esbuild/main.mjs', logLevel: 'error',
  });
  copyModule('esbuild');
  runBundle(join(project, 'esbuild/main.mjs'));
});

test('Rollup', async () => {
  const { rollup } = await tool('rollup');
  const { nodeResolve } = await tool('@rollup/plugin-node-resolve');
  run(process.execPath, [...TSC, '--module', 'esnext', '--moduleResolution', 'bundler', '--outDir', 'plain', 'with-url.ts']);
  const bundle = await rollup({
    input: join(project, 'plain/with-url.js'),
    plugins: [nodeResolve({ browser: true })],
    onwarn: (warning) => assert.fail(warning.message),
  });
  await bundle.write({ file: join(project, 'rollup/main.mjs'), format: 'es' });
  copyModule('rollup');
  runBundle(join(project, 'rollup/main.mjs'));
});

test('Vite', async () => {
  const { build } = await tool('vite');
  await build({
    root: project, base: './', logLevel: 'error', configFile: false,
    build: {
      outDir: 'vite', target: 'es2022', modulePreload: false,
      rollupOptions: { input: join(project, 'example.ts'), output: { entryFileNames: 'main.mjs' } },
    },
  });
  runBundle(join(project, 'vite/main.mjs'));
});

test('webpack', async () => {
  const { default: webpack } = await tool('webpack');
  const stats = await new Promise((resolve, reject) => {
    const compiler = webpack({
      context: project, mode: 'production', target: ['web', 'es2022'], entry: './plain/example.js',
      experiments: { outputModule: true },
      output: { path: join(project, 'webpack'), filename: 'main.mjs', module: true },
      performance: false,
    });
    run(process.execPath, [...TSC, '--module', 'esnext', '--moduleResolution', 'bundler', '--outDir', 'plain', 'example.ts']);
    compiler.run((error, stats) => compiler.close(() => (error ? reject(error) : resolve(stats))));
  });
  assert.equal(stats.hasErrors(), false, stats.toString());
  runBundle(join(project, 'webpack/main.mjs'));
});

test('without a bundler, by an import map', () => {
  cpSync(join(project, 'node_modules/weir-flow'), join(project, 'plain-map'), { recursive: true });
  run(process.execPath, [...TSC, '--module', 'esnext', '--moduleResolution', 'bundler', '--outDir', 'plain', 'example.ts']);
  const code = readFileSync(join(project, 'plain/example.js'), 'utf8').replace("'weir-flow'", "'./index.js'");
  runBundle(write('plain-map/main.mjs', code));
});
