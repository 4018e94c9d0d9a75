/** What the build makes of `console/`: what it may be served with, and how large the first page is. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';

const CONSOLE = fileURLToPath(new URL('../../console', import.meta.url));
/** Compressed script that the first page may take. */
const FIRST_PAGE_MAX_BYTES = 150 * 1024;

let directory = '';
let page = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'entrepot-console-'));
  await build({
    root: CONSOLE,
    configFile: join(CONSOLE, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: directory, emptyOutDir: true },
  });
  page = readFileSync(join(directory, 'index.html'), 'utf8');
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function sources(): string[] {
  return readdirSync(join(CONSOLE, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

test('the page holds no script and no style of its own, and asks for nothing from elsewhere', () => {
  expect(page).toMatch(/<script type="module"[^>]* src="\.\/assets\/[^"]+"><\/script>/);
  expect(page.replace(/<script [^>]*src="\.\/[^>]*><\/script>/g, '')).not.toMatch(/<script|<style|style=|\son\w+=/);
  expect(page).not.toMatch(/(?:src|href)="(?!\.\/)/);
});

test('the script of the first page is as small as was promised', () => {
  const first = [...page.matchAll(/"\.\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name!);
  const assets = readdirSync(join(directory, 'assets'));
  // The overview comes with it, whatever it takes.
  const overview = assets.filter((name) => /^overview-.*\.js$/.test(name)).map((name) => `assets/${name}`);
  expect(first).not.toEqual([]);
  expect(overview).toHaveLength(1);
  const imported = new Set<string>([...first, ...overview]);
  for (const name of imported) {
    const text = readFileSync(join(directory, name), 'utf8');
    for (const [, other] of text.matchAll(/from\s*"\.\/([^"]+\.js)"/g)) imported.add(`assets/${other!}`);
  }
  // Asked for by the overview as soon as it is there.
  const charts = assets.filter((name) => /^uPlot.*\.js$/i.test(name));
  expect(charts).toHaveLength(1);
  imported.add(`assets/${charts[0]!}`);
  const bytes = [...imported].map((name) => brotliCompressSync(readFileSync(join(directory, name))).length);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(FIRST_PAGE_MAX_BYTES);
});

test('no source writes markup: what is stored is shown as text', () => {
  for (const path of sources()) {
    expect(readFileSync(path, 'utf8'), path).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function/,
    );
  }
});
