/** What the user may do, asked of the broker so that nothing is offered that it would refuse. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, askJson } from '../api/request.ts';

export type Action = 'configure' | 'write' | 'read';

/** Undefined: not known yet. What cannot be found out is offered: the broker says no by itself. */
export function useMay(
  vhost: string,
  resource: string,
  ...actions: readonly Action[]
): Readonly<Record<Action, boolean>> | undefined {
  const [may, setMay] = useState<{ of: string; known: Record<Action, boolean> } | undefined>(undefined);
  const of = `${vhost}\n${resource}`;
  useEffect(() => {
    const request = new AbortController();
    const { signal } = request;
    const known: Record<Action, boolean> = { configure: false, write: false, read: false };
    void Promise.all(
      actions.map(async (action) => {
        try {
          const query = { action, resource, vhost };
          known[action] = (await askJson<{ allowed: boolean }>('/v1/access', { query, signal })).allowed;
        } catch (thrown) {
          known[action] = !(thrown instanceof ApiError && thrown.status === 403);
        }
      }),
    ).then(() => {
      if (!signal.aborted) setMay({ of, known });
    });
    return () => request.abort();
  }, [of]);
  return may?.of === of ? may.known : undefined;
}
