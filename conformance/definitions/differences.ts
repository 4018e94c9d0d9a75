/** What of a RabbitMQ's definitions cannot be had here, in the order in which an import tells of it: nothing is dropped in silence. */
export interface LeftBehind {
  readonly kind: string;
  /** As the import names it. */
  readonly name: string;
  readonly outcome: 'left-out' | 'failed';
  readonly told: RegExp;
}

export const LEFT_BEHIND: readonly LeftBehind[] = [
  { kind: 'topic_permissions', name: 'bob', outcome: 'left-out', told: /^the default exchange has no topics$/ },
  {
    kind: 'parameters',
    name: 'federation-upstream away',
    outcome: 'left-out',
    told: /no component federation-upstream/,
  },
  { kind: 'parameters', name: 'shovel carry', outcome: 'left-out', told: /no component shovel/ },
  { kind: 'global_parameters', name: 'internal_cluster_id', outcome: 'left-out', told: /another cluster/ },
  { kind: 'policies', name: 'far', outcome: 'failed', told: /federation-upstream-set.*not recognised/ },
  { kind: 'queues', name: 'stream', outcome: 'failed', told: /^streams are not supported yet/ },
  { kind: 'exchanges', name: 'x.jms', outcome: 'failed', told: /^unknown exchange type 'x-jms-topic'$/ },
  { kind: 'exchanges', name: 'x.recent', outcome: 'failed', told: /^unknown exchange type 'x-recent-history'$/ },
  { kind: 'bindings', name: 'amq.fanout → x.jms', outcome: 'failed', told: /^no exchange 'x.jms'/ },
  { kind: 'bindings', name: 'x.direct → stream', outcome: 'failed', told: /^no queue 'stream'/ },
  { kind: 'bindings', name: 'x.recent → plain', outcome: 'failed', told: /^no exchange 'x.recent'/ },
];

/** Keys of entries that only one of the two exports. RabbitMQ 3.10 loses what a vhost is described as. */
export const ONLY_HERE: Readonly<Record<string, readonly string[]>> = { vhosts: ['description', 'tags', 'metadata'] };

/** What changes at the first login of somebody whose hash is quickly guessed: it is replaced by a slow one, of this broker's own. */
export const HASHES: Readonly<Record<string, readonly string[]>> = { users: ['password_hash', 'hashing_algorithm'] };
