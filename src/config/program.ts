/**
 * The check of `createBroker`'s options, before anything starts: a program without types gets the same words as a
 * configuration file does, never a TypeError from the depths.
 */
import type { Policy } from '../api/policies.ts';
import type { Protocol } from '../api/protocol.ts';
import { BrokerError } from '../message/errors.ts';
import { DURABILITY_LEVELS } from './kinds.ts';
import { formatListen, type ListenAddress, parseListen } from './listen.ts';
import { ConfigError, checkConfig } from './load.ts';
import { type Config, configSchema } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { policySchema } from './vhosts.ts';

/** What a program hands over besides settings. */
const OWN_OPTIONS = ['data', 'listen', 'protocols', 'authenticator', 'logger', 'clock'] as const;
/** Settings that are for the command only. */
const COMMAND_ONLY: Readonly<Record<string, string>> = { log: 'give a logger instead' };
const LISTEN_FIELDS = ['protocols', 'host', 'port', 'durability', 'secure', 'tls', 'proxy', 'limits'];

/** Checks what is not a setting of its own kind; returns the settings. Throws a ConfigError that names every problem. */
export function checkOptions(options: unknown): Config {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigError(['createBroker takes an object of options, such as { data: "./data" }']);
  }
  const given = options as Record<string, unknown>;
  const problems: string[] = [];
  const settings: Record<string, unknown> = {};
  const known = [...OWN_OPTIONS, ...Object.keys(configSchema.shape).filter((name) => !(name in COMMAND_ONLY))];
  for (const [name, value] of Object.entries(given)) {
    if ((OWN_OPTIONS as readonly string[]).includes(name)) continue;
    if (known.includes(name)) settings[name] = value;
    else problems.push(`createBroker has no option ${name}${hint(name, known)}`);
  }
  const { data, protocols, authenticator, logger, clock } = given;
  if (data !== undefined && data !== null && (typeof data !== 'string' || data === '')) {
    problems.push(`the option data must be the path of a directory, or null for memory only, not ${show(data)}`);
  }
  if (typeof data === 'string' && data.startsWith('~')) {
    problems.push(
      `the option data must be a whole path or one from here on: ~ is a word of the shell, not ${show(data)}`,
    );
  }
  if (logger !== undefined && !hasMethods(logger, ['debug', 'info', 'warn', 'error'])) {
    problems.push('the option logger must have the methods debug, info, warn and error, as a pino logger has');
  }
  if (clock !== undefined && !hasMethods(clock, ['epochMs', 'monotonicMs', 'schedule', 'cancel', 'stop'])) {
    problems.push('the option clock must be a Clock, such as new ManualClock()');
  }
  if (protocols !== undefined && !(Array.isArray(protocols) && protocols.every(isProtocol))) {
    problems.push('the option protocols must be a list of adapters: name, dialect, detect, accept');
  }
  if (authenticator !== undefined && !hasMethods(authenticator, ['authenticate', 'permits'])) {
    problems.push('the option authenticator must have the methods authenticate and permits');
  }
  if (
    authenticator !== undefined &&
    (given['users'] !== undefined || given['login'] !== undefined || given['auth'] !== undefined)
  ) {
    problems.push(
      'the options users, login and auth are for the built-in authenticator: leave them out, or authenticator',
    );
  }
  let config: Config | undefined;
  try {
    config = checkConfig(settings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  if (problems.length > 0 || config === undefined) throw new ConfigError(problems);
  return config;
}

/**
 * The addresses of the option `listen`: one or a list, as text or in parts. Throws a ConfigError.
 * @param known the protocols there are
 */
export function checkListen(listen: unknown, known: readonly string[]): ListenAddress[] {
  const list: unknown[] = Array.isArray(listen) ? listen : listen === undefined || listen === null ? [] : [listen];
  const problems: string[] = [];
  const addresses: ListenAddress[] = [];
  for (const one of list) {
    try {
      addresses.push(typeof one === 'string' ? parseListen(one, known) : inParts(one, known));
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return addresses;
}

/** A policy as a program gives it, with the words of the configuration. Throws a ConfigError. */
export function checkPolicy(given: unknown): Policy {
  const result = policySchema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `the policy ${issue.message}`));
}

function inParts(given: unknown, known: readonly string[]): ListenAddress {
  const wrong = (why: string) => new BrokerError('invalid', `cannot listen on ${show(given)}: ${why}`);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw wrong('an address is a text such as amqp://127.0.0.1:5672, or { protocols, host, port }');
  }
  const address = given as Partial<Record<string, unknown>>;
  for (const field of Object.keys(address)) {
    if (!LISTEN_FIELDS.includes(field)) throw wrong(`it has the unknown part ${field}${hint(field, LISTEN_FIELDS)}`);
  }
  const { protocols, host, port, durability, secure, tls, limits } = address;
  if (!Array.isArray(protocols) || protocols.length === 0) throw wrong('protocols must be a list of names');
  if (typeof host !== 'string' || host === '') throw wrong('host must be an address or a name; * for all');
  if (!Number.isInteger(port) || (port as number) < 0 || (port as number) > 65_535) {
    throw wrong('port must be a number from 0 to 65535');
  }
  if (durability !== undefined && !DURABILITY_LEVELS.some((level) => level === durability)) {
    throw wrong(`durability is one of ${DURABILITY_LEVELS.join(', ')}`);
  }
  if (secure !== undefined && typeof secure !== 'boolean') throw wrong('secure is true or false');
  if (tls !== undefined && (typeof tls !== 'object' || tls === null)) throw wrong('tls holds settings of TLS');
  if (limits !== undefined && (typeof limits !== 'object' || limits === null)) throw wrong('limits holds numbers');
  // The rest of the rules is the same for text.
  return parseListen(formatListen(address as unknown as ListenAddress), known);
}

function isProtocol(value: unknown): value is Protocol {
  return (
    hasMethods(value, ['detect', 'accept']) &&
    typeof (value as Protocol).name === 'string' &&
    typeof (value as Protocol).dialect === 'object'
  );
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

function hint(name: string, known: readonly string[]): string {
  const instead = COMMAND_ONLY[name];
  return instead === undefined ? didYouMean(name, known) : `; ${instead}`;
}

function show(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? safeJson(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function safeJson(value: object): string {
  try {
    return JSON.stringify(value) ?? 'a value';
  } catch {
    return 'a value';
  }
}
