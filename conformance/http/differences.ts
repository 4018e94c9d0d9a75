/** Where RabbitMQ 3.10's HTTP API answers in another shape than this broker, and why we do as we do. */
export interface HttpDifference {
  /** Which differences of shape it explains: `path of the request key in the answer: what is different`. */
  readonly where: RegExp;
  readonly why: string;
}

export const HTTP_DIFFERENCES = {
  'no-processes': {
    where:
      /(reductions|reductions_details|backing_queue_status|recoverable_slaves|\bmemory|open_files\.|garbage_collection)/,
    why: 'Erlang processes, their heaps and their work: there are none here',
  },
  'bytes-of-queues': {
    where:
      /(message_bytes|messages_ram|messages_persistent|messages_paged_out|_ready_ram|_unacknowledged_ram|messages_dlx)/,
    why: 'no size is kept for what waits unless the queue has a limit on bytes, and where a message lies is the log’s business',
  },
  'idle-since': {
    where: /idle_since/,
    why: 'when a queue or channel was last used is not kept; message_stats and their rates say whether it is',
  },
  'packets-of-sockets': {
    where: /(recv_cnt|send_cnt)/,
    why: 'reads and writes of a socket are not counted, its bytes are',
  },
  'bytes-of-vhosts': {
    where: /^\/vhosts\S* \S*(recv_oct|send_oct)/,
    why: 'bytes are counted for each connection and go with it',
  },
  'samples-from-the-start': {
    where: /(avg_rate|avg|samples)/,
    why: 'history begins when it is first asked for, and is not filled up with zeros before that',
  },
  'one-node': {
    where: /^\/(nodes|auth\/attempts)/,
    why: 'figures of Erlang, Mnesia and its message store do not exist; logins are counted over all protocols',
  },
  runtime: {
    where: /^\/overview\S* (contexts|listeners|exchange_types)\b.*socket_opts|ssl_opts|cowboy_opts/,
    why: 'options of sockets are not shown',
  },
  'returned-to-channels': {
    where: /message_stats\.return_unroutable/,
    why: 'what was sent back is counted where it was sent from, by channel and by protocol',
  },
  'of-rabbitmq-4': {
    where: /consumer_timeout: only here/,
    why: 'rabbitmqadmin v2 is made for RabbitMQ 4 and cannot read a consumer without it',
  },
  extensions: { where: /^\/extensions/, why: 'there is no page that could load scripts' },
  'churn-on-disk': { where: /message_stats\.disk_/, why: 'the log is read and written in blocks, not by message' },
  'text-as-text': {
    where: /^\/permissions\S* reason: list there, string here/,
    why: 'RabbitMQ writes what is wrong with a pattern as a list of character codes',
  },
  'configured-users': {
    where: /^\/(definitions|all-configuration)\S* (users|permissions)\[\]: only there/,
    why: 'users of the configuration come with it, and are not exported',
  },
  'vhosts-described': {
    where: /^\/(definitions|all-configuration)\S* vhosts\[\]\.(description|tags|metadata): only here/,
    why: 'RabbitMQ 3.10 exports a vhost without what it is described as, and loses it',
  },
  makers: { where: /user_who_performed_action: only there/, why: 'who has declared an exchange is not kept' },
} as const satisfies Record<string, HttpDifference>;
