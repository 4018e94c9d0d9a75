/** A client of the tests' own: commands by hand, replies and pushes as plain values. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An error reply. */
export class ErrorReply {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A push of RESP3; in RESP2 messages are arrays like any other. */
export class Push {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

export type Value = string | number | null | ErrorReply | Push | Map<Value, Value> | readonly Value[];

/** Reads one value from `text` (a character a byte); undefined if it is not whole. */
function read(text: string, at: number): { value: Value; end: number } | undefined {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const line = text.slice(at + 1, lineEnd);
  const after = lineEnd + 2;
  const several = (count: number): { values: Value[]; end: number } | undefined => {
    const values: Value[] = [];
    let end = after;
    for (let i = 0; i < count; i++) {
      const next = read(text, end);
      if (next === undefined) return undefined;
      values.push(next.value);
      end = next.end;
    }
    return { values, end };
  };
  switch (text[at]) {
    case '+':
      return { value: line, end: after };
    case '-':
      return { value: new ErrorReply(line), end: after };
    case ':':
      return { value: Number(line), end: after };
    case '_':
      return { value: null, end: after };
    case '=':
    case '$': {
      const length = Number(line);
      if (length < 0) return { value: null, end: after };
      if (text.length < after + length + 2) return undefined;
      if (text.slice(after + length, after + length + 2) !== '\r\n') throw new Error('a bulk string has no end');
      return { value: text.slice(after, after + length), end: after + length + 2 };
    }
    case '*':
    case '>': {
      if (Number(line) < 0) return { value: null, end: after };
      const found = several(Number(line));
      if (found === undefined) return undefined;
      return { value: text[at] === '>' ? new Push(found.values) : found.values, end: found.end };
    }
    case '%': {
      const found = several(2 * Number(line));
      if (found === undefined) return undefined;
      const map = new Map<Value, Value>();
      for (let i = 0; i < found.values.length; i += 2) map.set(found.values[i]!, found.values[i + 1]!);
      return { value: map, end: found.end };
    }
    default:
      throw new Error(`no value begins with ${JSON.stringify(text.slice(at, at + 20))}`);
  }
}

/** A command in the form that clients send, one character a byte. */
export function encode(...words: readonly string[]): Buffer {
  return Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`, 'latin1');
}

const PATIENCE_MS = 5_000;

export class RawClient {
  readonly socket: Socket;
  private text = '';
  private readonly arrived: Value[] = [];
  private readonly waiting: ((value: Value) => void)[] = [];
  private readonly ended: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', () => {});
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return new RawClient(socket);
  }

  write(bytes: Buffer | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  send(...words: readonly string[]): void {
    this.write(encode(...words));
  }

  /** The next value; rejects if none comes. */
  next(patienceMs = PATIENCE_MS): Promise<Value> {
    const value = this.arrived.shift();
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came')), patienceMs);
      this.waiting.push((next) => {
        clearTimeout(timer);
        resolve(next);
      });
    });
  }

  /** Sends a command and takes the next value, which must be its reply. */
  call(...words: readonly string[]): Promise<Value> {
    this.send(...words);
    return this.next();
  }

  /** Values that have come and that nobody has asked for. */
  get unread(): readonly Value[] {
    return this.arrived;
  }

  /** The broker has closed the connection. */
  async closed(): Promise<void> {
    const timer = setTimeout(() => this.socket.destroy(new Error('it stayed open')), PATIENCE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  cut(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.text += chunk.latin1Slice();
    let at = 0;
    for (;;) {
      const found = at < this.text.length ? read(this.text, at) : undefined;
      if (found === undefined) break;
      at = found.end;
      const waiting = this.waiting.shift();
      if (waiting === undefined) this.arrived.push(found.value);
      else waiting(found.value);
    }
    this.text = this.text.slice(at);
  }
}
