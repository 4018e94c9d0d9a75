/** `entrepot explain`: where a message to an address would go, or what a subscription to it would get, and who may. Nothing is done. */
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { safeText } from '../print/text.ts';
import { FORMS, termsOf } from './address.ts';
import { asking, type CommonFlags, connected } from './context.ts';

interface Decision {
  readonly action: string;
  readonly resource: string;
  readonly name: string;
  readonly routingKey?: string;
  readonly allowed: boolean;
  readonly decidedBy?: string;
  readonly pattern?: string;
}

interface Binding {
  readonly exchange: string;
  readonly key: string;
  readonly to: { readonly queue: string } | { readonly exchange: string };
}

interface QueueSeen {
  readonly name: string;
  readonly direct?: boolean;
  readonly consumers: number;
  readonly messages: number;
}

interface Common {
  readonly user: string;
  readonly bindings: readonly Binding[];
  readonly cut: boolean;
  readonly permissions: readonly Decision[];
}

interface Published extends Common {
  readonly as: 'publish';
  readonly exchange: string;
  readonly type: string | null;
  readonly key: string;
  readonly declares?: string;
  readonly delayMs?: number;
  readonly alternates: readonly { readonly exchange: string; readonly alternate: string }[];
  readonly withheld: readonly { readonly exchange: string; readonly key: string }[];
  readonly queues: readonly QueueSeen[];
  readonly perMessage: boolean;
  readonly delivered: boolean;
}

interface Subscribed extends Common {
  readonly as: 'subscribe';
  readonly queueName?: string;
  readonly queue?: QueueSeen & { readonly exclusive: boolean };
  readonly declares: boolean;
  readonly shared: boolean;
  readonly waits: 'queue' | 'session' | 'connection' | 'never';
  readonly binding?: {
    readonly exchange: string;
    readonly type: string | null;
    readonly key: string;
    readonly isThere: boolean;
  };
  readonly retained?: { readonly count: number; readonly withheld: number; readonly keys: readonly string[] };
  readonly notes: readonly string[];
  readonly granted: boolean;
}

type ExplainFlags = CommonFlags & {
  readonly vhost: string;
  readonly of?: string;
  readonly clientId?: string;
  readonly publish?: boolean;
  readonly subscribe?: boolean;
};

export function addExplain(program: Command): void {
  asking(program, 'explain <address>', 'where a message would go, or what a subscription would get, and who may')
    .option('--vhost <name>', 'where', '/')
    .option('--publish', 'it is published to (default: that, or, where it cannot be, it is subscribed to)')
    .option('--subscribe', 'it is subscribed to, or consumed from')
    .option('--of <user>', 'whose permissions are looked at (default: who logs in)')
    .option('--client-id <id>', 'as the client that subscribes calls itself')
    .addHelpText(
      'after',
      `
ADDRESS is ${FORMS}, as clients of that protocol write it.
Nothing is published, declared or subscribed to. 1 as well where the answer is no. (--user is who logs in.)

Examples:
  entrepot explain mqtt:plant/7/temperature --of ann
  entrepot explain 'mqtt:plant/+/#' --of ann
  entrepot explain queue:orders --subscribe`,
    )
    .action(
      connected<ExplainFlags>(async ({ client, json, out }, [address = ''], flags) => {
        const { vhost, of: user, clientId, publish, subscribe } = flags;
        const as = subscribe === true ? 'subscribe' : publish === true ? 'publish' : undefined;
        const query = { ...termsOf(address, as === 'subscribe'), vhost, user, clientId, as };
        const told = await client.get<Published | Subscribed>('/v1/explain', query);
        if (json) out(JSON.stringify(told));
        else for (const line of told.as === 'publish' ? published(told) : subscribed(told)) out(safeText(line));
        if (!(told.as === 'publish' ? told.delivered : told.granted)) process.exitCode = EXIT.failed;
      }),
    );
}

function* published(told: Published): Generator<string> {
  const { queues, perMessage, delivered, type, exchange, key, declares, delayMs } = told;
  if (type === null) yield `there is no exchange '${exchange}': it would be refused`;
  else if (told.permissions.some(({ allowed }) => !allowed)) yield `user '${told.user}' may not send it`;
  else if (perMessage) yield 'it depends on the message, too: these are all that could get it';
  else if (!delivered) yield 'nobody would get it';
  else yield queues.length === 1 ? 'one queue would get it' : `${queues.length} queues would get it`;
  yield `  published to ${exchangeNamed(exchange)} with the key '${key}'${delayMs === undefined ? '' : `, after ${delayMs / 1000} s`}`;
  if (declares !== undefined) yield `  the queue '${declares}' would be declared first`;
  for (const line of bindings(told)) yield `  ${line}`;
  for (const one of told.alternates) yield `  nothing of '${one.exchange}' takes it: it goes on to '${one.alternate}'`;
  for (const one of told.withheld)
    yield `  '${one.key}' of '${one.exchange}' is the broker's own: it does not go on there`;
  for (const queue of queues) yield `  queue ${queueSeen(queue)}`;
  for (const line of decisions(told)) yield `  ${line}`;
}

const WAITS = {
  queue: 'messages wait in the queue',
  session: 'messages wait as long as the session is kept',
  connection: 'messages wait as long as the connection lasts',
  never: 'nothing waits',
} as const;

function* subscribed(told: Subscribed): Generator<string> {
  const { binding, declares, queue, queueName, retained, shared, user, waits } = told;
  if (told.permissions.some(({ allowed }) => !allowed)) yield `user '${user}' may not subscribe to it`;
  else if (binding?.type === null) yield `there is no exchange '${binding.exchange}': it would be refused`;
  else if (!told.granted) yield `there is no queue '${queueName ?? ''}': it would be refused`;
  else yield `${shared ? 'subscribers would take turns' : 'it would get all of it'}; ${WAITS[waits]}`;
  if (queue !== undefined) yield `  queue ${queueSeen(queue)}${queue.exclusive ? ', of one connection alone' : ''}`;
  else if (declares)
    yield queueName === undefined ? '  a queue of its own would be made' : `  the queue '${queueName}' would be made`;
  if (binding !== undefined)
    yield `  bound to ${exchangeNamed(binding.exchange)} with '${binding.key}'${binding.isThere ? ', which it is' : ''}`;
  for (const line of bindings(told)) yield `  ${line}`;
  if (retained !== undefined) {
    const withheld = retained.withheld === 0 ? '' : `; ${retained.withheld} others are not for this user`;
    yield `  retained: ${retained.count}${withheld}`;
    for (const key of retained.keys) yield `    ${key}`;
  }
  for (const note of told.notes) yield `  ${note}`;
  for (const line of decisions(told)) yield `  ${line}`;
}

function exchangeNamed(exchange: string): string {
  return exchange === '' ? 'the default exchange' : `exchange '${exchange}'`;
}

function queueSeen({ name, consumers, messages, direct }: QueueSeen): string {
  const past = direct === undefined ? '' : direct ? ', its subscriber is there' : ', its subscriber is away';
  return `'${name}': ${messages} messages, ${consumers} consumers${past}`;
}

function* bindings({ bindings, cut }: Common): Generator<string> {
  for (const { exchange, key, to } of bindings) {
    const where = 'queue' in to ? `queue '${to.queue}'` : `exchange '${to.exchange}'`;
    yield `binding: exchange '${exchange}', key '${key}' to ${where}`;
  }
  if (cut) yield 'there are more than are listed';
}

function* decisions({ permissions, user }: Common): Generator<string> {
  for (const { action, resource, name, routingKey, allowed, decidedBy, pattern } of permissions) {
    const of = routingKey === undefined ? `${resource} '${name}'` : `topic '${routingKey}' of exchange '${name}'`;
    const by = decidedBy === undefined ? 'rules that the broker does not keep' : decidedBy.replaceAll('-', ' ');
    yield `${allowed ? 'allowed' : 'denied'}: user '${user}', ${action} ${of}: ${by}${pattern === undefined ? '' : ` '${pattern}'`}`;
  }
}
