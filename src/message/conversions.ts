/**
 * Properties that were converted lately, for receivers whose protocol is not the sender's. A message that goes to hundreds of them is shown by
 * the queue of each in turn, and others with it: a long one is to be converted once all the same. Short ones are remembered while
 * the next is another.
 *
 * What a conversion depends on is its key: the bytes, whose they are, what is known of who sent them, and what the adapter adds
 * (`variant`). What depends on more (what is left of its time, its deaths) is not kept.
 */
import type { MessageView } from './message.ts';
import { type Pinnable, PinnedMemory, REFERENCED_BYTES_MIN } from './pinned-memory.ts';

/** Property bytes from which on a conversion is worth keeping beside others. */
const LONG_BYTES = 1024;
/** Of those that are kept, before and after, all together: one adapter has so much at most. */
const ALL_BYTES_MAX = 12 * 1024 * 1024;
const COUNT_MAX = 64;

export interface Conversion {
  readonly dialect: number;
  readonly userChecked: boolean;
  readonly variant: number;
  readonly props: Buffer;
  readonly result: Buffer;
  /** Set where the result is long: it may be written from where it lies. It is nobody's to write to, ever. */
  readonly memory: Pinnable | null;
  /** Of what it had there was so much that there is no room for. */
  readonly lost: number;
  /** What it says of the body, in the adapter's words. */
  readonly text: boolean;
}

export class Conversions {
  private last: Conversion | undefined = undefined;
  /** The oldest first. */
  private readonly long: Conversion[] = [];
  private bytes = 0;

  find(view: MessageView, variant = 0): Conversion | undefined {
    const { last } = this;
    if (last !== undefined && isOf(last, view, variant)) return last;
    if (view.propsEnd - view.propsStart < LONG_BYTES) return undefined;
    return this.long.find((one) => isOf(one, view, variant));
  }

  /** @param result is copied */
  add(view: MessageView, result: Buffer, lost: number, text: boolean, variant = 0): Conversion {
    const { dialect, userChecked } = view;
    const props = Buffer.from(view.props.subarray(view.propsStart, view.propsEnd));
    const kept = result.length < REFERENCED_BYTES_MIN ? Buffer.from(result) : Buffer.allocUnsafeSlow(result.length);
    if (kept.length >= REFERENCED_BYTES_MIN) result.copy(kept);
    const memory = kept.length >= REFERENCED_BYTES_MIN ? sharedMemory(kept.length) : null;
    const conversion: Conversion = { dialect, userChecked, variant, props, result: kept, memory, lost, text };
    this.last = conversion;
    const added = bytesOf(conversion);
    if (props.length < LONG_BYTES || added > ALL_BYTES_MAX) return conversion;
    const { long } = this;
    long.push(conversion);
    this.bytes += added;
    while (this.bytes > ALL_BYTES_MAX || long.length > COUNT_MAX) this.bytes -= bytesOf(long.shift()!);
    return conversion;
  }
}

/** Memory of its own that is written once, read by many, and left to the garbage collector: nobody has to give it back. */
function sharedMemory(bytes: number): Pinnable {
  const memory = new PinnedMemory(bytes, true);
  return { pinned: () => memory };
}

function bytesOf({ props, result }: Conversion): number {
  return props.length + result.length;
}

function isOf(one: Conversion, view: MessageView, variant: number): boolean {
  const bytes = view.propsEnd - view.propsStart;
  if (bytes !== one.props.length || view.dialect !== one.dialect || variant !== one.variant) return false;
  if (view.userChecked !== one.userChecked) return false;
  return view.props.compare(one.props, 0, bytes, view.propsStart, view.propsEnd) === 0;
}
