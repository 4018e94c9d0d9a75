/** What lies in a dead-letter queue, grouped by where it died, why, and what the consumer said. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, askJson, path } from '../api/request.ts';
import { count } from '../format.ts';
import { deathsOf, ERROR_HEADERS, errorOf } from '../messages/deaths.ts';
import type { Looked, Message, Peeked } from '../messages/shapes.ts';
import { hrefWith } from '../router.ts';
import { Button, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { TextField } from '../ui/fields.tsx';
import { Table } from '../ui/table.tsx';
import { RedriveDialog } from './dead-letters-redrive.tsx';

const SAMPLE = 1_000;
const SAMPLED_MAX = 10_000;
const GROUPS_MAX = 500;

/** What is kept of a message: the page holds thousands of them. */
interface Dead {
  readonly queue: string;
  readonly reason: string;
  readonly errorHeader: string | undefined;
  readonly error: string;
  readonly atMs: number;
}

interface Group extends Dead {
  readonly messages: number;
  readonly oldestMs: number;
}

function deadOf({ headers, arrivedAt }: Message, header: string): Dead {
  const last = deathsOf(headers).at(-1);
  const errorHeader = (header === '' ? ERROR_HEADERS : [header]).find((one) => headers[one] != null);
  return {
    queue: String(headers['x-first-death-queue'] ?? last?.queue ?? ''),
    reason: String(headers['x-first-death-reason'] ?? last?.reason ?? ''),
    errorHeader: typeof (errorHeader && headers[errorHeader]) === 'string' ? errorHeader : undefined,
    error: errorOf(headers, header),
    atMs: Date.parse(arrivedAt),
  };
}

function grouped(dead: readonly Dead[]): Group[] {
  const groups = new Map<string, Group>();
  for (const one of dead) {
    const key = JSON.stringify([one.queue, one.reason, one.error]);
    const known = groups.get(key);
    groups.set(key, {
      ...one,
      messages: (known?.messages ?? 0) + 1,
      atMs: Math.max(known?.atMs ?? 0, one.atMs),
      oldestMs: Math.min(known?.oldestMs ?? Number.POSITIVE_INFINITY, one.atMs),
    });
  }
  return [...groups.values()].sort((a, b) => b.messages - a.messages).slice(0, GROUPS_MAX);
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The group, in JMS' selector language. */
export function selectorOf({ queue, reason, errorHeader, error }: Dead): string {
  const is = (name: string, value: string): string =>
    value === '' ? `"${name}" IS NULL` : `"${name}" = ${quoted(value)}`;
  const wants = [is('x-first-death-queue', queue), is('x-first-death-reason', reason)];
  if (errorHeader !== undefined) wants.push(`"${errorHeader.replaceAll('"', '""')}" = ${quoted(error)}`);
  return wants.join(' AND ');
}

export function DeadLetterGroups({ vhost, queue }: { vhost: string; queue: string }) {
  const [header, setHeader] = useState('');
  const [sample, setSample] = useState<{ messages: readonly Message[]; looked?: Looked }>({ messages: [] });
  const [working, setWorking] = useState(true);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [asked, setAsked] = useState<string | undefined>(undefined);
  const request = useRef<AbortController | undefined>(undefined);

  const look = async (from: string, before: readonly Message[]): Promise<void> => {
    request.current?.abort();
    const mine = new AbortController();
    request.current = mine;
    setWorking(true);
    setError(undefined);
    try {
      const looked = await askJson<Peeked>(path`/v1/vhosts/${vhost}/queues/${queue}/messages`, {
        query: { from, limit: SAMPLE, body: 'none' },
        signal: mine.signal,
      });
      setSample({ messages: [...before, ...looked.messages], looked });
      setWorking(false);
    } catch (thrown) {
      if (mine.signal.aborted) return;
      setWorking(false);
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    }
  };
  const again = (): void => void look('newest', []);

  useEffect(() => {
    again();
    return () => request.current?.abort();
  }, [vhost, queue]);

  const { messages, looked } = sample;
  const groups = grouped(messages.map((one) => deadOf(one, header)));
  return (
    <Section
      title="Why they died"
      aside={
        <>
          <Button kind="quiet" onClick={again} disabled={working}>
            Look again
          </Button>
          <Button kind="primary" onClick={() => setAsked('')}>
            Redrive
          </Button>
        </>
      }
    >
      <div class="list-tools">
        <TextField
          label="Header that says the error"
          value={header}
          onInput={setHeader}
          list={ERROR_HEADERS}
          placeholder="whichever there is"
        />
        <span role="status">
          {looked !== undefined &&
            (looked.next === null
              ? `All ${count(messages.length)} messages`
              : `A sample: the newest ${count(messages.length)} of ${count(looked.of)} messages`)}
        </span>
        {looked?.next != null && messages.length < SAMPLED_MAX && (
          <Button disabled={working} onClick={() => void look(looked.next!, messages)}>
            {working ? 'Looking …' : 'Look at more'}
          </Button>
        )}
      </div>
      <Trouble error={error} />
      {looked === undefined ? (
        error === undefined && <Waiting />
      ) : (
        <Table<Group>
          caption="Dead letters, by where and why they died"
          rows={groups}
          id={(one) => JSON.stringify([one.queue, one.reason, one.error])}
          empty="There is nothing in it."
          columns={[
            { key: 'queue', title: 'Died in', cell: (one) => one.queue || '(never died)' },
            { key: 'reason', title: 'Reason', cell: (one) => one.reason },
            { key: 'error', title: 'Error', cell: (one) => one.error || '(none said)' },
            { key: 'messages', title: 'Messages', figures: true, cell: (one) => count(one.messages) },
            { key: 'newest', title: 'Newest', cell: (one) => <Time atMs={one.atMs} /> },
            { key: 'oldest', title: 'Oldest', cell: (one) => <Time atMs={one.oldestMs} /> },
            {
              key: 'act',
              title: '',
              cell: (one) => (
                <div class="actions">
                  <a href={hrefWith(['queues', vhost, queue], { tab: 'messages', selector: selectorOf(one) })}>Show</a>
                  <Button onClick={() => setAsked(selectorOf(one))}>Redrive these</Button>
                </div>
              ),
            },
          ]}
        />
      )}
      {asked !== undefined && (
        <RedriveDialog vhost={vhost} queue={queue} selector={asked} done={again} onClose={() => setAsked(undefined)} />
      )}
    </Section>
  );
}
