/**
 * What the broker tells again and again while its part of the page is shown (server-sent events): the last of it, and whether it is still
 * told. A stream that ends, or falls silent, is begun again, at longer and longer intervals; while nobody sees the page there is none.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { listen, type ServerEvent } from './events.ts';
import { ApiError, type Query } from './request.ts';

export interface Live {
  /** Why nothing is told at the moment; undefined: all is well. */
  readonly error: ApiError | undefined;
  /** How often it has begun: what was asked for beside it is asked again. */
  readonly began: number;
}

export interface LiveOptions {
  readonly query?: Query | undefined;
  readonly off?: boolean | undefined;
  /** Something is told at least this often, milliseconds; undefined: there may be nothing to tell. */
  readonly withinMs?: number | undefined;
  readonly onEvent: (event: ServerEvent) => void;
}

const AWAY_MAX_MS = 5_000;

export function useLive(target: string, { query, off = false, withinMs, onEvent }: LiveOptions): Live {
  const [state, setState] = useState<Live>({ error: undefined, began: 0 });
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    if (off) return;
    let end: (() => void) | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;

    const silent = (): void => gone(new ApiError(0, 'The broker says nothing. It is asked again.'));
    const gone = (error: ApiError | undefined): void => {
      end?.();
      end = undefined;
      clearTimeout(timer);
      setState((last) => ({
        ...last,
        error: error ?? new ApiError(0, 'The broker has ended this. It is asked again.'),
      }));
      timer = setTimeout(begin, Math.min(AWAY_MAX_MS, 500 * 2 ** failures++));
    };
    const watch = (): void => {
      clearTimeout(timer);
      if (withinMs !== undefined) timer = setTimeout(silent, withinMs);
    };
    const begin = (): void => {
      if (document.hidden || end !== undefined) return;
      let first = true;
      watch();
      const began = (): void => {
        first = false;
        failures = 0;
        setState((last) => ({ error: undefined, began: last.began + 1 }));
      };
      end = listen(target, {
        query,
        onBegin: began,
        onEvent: (event) => {
          if (first) began();
          watch();
          latest.current(event);
        },
        onEnd: gone,
      });
    };
    const seen = (): void => {
      if (document.hidden) {
        end?.();
        end = undefined;
        clearTimeout(timer);
      } else begin();
    };
    document.addEventListener('visibilitychange', seen);
    begin();
    return () => {
      document.removeEventListener('visibilitychange', seen);
      clearTimeout(timer);
      end?.();
    };
  }, [target, JSON.stringify(query), off, withinMs]);
  return state;
}
