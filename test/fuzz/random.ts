/** Chance that can be repeated: the same numbers make the same sequence, on every machine. */
export class Random {
  private state: number;

  /** @param seed and @param stream are mixed, so that neighbouring streams have nothing in common */
  constructor(seed: number, stream: number) {
    this.state = mix(mix(seed >>> 0) ^ (stream >>> 0) ^ Math.floor(stream / 0x1_0000_0000)) | 1;
  }

  /** 32 random bits. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  /** 0 to n - 1; 0 for an n below 1. */
  below(n: number): number {
    return n < 1 ? 0 : this.next() % n;
  }

  /** True once in n times. */
  onceIn(n: number): boolean {
    return this.below(n) === 0;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
