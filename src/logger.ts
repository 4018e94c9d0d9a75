/**
 * The logger that the broker writes to: four levels, fields first, then a text for people. A pino logger is one as it is.
 * Nothing on a message's way logs; lines are for what an operator would want to know the next morning.
 */
export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
  /** One for lines of this area, whose level may differ. Left out: they all go to this one. */
  area?(name: LogArea): Logger;
}

/**
 * What lines are about: who may come in; connections that come, leave and end by a mistake; queues and policies; the logs on the
 * disk; memory, disk and limits of the machine; certificates; traces; who has changed what.
 */
export const LOG_AREAS = [
  'auth',
  'connections',
  'topology',
  'storage',
  'resources',
  'certificates',
  'tracing',
  'audit',
] as const;
export type LogArea = (typeof LOG_AREAS)[number];

const nothing = (): void => {};

/** For embedders and tests that did not ask for a log. */
export const NO_LOGGER: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export function loggerOf(logger: Logger, area: LogArea): Logger {
  return logger.area?.(area) ?? logger;
}
