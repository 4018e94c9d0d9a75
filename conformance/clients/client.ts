/**
 * One shape over five real client libraries, so that a scenario is written once and run for every way in and out. It
 * says only what all of them can say; whoever needs more of a protocol takes the library itself.
 *
 * It hides spelling (`a.b`, `a/b`, `/topic/a.b`) and where each library puts its properties, and nothing else: bodies and
 * property values are handed on as the library gave them.
 */

/** `mqtt-ws` and `stomp-ws` are the same protocols over WebSocket, with the libraries web pages use. */
export type Wire = 'amqp' | 'mqtt' | 'stomp' | 'mqtt-ws' | 'stomp-ws';
export const WIRES: readonly Wire[] = ['amqp', 'mqtt', 'stomp', 'mqtt-ws', 'stomp-ws'];

export const carriesProperties = (wire: Wire): boolean => wire !== 'mqtt' && wire !== 'mqtt-ws';

/** What a message may carry. Absent: not given, or not carried by the protocol. Header values as the library gave them. */
export interface MessageProperties {
  contentType?: string;
  correlationId?: string;
  messageId?: string;
  /** As spelled on the wire: a queue's name in AMQP, a destination in STOMP. */
  replyTo?: string;
  priority?: number;
  /** More than at most once: delivery-mode 2, QoS 1 or 2, persistent:true. */
  persistent?: boolean;
  type?: string;
  appId?: string;
  /** Seconds since the epoch. */
  timestampS?: number;
  headers?: Record<string, unknown>;
}

export interface Outgoing {
  readonly body: Buffer;
  readonly properties?: MessageProperties;
}

export interface Incoming {
  readonly body: Buffer;
  readonly properties: MessageProperties;
  /** The protocol's word for it: AMQP redelivered, STOMP redelivered:true, MQTT DUP. */
  readonly redelivered: boolean;
  /** Settles it as done. Resolves when the broker has confirmed that, where the protocol can say so, else at once. */
  accept(): Promise<void>;
}

export type OnMessage = (message: Incoming) => void;

export interface ConsumeOptions {
  /** Unsettled deliveries at most. Default 10. */
  readonly prefetch?: number;
}

/** One connection of one client library. Every call rejects once the connection has failed. */
export interface Client {
  readonly wire: Wire;
  /** Resolves when the broker has confirmed it: publisher confirm, PUBACK, RECEIPT. */
  publishTopic(levels: readonly string[], message: Outgoing): Promise<void>;
  /** Into a queue that exists, by its name. MQTT cannot: it rejects. */
  publishQueue(queue: string, message: Outgoing): Promise<void>;
  /** A subscription of its own: gets all that is published to the topic from when this has resolved. */
  subscribeTopic(levels: readonly string[], onMessage: OnMessage): Promise<void>;
  /**
   * Competes with others for a queue's messages. MQTT takes it by `$share/group/filter`, which is how that queue must
   * be named then; other protocols take any name of a queue that exists.
   */
  consumeQueue(queue: string, onMessage: OnMessage, options?: ConsumeOptions): Promise<void>;
  /** Leaves in order. */
  close(): Promise<void>;
  /** Cuts the connection without a word, as a lost network would. Nothing is handed to a scenario after it. */
  cut(): void;
  /** What the library has reported as wrong, in order; a scenario that expects no error checks that it is empty. */
  readonly errors: readonly Error[];
}

/** Runs `work` once for each of several waiting promises that should fail when the connection does. */
export class Failure {
  readonly errors: Error[] = [];
  private rejects = new Set<(error: Error) => void>();

  report(error: Error): void {
    this.errors.push(error);
    const rejects = this.rejects;
    this.rejects = new Set();
    for (const reject of rejects) reject(error);
  }

  /** A promise that ends with the callback's word, or with the connection's failure. */
  guard<T>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const fail = (error: Error): void => {
        this.rejects.delete(fail);
        reject(error);
      };
      this.rejects.add(fail);
      start((value) => {
        this.rejects.delete(fail);
        resolve(value);
      }, fail);
    });
    // Its error is in `errors` as well; a scenario that is busy elsewhere when it happens is not ended by it.
    promise.catch(() => {});
    return promise;
  }
}
