/** What the user may do, asked of the broker so that nothing is offered that it would refuse. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, askJson } from '../api/request.ts';

export type Action = 'configure' | 'write' | 'read';

export interface Question {
  readonly action: Action;
  /** `queue:NAME` or `exchange:NAME`. */
  readonly resource: string;
  readonly vhost: string;
  /** A key, dotted, of a topic exchange. */
  readonly topic?: string;
}

/** What the broker takes at a time. */
const QUESTIONS_MAX = 500;

/** To each question whether she may. Undefined: not known yet. What cannot be found out is offered: the broker says no by itself. */
export function useAllowed(questions: readonly Question[]): readonly boolean[] | undefined {
  const [answer, setAnswer] = useState<{ of: string; allowed: readonly boolean[] } | undefined>(undefined);
  const of = JSON.stringify(questions);
  useEffect(() => {
    if (questions.length === 0) {
      setAnswer({ of, allowed: [] });
      return;
    }
    const request = new AbortController();
    const { signal } = request;
    const body = { questions: questions.slice(0, QUESTIONS_MAX) };
    askJson<{ allowed: readonly boolean[] }>('/v1/access', { method: 'POST', body, signal })
      .then(
        ({ allowed }) => questions.map((_, i) => allowed[i] ?? true),
        (thrown: unknown) => questions.map(() => !(thrown instanceof ApiError && thrown.status === 403)),
      )
      .then((allowed) => {
        if (!signal.aborted) setAnswer({ of, allowed });
      });
    return () => request.abort();
  }, [of]);
  return answer?.of === of ? answer.allowed : undefined;
}

/** Of one queue or exchange. */
export function useMay(
  vhost: string,
  resource: string,
  ...actions: readonly Action[]
): Readonly<Record<Action, boolean>> | undefined {
  const allowed = useAllowed(actions.map((action) => ({ action, resource, vhost })));
  if (allowed === undefined) return undefined;
  const known: Record<Action, boolean> = { configure: false, write: false, read: false };
  for (const [i, action] of actions.entries()) known[action] = allowed[i]!;
  return known;
}
