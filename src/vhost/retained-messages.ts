/**
 * Keeping one message a topic, and sending what is kept to those who come later. The index (`queue/retained.ts`) says which;
 * here are their references, and the two ways they go out: into a queue, or straight to a connection.
 */
import { type BindOptions, DATA_SEVERAL } from '../api.ts';
import { type Assurance, AT_MOST_ONCE, type Draft, EXACTLY_ONCE, MessageView } from '../message/message.ts';
import type { MessageStore } from '../queue/message-store.ts';
import type { Queue } from '../queue/queue.ts';
import { RetainedIndex, type RetainedMessage } from '../queue/retained.ts';
import { WORD_DATA_SHIFT, WORD_DURABLE, WORD_LARGE, WORD_RETAINED } from '../queue/word.ts';
import type { CompiledRoute } from '../routing/router.ts';
import type { Journal } from './journal.ts';

/** What it needs of its vhost. */
export interface RetainedHome {
  readonly store: MessageStore;
  readonly journal: Journal;
  deliverDirect(queue: Queue, view: MessageView): void;
  unreadable(queue: Queue, seq: number, error: Error): void;
}

export class RetainedMessages {
  readonly index = new RetainedIndex();
  private readonly home: RetainedHome;
  private readonly view = new MessageView();

  constructor(home: RetainedHome) {
    this.home = home;
  }

  /**
   * A message that asked to be retained was stored.
   * @param keep whether its reference was counted: an empty one only removes what there was
   */
  stored(route: CompiledRoute<Queue>, draft: Draft, seq: number, keep: boolean): void {
    const { key, spelling } = route;
    if (!keep) {
      this.forget(this.index.remove(key, spelling));
      return;
    }
    this.forget(this.index.set({ seq, key, spelling, assurance: draft.assurance, large: draft.large !== null }));
  }

  private forget(message: RetainedMessage | undefined): void {
    if (message !== undefined) this.home.store.release(message.seq, wordOf(message));
  }

  /** Sends what the filter matches into the queue, or straight to its connection where that is what was asked for. */
  replay(queue: Queue, filter: string, options: BindOptions): number {
    let count = 0;
    this.index.match(filter, options.spelling, options.hideReserved ?? false, (message) => {
      count++;
      const assurance = Math.min(message.assurance, options.assurance ?? EXACTLY_ONCE) as Assurance;
      const word =
        wordOf(message) | assurance | WORD_RETAINED | (Math.min(options.data ?? 0, DATA_SEVERAL) << WORD_DATA_SHIFT);
      this.home.store.addReferences(message.seq, true, 1);
      if (assurance === AT_MOST_ONCE && queue.directMode) this.replayDirect(queue, message.seq, word);
      else {
        if (queue.durable) this.home.journal.enqueued(queue, message.seq, word);
        queue.push(message.seq, word);
      }
    });
    return count;
  }

  private replayDirect(queue: Queue, seq: number, word: number): void {
    const { store } = this.home;
    const deliver = (error?: Error): void => {
      if (error !== undefined) this.home.unreadable(queue, seq, error);
      else if (store.view(seq, word, this.view)) this.home.deliverDirect(queue, this.view);
      store.release(seq, word);
    };
    if (store.view(seq, word, this.view)) deliver();
    else store.load(seq, word, deliver);
  }
}

function wordOf(message: RetainedMessage): number {
  return WORD_DURABLE | (message.large ? WORD_LARGE : 0);
}
