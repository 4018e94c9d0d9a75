/** The console's files over HTTP: who gets which, in which form, and what a browser is told that they may do. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { managementApp } from '../../src/management/app.ts';
import { CONSOLE_POLICY, ConsoleFiles } from '../../src/management/console.ts';

const PAGE = '<!doctype html><title>The console</title>';
const SCRIPT = 'console.log(1);'.repeat(100);
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'accept-encoding': 'gzip, deflate, br' };

let directory = '';
const app = () =>
  managementApp(new ManualClock(), () => ({ status: 'ok' }), undefined, [], new ConsoleFiles(directory));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'entrepot-console-'));
  await mkdir(join(directory, 'assets'));
  await writeFile(join(directory, 'index.html'), PAGE);
  await writeFile(join(directory, 'assets', 'main-1.js'), SCRIPT);
  await writeFile(join(directory, 'assets', 'main-1.js.br'), brotliCompressSync(SCRIPT));
  await writeFile(join(directory, 'assets', 'main-1.js.gz'), gzipSync(SCRIPT));
  await writeFile(join(directory, 'assets', 'notes.txt'), 'of no known type');
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the console', () => {
  test('is there for browsers, with a policy that runs no inline script and asks nobody else', async () => {
    const response = await app().request('/', { headers: { accept: BROWSER.accept } });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(PAGE);
    expect(response.headers.get('content-security-policy')).toBe(CONSOLE_POLICY);
    expect(CONSOLE_POLICY).toContain("default-src 'none'");
    expect(CONSOLE_POLICY).not.toMatch(/unsafe|\*|https?:|data:|blob:/);
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('cache-control')).toBe('no-cache');
  });

  test('is no answer to a program that takes anything: it gets its line of text, as before there was a console', async () => {
    for (const headers of [{}, { accept: '*/*' }, { accept: 'text/plain' }]) {
      const response = await app().request('/', { headers });
      expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(await response.text()).toMatch(/^Entrepot .*\n$/);
      expect(response.headers.get('vary')).toContain('accept');
    }
  });

  test.each([
    ['br, gzip', 'br'],
    ['gzip;q=0.9', 'gzip'],
    ['identity', null],
  ])('sends its scripts as they were compressed beforehand, to who takes %s', async (accept, encoding) => {
    const response = await app().request('/assets/main-1.js', { headers: { 'accept-encoding': accept } });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('cache-control')).toContain('immutable');
    const bytes = Buffer.from(await response.arrayBuffer());
    const expected = { br: brotliCompressSync(SCRIPT), gzip: gzipSync(SCRIPT) };
    expect(bytes).toEqual(encoding === null ? Buffer.from(SCRIPT) : expected[encoding as 'br' | 'gzip']);
  });

  test.each([
    '/assets/other.js',
    '/assets/notes.txt',
    '/assets/..%2f..%2fetc%2fpasswd',
    '/assets/main-1.js.br',
    '/index.html',
  ])('has nothing but its own files: %s', async (path) => expect((await app().request(path)).status).toBe(404));

  test('that was not built is missed by nobody else', async () => {
    const none = managementApp(
      new ManualClock(),
      () => ({ status: 'ok' }),
      undefined,
      [],
      new ConsoleFiles(join(directory, 'none')),
    );
    const response = await none.request('/', { headers: BROWSER });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  });
});
