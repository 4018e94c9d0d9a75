/** What is published: the types are whole by what the package itself depends on, and the command is in it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { withTemporaryDirectory } from './support/directory.ts';

/** Runs the compiler; returns what it complains of. */
function compile(...args: string[]): string {
  try {
    execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), ...args], { encoding: 'utf8' });
    return '';
  } catch (error) {
    return String((error as { stdout?: string }).stdout);
  }
}

it('type-checks in a program that has nothing but the package and its dependencies', { timeout: 120_000 }, async () => {
  await withTemporaryDirectory((directory) => {
    const modules = join(directory, 'node_modules');
    const installed = join(modules, 'entrepot');
    mkdirSync(installed, { recursive: true });
    expect(compile('-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist'))).toBe('');
    const packed = JSON.parse(readFileSync('package.json', 'utf8'));
    cpSync('package.json', join(installed, 'package.json'));
    cpSync('bin', join(installed, 'bin'), { recursive: true });
    for (const name of Object.keys(packed.dependencies)) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(resolve('node_modules', name), join(modules, name));
    }
    writeFileSync(
      join(directory, 'index.ts'),
      `import { Broker, createBroker, Output, type BrokerOptions, type Protocol, type RunningBroker } from 'entrepot';
       const options: BrokerOptions = { listen: 'amqp://127.0.0.1:0', amqp: { heartbeat: '10 s' } };
       const running: RunningBroker = await createBroker(options);
       await running.setPolicy('/', { name: 'a', pattern: '.*', definition: { 'max-length': 1 } });
       // @ts-expect-error a port is a number
       const wrong: string = running.port('amqp');
       export { Broker, Output, wrong, type Protocol };`,
    );
    writeFileSync(
      join(directory, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'es2024',
          lib: ['es2024'],
          module: 'nodenext',
          strict: true,
          noEmit: true,
          skipLibCheck: false,
        },
        include: ['index.ts'],
      }),
    );
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    expect(compile('-p', directory)).toBe('');
    // And the command runs from there.
    const command = join(installed, 'bin', 'entrepot.mjs');
    expect(execFileSync(process.execPath, [command, '--version'], { encoding: 'utf8' })).toBe('entrepot 0.1.0\n');
  });
});
