/**
 * The logger that the broker writes to: four levels, fields first, then a text for people. A pino logger is one as it is.
 * Nothing on a message's way logs; lines are for what an operator would want to know the next morning.
 */
export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

const nothing = (): void => {};

/** For embedders and tests that did not ask for a log. */
export const NO_LOGGER: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
