/** Other people's programs, run as they are: what they print, and how they end. */
import { spawn, spawnSync } from 'node:child_process';
import { within } from './inbox.ts';

export interface Ended {
  /** The exit code, or -1 when a signal ended it. */
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** Resolves once it has printed what matches, on either stream. */
  printed(pattern: RegExp): Promise<void>;
  kill(): void;
}

/** Starts a program; it is killed after `timeoutMs`. */
export function start(command: string, args: readonly string[], timeoutMs = 10_000): Running {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let error = '';
  let onPrint = (): void => {};
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
    onPrint();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk.toString('utf8');
    onPrint();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, out, error });
    });
    child.once('error', (failed) => {
      clearTimeout(timer);
      resolve({ code: -1, out, error: failed.message });
    });
  });
  return {
    ended,
    printed: (pattern) =>
      within(
        new Promise<void>((resolve) => {
          onPrint = () => {
            if (pattern.test(out) || pattern.test(error)) resolve();
          };
          onPrint();
        }),
        timeoutMs,
        () => `${command} did not print ${pattern}: ${out}${error}`,
      ),
    kill: () => void child.kill('SIGKILL'),
  };
}

export const run = (command: string, args: readonly string[], timeoutMs?: number): Promise<Ended> =>
  start(command, args, timeoutMs).ended;

/** Whether a command is there, and, with arguments, whether it ends well with them. */
export function has(command: string, ...args: readonly string[]): boolean {
  if (spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0) return false;
  return args.length === 0 || spawnSync(command, args).status === 0;
}
