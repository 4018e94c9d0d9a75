/** The first start of a clone: what is missing is installed, in words; what is there is left alone. npm is a stand-in here. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/directory.ts';

let directory: { path: string; remove(): void };
const at = (...names: string[]): string => join(directory.path, ...names);

beforeEach(() => {
  directory = temporaryDirectory();
  for (const folder of ['scripts', 'node_modules', 'path']) mkdirSync(at(folder));
  cpSync('scripts/ensure-installed.mjs', at('scripts', 'ensure-installed.mjs'));
});
afterEach(() => directory.remove());

function locks(wanted: Record<string, object>, there: Record<string, object> | undefined): void {
  const whole = { '': { version: '9.9.9' }, ...wanted };
  writeFileSync(at('package-lock.json'), JSON.stringify({ packages: whole }));
  if (there !== undefined) writeFileSync(at('node_modules', '.package-lock.json'), JSON.stringify({ packages: there }));
}

/** Runs it with an npm that writes down how it was called and ends with `code`. */
function run(code = 0): { status: number | null; stderr: string; called: boolean } {
  const npm = at('path', 'npm');
  writeFileSync(npm, `#!/bin/sh\necho "$@" >> ${at('called')}\nexit ${code}\n`);
  chmodSync(npm, 0o755);
  const { status, stderr } = spawnSync(process.execPath, [at('scripts', 'ensure-installed.mjs')], {
    encoding: 'utf8',
    env: { PATH: `${at('path')}:/usr/bin:/bin` },
  });
  return { status, stderr, called: existsSync(at('called')) };
}

it('leaves alone what is there, though a checkout has made the lock newer', () => {
  locks(
    {
      'node_modules/a': { version: '1.0.0' },
      'node_modules/for-another-machine': { version: '1.0.0', optional: true },
    },
    { 'node_modules/a': { version: '1.0.0' } },
  );
  const later = Date.now() / 1000 + 60;
  utimesSync(at('package-lock.json'), later, later);
  expect(run()).toEqual({ status: 0, stderr: '', called: false });
});

it.each([
  ['nothing is installed', undefined],
  ['one has another version', { 'node_modules/a': { version: '0.9.0' } }],
  ['one is missing', {}],
])('installs when %s, and says so', (_, there) => {
  locks({ 'node_modules/a': { version: '1.0.0' } }, there);
  const { status, stderr, called } = run();
  expect([status, called]).toEqual([0, true]);
  expect(stderr).toMatch(/^Installing what the package lock names \(once; npm ci\) …\nInstalled in \d+ s\.\n$/);
});

it('says what it needed when it could not, and ends as npm did', () => {
  locks({ 'node_modules/a': { version: '1.0.0' } }, undefined);
  const { status, stderr } = run(7);
  expect(status).toBe(7);
  expect(stderr).toMatch(
    /npm ci failed after \d+ s; the lines above say why\.\nThe first start needs the package registry once/,
  );
});
