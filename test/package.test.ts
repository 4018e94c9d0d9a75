/**
 * The package as it is published: it holds the command and whole types, and a program outside the repository builds an adapter and
 * an authenticator against it (`examples/line-adapter/`) and runs them. Nothing is fetched: what the package depends on is
 * linked to what is installed here.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** Runs a program; returns what it has printed, or throws with that. */
function run(command: string, args: readonly string[], cwd = '.'): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`);
  }
}

const compile = (...args: string[]): string =>
  run(process.execPath, [resolve('node_modules/typescript/bin/tsc'), ...args]);

let directory: string;
let installed: string;

/** Packs the project, and installs the package into a directory outside the repository. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-package-'));
  const project = join(directory, 'project');
  mkdirSync(project);
  compile('-p', 'tsconfig.build.json', '--outDir', join(project, 'dist'));
  for (const name of ['package.json', 'bin', 'README.md', 'docs', 'CHANGELOG.md', 'LICENSE', 'src']) {
    cpSync(name, join(project, name), { recursive: true });
  }
  const [packed] = JSON.parse(
    run('npm', ['pack', '--ignore-scripts', '--offline', '--json', '--pack-destination', directory], project),
  ) as { filename: string }[];
  const modules = join(directory, 'node_modules');
  installed = join(modules, 'entrepot');
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', join(directory, packed!.filename), '-C', installed, '--strip-components', '1']);
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(resolve('node_modules', name), join(modules, name));
  }
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
}, 120_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('holds the command, which runs from there, and no sources', () => {
  const command = join(installed, 'bin', 'entrepot.mjs');
  expect(run(process.execPath, [command, '--version'])).toBe('entrepot 0.1.0\n');
  expect(run(process.execPath, [command, 'queues', '--help'])).toContain('Exit codes: 0 done');
  expect(() => readFileSync(join(installed, 'src', 'index.ts'))).toThrow('ENOENT');
});

/** A Node on the path that cannot run what is built; this process's own is newer. */
const oldNode = (process.env['PATH'] ?? '')
  .split(':')
  .map((at) => join(at, 'node'))
  .find((path) => existsSync(path) && /^v(1\d|20|21)\./.test(run(path, ['--version'])));

it.skipIf(oldNode === undefined)(
  'under an older Node it says how to get one, and takes one that is installed beside it',
  () => {
    const start = (): string => run(oldNode!, [join(installed, 'bin', 'entrepot.mjs'), '--version']);
    expect(start).toThrow(/needs Node 22\.18 or newer; this is v.*\n.*npm install node@24 beside it/);
    const beside = join(directory, 'node_modules', 'node', 'bin');
    mkdirSync(beside, { recursive: true });
    symlinkSync(process.execPath, join(beside, 'node'));
    expect(start()).toBe('entrepot 0.1.0\n');
    rmSync(join(directory, 'node_modules', 'node'), { recursive: true });
  },
);

it('type-checks in a program that has nothing but the package and its dependencies, and shows no more than the contract', {
  timeout: 60_000,
}, () => {
  const program = join(directory, 'embedder');
  mkdirSync(program);
  writeFileSync(
    join(program, 'index.ts'),
    `import { Broker, createBroker, Output, type BrokerOptions, type Protocol, type RunningBroker } from 'entrepot';
     const options: BrokerOptions = { listen: 'amqp://127.0.0.1:0', amqp: { heartbeat: '10 s' } };
     const running: RunningBroker = await createBroker(options);
     await running.setPolicy('/', { name: 'a', pattern: '.*', definition: { 'max-length': 1 } });
     // @ts-expect-error a port is a number
     const wrong: string = running.port('amqp');
     export { Broker, Output, wrong, type Protocol };`,
  );
  writeFileSync(
    join(program, 'adapter.ts'),
    `import type { ConnectionHandler, Protocol } from 'entrepot';
     // @ts-expect-error a handler is told of the end
     export const handler: ConnectionHandler = { data() {}, drained() {}, shutdown() {} };
     export const accept: Protocol['accept'] = (_transport, broker) => {
       // @ts-expect-error what is behind the contract is not an adapter's business
       broker.vhosts;
       return { data() {}, drained() {}, closed() {}, shutdown() {} };
     };`,
  );
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    skipLibCheck: false,
  };
  writeFileSync(join(program, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  expect(compile('-p', program)).toBe('');
});

it('serves a protocol and an authenticator of a package of their own', { timeout: 60_000 }, () => {
  const example = join(directory, 'line-adapter');
  cpSync('examples/line-adapter', example, { recursive: true });
  expect(compile('-p', example)).toBe('');
  expect(run(process.execPath, [join(example, 'dist', 'main.js')])).toBe('seen: "two boxes"\n');
});
