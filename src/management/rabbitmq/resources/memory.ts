/** Where the node's memory goes, as far as a process of Node can tell; what RabbitMQ tells apart besides is there and 0. */
import { json } from '../http/replies.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { mustBeHere } from './here.ts';

/** Whose memory RabbitMQ tells apart, and what is not here or not told apart here. */
const CLIENTS = ['connection_readers', 'connection_writers', 'connection_channels', 'connection_other'];
const QUEUES = [
  ...['queue_procs', 'queue_slave_procs', 'quorum_queue_procs', 'quorum_queue_dlx_procs', 'stream_queue_procs'],
  ...['stream_queue_replica_reader_procs', 'stream_queue_coordinator_procs'],
];
const NONE_APART = none([
  ...CLIENTS,
  ...QUEUES,
  ...['plugins', 'metrics', 'mgmt_db', 'metadata_store', 'metadata_store_ets', 'mnesia'],
  ...['quorum_ets', 'other_ets', 'msg_index', 'atom', 'code'],
]);
const NO_BINARIES = none([...CLIENTS, ...QUEUES, 'plugins', 'mgmt_db', 'msg_index']);

function none(names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(names.map((name) => [name, 0]));
}

function memoryParts(): { readonly parts: Readonly<Record<string, number>>; readonly total: Record<string, number> } {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const parts = {
    ...NONE_APART,
    binary: arrayBuffers,
    other_system: Math.max(0, rss - heapTotal - external),
    other_proc: heapUsed,
    allocated_unused: heapTotal - heapUsed,
    reserved_unallocated: 0,
  };
  return { parts, total: { erlang: heapUsed + external, rss, allocated: heapTotal + external } };
}

/** Bytes. */
export function memoryOf(): object {
  const { parts, total } = memoryParts();
  return { ...parts, strategy: 'rss', total };
}

/** Buffers: nobody counts whose they are. */
export function binaryOf(): object {
  return { ...NO_BINARIES, other: process.memoryUsage().arrayBuffers };
}

/** In percent of what is resident; what is there at all is 1 at least. */
function relativeMemory(): object {
  const { parts, total } = memoryParts();
  const percent = (bytes: number): number => (bytes === 0 ? 0 : Math.max(1, Math.round((bytes / total['rss']!) * 100)));
  const shown = Object.entries(parts).map(([name, bytes]) => [name, percent(bytes)]);
  return { total: 100, ...Object.fromEntries(shown) };
}

const get = (shown: () => object): Resource['verbs'] => ({
  GET: {
    tag: 'monitoring',
    handle: (request) => {
      mustBeHere(request);
      return json(shown());
    },
  } satisfies Verb,
});

/** Tables of Erlang: there are none here, which RabbitMQ says of a filter that no table's owner fits. */
const noTables = (): object => ({ ets_tables_memory: 'no_tables' });

export const MEMORY: readonly Resource[] = [
  { path: '/nodes/:node/memory', verbs: get(() => ({ memory: memoryOf() })) },
  { path: '/nodes/:node/memory/relative', verbs: get(() => ({ memory: relativeMemory() })) },
  { path: '/nodes/:node/memory/ets', verbs: get(noTables) },
  { path: '/nodes/:node/memory/ets/relative', verbs: get(noTables) },
  { path: '/nodes/:node/memory/ets/:filter', verbs: get(noTables) },
  { path: '/nodes/:node/memory/ets/:filter/relative', verbs: get(noTables) },
];
