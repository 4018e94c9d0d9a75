/** Messages of a queue, looked at without being taken: searched, opened, copied and moved. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, askJson, path } from '../api/request.ts';
import { bytes, count } from '../format.ts';
import { OpenedMessage } from '../messages/message.tsx';
import { type Deed, RelocateDialog, type Which } from '../messages/relocate.tsx';
import type { Looked, Message, Peeked } from '../messages/shapes.ts';
import { href, setQuery, usePlace } from '../router.ts';
import '../style/messages.css';
import { Badge, Button, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import { type Column, Table } from '../ui/table.tsx';

const PAGE = 50;
/** Rows that the page holds: the first go when more come. */
const ROWS_MAX = 1_000;
const PREVIEW_BYTES = 160;
/** So often the page hears how far a search has come; it goes on until it has found a page, or is stopped. */
const LOOK_MS = 100;

interface MessagesProps {
  readonly vhost: string;
  readonly queue: string;
  readonly mayWrite: boolean;
}

interface Found {
  readonly rows: readonly Message[];
  readonly looked: Looked | undefined;
  readonly scanned: number;
}

const NONE: Found = { rows: [], looked: undefined, scanned: 0 };

export function Messages({ vhost, queue, mayWrite }: MessagesProps) {
  const { query } = usePlace();
  const from = query['from'] === 'oldest' ? 'oldest' : 'newest';
  const state = query['state'] === 'ready' || query['state'] === 'unsettled' ? query['state'] : 'all';
  const search = { text: query['text'] || undefined, selector: query['selector'] || undefined };
  const asked = JSON.stringify([vhost, queue, from, state, search]);
  const [found, setFound] = useState<Found>(NONE);
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [deed, setDeed] = useState<{ deed: Deed; which: Which } | undefined>(undefined);
  const [round, setRound] = useState(0);
  const request = useRef<AbortController | undefined>(undefined);

  const look = async (next: string, before: Found): Promise<void> => {
    request.current?.abort();
    const mine = new AbortController();
    request.current = mine;
    setWorking(true);
    setError(undefined);
    try {
      let from: string | null = next;
      let sofar = before;
      let wanted = PAGE;
      do {
        const answer: Peeked = await askJson<Peeked>(path`/v1/vhosts/${vhost}/queues/${queue}/messages`, {
          query: { from, state, limit: wanted, withinMs: LOOK_MS, bodyBytes: PREVIEW_BYTES, ...search },
          signal: mine.signal,
        });
        sofar = {
          rows: [...sofar.rows, ...answer.messages].slice(-ROWS_MAX),
          looked: answer,
          scanned: sofar.scanned + answer.scanned,
        };
        setFound(sofar);
        wanted -= answer.messages.length;
        from = answer.next;
      } while (from !== null && wanted > 0);
      setWorking(false);
    } catch (thrown) {
      if (mine.signal.aborted) return;
      setWorking(false);
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    }
  };
  const again = (): void => setRound(round + 1);
  const stop = (): void => {
    request.current?.abort();
    setWorking(false);
  };

  useEffect(() => {
    setChosen(new Set());
    void look(from, NONE);
    return () => request.current?.abort();
  }, [asked, round]);

  const { rows, looked, scanned } = found;
  const there = rows.filter(({ position }) => chosen.has(String(position)));
  const positions = there.map(({ position }) => position);
  const opened = query['message'];
  const searching = search.text !== undefined || search.selector !== undefined;
  return (
    <>
      {opened !== undefined && /^\d+$/.test(opened) && (
        <OpenedMessage
          key={opened}
          vhost={vhost}
          queue={queue}
          position={Number(opened)}
          mayWrite={mayWrite}
          onClose={() => setQuery({ message: undefined })}
        />
      )}
      <Section
        title="Messages"
        aside={
          <>
            <a href={href('dead-letters', vhost, queue)}>As dead letters</a>
            <Button kind="quiet" onClick={again} disabled={working}>
              Look again
            </Button>
          </>
        }
      >
        <Search key={asked} from={from} state={state} {...search} />
        <div class="list-tools" role="status">
          <span>
            {looked === undefined
              ? working
                ? 'Looking …'
                : ''
              : `${count(rows.length)} shown; scanned ${count(scanned)} of ${count(looked.of)}${looked.missed > 0 ? `, ${count(looked.missed)} gone meanwhile` : ''}`}
          </span>
          {working && looked !== undefined && (
            <Button kind="quiet" onClick={stop}>
              Stop
            </Button>
          )}
          <span class="grow" />
          {there.length > 0 ? (
            <div class="several">
              <span>{there.length} chosen</span>
              {(['copy', 'move', 'remove'] as const).map((one) => (
                <DeedButton key={one} deed={one} onClick={() => setDeed({ deed: one, which: { positions } })} />
              ))}
            </div>
          ) : (
            searching && (
              <div class="several">
                <span>All that are found:</span>
                {(['copy', 'move', 'remove'] as const).map((one) => (
                  <DeedButton key={one} deed={one} onClick={() => setDeed({ deed: one, which: search })} />
                ))}
              </div>
            )
          )}
        </div>
        <Trouble error={error} />
        {looked === undefined ? (
          error === undefined && <Waiting lines={8} />
        ) : (
          <Table<Message>
            caption="Messages"
            columns={COLUMNS}
            rows={rows}
            id={({ position }) => String(position)}
            chosen={chosen}
            onChoose={setChosen}
            empty={
              working
                ? 'None so far.'
                : searching
                  ? 'None of those that were looked at is like that.'
                  : 'There is no message here.'
            }
          />
        )}
        {looked?.next != null && (
          <div class="pager">
            <Button disabled={working} onClick={() => void look(looked.next!, found)}>
              {working ? 'Looking …' : 'Look further'}
            </Button>
          </div>
        )}
      </Section>
      {deed !== undefined && (
        <RelocateDialog vhost={vhost} queue={queue} {...deed} done={again} onClose={() => setDeed(undefined)} />
      )}
    </>
  );
}

const DEEDS: Readonly<Record<Deed, string>> = { copy: 'Copy', move: 'Move', remove: 'Remove' };

function DeedButton({ deed, onClick }: { deed: Deed; onClick: () => void }) {
  return (
    <Button kind={deed === 'remove' ? 'danger' : 'plain'} onClick={onClick}>
      {DEEDS[deed]}
    </Button>
  );
}

interface SearchProps {
  readonly from: 'oldest' | 'newest';
  readonly state: 'all' | 'ready' | 'unsettled';
  readonly text?: string | undefined;
  readonly selector?: string | undefined;
}

function Search({ from, state, text = '', selector = '' }: SearchProps) {
  const [typed, setTyped] = useState({ text, selector });
  return (
    <form
      class="list-tools"
      onSubmit={(event) => {
        event.preventDefault();
        setQuery({ text: typed.text, selector: typed.selector });
      }}
    >
      <SelectField
        label="First"
        value={from}
        onInput={(value) => setQuery({ from: value })}
        of={[
          ['newest', 'the newest'],
          ['oldest', 'the oldest'],
        ]}
      />
      <SelectField
        label="Which"
        value={state}
        onInput={(value) => setQuery({ state: value === 'all' ? undefined : value })}
        of={[
          ['all', 'all'],
          ['ready', 'those that wait'],
          ['unsettled', 'those that are held'],
        ]}
      />
      <div class="wide-search">
        <TextField
          label="Text in the body or the key"
          value={typed.text}
          onInput={(value) => setTyped({ ...typed, text: value })}
        />
      </div>
      <div class="wide-search">
        <TextField
          label="Selector over headers and properties"
          value={typed.selector}
          placeholder="region = 'eu' AND JMSXDeliveryCount > 2"
          onInput={(value) => setTyped({ ...typed, selector: value })}
        />
      </div>
      <Button submit kind="primary">
        Search
      </Button>
    </form>
  );
}

const COLUMNS: readonly Column<Message>[] = [
  {
    key: 'position',
    title: 'Message',
    cell: ({ position }) => (
      <button type="button" class="link" onClick={() => open(position)}>
        {position}
      </button>
    ),
  },
  { key: 'key', title: 'Routing key', cell: ({ routingKey }) => routingKey },
  {
    key: 'body',
    title: 'Body',
    cell: (message) => <span class="preview">{previewOf(message)}</span>,
  },
  { key: 'size', title: 'Size', figures: true, cell: ({ bodyBytes }) => bytes(bodyBytes) },
  { key: 'arrived', title: 'Arrived', cell: ({ arrivedAt }) => <Time atMs={Date.parse(arrivedAt)} /> },
  {
    key: 'state',
    title: 'State',
    cell: (one) => (
      <>
        {one.state === 'unsettled' && <Badge tone="warn">held</Badge>}{' '}
        {one.deaths > 0 && <Badge tone="bad">{one.deaths === 1 ? 'died once' : `died ${one.deaths} times`}</Badge>}{' '}
        {one.attempts > 0 && <Badge>{one.attempts === 1 ? '1 attempt' : `${one.attempts} attempts`}</Badge>}
      </>
    ),
  },
];

function open(position: number): void {
  setQuery({ message: String(position) });
  scrollTo(0, 0);
}

function previewOf({ body, bodyForm, bodyBytes }: Message): string {
  if (bodyBytes === 0) return '(empty)';
  return bodyForm === 'base64' ? '(binary)' : String(body ?? '');
}
