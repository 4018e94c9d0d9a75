/**
 * Lines of text over TCP, as a protocol of the broker's: LOGIN, PUB, SUB, ACK. A word of caution for who copies it: a line has a
 * bound, a client may have one subscription, and messages with large bodies are passed over.
 */
import {
  ACCEPTED,
  AT_LEAST_ONCE,
  BrokerError,
  type BrokerServices,
  type ConfirmRing,
  type ConfirmSink,
  type ConnectionHandler,
  type Consumer,
  type DeliverySink,
  type Dialect,
  DOT,
  Draft,
  type GatedReader,
  type MessageView,
  NO_PROPERTIES,
  type Protocol,
  REJECTED,
  ReadGate,
  type ReadGateOwner,
  type Session,
  type SessionClient,
  Timer,
  type Transport,
} from 'entrepot';

/** Reasons not to read on; the first bit is the gate's own. */
const LOGGING_IN = 2;
const HELD_BACK = 4;

const LINE_BYTES_MAX = 16 * 1024;
const LOGIN_TIMEOUT_MS = 5_000;
const LF = 0x0a;

/** Its messages have a body and nothing else. Numbers up to 15 belong to the built-in adapters. */
const LINES: Dialect = { id: 100, name: 'lines', decode: () => NO_PROPERTIES };

/** The adapter. Give it to `createBroker({ protocols: [lines()] })` and listen on `lines://HOST:PORT`. */
export function lines(): Protocol {
  const stats = { published: 0, delivered: 0 };
  return {
    name: 'lines',
    dialect: LINES,
    stats,
    detect(first) {
      const word = 'LOGIN '.slice(0, first.length);
      if (first.toString('latin1', 0, word.length) !== word) return false;
      return first.length >= 6 ? true : undefined;
    },
    accept: (transport, broker) => new Connection(transport, broker, stats),
  };
}

class Connection implements ConnectionHandler, SessionClient, GatedReader, ReadGateOwner, ConfirmSink, DeliverySink {
  /** Set by the gate. */
  halted = false;
  readonly transport: Transport;
  private readonly broker: BrokerServices;
  private readonly stats: { published: number; delivered: number };
  private readonly gate: ReadGate;
  private readonly timer: Timer;
  private readonly draft = new Draft();
  private session: Session | null = null;
  private confirmRing: ConfirmRing | null = null;
  private consumer: Consumer | null = null;
  /** Slots of deliveries that the client holds. */
  private readonly unsettled = new Set<number>();
  /** The beginning of a line whose end has not come. */
  private partial: Buffer = Buffer.alloc(0);
  private ended = false;

  constructor(transport: Transport, broker: BrokerServices, stats: { published: number; delivered: number }) {
    this.transport = transport;
    this.broker = broker;
    this.stats = stats;
    this.draft.dialect = LINES.id;
    this.gate = new ReadGate(broker.turn, this, transport, this);
    this.timer = new Timer(() => this.fail('there was no LOGIN in time'));
    broker.clock.schedule(this.timer, LOGIN_TIMEOUT_MS);
  }

  /** The connection's part of the budget of work is its session's too. */
  get share() {
    return this.gate.share;
  }

  // ---------------------------------------------------------------------------------------------- bytes to lines

  data(chunk: Buffer): void {
    this.gate.data(chunk);
  }

  get heldBytes(): number {
    return this.gate.heldBytes + this.partial.length;
  }

  get authenticated(): boolean {
    return this.session !== null;
  }

  read(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (!this.halted) {
      const lineEnd = buffer.indexOf(LF, at);
      if (lineEnd < 0 || lineEnd >= end) {
        this.partial = Buffer.concat([this.partial, buffer.subarray(at, end)]);
        if (this.partial.length > LINE_BYTES_MAX) this.fail('a line is too long');
        return end;
      }
      const line = Buffer.concat([this.partial, buffer.subarray(at, lineEnd)]);
      if (!this.take(line.toString('utf8'))) return at; // not now: the same line again, with what there was of it before
      this.partial = Buffer.alloc(0);
      at = lineEnd + 1;
      this.gate.frameTaken(1);
    }
    return at;
  }

  readFailed(error: unknown): void {
    this.broker.reportFault(error, this.transport);
    this.fail('a fault of the broker');
  }

  chunkRead(): void {}

  /** Carries a line out. False: it has to wait. */
  private take(line: string): boolean {
    const [verb = '', name = '', ...words] = line.split(' ');
    if (this.session === null) {
      if (verb === 'LOGIN') this.login(name, words.join(' '));
      else this.fail(`expected LOGIN, not '${verb}'`);
      return true;
    }
    if (verb === 'PUB' && this.session.congested) {
      this.gate.pause(HELD_BACK);
      return false;
    }
    try {
      if (verb === 'PUB') this.publish(this.session, name, words.join(' '));
      else if (verb === 'SUB') this.subscribe(this.session, name);
      else if (verb === 'ACK') this.acknowledge(name);
      else this.fail(`there is no '${verb}'`);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.say(`ERR ${error.message}`);
    }
    return true;
  }

  // ------------------------------------------------------------------------------------------------ what lines do

  private login(user: string, password: string): void {
    const { address, port } = this.transport.remote;
    this.gate.pause(LOGGING_IN);
    this.broker.open(
      {
        client: `lines ${address}:${port}`,
        loopback: this.transport.loopback,
        user,
        password: Buffer.from(password, 'utf8'),
        vhost: undefined,
      },
      this,
      (result) => {
        if (this.ended) {
          if (!('refused' in result)) result.close(false);
          return;
        }
        if ('refused' in result) {
          this.end('the login was refused'); // why is for the operator, who has been told
          return;
        }
        this.broker.clock.cancel(this.timer);
        this.session = result;
        this.confirmRing = result.confirms(this);
        this.say('OK');
        this.gate.resume(LOGGING_IN);
      },
    );
  }

  private publish(session: Session, queue: string, text: string): void {
    const { draft } = this;
    this.declare(session, queue);
    const key = Buffer.from(queue, 'utf8');
    const route = session.route('', DOT, key, 0, key.length);
    draft.reset();
    draft.assurance = AT_LEAST_ONCE;
    draft.body = Buffer.from(text, 'utf8');
    draft.bodyEnd = draft.body.length;
    this.confirmRing!.push(0, session.publish(route, draft));
    this.stats.published++;
  }

  private subscribe(session: Session, queue: string): void {
    if (this.consumer !== null) {
      this.say('ERR one subscription is all there is');
      return;
    }
    this.declare(session, queue);
    const options = { tag: queue, settled: false, exclusive: false, prefetch: 10, arguments: [] };
    this.consumer = session.consume(queue, options, this, this.transport.output);
    this.say('OK');
  }

  private declare(session: Session, queue: string): void {
    session.declareQueue(queue, { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  }

  private acknowledge(text: string): void {
    const slot = Number(text);
    if (!this.unsettled.delete(slot)) this.say(`ERR nothing is known of ${text}`);
    else this.consumer!.settle(slot, ACCEPTED);
  }

  // ------------------------------------------------------------------------------------------------ what comes back

  confirm(_id: number, refused: boolean): void {
    this.say(refused ? 'ERR the message was not taken' : 'OK');
  }

  confirmEnd(): void {}

  deliver(view: MessageView, slot: number): void {
    if (view.large !== null) {
      this.consumer!.settle(slot, REJECTED);
      return;
    }
    this.unsettled.add(slot);
    this.stats.delivered++;
    this.say(`MSG ${slot} ${JSON.stringify(view.body.toString('utf8', view.bodyStart, view.bodyEnd))}`);
  }

  cancelled(reason: string): void {
    this.consumer = null;
    this.unsettled.clear();
    this.say(`ERR the subscription has ended: ${reason}`);
  }

  drained(): void {
    this.consumer?.wake();
  }

  uncongested(): void {
    this.gate.resume(HELD_BACK);
  }

  private say(text: string): void {
    this.transport.output.append(Buffer.from(`${text}\n`, 'utf8'));
  }

  // --------------------------------------------------------------------------------------------------------- ends

  /** The client's mistake ends its connection. */
  private fail(reason: string): void {
    if (this.ended) return;
    this.broker.reportMistake(this.transport, reason);
    this.end(reason);
  }

  exceeded(reason: string): void {
    this.fail(reason);
  }

  shutdown(reason: string): void {
    this.end(reason);
  }

  kicked(reason: string): void {
    this.end(reason);
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.say(`ERR ${reason}`);
    this.transport.end();
    this.leave();
  }

  closed(): void {
    this.leave();
  }

  private leave(): void {
    if (this.ended) return;
    this.ended = true;
    this.gate.finish();
    this.broker.clock.cancel(this.timer);
    this.confirmRing?.close();
    this.session?.close(false);
  }
}
