/** `entrepot connections`, `entrepot channels` and `entrepot consumers` */
import type { Command } from 'commander';
import { bytes, count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, connected, done, family } from './context.ts';
import { addPageOptions, type ListFlags, listing, pairs, show } from './lists.ts';

export interface Connection {
  readonly name: string;
  readonly user: string;
  readonly vhost: string;
  readonly protocol: string;
  readonly state: string;
  readonly channels: number;
  readonly ssl: boolean;
  readonly recv_oct: number;
  readonly send_oct: number;
  readonly recv_oct_details?: { readonly rate: number };
  readonly send_oct_details?: { readonly rate: number };
  readonly connected_at: number;
  readonly client_properties?: Readonly<Record<string, unknown>>;
}

interface Channel {
  readonly name: string;
  readonly user: string;
  readonly vhost: string;
  readonly state: string;
  readonly consumer_count: number;
  readonly prefetch_count: number;
  readonly messages_unacknowledged: number;
  readonly messages_unconfirmed: number;
}

interface Consumer {
  readonly consumer_tag: string;
  readonly queue: { readonly name: string; readonly vhost: string };
  readonly channel_details?: { readonly connection_name?: string; readonly user?: string };
  readonly prefetch_count: number;
  readonly ack_required: boolean;
  readonly activity_status: string;
}

export const CONNECTION_FIELDS =
  'name,user,vhost,protocol,state,channels,ssl,recv_oct,send_oct,recv_oct_details.rate,send_oct_details.rate,connected_at';

const perSecond = (details: { readonly rate: number } | undefined): string =>
  `${bytes(Math.round(details?.rate ?? 0))}/s`;

export const CONNECTION_COLUMNS = [
  { title: 'NAME', text: ({ name }: Connection) => name, cuts: 36 },
  { title: 'USER', text: ({ user }: Connection) => user, cuts: true },
  { title: 'VHOST', text: ({ vhost }: Connection) => vhost, cuts: true, spare: 2 },
  { title: 'PROTOCOL', text: ({ protocol }: Connection) => protocol, spare: 1 },
  { title: 'TLS', text: ({ ssl }: Connection) => (ssl ? 'yes' : ''), spare: 5 },
  { title: 'STATE', text: ({ state }: Connection) => state, spare: 4 },
  { title: 'CHANNELS', text: ({ channels }: Connection) => count(channels), right: true, spare: 3 },
  { title: 'IN', text: (one: Connection) => perSecond(one.recv_oct_details), right: true },
  { title: 'OUT', text: (one: Connection) => perSecond(one.send_oct_details), right: true },
];

export function addConnections(program: Command): void {
  const connections = family(program, 'connections', 'clients that are here now');
  addPageOptions(asking(connections, 'list', 'all, or those in a vhost'))
    .option('--vhost <name>', 'in this one')
    .action(
      listing<Connection, ListFlags & { vhost?: string }>(({ vhost }) => ({
        path: vhost === undefined ? '/connections' : api`/vhosts/${vhost}/connections`,
        fields: CONNECTION_FIELDS,
        columns: CONNECTION_COLUMNS,
        paged: true,
      })),
    );
  asking(connections, 'show <name>', 'one of them, as the list names it').action(
    connected((context, [name = '']) =>
      show<Connection>(context, api`/connections/${name}`, (one) => [
        ['Name', one.name],
        ['User', one.user],
        ['Vhost', one.vhost],
        ['Protocol', one.protocol],
        ['TLS', one.ssl ? 'yes' : 'no'],
        ['State', one.state],
        ['Since', new Date(one.connected_at).toISOString()],
        ['Channels', count(one.channels)],
        ['Received', `${bytes(one.recv_oct)}, ${perSecond(one.recv_oct_details)}`],
        ['Sent', `${bytes(one.send_oct)}, ${perSecond(one.send_oct_details)}`],
        ['Client', pairs(one.client_properties)],
      ]),
    ),
  );
  asking(connections, 'delete <name>', 'close it; its client is told why')
    .alias('close')
    .option('--reason <text>', 'what the client is told', 'closed by an operator')
    .action(
      connected<CommonFlags & { reason: string }>(async (context, [name = ''], { reason }) => {
        // A header holds no others.
        const headers = { 'x-reason': reason.replace(/[^\x20-\x7e]/g, '?') };
        await context.client.send('DELETE', api`/connections/${name}`, { headers });
        done(context, 'closed', `connection ${name}`);
      }),
    );
}

export function addChannels(program: Command): void {
  const channels = family(program, 'channels', 'what clients have open on their connections');
  addPageOptions(asking(channels, 'list', 'all, or those in a vhost'))
    .option('--vhost <name>', 'in this one')
    .action(
      listing<Channel, ListFlags & { vhost?: string }>(({ vhost }) => ({
        path: vhost === undefined ? '/channels' : api`/vhosts/${vhost}/channels`,
        fields: 'name,user,vhost,state,consumer_count,prefetch_count,messages_unacknowledged,messages_unconfirmed',
        paged: true,
        columns: [
          { title: 'NAME', text: ({ name }) => name, cuts: true },
          { title: 'USER', text: ({ user }) => user, cuts: true },
          { title: 'VHOST', text: (channel) => channel.vhost, cuts: true, spare: 1 },
          { title: 'STATE', text: ({ state }) => state, spare: 2 },
          { title: 'CONSUMERS', text: (channel) => count(channel.consumer_count), right: true, spare: 3 },
          { title: 'PREFETCH', text: (channel) => count(channel.prefetch_count), right: true, spare: 4 },
          { title: 'UNSETTLED', text: (channel) => count(channel.messages_unacknowledged), right: true },
          { title: 'UNCONFIRMED', text: (channel) => count(channel.messages_unconfirmed), right: true },
        ],
      })),
    );
}

export function addConsumers(program: Command): void {
  const consumers = family(program, 'consumers', 'who gets messages of which queue');
  asking(consumers, 'list', 'all, or those in a vhost')
    .option('--vhost <name>', 'in this one')
    .action(
      listing<Consumer, ListFlags & { vhost?: string }>(({ vhost }) => ({
        path: vhost === undefined ? '/consumers' : api`/consumers/${vhost}`,
        fields: 'consumer_tag,queue,channel_details,prefetch_count,ack_required,activity_status',
        columns: [
          { title: 'VHOST', text: ({ queue }) => queue.vhost, cuts: true, spare: 1 },
          { title: 'QUEUE', text: ({ queue }) => queue.name, cuts: true },
          { title: 'TAG', text: ({ consumer_tag }) => consumer_tag, cuts: true },
          { title: 'CONNECTION', text: (one) => one.channel_details?.connection_name ?? '', cuts: true, spare: 3 },
          { title: 'USER', text: (one) => one.channel_details?.user ?? '', cuts: true },
          {
            title: 'PREFETCH',
            text: (one) => (one.prefetch_count === 0 ? '' : count(one.prefetch_count)),
            right: true,
          },
          { title: 'SETTLES', text: ({ ack_required }) => (ack_required ? 'yes' : 'no'), spare: 2 },
          { title: 'STATE', text: ({ activity_status }) => activity_status.replace('_', ' ') },
        ],
      })),
    );
}
