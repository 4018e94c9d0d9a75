/** The overview as `/v1/overview` tells it. */

export interface Carried {
  readonly messages: number;
  readonly bytes: number;
}

export interface Carrying {
  readonly protocol: string;
  readonly connections: number;
  readonly in: Carried;
  readonly out: Carried;
}

export interface Failing {
  readonly kind: 'refused' | 'dropped' | 'dead-lettered' | 'redelivered';
  readonly reason: string;
  readonly text: string;
  readonly total: number;
  readonly rate: number;
}

export interface Alarm {
  readonly kind: string;
  readonly severity: 'bad' | 'warn';
  readonly vhost?: string;
  readonly text: string;
  readonly advice: string;
}

export interface Overview {
  readonly at: string;
  readonly sampledAt: string;
  readonly vhosts: number;
  readonly queues: number;
  readonly exchanges: number;
  readonly consumers: number;
  readonly connections: number;
  readonly flow: { readonly in: number; readonly out: number; readonly accepted: number };
  readonly waiting: Readonly<Record<'ready' | 'unsettled' | 'delayed' | 'retrying' | 'undelivered', number>>;
  readonly failing: readonly Failing[];
  readonly alarms: readonly Alarm[];
  readonly protocols?: readonly Carrying[];
  readonly disk?: {
    readonly usedBytes: number;
    readonly freeBytes?: number;
    readonly freeMinBytes: number;
    readonly syncMilliseconds?: number;
  };
  readonly memory?: { readonly residentBytes: number; readonly maxBytes: number };
}

export interface Past {
  readonly stepSeconds: number;
  readonly times: readonly number[];
  readonly in: readonly number[];
  readonly out: readonly number[];
  readonly ready: readonly number[];
  readonly unsettled: readonly number[];
  readonly protocols?: readonly {
    readonly protocol: string;
    readonly in: readonly number[];
    readonly out: readonly number[];
    readonly bytesIn: readonly number[];
    readonly bytesOut: readonly number[];
  }[];
}
