/** The inbox of a scenario: it keeps what arrives, and waits for a number of messages, never for a while. */
import type { Incoming, OnMessage } from '../clients/client.ts';

export class Inbox {
  readonly messages: Incoming[] = [];
  private wanted = 0;
  private arrived: () => void = () => {};

  /** Given to a client as its handler. */
  readonly take: OnMessage = (message) => {
    this.messages.push(message);
    if (this.messages.length >= this.wanted) this.arrived();
  };

  /** Resolves with the messages once there are `count`; rejects with what is missing after `timeoutMs`. */
  async atLeast(count: number, what: string, timeoutMs = 10_000): Promise<readonly Incoming[]> {
    if (this.messages.length >= count) return this.messages;
    await within(
      new Promise<void>((resolve) => {
        this.wanted = count;
        this.arrived = resolve;
      }),
      timeoutMs,
      () => `${what}: ${this.messages.length} of ${count} messages after ${timeoutMs} ms`,
    );
    return this.messages;
  }
}

/** Gives a promise so much time; then rejects with what was being waited for. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(what())), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves once `holds` does; asks again every few milliseconds, for conditions that nothing announces. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string),
  timeoutMs = 10_000,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) {
      throw new Error(`still waiting after ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
