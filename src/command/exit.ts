/** How commands end that ask a running broker, and `doctor`: numbers that scripts can rely on. */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, refused: 4, notFound: 5 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES = `
Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 no broker is reached, 4 refused, 5 there is no such thing`;

/** Told in a line; ends the command with its code. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
