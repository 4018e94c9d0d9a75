/** Debian's redis-cli and redis-benchmark, as people use them, and redis-py's way of subscribing (`PING` in between). */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program, startHere, type TestServer } from '../../redis/brokers.ts';

const cli = program('redis-cli');
const benchmark = program('redis-benchmark');

describe('the programs of Redis', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startHere();
  });
  afterAll(() => server?.stop());

  const run = async (command: string, ...args: string[]): Promise<string> =>
    (await promisify(execFile)(command, ['-p', String(server.port), ...args], { timeout: 20_000 })).stdout;
  const piped = (input: string, ...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = execFile(cli!, ['-p', String(server.port), ...args], { timeout: 20_000 }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
      child.stdin!.end(input);
    });

  it.skipIf(cli === undefined)('redis-cli: one command, several, RESP3, with a user', async () => {
    expect(await run(cli!, 'LPUSH', 'cli', 'a b', 'c')).toBe('2\n');
    expect(await run(cli!, '--user', 'guest', '--pass', 'guest', '--no-auth-warning', 'RPOP', 'cli')).toBe('a b\n');
    expect(await piped('PING\nRPOP cli\nNONSENSE\nLLEN cli\n')).toBe(
      "PONG\nc\nERR unknown command 'NONSENSE', with args beginning with: \n\n0\n",
    );
    expect(await piped('HELLO\n', '-3')).toContain('proto 3');
  });

  it.skipIf(cli === undefined)('redis-cli: fifty thousand elements through --pipe', async () => {
    const commands = Array.from({ length: 50_000 }, (_, i) => `LPUSH piped ${i}\r\n`).join('');
    const said = await piped(commands, '--pipe');
    expect(said).toContain('errors: 0, replies: 50000');
    expect(await run(cli!, 'LLEN', 'piped')).toBe('50000\n');
    expect(await run(cli!, 'RPOP', 'piped')).toBe('0\n');
  });

  it.skipIf(benchmark === undefined)('redis-benchmark: what fills lists, empties them, publishes', async () => {
    const quick = ['-q', '-n', '2000', '-c', '10'];
    expect(await run(benchmark!, ...quick, '-t', 'ping,lpush,rpop')).toMatch(/LPUSH: [\d.]+ requests per second/);
    expect(await run(benchmark!, ...quick, '-P', '16', 'PUBLISH', 'ch', 'x')).toMatch(/[\d.]+ requests per second/);
    expect(await run(benchmark!, ...quick, 'BRPOP', 'nothing', '0.01')).toMatch(/requests per second/);
  });
});
