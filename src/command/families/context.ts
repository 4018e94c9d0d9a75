/** What the commands that ask a running broker share: their options, how they begin, and how they end. */
import type { Command } from 'commander';
import { CommandError, EXIT, EXIT_CODES, faultOf } from '../exit.ts';
import { safeText } from '../print/text.ts';
import { type AccessFlags, addAccessOptions, reachBroker } from '../reach/access.ts';
import type { BrokerClient } from '../reach/client.ts';

export interface Context {
  readonly client: BrokerClient;
  /** For programs, not for people. */
  readonly json: boolean;
  /** Cells of a line; Infinity where it is no terminal. */
  readonly width: number;
  /** Standard output: what was asked for. */
  out(line: string): void;
  /** Standard error: what is to be known beside it. */
  note(line: string): void;
}

export type CommonFlags = AccessFlags & { readonly json?: boolean };

/** A group of commands; wrong usage of any of them ends with 2. */
export function family(program: Command, name: string, description: string): Command {
  return withUsageCode(program.command(name).description(description)).addHelpText('after', EXIT_CODES);
}

export function withUsageCode(command: Command): Command {
  return command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage));
}

/** A command that asks a running broker. @param usage its name, and the arguments behind it */
export function asking(parent: Command, usage: string, description: string): Command {
  const command = withUsageCode(parent.command(usage).description(description));
  return addAccessOptions(command).option('--json', 'print JSON').addHelpText('after', EXIT_CODES);
}

/** A command that needs no broker. @param usage its name, and the arguments behind it */
export function alone(parent: Command, usage: string, description: string): Command {
  const command = withUsageCode(parent.command(usage).description(description));
  return command.option('--json', 'print JSON').addHelpText('after', EXIT_CODES);
}

/** What commander calls: reaches the broker, does the work, and says in a line what went wrong. */
export function connected<F extends CommonFlags>(
  work: (context: Context, args: readonly string[], flags: F) => Promise<void>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const flags = given.at(-2) as F;
    const args = given.slice(0, -2).flat() as string[];
    await reported(async () => {
      const client = await reachBroker(flags, process.env);
      try {
        await work({ client, ...printing(flags.json === true) }, args, flags);
      } finally {
        client.close();
      }
    });
  };
}

/** Ends the command with the code of what is thrown. */
export async function reported(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const fault = faultOf(error);
    if (fault === undefined) throw error;
    complain(fault.code, fault.lines);
  }
}

export function printing(json: boolean): Omit<Context, 'client'> {
  const { stdout, stderr } = process;
  return {
    json,
    width: stdout.isTTY === true ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
    out: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`entrepot: ${line}\n`),
  };
}

function complain(code: number, lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`entrepot: ${safeText(line)}\n`);
  process.exitCode = code;
}

/** Says that something has been done. */
export function done({ json, out }: Context, word: string, what: string): void {
  out(json ? JSON.stringify({ done: word }) : `${safeText(what)}: ${word}`);
}

/** A repeatable option's values. */
export function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** `key=value` each; numbers, true and false are such, all else is text. @throws CommandError usage */
export function assignments(given: readonly string[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new CommandError(EXIT.usage, `'${text}' is not KEY=VALUE`);
      return [text.slice(0, at), valueIn(text.slice(at + 1))];
    }),
  );
}

function valueIn(text: string): string | number | boolean {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}
