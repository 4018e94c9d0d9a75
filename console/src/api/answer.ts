/** An answer that is asked for again and again while its part of the page is shown, and not while nobody sees the page. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, askJson, type Query } from './request.ts';

export interface Answer<T> {
  /** The last that came; undefined: none yet. It stays while a newer one is asked for. */
  readonly data: T | undefined;
  /** What went wrong with the last request; undefined: nothing. */
  readonly error: ApiError | undefined;
  /** Asks at once. */
  readonly refresh: () => void;
}

export interface AnswerOptions {
  readonly query?: Query | undefined;
  /** Milliseconds from an answer to the next question; undefined: asked once. */
  readonly everyMs?: number | undefined;
  /** Nothing is asked. */
  readonly off?: boolean | undefined;
}

/** A broker that does not answer is asked at longer and longer intervals, up to this. */
const AWAY_MAX_MS = 15_000;

export function useAnswer<T>(target: string, { query, everyMs, off = false }: AnswerOptions = {}): Answer<T> {
  const asked = JSON.stringify([target, query]);
  const [state, setState] = useState<{ of: string; data?: T | undefined; error?: ApiError | undefined }>({ of: asked });
  const again = useRef<() => void>(() => {});

  // What is asked is told apart by its text
  useEffect(() => {
    if (off) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    let request: AbortController | undefined;

    const next = (): void => {
      clearTimeout(timer);
      const away = failures > 0 ? Math.min(AWAY_MAX_MS, 1_000 * 2 ** failures) : undefined;
      const waitMs = away ?? everyMs;
      if (waitMs !== undefined) timer = setTimeout(look, waitMs);
    };
    const look = (): void => {
      clearTimeout(timer);
      if (document.hidden && everyMs !== undefined) return;
      request?.abort();
      const mine = new AbortController();
      request = mine;
      askJson<T>(target, { query, signal: mine.signal }).then(
        (data) => {
          if (mine.signal.aborted) return;
          failures = 0;
          setState({ of: asked, data });
          next();
        },
        (thrown: unknown) => {
          if (mine.signal.aborted) return;
          const error = thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown));
          failures = error.status === 0 || error.status >= 500 ? failures + 1 : 0;
          setState((last) => ({ of: asked, data: last.of === asked ? last.data : undefined, error }));
          next();
        },
      );
    };
    const seen = (): void => {
      if (!document.hidden) look();
    };
    again.current = look;
    document.addEventListener('visibilitychange', seen);
    look();
    return () => {
      clearTimeout(timer);
      request?.abort();
      document.removeEventListener('visibilitychange', seen);
    };
  }, [asked, everyMs, off]);

  const current = state.of === asked ? state : { data: undefined, error: undefined };
  return { data: current.data, error: current.error, refresh: () => again.current() };
}
