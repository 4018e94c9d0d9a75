/**
 * Properties that were converted lately. A message that goes to hundreds of queues is shown by each of them in turn, and others
 * with it: a long one is to be converted once all the same. Short ones are remembered while the next is another.
 */
import type { MessageView } from '../../../src/api/index.ts';

/** Property bytes from which on a conversion is worth keeping beside others. */
const LONG_BYTES = 1024;
/** Of those that are kept, before and after, all together: one adapter has so much at most. */
const ALL_BYTES_MAX = 12 * 1024 * 1024;
const COUNT_MAX = 64;

export interface Conversion {
  readonly dialect: number;
  readonly props: Buffer;
  readonly result: Buffer;
  /** It had something that there is no room for. */
  readonly lossy: boolean;
  /** The body was found to be text, and the result says so. */
  readonly text: boolean;
}

export class Conversions {
  private last: Conversion | undefined = undefined;
  /** The oldest first. */
  private readonly long: Conversion[] = [];
  private bytes = 0;

  find(view: MessageView): Conversion | undefined {
    const { last } = this;
    if (last !== undefined && isOf(last, view)) return last;
    if (view.propsEnd - view.propsStart < LONG_BYTES) return undefined;
    return this.long.find((one) => isOf(one, view));
  }

  add(conversion: Conversion): void {
    this.last = conversion;
    if (conversion.props.length < LONG_BYTES) return;
    const { long } = this;
    const added = bytesOf(conversion);
    if (added > ALL_BYTES_MAX) return;
    long.push(conversion);
    this.bytes += added;
    while (this.bytes > ALL_BYTES_MAX || long.length > COUNT_MAX) this.bytes -= bytesOf(long.shift()!);
  }
}

function bytesOf({ props, result }: Conversion): number {
  return props.length + result.length;
}

function isOf({ dialect, props }: Conversion, view: MessageView): boolean {
  const bytes = view.propsEnd - view.propsStart;
  if (bytes !== props.length || view.dialect !== dialect) return false;
  return view.props.compare(props, 0, bytes, view.propsStart, view.propsEnd) === 0;
}
