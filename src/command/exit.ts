/** How every command ends: numbers that scripts can rely on, and what goes wrong told in lines. */
import { LogRefused } from '../log/events.ts';
import { DirectoryLocked } from '../log/files/lock.ts';
import { BrokerError, type ErrorCode } from '../message/errors.ts';

export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, refused: 4, notFound: 5 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES = `
Exit codes: 0 done, 1 it failed or is not well, 2 wrong usage or setting,
  3 no broker is reached, 4 refused, 5 there is no such thing`;

/** Told in a line; ends the command with its code. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

const CODES: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  invalid: EXIT.usage,
  'not-found': EXIT.notFound,
  'access-refused': EXIT.refused,
};

/** What an operator can mend, in lines, and how the command ends. Undefined: it is a defect. */
export function faultOf(error: unknown): { readonly code: ExitCode; readonly lines: readonly string[] } | undefined {
  if (error instanceof CommandError) return { code: error.exitCode, lines: [error.message] };
  if (error instanceof BrokerError && error.code !== 'internal') {
    const { problems = [error.message] } = error as { problems?: readonly string[] };
    return { code: CODES[error.code] ?? EXIT.failed, lines: problems };
  }
  if (error instanceof DirectoryLocked || error instanceof LogRefused)
    return { code: EXIT.failed, lines: [error.message] };
  return undefined;
}
