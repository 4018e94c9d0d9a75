/** rhea behind promises: what a test asks of a client of AMQP 1.0. */
import rhea, {
  type Connection,
  type ConnectionOptions,
  type Delivery,
  type EventContext,
  type Message,
  type Receiver,
  type ReceiverOptions,
  type Sender,
  type SenderOptions,
} from 'rhea';

const WAIT_MS = 8_000;

export interface Got {
  readonly message: Message;
  readonly delivery: Delivery;
}

/** How a message that was sent has ended. */
export interface Settled {
  readonly outcome: 'accepted' | 'rejected' | 'released' | 'modified';
  readonly condition: string | undefined;
}

export class Client {
  readonly connection: Connection;
  private constructor(connection: Connection) {
    this.connection = connection;
  }

  /** @throws the condition of what the broker has closed the connection with */
  static async connect(port: number, options: Partial<ConnectionOptions> = {}): Promise<Client> {
    const container = rhea.create_container();
    // What nobody listens for would be thrown out of a socket's handler.
    for (const event of ['connection_error', 'session_error', 'sender_error', 'receiver_error', 'error']) {
      container.on(event, () => {});
    }
    const connection = container.connect({
      port,
      host: '127.0.0.1',
      username: 'guest',
      password: 'guest',
      reconnect: false,
      ...options,
    } as ConnectionOptions);
    await settle(connection, 'connection_open', ['connection_error', 'disconnected']);
    return new Client(connection);
  }

  sender(target: string | SenderOptions): Promise<Sender> {
    const sender = this.connection.open_sender(target as SenderOptions);
    return opened(sender, 'sender');
  }

  /** Without credit, unless options say otherwise; deliveries are the test's to settle. */
  receiver(source: string | ReceiverOptions, options: ReceiverOptions = {}): Promise<Receiver> {
    const given = typeof source === 'string' ? { source } : source;
    const receiver = this.connection.open_receiver({
      credit_window: 0,
      autoaccept: false,
      ...given,
      ...options,
    } as ReceiverOptions);
    return opened(receiver, 'receiver');
  }

  async send(sender: Sender, message: Message): Promise<Settled> {
    if (!sender.sendable()) await settle(sender, 'sendable', []);
    const delivery = sender.send(message);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('a message was not settled')), WAIT_MS);
      const told = (context: EventContext): void => {
        if (context.delivery !== (delivery as unknown)) return;
        clearTimeout(timer);
        const state = (delivery as unknown as { remote_state?: { error?: { condition?: string } } }).remote_state;
        for (const name of OUTCOMES) sender.removeListener(name, told);
        const outcome = OUTCOMES.find((name) => name === lastEvent) ?? 'accepted';
        resolve({ outcome, condition: state?.error?.condition });
      };
      let lastEvent = '';
      for (const name of OUTCOMES) {
        sender.on(name, (context: EventContext) => {
          if (context.delivery !== (delivery as unknown)) return;
          lastEvent = name;
          told(context);
        });
      }
    });
  }

  /** So many messages, in order. */
  take(receiver: Receiver, count = 1): Promise<Got[]> {
    receiver.add_credit(count);
    return this.await(receiver, count);
  }

  /** The same, of credit that was given before. */
  await(receiver: Receiver, count: number): Promise<Got[]> {
    return new Promise((resolve, reject) => {
      const got: Got[] = [];
      const timer = setTimeout(() => reject(new Error(`${got.length} of ${count} messages have come`)), WAIT_MS);
      const came = ({ message, delivery }: EventContext): void => {
        got.push({ message: message!, delivery: delivery! });
        if (got.length < count) return;
        clearTimeout(timer);
        receiver.removeListener('message', came);
        resolve(got);
      };
      receiver.on('message', came);
    });
  }

  /** What there is, by a drain. */
  drain(receiver: Receiver, credit = 100): Promise<Message[]> {
    const got: Message[] = [];
    const came = ({ message, delivery }: EventContext): void => {
      got.push(message!);
      if (!delivery!.settled) delivery!.accept();
    };
    receiver.on('message', came);
    receiver.drain = true;
    receiver.add_credit(credit);
    return settle(receiver, 'receiver_drained', []).then(() => {
      receiver.removeListener('message', came);
      receiver.drain = false;
      return got;
    });
  }

  async close(): Promise<void> {
    if (!this.connection.is_open()) return;
    const closed = settle(this.connection, 'connection_close', ['disconnected']);
    this.connection.close();
    await closed.catch(() => {});
  }
}

const OUTCOMES = ['accepted', 'rejected', 'released', 'modified'] as const;

interface Emitter {
  once(event: string, listener: (context: EventContext) => void): unknown;
  removeListener(event: string, listener: (context: EventContext) => void): unknown;
}

/** Waits for an event. @throws where one of the others comes first: the condition that it tells */
export function settle(emitter: unknown, event: string, failures: readonly string[]): Promise<EventContext> {
  const on = emitter as Emitter;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} has come`)), WAIT_MS).unref();
    const done = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    on.once(event, (context) => done(() => resolve(context)));
    for (const failure of failures) {
      on.once(failure, (context) =>
        done(() => reject(new Error(conditionIn(context) ?? context.error?.message ?? failure))),
      );
    }
  });
}

function conditionIn(context: EventContext): string | undefined {
  const { connection, session, receiver, sender } = context as unknown as Record<
    string,
    { error?: { condition?: string } } | undefined
  >;
  for (const end of [receiver, sender, session, connection]) if (end?.error?.condition) return end.error.condition;
  return undefined;
}

async function opened<T extends Sender | Receiver>(link: T, kind: 'sender' | 'receiver'): Promise<T> {
  // A link that is refused is attached without its end, and detached in the same breath. [§2.6.3]
  let refusal: Error | undefined;
  settle(link, 'never', [`${kind}_error`]).catch((error: Error) => {
    refusal = error;
  });
  await settle(link, `${kind}_open`, ['session_error']);
  await new Promise(setImmediate);
  if (refusal !== undefined) throw refusal;
  return link;
}
