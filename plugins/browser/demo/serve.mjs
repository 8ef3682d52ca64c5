// Serves the page as a plain server of files would, with the headers it is best served with:
// `node serve.mjs FOLDER [PORT]`.

import { createReadStream } from 'node:fs';
import { stat, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm', '.json': 'application/json', '.log': 'text/plain; charset=utf-8', '.csv': 'text/csv; charset=utf-8',
};

/** Starts a server of a folder on this machine alone; the answer is it, and its address. */
export async function serve(folder, port = 0) {
  const page = await readFile(join(folder, 'index.html'), 'utf8');
  // A Worker that is loaded by its address has only the policy that comes with it.
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)[1];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    const file = normalize(join(folder, path.endsWith('/') ? `${path}index.html` : path));
    const found = file.startsWith(normalize(folder + sep)) && (await stat(file).catch(() => null));
    if (!found?.isFile() || !['GET', 'HEAD'].includes(request.method)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': found.size,
      'content-security-policy': policy,
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    });
    if (request.method === 'HEAD') response.end();
    else createReadStream(file).pipe(response);
  });
  await new Promise((resolve, reject) => server.on('error', reject).listen(port, '127.0.0.1', resolve));
  return { server, address: `http://127.0.0.1:${server.address().port}/` };
}

if (import.meta.filename === process.argv[1] || process.argv[1]?.endsWith('serve.mjs')) {
  const { address } = await serve(process.argv[2], Number(process.argv[3] ?? 8080));
  console.log(`weir: the page is at ${address}`);
}
