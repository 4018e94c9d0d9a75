/** What the Dockerfile promises, read from it; scripts/dockerfile.ts carries it out. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kept, lastOf, parseDockerfile, variables } from '../../scripts/dockerfile/parse.ts';
import { loadConfig } from '../../src/config/load.ts';

const text = readFileSync('Dockerfile', 'utf8');
const ignore = readFileSync('.dockerignore', 'utf8');
const stages = parseDockerfile(text);
const last = stages.at(-1)!;

describe('the Dockerfile', () => {
  it('builds in one stage and runs in another, on the Node that is pinned', () => {
    expect(stages.length).toBe(2);
    const { node } = JSON.parse(readFileSync('package.json', 'utf8')).devDependencies;
    for (const { image } of stages) expect(image).toMatch(new RegExp(`^node:${node}-[a-z]+-slim$`));
    const copied = last.steps.filter(({ name, flags }) => name === 'COPY' && flags.get('from') === 'build');
    expect(copied.map(({ words }) => words)).toEqual([
      ['/build/node_modules', 'node_modules'],
      ['/build/dist', 'dist'],
    ]);
    expect(stages[0]!.steps.at(-1)!.text).toContain('npm prune --omit=dev');
  });

  it('does not run as root, says so in numbers, and owns nothing but its data', () => {
    const user = lastOf(last, 'USER')!;
    expect(user.text).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(last.steps.filter(({ text: step }) => step.includes('chown')).length).toBe(0);
    // Nothing is done after it that would need root.
    const after = last.steps.slice(last.steps.indexOf(user) + 1).map(({ name }) => name);
    expect(after).not.toContain('RUN');
    expect(after).not.toContain('COPY');
  });

  it('keeps the data in a volume, which is where the broker is told to keep it', () => {
    const environment = Object.fromEntries(last.steps.filter(({ name }) => name === 'ENV').flatMap(variables));
    const { config } = loadConfig({}, environment);
    expect(lastOf(last, 'VOLUME')!.words).toEqual([config.data]);
    expect(lastOf(last, 'EXPOSE')!.words).toEqual(config.listen.map((address) => /:(\d+)$/.exec(address)![1]));
  });

  it('is stopped by SIGTERM, with no shell between the engine and the broker', () => {
    expect(lastOf(last, 'STOPSIGNAL')!.text).toBe('SIGTERM');
    for (const name of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'])
      expect(lastOf(last, name), name).toMatchObject({ exec: true });
    expect(lastOf(last, 'ENTRYPOINT')!.words).toEqual(['node', '/app/dist/src/main.js']);
    expect(lastOf(last, 'HEALTHCHECK')!.words).toEqual(['node', '/app/dist/src/main.js', 'health']);
  });

  it('copies only what is there, and what .dockerignore lets through', () => {
    const copied = stages.flatMap(({ steps }) =>
      steps
        .filter(({ name, flags }) => name === 'COPY' && !flags.has('from'))
        .flatMap(({ words }) => words.slice(0, -1)),
    );
    for (const path of copied) expect(existsSync(path), path).toBe(true);
    const files = copied.flatMap((path) => (statSync(path).isDirectory() ? inFolder(path) : [path]));
    expect(kept(files, ignore)).toEqual(files);
    const others = [
      '.git/config',
      'node_modules/ws/index.js',
      'data/entrepot.lock',
      'test/index.test.ts',
      'dist/src/main.js',
    ];
    expect(kept([...others, '.env', 'scripts/demo.ts'], ignore)).toEqual([]);
  });

  it('is read strictly: what is not known is an error, with its line', () => {
    expect(() => parseDockerfile('FROM x\nADD y z\n')).toThrow('line 2: ADD is not known here');
    expect(() => parseDockerfile('RUN x\n')).toThrow('line 1: RUN before FROM');
    expect(() => parseDockerfile('FROM x\nRUN a \\')).toThrow('line 2: it does not end');
  });
});

function inFolder(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
