/** `entrepot status`: how a broker is, on one page. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { type ListenerRow, listening } from '../print/listeners.ts';
import { facts } from '../print/table.ts';
import { bytes, count, counted, duration, rate } from '../print/units.ts';
import type { BrokerClient } from '../reach/client.ts';
import { asking, connected } from './context.ts';

interface Detail {
  readonly rate: number;
}

export interface Overview {
  readonly product_name?: string;
  readonly product_version?: string;
  readonly message_stats: {
    readonly publish_details?: Detail;
    readonly confirm_details?: Detail;
    readonly deliver_get_details?: Detail;
    readonly ack_details?: Detail;
  };
  readonly queue_totals: { readonly messages_ready?: number; readonly messages_unacknowledged?: number };
  readonly object_totals: Readonly<Record<'connections' | 'channels' | 'queues' | 'exchanges' | 'consumers', number>>;
  readonly listeners: readonly ListenerRow[];
}

export interface NodeState {
  readonly uptime: number;
  readonly os_pid: string;
  readonly applications: readonly { readonly name: string; readonly version: string }[];
  readonly mem_used: number;
  readonly mem_limit: number;
  readonly mem_alarm: boolean;
  readonly disk_free: number;
  readonly disk_free_limit: number;
  readonly disk_free_alarm: boolean;
  readonly sockets_used: number;
  readonly sockets_total: number;
  readonly fd_total: number;
}

export interface State {
  readonly overview: Overview;
  readonly node: NodeState;
  /** Why nothing can be confirmed any more; not there: all is well. */
  readonly failure?: string;
}

export async function stateOf(client: BrokerClient): Promise<State> {
  const overview = await client.get<Overview>('/overview');
  const [node] = await client.get<readonly NodeState[]>('/nodes');
  const failure = await failureOf(client);
  return { overview, node: node!, ...(failure !== undefined && { failure }) };
}

/** Why nothing can be confirmed any more; undefined: it can. Alarms, of which this health check tells too, are told elsewhere. */
async function failureOf(client: BrokerClient): Promise<string | undefined> {
  try {
    await client.get('/healthchecks/node');
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode !== EXIT.failed) throw error;
    return error.message.startsWith('resource alarm') ? undefined : error.message;
  }
}

/** Undefined: there is nothing of which there is too little. */
export function alarmsOf({ mem_alarm, disk_free_alarm }: NodeState): string | undefined {
  const scarce = [mem_alarm && 'memory', disk_free_alarm && 'disk'].filter((one) => one !== false);
  return scarce.length === 0 ? undefined : `too little ${scarce.join(' and ')}: publishers wait`;
}

export function addStatus(program: Command): void {
  asking(program, 'status', 'how the broker is, on one page').action(
    connected(async ({ client, json, out, width }) => {
      const state = await stateOf(client);
      if (json) out(JSON.stringify(state, undefined, 2));
      else for (const line of facts(factsOf(state, client.url), width)) out(line);
    }),
  );
}

function factsOf({ overview, node, failure }: State, url: string): [string, string | undefined][] {
  const { object_totals: objects, queue_totals: waiting, message_stats: stats, listeners } = overview;
  const version = node.applications.find(({ name }) => name === 'entrepot')?.version;
  return [
    ['Broker', `${version === undefined ? '' : `entrepot ${version}, `}process ${node.os_pid}, at ${url}`],
    ['Up for', duration(node.uptime)],
    ['Failed', failure],
    ['Alarms', alarmsOf(node) ?? 'none'],
    ['Listening', listening(listeners)],
    [
      'Connections',
      `${count(objects.connections)} of at most ${count(node.sockets_total)}, ${counted(objects.channels, 'channel')}`,
    ],
    [
      'Queues',
      `${count(objects.queues)}, ${counted(objects.consumers, 'consumer')}, ${counted(objects.exchanges, 'exchange')}`,
    ],
    ['Messages', `${count(waiting.messages_ready)} ready, ${count(waiting.messages_unacknowledged)} unsettled`],
    ['Published', rate(stats.publish_details?.rate ?? 0)],
    ['Delivered', rate(stats.deliver_get_details?.rate ?? 0)],
    ['Memory', `${bytes(node.mem_used)}${node.mem_limit > 0 ? ` of ${bytes(node.mem_limit)}` : ''}`],
    [
      'Disk',
      `${bytes(node.disk_free)} free${node.disk_free_limit > 0 ? `, alarm below ${bytes(node.disk_free_limit)}` : ''}`,
    ],
    ['Descriptors', `${count(node.fd_total)} at most`],
  ];
}
