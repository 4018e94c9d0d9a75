/** What `/v1` answers of messages, as far as pages read it. */

export interface Message {
  readonly position: number;
  readonly state: 'ready' | 'unsettled';
  readonly redelivered: boolean;
  readonly attempts: number;
  readonly deaths: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly spelling: 'dots' | 'slashes';
  readonly persistent: boolean;
  readonly priority?: number;
  readonly arrivedAt: string;
  readonly expiresAt?: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bodyBytes: number;
  readonly body?: unknown;
  readonly bodyForm?: 'text' | 'base64' | 'json';
  readonly cut?: boolean;
}

/** How far a look through a queue has come. */
export interface Looked {
  readonly scanned: number;
  readonly of: number;
  readonly missed: number;
  readonly next: string | null;
}

export interface Peeked extends Looked {
  readonly messages: readonly Message[];
}

/** Of a copy, a move or a removal. */
export interface Done extends Looked {
  readonly done: number;
  readonly stopped: 'queue-full' | 'no-room' | 'unroutable' | 'access-refused' | null;
}

export const STOPPED: Readonly<Record<NonNullable<Done['stopped']>, string>> = {
  'queue-full': 'the queue that they go to is full',
  'no-room': 'the broker has no room',
  unroutable: 'nothing takes them there',
  'access-refused': 'you may not publish there',
};

/** The whole of a body that one page takes in. */
export const BODY_BYTES_MAX = 1024 * 1024;
