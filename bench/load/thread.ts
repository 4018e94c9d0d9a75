/**
 * One thread of the load generator: a publisher's connection, or the connections of all consumers. It reports when it is
 * ready, waits for the word, and reports what it has counted.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import { Acks, type Dialogue, dialogue, type Heard } from './wire.ts';
import { byTopic, type Ports, type Work } from './work.ts';

export interface ThreadJob {
  readonly role: 'publisher' | 'consumer';
  readonly work: Work;
  readonly ports: Ports;
}
export interface ThreadReport {
  /** Monotonic milliseconds, comparable between the threads of a process. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  readonly duplicates: number;
}

/** Messages a write: enough that the generator's own system calls do not set the pace; of large ones fewer. */
const BATCH_MAX = 64;
const BATCH_BYTES = 1024 * 1024;
/** A consumer that has heard nothing for so long, after publishing has ended, takes it for the end. */
const SILENCE_MS = 3_000;

const { role, work, ports } = workerData as ThreadJob;
const port = parentPort!;
const nowMs = (): number => performance.timeOrigin + performance.now();

let firstMs = 0;
let lastMs = 0;
let count = 0;
let duplicates = 0;

/** What has come and is no whole frame yet: joined with what follows, in memory that grows by doubling. */
class PendingBytes {
  private memory: Buffer = Buffer.alloc(0);
  private start = 0;
  private end = 0;

  /** What waits, and `chunk` behind it. Valid until the next call. */
  with(chunk: Buffer): Buffer {
    const { start, end } = this;
    if (start === end) return chunk;
    this.append(chunk, 0);
    return this.memory.subarray(this.start, this.end);
  }

  /** All but the first `used` bytes of `buffer`, which `with` has returned, waits. */
  keep(buffer: Buffer, used: number): void {
    if (this.start < this.end) {
      this.start += used;
    } else if (used < buffer.length) {
      this.start = this.end = 0;
      this.append(buffer, used);
    }
  }

  private append(source: Buffer, from: number): void {
    const waiting = this.end - this.start;
    const length = waiting + source.length - from;
    if (this.end + source.length - from > this.memory.length) {
      const target = length > this.memory.length / 2 ? Buffer.allocUnsafeSlow(2 * length) : this.memory;
      this.memory.copy(target, 0, this.start, this.end);
      this.memory = target;
      this.start = 0;
      this.end = waiting;
    }
    source.copy(this.memory, this.end, from);
    this.end = this.start + length;
  }
}

function fail(text: string): never {
  throw new Error(`${role} (${role === 'publisher' ? work.publish : work.consume}): ${text}`);
}

/** Connects, goes through the steps, then calls `ready`; what comes after goes to `heard`. */
function open(
  to: number,
  talk: Dialogue,
  heard: Omit<Heard, 'onStep' | 'onError'>,
  ready: (socket: Socket) => void,
): void {
  const secure = ports.secure === true;
  const socket = secure
    ? connectSecurely({ port: to, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(to, '127.0.0.1');
  socket.setNoDelay(true);
  const acks = new Acks();
  let step = 0;
  const pending = new PendingBytes();
  const next = (): void => {
    if (step === talk.steps.length) ready(socket);
    else if (step < talk.steps.length) socket.write(talk.steps[step]!);
    step++;
  };
  const all: Heard = { ...heard, onStep: next, onError: fail };
  socket.on(secure ? 'secureConnect' : 'connect', next);
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the broker closed the connection'));
  socket.on('data', (chunk) => {
    const buffer = pending.with(chunk);
    pending.keep(buffer, talk.parse(buffer, buffer.length, all, acks));
    const out = acks.take();
    if (out !== undefined) socket.write(out);
  });
}

/** Four decimal digits. */
function writeKey(buffer: Buffer, at: number, key: number): void {
  for (let i = 3; i >= 0; i--, key = Math.floor(key / 10)) buffer[at + i] = 48 + (key % 10);
}

function publish(): void {
  const talk = dialogue(work.publish, 'publisher', work, 0, byTopic(work));
  let sent = 0;
  let confirmed = 0;
  let socket: Socket | undefined;
  const size = talk.message.length;
  const batchMax = Math.max(1, Math.min(BATCH_MAX, Math.floor(BATCH_BYTES / size)));
  const done = (): void => {
    lastMs = nowMs();
    count = work.window > 0 ? confirmed : sent;
    report();
  };
  const pump = (): void => {
    while (sent < work.count) {
      const open = work.window > 0 ? work.window - (sent - confirmed) : work.count;
      const batch = Math.min(batchMax, work.count - sent, open);
      if (batch <= 0) return;
      const buffer = Buffer.allocUnsafe(batch * size);
      for (let i = 0; i < batch; i++) {
        talk.message.copy(buffer, i * size);
        buffer.writeUInt32BE(sent + i, i * size + talk.numberAt + 8);
        talk.writeId(buffer, i * size + talk.idAt, sent + i);
        if (talk.keyAt >= 0) writeKey(buffer, i * size + talk.keyAt, (sent + i) % work.subscribers);
      }
      sent += batch;
      const flows = socket!.write(buffer);
      if (sent === work.count && work.window === 0) socket!.write('', done);
      if (!flows) {
        socket!.once('drain', pump);
        return;
      }
    }
  };
  const heard = {
    onMessage() {},
    onConfirm(n: number, upTo: number) {
      confirmed = upTo >= 0 ? Math.max(confirmed, upTo) : confirmed + n;
      if (confirmed >= work.count) done();
      else if (sent - confirmed <= work.window - batchMax || sent - confirmed === 0) pump();
    },
  };
  open(ports.publish, talk, heard, (connected) => {
    socket = connected;
    port.postMessage('ready');
  });
  port.once('message', () => {
    firstMs = nowMs();
    pump();
  });
}

function consume(): void {
  const expected = work.count * (work.fanout ? work.subscribers : 1);
  const seen = work.fanout ? undefined : new Uint8Array(Math.ceil(work.count / 8) + 1);
  let ready = 0;
  let publishing = true;
  let heardMs = nowMs();
  const heard = {
    onConfirm() {},
    onMessage(buffer: Buffer, bodyStart: number) {
      if (count === 0) firstMs = nowMs();
      if (seen !== undefined) {
        const number = buffer.readUInt32BE(bodyStart + 8);
        const bit = 1 << (number & 7);
        if ((seen[number >>> 3]! & bit) !== 0) {
          duplicates++;
          return;
        }
        seen[number >>> 3]! |= bit;
      }
      if (++count === expected) {
        lastMs = nowMs();
        report();
      }
    },
  };
  for (let i = 0; i < work.subscribers; i++) {
    open(ports.consume, dialogue(work.consume, 'consumer', work, i, byTopic(work)), heard, () => {
      if (++ready === work.subscribers) port.postMessage('ready');
    });
  }
  port.on('message', () => (publishing = false));
  let before = 0;
  setInterval(() => {
    if (count !== before) {
      before = count;
      heardMs = nowMs();
    } else if (!publishing && nowMs() - heardMs > SILENCE_MS) {
      lastMs = heardMs;
      report();
    }
  }, 100);
}

let reported = false;
function report(): void {
  if (reported) return;
  reported = true;
  port.postMessage({ firstMs, lastMs, count, duplicates } satisfies ThreadReport);
}

if (role === 'publisher') publish();
else consume();
