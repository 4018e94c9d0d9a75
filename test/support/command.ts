/** The `entrepot` command as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface Finished {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export class Command {
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';
  private readonly finishedLater: Promise<Finished>;

  private constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    descriptors: number | undefined,
  ) {
    const command = [process.execPath, MAIN, ...args];
    if (descriptors !== undefined) command.unshift('/bin/sh', '-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh');
    this.process = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...environment },
    });
    this.process.stdout!.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.process.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.finishedLater = once(this.process, 'close').then(([code]: (number | null)[]) => ({
      code: code ?? undefined,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Runs it to its end. */
  static run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
    return new Command(args, environment, undefined).finished();
  }

  /**
   * Starts a broker and waits until it is ready. Throws with what it said if it ends before that.
   * @param descriptors how many files it may have open
   */
  static async start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    descriptors?: number,
  ): Promise<Command> {
    const command = new Command(['start', ...args], environment, descriptors);
    const ready = new Promise<void>((resolve) => {
      command.process.stdout!.on('data', () => {
        if (/^Ready in \d+ ms$/m.test(command.stdout)) resolve();
      });
    });
    const ended = command.finishedLater.then(({ code, stderr }) => {
      throw new Error(`the broker ended with ${code}: ${stderr}`);
    });
    ended.catch(() => {});
    await Promise.race([ready, ended]);
    return command;
  }

  /** The actual port of a protocol, as the start-up screen says. */
  port(protocol: string): number {
    const found = new RegExp(`\\b${protocol.replaceAll('+', '\\+')}://\\S*?:(\\d+)`).exec(this.stdout);
    if (found === null) throw new Error(`no ${protocol} in:\n${this.stdout}`);
    return Number(found[1]);
  }

  finished(): Promise<Finished> {
    return this.finishedLater;
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** SIGTERM, and its end. */
  stop(): Promise<Finished> {
    this.signal('SIGTERM');
    return this.finished();
  }
}
