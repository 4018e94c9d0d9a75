/**
 * What operators' tools ask of RabbitMQ's HTTP API, read from their sources and asked again as they ask it: paths written as each
 * writes them, bodies with what it sends, answers decoded as strictly as its language does. A scenario returns what the tool has
 * made of the answers; it is the same on RabbitMQ and here, or the difference is listed with its reason.
 */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Sent {
  readonly method: string;
  /** From `/` on, as the tool has written it. */
  readonly path: string;
  /** JSON; a text is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** `name:password`. Default: an administrator. */
  readonly login?: string;
}

export interface World {
  /** A name that nothing else has, of letters and digits. */
  readonly own: string;
  send(sent: Sent): Promise<Reply>;
  /** Of its AMQP listener, for clients that are there while the tool looks. */
  readonly amqp: number;
  /** Asks again until something is so: RabbitMQ shows some things late. */
  until<T>(ask: () => Promise<T>, so: (answer: T) => boolean): Promise<T>;
}

export interface ToolScenario {
  readonly name: string;
  run(world: World): Promise<unknown>;
  /** What the tool gets to see. */
  readonly sees: unknown;
  /** What one of the two shows it instead, and why. */
  readonly but?: Readonly<Partial<Record<'here' | 'there', { readonly sees: unknown; readonly because: string }>>>;
}

export interface Tool {
  /** With the version whose source was read. */
  readonly name: string;
  readonly scenarios: readonly ToolScenario[];
}
