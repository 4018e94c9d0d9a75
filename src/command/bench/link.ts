/** A connection of the load generator: goes through its steps, then is ready; what comes after is handed on. */
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import type { Heard, Talk } from './talk.ts';

export interface LinkTarget {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** PEM; default: the system's authorities. */
  readonly authority?: Buffer | undefined;
}

/** Refused, or cut off. */
export class LinkError extends Error {
  /** Nobody was there at all. */
  readonly unreachable: boolean;

  constructor(message: string, unreachable: boolean) {
    super(message);
    this.unreachable = unreachable;
  }
}

export class Link {
  readonly talk: Talk;
  private readonly socket: Socket;
  private rest: Buffer = Buffer.alloc(0);
  private ended = false;

  private constructor(socket: Socket, talk: Talk) {
    this.socket = socket;
    this.talk = talk;
  }

  /** @param onError once, after it is ready */
  static open(
    target: LinkTarget,
    talk: Talk,
    heard: Omit<Heard, 'step' | 'error'>,
    onError: (error: LinkError) => void,
  ): Promise<Link> {
    const { host, port, secure, authority } = target;
    const socket = secure
      ? connectSecurely({ host, port, servername: host, ...(authority !== undefined && { ca: authority }) })
      : connect({ host, port });
    socket.setNoDelay(true);
    const link = new Link(socket, talk);
    return new Promise((resolve, reject) => {
      let ready = false;
      let connected = false;
      const fail = (message: string): void => {
        if (link.ended) return;
        link.close();
        const error = new LinkError(message, !connected);
        if (ready) onError(error);
        else reject(error);
      };
      let step = 0;
      const next = (): void => {
        connected = true;
        const bytes = talk.steps[step++];
        if (bytes !== undefined) socket.write(bytes);
        else if (!ready) {
          ready = true;
          resolve(link);
        }
      };
      const all: Heard = { ...heard, step: next, error: fail };
      socket.once(secure ? 'secureConnect' : 'connect', next);
      socket.on('error', ({ message }) => fail(message));
      socket.on('close', () => fail('the broker has closed the connection'));
      socket.on('data', (chunk) => link.data(chunk, all));
    });
  }

  private data(chunk: Buffer, heard: Heard): void {
    if (this.ended) return;
    const buffer = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const answers: Buffer[] = [];
    const used = this.talk.parse(buffer, heard, answers);
    this.rest = buffer.subarray(used);
    if (answers.length > 0 && !this.ended)
      this.socket.write(answers.length === 1 ? answers[0]! : Buffer.concat(answers));
  }

  /** False: call `onDrain` has been remembered, and is called when there is room again. */
  write(bytes: Buffer, onDrain: () => void): boolean {
    if (this.socket.write(bytes)) return true;
    this.socket.once('drain', onDrain);
    return false;
  }

  /** All that was written is with the system. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.socket.write('', () => resolve()));
  }

  /** Says something last, and waits until the other side has taken it, or gone. */
  end(bytes: Buffer): Promise<void> {
    this.ended = true;
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve());
      this.socket.end(bytes);
    });
  }

  close(): void {
    this.ended = true;
    this.socket.destroy();
  }
}
