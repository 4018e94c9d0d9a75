/**
 * The settings in force: flag over environment over file over default. Every value remembers where it came from,
 * so that an error names the flag, the variable, or the file and line, and `config print` can say it.
 *
 * Environment: `ENTREPOT_` and the key's path in capitals: `amqp.bodySizeMax` is ENTREPOT_AMQP_BODY_SIZE_MAX. `listen`
 * takes several addresses, separated by commas or blanks. ENTREPOT_CONFIG names the file. A variable that is set to
 * nothing counts as not set, which is how a compose file or a unit takes one back.
 */
import { z } from 'zod';
import { BrokerError } from '../message/errors.ts';
import { backendsWithUnits } from './auth.ts';
import { ConfigFile } from './file.ts';
import { kinds } from './kinds.ts';
import { scopeLimits } from './limits.ts';
import { parseListen } from './listen.ts';
import { listenConflicts, type ProfileConflict, settingsConflicts, withProfile } from './profile.ts';
import { type Config, configSchema } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { formatDuration, formatSize } from './units.ts';
import { USER_KEYS } from './users.ts';
import { VHOST_KEYS, VHOST_SHAPES } from './vhosts.ts';

export interface Flags {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly listen?: readonly string[] | undefined;
  readonly logLevel?: string | undefined;
}

export interface Loaded {
  readonly config: Config;
  /** For each key path (`log.level`) that was set: by what. Those that are missing have their default. */
  readonly origins: ReadonlyMap<string, string>;
}

const PROBLEMS_SHOWN_MAX = 50;
/** Settings that the environment has in JSON, with an example. */
const IN_JSON: Readonly<Record<string, string>> = {
  users: '{"plant": {"passwordFile": "/run/plant"}}',
  'auth.backends': '["internal", {"jwt": {"issuer": "https://login.example.org/", …}}]',
};

/** What is wrong with a configuration; each problem is one line. */
export class ConfigError extends BrokerError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const more = problems.length - PROBLEMS_SHOWN_MAX;
    const shown = more > 0 ? [...problems.slice(0, PROBLEMS_SHOWN_MAX), `and ${more} more things are wrong`] : problems;
    super('invalid', shown.join('; '));
    this.problems = shown;
  }
}

/** Keys whose value is a list: separated by spaces or commas in the environment. */
const LISTS: ReadonlySet<string> = new Set([
  'listen',
  'vhosts',
  'tls.certificate',
  'tls.key',
  'proxy.from',
  'websocket.origins',
  'http.origins',
]);

const VARIABLE_PREFIX = 'ENTREPOT_';
/** No setting: with what the command's user logs in to a broker that runs. */
export const PASSWORD_VARIABLE = 'ENTREPOT_PASSWORD';
/** What an orchestrator sets by itself for a service that is called `entrepot`; none of our business. */
const SERVICE_LINK = /^ENTREPOT_(SERVICE_(HOST|PORT)|PORT$|PORT_\d)/;

/** Every key there is, as paths: ['amqp', 'bodySizeMax']. */
export function keyPaths(): string[][] {
  const paths: string[][] = [];
  for (const [name, schema] of Object.entries(configSchema.shape)) {
    const inner = innermost(schema);
    if (inner instanceof z.ZodObject) for (const key of Object.keys(inner.shape)) paths.push([name, key]);
    else paths.push([name]);
  }
  return paths;
}

/** `ENTREPOT_AMQP_BODY_SIZE_MAX` */
export function variableName(path: readonly string[]): string {
  return VARIABLE_PREFIX + path.map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_');
}

/** Throws a ConfigError. */
export function loadConfig(flags: Flags, environment: Readonly<Record<string, string | undefined>>): Loaded {
  const problems: string[] = [];
  const filePath = flags.config ?? (environment['ENTREPOT_CONFIG'] || undefined);
  const file = filePath === undefined ? undefined : readFile(filePath);
  const values: Record<string, unknown> = structuredClone(file?.values ?? {});
  // A heading of which every line below is a comment.
  for (const [name] of keyPaths().filter((path) => path.length > 1)) if (values[name!] === null) delete values[name!];
  const origins = new Map<string, string>();
  if (file !== undefined) {
    for (const path of keyPaths()) if (isSet(values, path)) origins.set(path.join('.'), file.place(path));
  }

  const set = (path: readonly string[], value: unknown, origin: string): void => {
    origins.set(path.join('.'), origin);
    if (path.length === 1) {
      values[path[0]!] = value;
      return;
    }
    const group = values[path[0]!];
    const kept = typeof group === 'object' && group !== null && !Array.isArray(group) ? group : {};
    values[path[0]!] = { ...kept, [path[1]!]: value };
  };

  const variables = new Map(keyPaths().map((path) => [variableName(path), path]));
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(VARIABLE_PREFIX) || value === undefined || value.trim() === '') continue;
    if (name === 'ENTREPOT_CONFIG' || name === PASSWORD_VARIABLE) continue;
    const path = variables.get(name);
    if (path === undefined) {
      if (SERVICE_LINK.test(name)) continue;
      problems.push(
        `the environment variable ${name} is not known${didYouMean(name, [...variables.keys(), 'ENTREPOT_CONFIG'])}`,
      );
      continue;
    }
    const example = IN_JSON[path.join('.')];
    if (example !== undefined) {
      // What is in it may hold whatever would separate it here.
      const parsed = parsedJson(value);
      if (parsed === undefined) problems.push(`${name}: must be JSON, such as ${example}`);
      else set(path, parsed, name);
      continue;
    }
    set(path, LISTS.has(path.join('.')) ? value.split(/[\s,]+/).filter((part) => part !== '') : value, name);
  }

  if (flags.data !== undefined) set(['data'], flags.data, '--data');
  if (flags.listen !== undefined && flags.listen.length > 0) set(['listen'], [...flags.listen], '--listen');
  if (flags.logLevel !== undefined) set(['log', 'level'], flags.logLevel, '--log-level');

  const result = configSchema.safeParse(values);
  if (!result.success) problems.push(...explain(result.error, values, file, origins));
  if (problems.length > 0 || !result.success) throw new ConfigError(problems);
  const { config, defaults } = withProfile(result.data);
  const addresses = config.listen.map((text) => parseListen(text));
  const conflicts = [...settingsConflicts(config), ...listenConflicts(config, addresses)];
  if (conflicts.length > 0) throw new ConfigError(conflicts.map((conflict) => placed(conflict, origins)));
  for (const name of defaults) origins.set(name, `profile: ${config.profile}`);
  return { config, origins };
}

/** With where it was set, or else where the profile was. */
function placed({ setting, text }: ProfileConflict, origins: ReadonlyMap<string, string>): string {
  return `${origins.get(setting) ?? origins.get('profile')!}: ${text}`;
}

/**
 * Checks settings that a program hands over; what is missing has its default. Plain numbers are milliseconds and bytes.
 * Throws a ConfigError.
 */
export function checkConfig(values: object): Config {
  const result = configSchema.safeParse(withUnits(values));
  if (result.success) {
    const { config } = withProfile(result.data);
    const conflicts = settingsConflicts(config);
    if (conflicts.length === 0) return config;
    throw new ConfigError(conflicts.map(({ text }) => text));
  }
  throw new ConfigError(explain(result.error, values as Record<string, unknown>, undefined, new Map()));
}

/** The same with units where a plain number stands for a duration or a size: for the schema they must have one. */
function withUnits(values: object): object {
  const result: Record<string, unknown> = { ...values };
  for (const [name, schema] of Object.entries(configSchema.shape)) {
    const inner = innermost(schema);
    if (inner instanceof z.ZodObject) result[name] = groupWithUnits(inner.shape, result[name]);
  }
  result['auth'] = backendsWithUnits(result['auth'], groupWithUnits);
  const { limits, vhosts } = result;
  if (isGroup(limits) && isGroup(limits['users'])) {
    const users = Object.entries(limits['users']).map(([name, group]) => [name, groupWithUnits(scopeLimits, group)]);
    result['limits'] = { ...limits, users: Object.fromEntries(users) };
  }
  if (isGroup(vhosts)) {
    result['vhosts'] = Object.fromEntries(
      Object.entries(vhosts).map(([name, settings]) => [name, vhostWithUnits(settings)]),
    );
  }
  for (const name of Object.keys(result)) if (result[name] === undefined) delete result[name];
  return result;
}

function vhostWithUnits(settings: unknown): unknown {
  if (!isGroup(settings)) return settings;
  const result = { ...settings };
  for (const [name, shape] of Object.entries(VHOST_SHAPES)) {
    if (name in result) result[name] = groupWithUnits(shape, result[name]);
  }
  return result;
}

function groupWithUnits(shape: Readonly<Record<string, unknown>>, group: unknown): unknown {
  if (!isGroup(group)) return group;
  const result = { ...group };
  for (const [key, schema] of Object.entries(shape)) {
    const value = result[key];
    if (typeof value !== 'number' || value === 0) continue;
    const kind = kinds.get(schema as object);
    if (kind === formatDuration) result[key] = `${value} ms`;
    else if (kind === formatSize) result[key] = `${value} B`;
  }
  return result;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readFile(path: string): ConfigFile {
  try {
    return ConfigFile.read(path);
  } catch (error) {
    if (error instanceof BrokerError) throw new ConfigError([error.message]);
    throw error;
  }
}

function explain(
  error: z.ZodError,
  values: Record<string, unknown>,
  file: ConfigFile | undefined,
  origins: ReadonlyMap<string, string>,
): string[] {
  const problems: string[] = [];
  for (const issue of error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const path = [...issue.path, key];
        const where = file === undefined ? '' : `${file.place(path)}: `;
        problems.push(`${where}the key ${path.join('.')} is not known${suggestKey(issue.path, key)}`);
      }
      continue;
    }
    // An address in a list has the origin of its list.
    const key = origins.has(issue.path.join('.')) ? issue.path.join('.') : issue.path.slice(0, 1).join('.');
    const origin = origins.get(key) ?? (file === undefined ? undefined : file.place(issue.path));
    const inFile = file !== undefined && origin?.startsWith(`${file.path}:`) === true;
    const within = issue.code === 'custom' ? ((issue.params?.['at'] as string[] | undefined) ?? []) : [];
    const where = inFile ? `${file.place([...issue.path, ...within])}: ` : origin === undefined ? '' : `${origin}: `;
    const names = issue.path.filter((step) => typeof step === 'string').join('.');
    const value = issue.path.reduce<unknown>(
      (at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step],
      values,
    );
    // Whatever stands among the users may be a secret in the wrong place.
    const complete = issue.path[0] === 'users' || (issue.code === 'custom' && issue.params?.['complete'] === true);
    const text = issue.message.startsWith('cannot listen')
      ? issue.message
      : `${names} ${phrase(issue)}${complete ? '' : `, not ${show(value)}`}`;
    problems.push(where + text);
  }
  return problems;
}

function phrase(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.expected === 'object') return 'must hold keys and values';
  return issue.message;
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = typeof value === 'bigint' || Object.is(value, Number.NaN) ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** A near key in the same place, or else one of that name elsewhere. */
function suggestKey(parent: readonly PropertyKey[], key: string): string {
  const prefix = parent.join('.');
  const all = keyPaths();
  const siblings = [
    ...new Set(all.filter((path) => path.slice(0, -1).join('.') === prefix).map((path) => path.at(-1)!)),
    ...(prefix === '' ? new Set(all.filter((path) => path.length > 1).map((path) => path[0]!)) : []),
  ];
  // A vhost has any name; what is set for it has not.
  if (parent[0] === 'users') return didYouMean(key, USER_KEYS[String(parent[2] ?? '')] ?? []);
  if (parent[0] === 'vhosts') return didYouMean(key, VHOST_KEYS[String(parent[2] ?? '')] ?? []);
  const near = didYouMean(key, siblings);
  if (near !== '') return near;
  const elsewhere = all.find((path) => path.at(-1) === key);
  return elsewhere === undefined
    ? didYouMean(
        key,
        all.map((path) => path.join('.')),
      )
    : `; did you mean ${elsewhere.join('.')}?`;
}

function isSet(values: Record<string, unknown>, path: readonly string[]): boolean {
  const found = path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[step] : undefined),
    values,
  );
  return found !== undefined;
}

/** What is inside defaults and the like. */
export function innermost(schema: unknown): unknown {
  let at = schema;
  while (at instanceof z.ZodDefault || at instanceof z.ZodPrefault || at instanceof z.ZodOptional)
    at = at.def.innerType;
  return at;
}
