/**
 * Definitions of RabbitMQ (3.x and 4.x) taken over: users with their hashes, vhosts, permissions, parameters, policies, queues,
 * exchanges, bindings. As in RabbitMQ what is there is replaced, but for queues and exchanges, which stay as they are; and an entry
 * that fails leaves those before it done. What cannot be had here is told by name. Done again it changes nothing.
 */
import { BrokerError } from '../../../message/errors.ts';
import { DOT } from '../../../message/message.ts';
import { parseJson } from '../../../message/values.ts';
import type { Operator } from '../../../operator/operator.ts';
import { whenSafe } from '../../http/safe.ts';
import { asFailure, badRequest, type Failure } from '../http/errors.ts';
import { type Body, booleanOf, demandKeys, headersOf, textOf } from '../http/fields.ts';
import { plain } from '../http/plain.ts';
import { setUserLimits, setVhostLimits } from '../resources/limits.ts';
import { OPERATOR_POLICY, VHOST_LIMITS } from '../resources/parameter-list.ts';
import { putParameter } from '../resources/parameters.ts';
import { permissionsFrom, topicPermissionsFrom } from '../resources/permissions.ts';
import { putPolicy } from '../resources/policies.ts';
import { putUser } from '../resources/users.ts';
import { putVhost } from '../resources/vhosts-changed.ts';
import { DRY_RUN_CHECKS, type WouldBeMade } from './dry-run.ts';

/** What became of one entry. */
export interface ImportedItem {
  /** The section that it is in. */
  readonly kind: string;
  readonly name: string;
  readonly vhost: string | undefined;
  /** `kept`: there is one already, which stays; `would-be-made`: of a dry run. */
  readonly outcome: 'done' | 'kept' | 'left-out' | 'failed' | 'would-be-done';
  readonly reason?: string;
}

export interface ImportOptions {
  /** Only this vhost's: entries' own are not looked at, nor users, vhosts and permissions. */
  readonly vhost?: string;
  /** Who imports: he may do everything in vhosts that are made. */
  readonly user: string;
  /** Nothing is done; what would be is told. Default false. */
  readonly dryRun?: boolean;
  /** Goes on behind an entry that fails. Default false: the first error is thrown. */
  readonly goOn?: boolean;
}

interface Work {
  readonly operator: Operator;
  readonly options: ImportOptions;
  /** What a dry run would have made. */
  readonly made: WouldBeMade;
}

type Entry = Body;

/** One kind of entry. */
interface Section {
  readonly key: string;
  /** Of no vhost: left out where only one vhost's are imported. */
  readonly global?: boolean;
  name(entry: Entry): string;
  /** What is wrong with it, as far as that can be told without doing it. @throws */
  check(entry: Entry, vhost: string, work: Work): ImportedItem['outcome'] | { readonly leftOut: string } | undefined;
  apply(entry: Entry, vhost: string, work: Work): Promise<ImportedItem['outcome'] | undefined>;
}

const nameOf = (entry: Entry): string => String(entry['name'] ?? '');

/** RabbitMQ's own error for an entry without its name. @throws Failure 400 */
function demandName(entry: Entry): string {
  const { name } = entry;
  if (typeof name !== 'string') throw badRequest(['badkey', 'name']);
  return name;
}

function demandVhost(vhost: string, { operator, made }: Work): void {
  if (operator.vhosts.find(vhost) === undefined && !made.has(`vhost:${vhost}`))
    throw badRequest(['no_such_vhost', vhost]);
}

function demandUser(entry: Entry, { operator, made }: Work): string {
  const name = String(entry['user']);
  if (operator.users.get(name) === undefined && !made.has(`user:${name}`)) throw badRequest(['no_such_user', name]);
  return name;
}

const isConfigured = (name: string, { operator }: Work): { readonly leftOut: string } | undefined =>
  operator.users.get(name)?.configured === true ? { leftOut: 'the configuration sets this user' } : undefined;

const SECTIONS: readonly Section[] = [
  {
    key: 'users',
    global: true,
    name: nameOf,
    check(entry, _vhost, work) {
      const name = demandName(entry);
      if (entry['tags'] === undefined) throw badRequest('tags_not_present');
      work.made.add(`user:${name}`);
      return isConfigured(name, work);
    },
    async apply(entry, _vhost, { operator }) {
      const name = demandName(entry);
      const { limits, ...rest } = entry;
      await putUser(operator, name, rest);
      if (typeof limits === 'object' && limits !== null && !Array.isArray(limits)) {
        await setUserLimits(operator, name, limits as Body);
      }
      return undefined;
    },
  },
  {
    key: 'vhosts',
    global: true,
    name: nameOf,
    check(entry, _vhost, { operator, made }) {
      const name = demandName(entry);
      made.add(`vhost:${name}`);
      return operator.vhosts.find(name) === undefined ? undefined : 'done';
    },
    async apply(entry, _vhost, { operator, options }) {
      await putVhost(operator, demandName(entry), entry, options.user);
      return undefined;
    },
  },
  {
    key: 'permissions',
    global: true,
    name: (entry) => String(entry['user'] ?? ''),
    check(entry, vhost, work) {
      demandVhost(vhost, work);
      const user = demandUser(entry, work);
      permissionsFrom(entry);
      return isConfigured(user, work);
    },
    async apply(entry, vhost, { operator }) {
      await operator.users.setPermissions(String(entry['user']), vhost, permissionsFrom(entry));
      return undefined;
    },
  },
  {
    key: 'topic_permissions',
    global: true,
    name: (entry) => String(entry['user'] ?? ''),
    check(entry, vhost, work) {
      demandVhost(vhost, work);
      const user = demandUser(entry, work);
      if (topicPermissionsFrom(entry).exchange === '') return { leftOut: 'the default exchange has no topics' };
      return isConfigured(user, work);
    },
    async apply(entry, vhost, { operator }) {
      const { exchange, ...given } = topicPermissionsFrom(entry);
      await operator.users.setTopicPermissions(String(entry['user']), vhost, exchange, given);
      return undefined;
    },
  },
  {
    key: 'parameters',
    name: (entry) => `${String(entry['component'])} ${nameOf(entry)}`,
    check(entry, vhost, work) {
      demandVhost(vhost, work);
      const component = String(entry['component']);
      if (component === VHOST_LIMITS || component === OPERATOR_POLICY) return undefined;
      return { leftOut: `there is no component ${component} here` };
    },
    async apply(entry, vhost, { operator }) {
      demandKeys(entry, ['component', 'value']);
      const { component, value } = entry;
      if (component === VHOST_LIMITS) await setVhostLimits(operator, vhost, (value ?? {}) as Body);
      else await putParameter(operator, String(component), vhost, nameOf(entry), entry);
      return undefined;
    },
  },
  {
    key: 'global_parameters',
    global: true,
    name: nameOf,
    check(entry) {
      demandName(entry);
      // It says who a RabbitMQ is.
      return nameOf(entry) === 'internal_cluster_id' ? { leftOut: 'it is another cluster’s' } : undefined;
    },
    async apply(entry, _vhost, { operator }) {
      await operator.globals.put(demandName(entry), plain(entry['value'] ?? null));
      return undefined;
    },
  },
  {
    key: 'policies',
    name: nameOf,
    check(entry, vhost, work) {
      demandVhost(vhost, work);
      demandKeys(entry, ['name', 'pattern', 'definition']);
      return undefined;
    },
    async apply(entry, vhost, { operator }) {
      await putPolicy(operator, vhost, nameOf(entry), 'policy', entry);
      return undefined;
    },
  },
  {
    key: 'queues',
    name: nameOf,
    check(entry, vhost, work) {
      demandVhost(vhost, work);
      headersOf(entry, 'arguments', true);
      return work.operator.queues.find(vhost, demandName(entry)) === undefined ? undefined : 'kept';
    },
    async apply(entry, vhost, { operator }) {
      const session = operator.enterAsOperator(vhost);
      try {
        const { mark } = session.declareQueue(demandName(entry), {
          durable: booleanOf(entry, 'durable'),
          autoDelete: booleanOf(entry, 'auto_delete'),
          exclusive: false,
          arguments: headersOf(entry, 'arguments', true),
        });
        await whenSafe(session, mark);
      } finally {
        session.close(true);
      }
      return undefined;
    },
  },
  {
    key: 'exchanges',
    name: nameOf,
    check(entry, vhost, work) {
      demandVhost(vhost, work);
      headersOf(entry, 'arguments', true);
      return work.operator.exchanges.find(vhost, demandName(entry)) === undefined ? undefined : 'kept';
    },
    async apply(entry, vhost, { operator }) {
      const session = operator.enterAsOperator(vhost);
      try {
        const mark = session.declareExchange(demandName(entry), textOf(entry, 'type', 'direct'), {
          durable: booleanOf(entry, 'durable'),
          autoDelete: booleanOf(entry, 'auto_delete'),
          internal: booleanOf(entry, 'internal'),
          arguments: headersOf(entry, 'arguments', true),
        });
        await whenSafe(session, mark);
      } finally {
        session.close(true);
      }
      return undefined;
    },
  },
  {
    key: 'bindings',
    name: (entry) => `${String(entry['source'])} → ${String(entry['destination'])}`,
    check(entry, vhost, work) {
      demandVhost(vhost, work);
      headersOf(entry, 'arguments', true);
      if (entry['source'] === '') return { leftOut: 'the default exchange binds every queue by itself' };
      return undefined;
    },
    async apply(entry, vhost, { operator }) {
      const session = operator.enterAsOperator(vhost);
      const [source, destination, key] = ['source', 'destination', 'routing_key'].map((name) =>
        textOf(entry, name),
      ) as [string, string, string];
      const options = { spelling: DOT, arguments: headersOf(entry, 'arguments', true) } as const;
      try {
        const mark =
          entry['destination_type'] === 'exchange'
            ? session.bindExchange(destination, source, key, options)
            : session.bindQueue(destination, source, key, options);
        await whenSafe(session, mark);
      } finally {
        session.close(true);
      }
      return undefined;
    },
  },
];

const KNOWN: readonly string[] = [
  ...SECTIONS.map(({ key }) => key),
  ...['rabbit_version', 'rabbitmq_version', 'product_name', 'product_version', 'rabbitmq_definition_format'],
  ...['original_cluster_name', 'original_vhost_name', 'explanation', 'metadata', 'description', 'default_queue_type'],
  'operator_policies',
];

/**
 * What the text of definitions says.
 * @param parse reads JSON
 * @throws Failure 400 `failed_to_parse_json`
 */
export async function parsedDefinitions(
  text: string,
  parse: (text: string) => unknown | Promise<unknown> = parseJson,
): Promise<Body> {
  if (text.trim() === '') return {};
  let given: unknown;
  try {
    given = await parse(text);
  } catch {
    throw badRequest('failed_to_parse_json');
  }
  if (given === null) return {};
  if (typeof given !== 'object' || Array.isArray(given)) throw badRequest('failed_to_parse_json');
  return given as Body;
}

/** Entry by entry. @throws Failure: the first entry that fails, unless it goes on */
export async function* importDefinitions(
  operator: Operator,
  given: Body,
  options: ImportOptions,
): AsyncGenerator<ImportedItem> {
  const work: Work = { operator, options, made: new Set() };
  for (const key of Object.keys(given)) {
    if (!KNOWN.includes(key) && Array.isArray(given[key]) && (given[key] as unknown[]).length > 0) {
      yield { kind: key, name: '', vhost: undefined, outcome: 'left-out', reason: 'there is no such thing here' };
    }
  }
  for (const section of SECTIONS) {
    const entries = given[section.key];
    if (entries === undefined || entries === null) continue;
    if (!Array.isArray(entries)) throw badRequest(`${section.key} is no list`);
    if (section.global === true && options.vhost !== undefined) continue;
    await operator.pace.next();
    for (const entry of entries as unknown[]) {
      // One that is there already is looked at, and nothing is waited for.
      if (operator.pace.late()) await operator.pace.next();
      if (typeof entry !== 'object' || entry === null) throw badRequest(`an entry of ${section.key} is no object`);
      yield await imported(section, entry as Entry, work);
    }
  }
}

async function imported(section: Section, entry: Entry, work: Work): Promise<ImportedItem> {
  const { vhost: only, dryRun = false, goOn = false } = work.options;
  const vhost = only ?? (entry['vhost'] === undefined ? 'undefined' : String(entry['vhost']));
  const told = { kind: section.key, name: section.name(entry), vhost: section.key === 'users' ? undefined : vhost };
  try {
    const found = section.check(entry, vhost, work);
    if (typeof found === 'object') return { ...told, outcome: 'left-out', reason: found.leftOut };
    const kept = found === 'kept' || (dryRun && DRY_RUN_CHECKS[section.key]?.(entry, vhost, work.operator, work.made));
    if (kept === true) return { ...told, outcome: 'kept', reason: 'there is one already' };
    if (dryRun) return { ...told, outcome: 'would-be-done' };
    return { ...told, outcome: (await section.apply(entry, vhost, work)) ?? 'done' };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === undefined || (!goOn && !dryRun)) throw failure ?? error;
    return { ...told, outcome: 'failed', reason: reasonOf(failure) };
  }
}

/** An entry that names what is not there is a bad request, whatever it would be alone. */
function failureOf(error: unknown): Failure | undefined {
  if (error instanceof BrokerError && error.code === 'not-found') return badRequest(error.message);
  return asFailure(error);
}

function reasonOf({ body, message }: Failure): string {
  const reason = body?.reason ?? message;
  return typeof reason === 'string' ? reason.trim() : JSON.stringify(reason);
}
