/** What the broker answers, as far as pages read it. The names are RabbitMQ's. */

export interface Rated {
  readonly rate: number;
}

export interface MessageStats {
  readonly publish_details?: Rated;
  readonly deliver_get_details?: Rated;
  readonly ack_details?: Rated;
  readonly redeliver_details?: Rated;
}

export interface QueueRow {
  readonly name: string;
  readonly vhost: string;
  readonly type: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly exclusive: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly policy?: string | null;
  readonly state: string;
  readonly messages: number;
  readonly messages_ready: number;
  readonly messages_unacknowledged: number;
  /** Of queues with a limit of bytes. */
  readonly message_bytes_ready?: number;
  readonly consumers: number;
  readonly message_stats?: MessageStats;
}
