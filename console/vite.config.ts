/**
 * Builds the console into `dist/console`: static files that the package ships and the HTTP port serves (`src/management/console.ts`).
 * No file holds a script or a style inline, for the policy that they come with runs none; what is worth it lies there compressed as well.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const OUT = fileURLToPath(new URL('../dist/console', import.meta.url));

/** Beside each text file the same for who takes brotli, and for who takes gzip. */
function compressed(): Plugin {
  let built = OUT;
  return {
    name: 'compressed',
    apply: 'build',
    configResolved({ root, build }) {
      built = resolve(root, build.outDir);
    },
    async closeBundle() {
      for (const entry of await readdir(built, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const plain = await readFile(path);
        const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        await writeFile(`${path}.br`, brotliCompressSync(plain, { params: quality }));
        await writeFile(`${path}.gz`, gzipSync(plain, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Wherever a proxy puts it.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [compressed()],
  // `npm run console`: the pages as they are written, beside a broker that runs.
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:15672',
      '/v1': 'http://127.0.0.1:15672',
      '/healthz': 'http://127.0.0.1:15672',
      '/metrics': 'http://127.0.0.1:15672',
    },
  },
});
