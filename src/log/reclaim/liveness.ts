/**
 * Asks the owner of a log which records of a segment are referred to, before it is rewritten. Whoever answers looks through all queues for it, so
 * segments that wait to be grouped are asked about together, and one answer serves them one after the other. It may be late by then, and say
 * of what nobody needs any more that it lives: that is copied in vain. Where room is to be won it is asked anew.
 */
import type { Segment } from '../blocks/segment.ts';
import type { LiveIn } from '../options.ts';
import type { LiveRecords } from './rewriting.ts';

/** Numbers that are asked about together, unless one segment has more: five bytes each, for as long as the answer is kept. */
const TOGETHER = 1024 * 1024;
const NO_GROUP = (): number => 0;

export interface LivenessOptions {
  readonly liveIn: LiveIn;
  /** Segments that may be rewritten, in order. */
  candidates(): Iterable<Segment>;
}

interface Answer {
  /** Of the records with numbers between these. */
  readonly first: number;
  readonly last: number;
  readonly live: LiveRecords;
}

export class Liveness {
  private answer: Answer | undefined = undefined;
  /** Ends the waiting for the owner's answer. */
  private abort: (error: Error) => void = () => {};
  private readonly options: LivenessOptions;

  constructor(options: LivenessOptions) {
    this.options = options;
  }

  of(segment: Segment): Promise<LiveRecords> {
    return this.ask(firstSeqOf(segment), lastSeqOf(segment));
  }

  async ofWaiting(segment: Segment): Promise<LiveRecords> {
    const [first, last] = [firstSeqOf(segment), lastSeqOf(segment)];
    if (this.answer === undefined || this.answer.first > first || this.answer.last < last) {
      this.answer = undefined; // room for the next one
      const lastWaiting = this.lastWaiting(segment);
      this.answer = { first, last: lastWaiting, live: await this.ask(first, lastWaiting) };
    }
    return this.answer.live;
  }

  /** Nothing waits for now. */
  forget(): void {
    this.answer = undefined;
  }

  /** Whoever waits for an answer hears this. */
  stop(error: Error): void {
    this.abort(error);
  }

  /** The last number of those that wait behind this one and are asked about with it. */
  private lastWaiting(segment: Segment): number {
    let last = lastSeqOf(segment);
    for (const other of this.options.candidates()) {
      if (other.number <= segment.number || other.settled) continue;
      const theirs = lastSeqOf(other);
      if (theirs - firstSeqOf(segment) >= TOGETHER) break;
      last = theirs;
    }
    return last;
  }

  private ask(first: number, last: number): Promise<LiveRecords> {
    return new Promise((resolve, reject) => {
      this.abort = reject;
      this.options.liveIn(first, last, (isLive, groupOf = NO_GROUP) => resolve({ isLive, groupOf }));
    });
  }
}

function firstSeqOf({ blocks }: Segment): number {
  return blocks[0]!.firstSeq;
}

function lastSeqOf({ blocks }: Segment): number {
  return blocks[blocks.length - 1]!.lastSeq;
}
