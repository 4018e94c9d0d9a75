/** `entrepot queues` */
import type { Command } from 'commander';
import { type Column, table } from '../print/table.ts';
import { bytes, count, rate } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, assignments, type CommonFlags, connected, done, family, repeated } from './context.ts';
import { addPageOptions, type ListFlags, listing, pairs, show } from './lists.ts';
import { addQueueMessages } from './queue-messages.ts';

interface Rates {
  readonly publish_details?: { readonly rate: number };
  readonly deliver_get_details?: { readonly rate: number };
}

export interface Queue {
  readonly vhost: string;
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly exclusive: boolean;
  readonly messages: number;
  readonly messages_ready: number;
  readonly messages_unacknowledged: number;
  readonly message_bytes_ready?: number;
  readonly consumers: number;
  readonly policy?: string | null;
  readonly operator_policy?: string | null;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly message_stats?: Rates;
}

/** What asks for rates: over the last five seconds. */
export const RATES = { msg_rates_age: 5, msg_rates_incr: 5 };
export const QUEUE_FIELDS =
  'vhost,name,type,durable,auto_delete,exclusive,messages,messages_ready,messages_unacknowledged,message_bytes_ready,consumers,policy,' +
  'message_stats.publish_details.rate,message_stats.deliver_get_details.rate';

export const QUEUE_COLUMNS = [
  { title: 'VHOST', text: ({ vhost }: Queue) => vhost, cuts: true },
  { title: 'NAME', text: ({ name }: Queue) => name, cuts: true },
  { title: 'READY', text: (queue: Queue) => count(queue.messages_ready), right: true },
  { title: 'UNSETTLED', text: (queue: Queue) => count(queue.messages_unacknowledged), right: true },
  { title: 'IN', text: ({ message_stats }: Queue) => rate(message_stats?.publish_details?.rate ?? 0), right: true },
  {
    title: 'OUT',
    text: ({ message_stats }: Queue) => rate(message_stats?.deliver_get_details?.rate ?? 0),
    right: true,
  },
  { title: 'CONSUMERS', text: ({ consumers }: Queue) => count(consumers), right: true, spare: 1 },
  { title: 'BYTES', text: (queue: Queue) => bytes(queue.message_bytes_ready), right: true, whereKnown: true, spare: 2 },
  { title: 'TYPE', text: ({ type }: Queue) => type, spare: 4 },
  { title: 'FEATURES', text: featuresOf, spare: 5 },
  { title: 'POLICY', text: ({ policy }: Queue) => policy ?? '', cuts: true, whereKnown: true, spare: 3 },
];

interface Parked {
  readonly position: number;
  readonly token: string;
  /** Epoch milliseconds. */
  readonly deliveryTime: number;
}

const PARKED: readonly Column<Parked>[] = [
  { title: 'POSITION', text: ({ position }) => String(position), right: true },
  { title: 'TOKEN', text: ({ token }) => token, cuts: true },
  { title: 'BACK', text: ({ deliveryTime }) => new Date(Math.min(deliveryTime, DATE_MAX)).toISOString() },
];
/** Epoch milliseconds: the end of the year 9999, which may be meant as never. */
const DATE_MAX = 253_402_300_799_999;

export function addQueues(program: Command): void {
  const queues = family(program, 'queues', 'where messages wait');
  addPageOptions(asking(queues, 'list', 'all, or those in a vhost'))
    .option('--vhost <name>', 'in this one')
    .action(
      listing<Queue, ListFlags & { vhost?: string }>(({ vhost }) => ({
        path: vhost === undefined ? '/queues' : api`/queues/${vhost}`,
        fields: QUEUE_FIELDS,
        query: RATES,
        columns: QUEUE_COLUMNS,
        paged: true,
      })),
    );
  asking(queues, 'show <name>', 'one of them')
    .option('--vhost <name>', 'where', '/')
    .action(
      connected<CommonFlags & { vhost: string }>((context, [name = ''], { vhost }) =>
        show<Queue>(context, api`/queues/${vhost}/${name}`, factsOf),
      ),
    );
  asking(queues, 'add <name>', 'declare one; it outlives the broker')
    .option('--vhost <name>', 'where', '/')
    .option('--transient', 'it does not outlive the broker')
    .option('--auto-delete', 'it goes with its last consumer')
    .option('--argument <key=value>', 'such as x-max-length=1000; may be repeated', repeated)
    .action(
      connected<CommonFlags & { vhost: string; transient?: boolean; autoDelete?: boolean; argument?: string[] }>(
        async (context, [name = ''], { vhost, transient, autoDelete, argument }) => {
          const body = {
            durable: transient !== true,
            auto_delete: autoDelete === true,
            arguments: assignments(argument ?? []),
          };
          const { made } = await context.client.send('PUT', api`/queues/${vhost}/${name}`, { body });
          done(context, made ? 'made' : 'there already', `queue ${name}`);
        },
      ),
    );
  asking(queues, 'delete <name>', 'with the messages in it')
    .option('--vhost <name>', 'where', '/')
    .option('--if-empty', 'only if it has none')
    .option('--if-unused', 'only if nobody consumes from it')
    .action(
      connected<CommonFlags & { vhost: string; ifEmpty?: boolean; ifUnused?: boolean }>(
        async (context, [name = ''], { vhost, ifEmpty, ifUnused }) => {
          const query = {
            'if-empty': ifEmpty === true ? 'true' : undefined,
            'if-unused': ifUnused === true ? 'true' : undefined,
          };
          await context.client.send('DELETE', api`/queues/${vhost}/${name}`, { query });
          done(context, 'deleted', `queue ${name}`);
        },
      ),
    );
  asking(queues, 'parked <name>', 'messages that are parked under tokens, a thousand at most')
    .option('--vhost <name>', 'where', '/')
    .action(
      connected<CommonFlags & { vhost: string }>(async ({ client, json, out, width }, [name = ''], { vhost }) => {
        const path = api`/v1/vhosts/${vhost}/queues/${name}/deferred`;
        const { messages } = await client.get<{ messages: readonly Parked[] }>(path, { max: '1000' });
        if (json) out(JSON.stringify(messages));
        else for (const line of table(PARKED, messages, width)) out(line);
      }),
    );
  addQueueMessages(queues);
}

function featuresOf({ durable, auto_delete, exclusive }: Queue): string {
  return [durable && 'durable', auto_delete && 'auto-delete', exclusive && 'exclusive'].filter(Boolean).join(' ');
}

function factsOf(queue: Queue): [string, string | undefined][] {
  const { message_stats } = queue;
  return [
    ['Vhost', queue.vhost],
    ['Name', queue.name],
    ['Type', queue.type],
    ['Features', featuresOf(queue)],
    ['Arguments', pairs(queue.arguments)],
    ['Policy', queue.policy ?? undefined],
    ["Operators' policy", queue.operator_policy ?? undefined],
    ['Ready', `${count(queue.messages_ready)} (${bytes(queue.message_bytes_ready)})`],
    ['Unsettled', count(queue.messages_unacknowledged)],
    ['In', rate(message_stats?.publish_details?.rate ?? 0)],
    ['Out', rate(message_stats?.deliver_get_details?.rate ?? 0)],
    ['Consumers', count(queue.consumers)],
  ];
}
