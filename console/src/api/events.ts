/** Server-sent events over a request of one's own: the browser's `EventSource` sends no login. */
import { ApiError, ask, type Query } from './request.ts';

export interface ServerEvent {
  readonly kind: string;
  readonly data: unknown;
}

export interface EventsOptions {
  readonly query?: Query | undefined;
  /** The broker has taken the question. */
  readonly onBegin?: (() => void) | undefined;
  readonly onEvent: (event: ServerEvent) => void;
  /** The stream has ended, or never began. */
  readonly onEnd: (error: ApiError | undefined) => void;
}

/** @returns ends it; nothing is told after that */
export function listen(target: string, { query, onBegin, onEvent, onEnd }: EventsOptions): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  void (async () => {
    try {
      const response = await ask(target, { query, signal, headers: { accept: 'text/event-stream' } });
      onBegin?.();
      // Not piped through a stream that decodes: when the connection breaks, that complains where nobody can catch it
      const reader = response.body!.getReader();
      const decoder = new TextDecoder();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) break;
        const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) {
          const event = parsed(block);
          if (event !== undefined) onEvent(event);
        }
      }
      onEnd(undefined);
    } catch (thrown) {
      if (signal.aborted) return;
      onEnd(thrown instanceof ApiError ? thrown : new ApiError(0, 'The broker is gone. It is asked again.'));
    }
  })();
  return () => controller.abort();
}

/** One event's lines; undefined: a comment. */
export function parsed(block: string): ServerEvent | undefined {
  let kind = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) kind = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
  }
  return data.length === 0 ? undefined : { kind, data: JSON.parse(data.join('\n')) as unknown };
}
