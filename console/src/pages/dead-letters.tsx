/** Dead letters: where they lie, why they died, and back again. */
import { useEffect, useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ApiError, askJson, path } from '../api/request.ts';
import type { QueueRow } from '../api/shapes.ts';
import { count, shortCount } from '../format.ts';
import { useMay } from '../messages/access.ts';
import type { PageProps } from '../pages.ts';
import { go, href, setQuery, usePlace } from '../router.ts';
import { VhostField } from '../ui/vhost.tsx';
import '../style/messages.css';
import { Button, Empty, PageHead, Section, Trouble, Waiting } from '../ui/basics.tsx';
import { TextField } from '../ui/fields.tsx';
import type { Paged } from '../ui/list.tsx';
import { Table } from '../ui/table.tsx';
import { DeadLetterGroups } from './dead-letters-groups.tsx';
import { RedriveJobs } from './dead-letters-jobs.tsx';

export default function DeadLettersPage({ rest }: PageProps) {
  const [vhost, name] = rest;
  return vhost === undefined || name === undefined ? <Choose /> : <OneQueue vhost={vhost} name={name} />;
}

function OneQueue({ vhost, name }: { vhost: string; name: string }) {
  const may = useMay(vhost, `queue:${name}`, 'read');
  return (
    <>
      <PageHead title={`Dead letters in ${name}`} sub={`Vhost ${vhost}`}>
        <a href={href('dead-letters')}>Other queues</a>
        <a href={href('queues', vhost, name)}>The queue itself</a>
      </PageHead>
      {may === undefined ? (
        <Waiting lines={8} />
      ) : may.read ? (
        <>
          <DeadLetterGroups vhost={vhost} queue={name} />
          <RedriveJobs vhost={vhost} />
        </>
      ) : (
        <Empty>To look at its messages asks for the permission to read this queue, which you do not have.</Empty>
      )}
    </>
  );
}

function Choose() {
  const { query } = usePlace();
  const vhost = query['vhost'] ?? '/';
  const [name, setName] = useState('');
  const { found, looked, error } = useCandidates(vhost);
  return (
    <>
      <PageHead title="Dead letters" sub="Messages that were rejected, expired, or had to go, and were kept" />
      <Section title="Where they are kept">
        <form
          class="list-tools"
          onSubmit={(event) => {
            event.preventDefault();
            if (name !== '') go(href('dead-letters', vhost, name));
          }}
        >
          <VhostField value={vhost} onInput={(one) => setQuery({ vhost: one })} />
          <TextField label="Any queue" value={name} onInput={setName} list={(found ?? []).map((one) => one.name)} />
          <Button submit disabled={name === ''}>
            Look
          </Button>
        </form>
        <Trouble error={error} />
        {found === undefined ? (
          error === undefined && <Waiting />
        ) : (
          <Table<QueueRow>
            caption="Queues that get dead letters"
            rows={found}
            id={(one) => one.name}
            empty="No queue here sends its dead letters to another one."
            columns={[
              {
                key: 'name',
                title: 'Queue',
                cell: (one) => <a href={href('dead-letters', vhost, one.name)}>{one.name}</a>,
              },
              {
                key: 'messages',
                title: 'Messages',
                figures: true,
                cell: ({ messages }) => <span title={count(messages)}>{shortCount(messages)}</span>,
              },
              { key: 'consumers', title: 'Consumers', figures: true, cell: (one) => count(one.consumers) },
            ]}
          />
        )}
        {looked !== undefined && looked.of > looked.at && (
          <p class="hint">{`Found from what ${count(looked.at)} of ${count(looked.of)} queues say; any other can be named.`}</p>
        )}
      </Section>
      <RedriveJobs vhost={vhost} />
    </>
  );
}

const LOOKED_AT_MAX = 500;
const EXCHANGES_MAX = 20;
const QUEUES_MAX = 50;

interface Binding {
  readonly destination: string;
  readonly destination_type: string;
}

interface Candidates {
  readonly found?: readonly QueueRow[];
  /** How many queues were asked where theirs go. */
  readonly looked?: { readonly at: number; readonly of: number };
  readonly error?: ApiError | undefined;
}

/** Queues that others' dead letters come to, as far as arguments and policies say so. */
function useCandidates(vhost: string): Candidates {
  const { data, error } = useAnswer<
    Paged<QueueRow & { readonly effective_policy_definition?: Record<string, unknown> }>
  >(path`/api/queues/${vhost}`, { query: { page: 1, page_size: LOOKED_AT_MAX, pagination: true } });
  const [found, setFound] = useState<{ of: unknown; rows: readonly QueueRow[] } | undefined>(undefined);
  const [failed, setFailed] = useState<ApiError | undefined>(undefined);
  useEffect(() => {
    if (data === undefined) return;
    const request = new AbortController();
    const { signal } = request;
    const names = new Set<string>();
    const exchanges = new Set<string>();
    for (const queue of data.items) {
      const setting = (key: string): unknown => queue.arguments[`x-${key}`] ?? queue.effective_policy_definition?.[key];
      const exchange = setting('dead-letter-exchange');
      const key = setting('dead-letter-routing-key');
      if (typeof exchange !== 'string') continue;
      if (exchange !== '') exchanges.add(exchange);
      else if (typeof key === 'string') names.add(key);
    }
    (async () => {
      for (const exchange of [...exchanges].slice(0, EXCHANGES_MAX)) {
        const target = path`/api/exchanges/${vhost}/${exchange}/bindings/source`;
        const bindings = await askJson<readonly Binding[]>(target, { signal }).catch(absent);
        for (const one of bindings ?? []) if (one.destination_type === 'queue') names.add(one.destination);
      }
      const known = new Map(data.items.map((one) => [one.name, one]));
      const rows: QueueRow[] = [];
      for (const name of [...names].slice(0, QUEUES_MAX)) {
        const row =
          known.get(name) ?? (await askJson<QueueRow>(path`/api/queues/${vhost}/${name}`, { signal }).catch(absent));
        if (row !== undefined) rows.push(row);
      }
      setFound({ of: data, rows: rows.sort((a, b) => b.messages - a.messages) });
    })().catch((thrown: unknown) => {
      if (!signal.aborted) setFailed(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    });
    return () => request.abort();
  }, [data]);
  return {
    ...(found !== undefined && found.of === data && { found: found.rows }),
    ...(data !== undefined && { looked: { at: data.items.length, of: data.total_count } }),
    error: error ?? failed,
  };
}

/** What is not there, or not to be seen, is no candidate. */
function absent(thrown: unknown): undefined {
  if (thrown instanceof ApiError && (thrown.status === 404 || thrown.status === 403)) return undefined;
  throw thrown;
}
