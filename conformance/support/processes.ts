/**
 * Brokers as child processes: free ports, start, wait until ready, stop, kill. Whatever the scenarios run against is a
 * process of its own, started here, ended here by its own id, on loopback ports and in a directory nobody else uses.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How much of a child's output is kept, to be shown when something fails. */
const TRANSCRIPT_CHARACTERS_MAX = 20_000;

/** Below the ports that systems give to outgoing connections (Linux from 32,768 on), or one of those could take a port meanwhile. */
const PORT_MIN = 10_240;
const PORT_MAX = 32_000;
/** So many ports in a row that are taken: something else is wrong. */
const TRIES_MAX = 200;

/** Loopback ports that were free a moment ago. All are held open until the last is found, so that no two are equal. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = new Map<number, Server>();
  let tries = 0;
  while (servers.size < count) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const server = createServer();
    const free = await new Promise<boolean>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE' && ++tries < TRIES_MAX) resolve(false);
        else reject(error);
      });
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (free) servers.set(port, server);
  }
  await Promise.all([...servers.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  return [...servers.keys()];
}

/** A directory that `remove` takes away with everything in it. */
export async function temporaryDirectory(name: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `entrepot-${name}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) };
}

export interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it has printed, the last part of it. */
  transcript(): string;
  /** Resolves with the exit code or the signal's name once it is gone. */
  readonly gone: Promise<number | string>;
  /** Asks it to stop (SIGTERM); kills it if it has not after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** It is ready once its standard output has matched this … */
  readonly readyLine?: RegExp;
  /** … and all these ports take connections. */
  readonly readyPorts?: readonly number[];
  readonly readyTimeoutMs?: number;
}

/** Starts a process and waits until it is ready. Throws with what it printed if it is not in time. */
export async function startChild(options: StartOptions): Promise<Child> {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...options.environment };
  // What the test runner needs of Node is not what the broker should be measured with.
  delete environment['NODE_OPTIONS'];
  delete environment['VITEST'];
  const child = spawn(options.command, options.arguments, {
    cwd: options.directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let transcript = '';
  let lineSeen = options.readyLine === undefined;
  let onLine = (): void => {};
  const take = (chunk: Buffer): void => {
    transcript = (transcript + chunk.toString('utf8')).slice(-TRANSCRIPT_CHARACTERS_MAX);
    if (!lineSeen && options.readyLine?.test(transcript)) {
      lineSeen = true;
      onLine();
    }
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  // Whoever started it may be gone first, by an error that nobody caught: nothing is left running.
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  const gone = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    child.once('error', (error) => resolve(error.message));
  });
  let isGone = false;
  void gone.then(() => {
    isGone = true;
    process.removeListener('exit', orphaned);
  });

  const started: Child = {
    name: options.name,
    process: child,
    pid: child.pid ?? -1,
    transcript: () => transcript,
    gone,
    async stop(graceMs = 10_000) {
      if (isGone) return;
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await gone;
      clearTimeout(killer);
    },
    async kill() {
      if (isGone) return;
      child.kill('SIGKILL');
      await gone;
    },
  };

  const deadlineMs = performance.now() + (options.readyTimeoutMs ?? 20_000);
  const early = gone.then((how) => {
    throw new Error(`${options.name} ended (${how}) before it was ready:\n${transcript}`);
  });
  early.catch(() => {});
  const timer: { handle?: NodeJS.Timeout } = {};
  const late = new Promise<never>((_, reject) => {
    timer.handle = setTimeout(
      () => reject(new Error(`${options.name} was not ready in time:\n${transcript}`)),
      deadlineMs - performance.now(),
    );
  });
  late.catch(() => {});
  try {
    const line = lineSeen ? Promise.resolve() : new Promise<void>((resolve) => (onLine = resolve));
    await Promise.race([line, early, late]);
    for (const port of options.readyPorts ?? []) {
      await Promise.race([waitForPort(port, () => isGone || performance.now() > deadlineMs), early, late]);
    }
  } catch (error) {
    await started.kill();
    throw error;
  } finally {
    clearTimeout(timer.handle);
  }
  return started;
}

/** Resolves once something listens on a loopback port; gives up quietly when `given` says so. */
async function waitForPort(port: number, given: () => boolean): Promise<void> {
  while (!given()) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
