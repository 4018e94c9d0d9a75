/**
 * A client over a WebSocket, as a byte stream: what it sends is handed on as it comes, whatever the messages' borders, and their
 * kinds unless the protocol forbids text; what the adapter writes leaves as one message for each packet
 * (`codec/messages.ts`), or for each turn where the protocol does not say what its packets are.
 *
 * The kind of outgoing messages: binary, except where the sub-protocol is a text one (STOMP) and the bytes are valid
 * UTF-8, because older clients of those read nothing else.
 *
 * It refuses to compress: a broker's CPU is worth more than its bandwidth on the same host, and compression of secrets
 * beside attacker-chosen text leaks them.
 */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import {
  Carrier,
  type CarrierServices,
  type Peer,
  type Protocol,
  Timer,
  UNAUTHENTICATED_BYTES_MAX,
} from '../../../src/api/index.ts';
import { reuse } from '../codec/frames.ts';
import { OutgoingMessages } from '../codec/messages.ts';

/** A client that has said nothing for this long is pinged, and dropped if it says nothing for as long again. */
export const IDLE_CHECK_MS = 60_000;
/** What it costs to keep a chunk, or a fragment, beside its bytes: a message may come in very small ones. */
const CHUNK_COST_BYTES = 256;
const FRAGMENT_COST_BYTES = 128;

/** Fragments that the library has gathered of a message: it has no public name for them. */
interface Gathering {
  readonly _receiver?: { readonly _fragments?: readonly unknown[] };
}

/** RFC 6455, 7.4.1 */
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_UNSUPPORTED_DATA = 1003;
const CLOSE_TOO_BIG = 1009;

/** `mirror`: as the client's first message was. */
export type MessageKind = 'binary' | 'text' | 'mirror';

const BINARY = { binary: true, compress: false };
const BINARY_MORE = { binary: true, compress: false, fin: false };
const TEXT = { binary: false, compress: false };

export class WebSocketTransport extends Carrier {
  private readonly webSocket: WebSocket;
  private readonly socket: Socket;
  private text: boolean;
  private paused = false;
  /** Messages that were already decoded when the handler paused; at most one socket chunk's worth. */
  private readonly waiting: Buffer[] = [];
  private waitingBytes = 0;
  /** Bytes that have come since the last message was whole. */
  private gatheredBytes = 0;
  /** A whole message has come: until then the client has not logged in, whatever the adapter says. */
  private messageCame = false;
  private alive = true;
  private closeCode = CLOSE_NORMAL;
  private outgoing: OutgoingMessages | null = null;
  /** What was written in this turn. */
  private readonly framed: Buffer[] = [];
  private bytesOnly = false;
  private textReceived = false;
  private readonly idleTimer: Timer;

  constructor(services: CarrierServices, webSocket: WebSocket, socket: Socket, kind: MessageKind, peer: Peer) {
    super(services, peer);
    this.webSocket = webSocket;
    this.socket = socket;
    this.text = kind === 'text';
    this.idleTimer = new Timer(() => this.checkIdle());
    services.clock.schedule(this.idleTimer, IDLE_CHECK_MS);
    // Before the library sees them, which may find messages in them.
    socket.prependListener('data', (chunk: Buffer) => {
      this.gatheredBytes += chunk.length + CHUNK_COST_BYTES;
      this.heldChanged();
      // A first message, which opens the protocol inside, is never large: none such is even handed on.
      if (!this.messageCame && this.gatheredBytes > UNAUTHENTICATED_BYTES_MAX) services.unfinished.evict(this.held);
    });
    if (kind === 'mirror') {
      webSocket.once('message', (_data, isBinary) => {
        this.text = !isBinary;
      });
    }
    webSocket.on('message', (data, isBinary) => this.received(data as Buffer, isBinary));
    webSocket.on('pong', () => {
      this.alive = true;
    });
    webSocket.on('error', (error: NodeJS.ErrnoException) => {
      services.logger.debug({ remote: this.remote, code: error.code }, 'a WebSocket connection was lost');
    });
    webSocket.on('close', () => {
      services.clock.cancel(this.idleTimer);
      this.release();
    });
    socket.on('drain', () => {
      this.unsentChanged(this.unsentBytes);
      this.output.drained();
    });
  }

  override get heldBytes(): number {
    const fragments = (this.webSocket as unknown as Gathering)._receiver?._fragments?.length ?? 0;
    return super.heldBytes + this.gatheredBytes + this.waitingBytes + fragments * FRAGMENT_COST_BYTES;
  }

  override get authenticated(): boolean {
    return this.messageCame && super.authenticated;
  }

  override exceeded(reason: string): void {
    this.closeCode = CLOSE_TOO_BIG;
    super.exceeded(reason);
    // What was written leaves; nothing more is gathered.
    this.socket.destroySoon();
  }

  get unsentBytes(): number {
    return this.webSocket.bufferedAmount;
  }

  writeAll(buffers: Buffer[]): boolean {
    const webSocket = this.webSocket;
    if (webSocket.readyState !== webSocket.OPEN) return true;
    if (this.outgoing !== null) {
      this.writePackets(buffers, this.outgoing);
      this.unsentChanged(this.unsentBytes);
      return true; // they were copied
    }
    if (this.text) {
      const bytes = buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers);
      webSocket.send(bytes, isUtf8(bytes) ? TEXT : BINARY);
    } else {
      const last = buffers.length - 1;
      this.socket.cork();
      for (let i = 0; i <= last; i++) webSocket.send(buffers[i]!, i === last ? BINARY : BINARY_MORE);
      this.socket.uncork();
    }
    const unsent = webSocket.bufferedAmount;
    this.unsentChanged(unsent);
    return unsent === 0;
  }

  private writePackets(buffers: readonly Buffer[], outgoing: OutgoingMessages): void {
    const { socket, framed } = this;
    const last = buffers.length - 1;
    socket.cork();
    for (let i = 0; i <= last; i++) {
      const frames = outgoing.frame(buffers[i]!, this.text, i === last);
      if (frames.length === 0) continue;
      socket.write(frames);
      framed.push(frames);
    }
    socket.uncork();
    if (socket.writableLength === 0) for (const frames of framed) reuse(frames);
    framed.length = 0;
  }

  pause(): void {
    this.paused = true;
    this.webSocket.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.waiting.length === 0) this.webSocket.resume();
    else process.nextTick(() => this.deliverHeld());
  }

  override shutdown(reason: string): void {
    this.closeCode = CLOSE_GOING_AWAY;
    super.shutdown(reason);
  }

  protected endSending(): void {
    this.webSocket.close(this.closeCode);
  }

  protected destroyNow(): void {
    this.webSocket.terminate();
  }

  override assignProtocol(protocol: Protocol): boolean {
    super.assignProtocol(protocol);
    const { framing } = protocol;
    if (framing === undefined) return true;
    this.outgoing = new OutgoingMessages(framing);
    this.bytesOnly = framing.bytesOnly;
    return !this.bytesOnly || !this.textReceived || this.refuseText();
  }

  /** False. */
  private refuseText(): false {
    this.services.clientLog.mistake(this, 'a text message, where the protocol may only come in binary ones');
    this.closeCode = CLOSE_UNSUPPORTED_DATA;
    this.end();
    return false;
  }

  private received(bytes: Buffer, isBinary: boolean): void {
    this.alive = true;
    this.messageCame = true;
    this.gatheredBytes = 0;
    if (this.finished) return;
    if (!isBinary) {
      this.textReceived = true;
      if (this.bytesOnly) {
        this.refuseText();
        return;
      }
    }
    if (this.paused || this.waiting.length > 0) {
      this.waiting.push(bytes);
      this.waitingBytes += bytes.length + CHUNK_COST_BYTES;
    } else this.deliver(bytes);
  }

  private deliverHeld(): void {
    while (!this.paused && this.waiting.length > 0) {
      const bytes = this.waiting.shift()!;
      this.waitingBytes -= bytes.length + CHUNK_COST_BYTES;
      if (!this.finished) this.deliver(bytes);
    }
    if (!this.paused) this.webSocket.resume();
  }

  private checkIdle(): void {
    if (!this.alive) {
      this.destroy();
      return;
    }
    this.alive = false;
    if (this.webSocket.readyState === this.webSocket.OPEN) this.webSocket.ping();
    this.services.clock.schedule(this.idleTimer, IDLE_CHECK_MS);
  }
}
