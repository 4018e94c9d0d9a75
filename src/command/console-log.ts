/**
 * The command's log: a line of JSON per event, or a line for people where somebody looks at it, with a level for each area.
 *
 *     {"level":30,"time":1790000000000,"area":"connections","client":"amqp 10.0.0.1:5001","msg":"a client has come in"}
 *     12:13:20.000  warn  auth  a client was refused  client="amqp 10.0.0.1:5001" reason="…"
 */
import { type DestinationStream, type Logger as Pino, pino } from 'pino';
import type { Config } from '../config/schema.ts';
import type { LogArea, Logger } from '../logger.ts';

export type LogSettings = Config['log'];

/** What it writes to: a terminal or not. */
export interface LogOutput extends DestinationStream {
  readonly isTTY?: boolean;
}

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };
/** What stands elsewhere in a line for people. */
const SHOWN_ELSEWHERE = new Set(['level', 'time', 'area', 'msg', 'err']);

export class ConsoleLog implements Logger {
  private readonly root: Pino;
  private readonly areas = new Map<LogArea, Pino>();
  private settings: LogSettings;

  constructor(settings: LogSettings, output: LogOutput) {
    this.settings = settings;
    const text = settings.format === 'text' || (settings.format === 'auto' && output.isTTY === true);
    const destination = text ? { write: (line: string) => output.write(forPeople(line)) } : output;
    this.root = pino({ level: settings.level, base: null }, destination);
  }

  /** Other levels are in force at once; the format stays. */
  set levels(settings: LogSettings) {
    this.settings = settings;
    this.root.level = settings.level;
    for (const [name, logger] of this.areas) logger.level = this.levelOf(name);
  }

  area(name: LogArea): Logger {
    let logger = this.areas.get(name);
    if (logger === undefined) {
      logger = this.root.child({ area: name }, { level: this.levelOf(name) });
      this.areas.set(name, logger);
    }
    return logger;
  }

  private levelOf(name: LogArea): string {
    return this.settings.levels[name] ?? this.settings.level;
  }

  debug(fields: object, text: string): void {
    this.root.debug(fields, text);
  }

  info(fields: object, text: string): void {
    this.root.info(fields, text);
  }

  warn(fields: object, text: string): void {
    this.root.warn(fields, text);
  }

  error(fields: object, text: string): void {
    this.root.error(fields, text);
  }
}

/** A line of JSON as a line for people. What clients have said cannot move the cursor of the terminal: JSON writes it escaped. */
export function forPeople(line: string): string {
  const event = JSON.parse(line) as Record<string, unknown>;
  const time = new Date(event['time'] as number).toISOString().slice(11, 23);
  const level = (LEVELS[event['level'] as number] ?? String(event['level'])).padEnd(5);
  const area = typeof event['area'] === 'string' ? `${event['area']}  ` : '';
  const fields = Object.entries(event)
    .filter(([name]) => !SHOWN_ELSEWHERE.has(name))
    .map(([name, value]) => ` ${name}=${plain(value)}`);
  const { stack } = (event['err'] ?? {}) as { stack?: string };
  return `${time}  ${level}  ${area}${String(event['msg'])}${fields.length > 0 ? ` ${fields.join('')}` : ''}\n${stack === undefined ? '' : `${visible(stack)}\n`}`;
}

function plain(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : visible(JSON.stringify(value));
}

/** Control characters that JSON leaves as they are. */
function visible(text: string): string {
  return text.replace(/[\x7f-\x9f]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
}
