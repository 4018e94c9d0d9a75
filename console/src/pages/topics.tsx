/** MQTT's topics as a tree, with what came last to each: live, sampled where too much comes, and bounded. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { listen } from '../api/events.ts';
import { path } from '../api/request.ts';
import { count, shortCount } from '../format.ts';
import { hrefWith, setQuery, usePlace } from '../router.ts';
import { level, type TopicNode, TopicTree, topicOfKey } from '../topics.ts';
import { Badge, Button, Empty, PageHead, Section, Time } from '../ui/basics.tsx';
import { TextField } from '../ui/fields.tsx';
import { useVhost, VhostChoice } from '../ui/vhost.tsx';

const TOPICS_MAX = 5_000;
const LEVEL_MAX = 200;
const VALUE_BYTES = 256;
/** So many are marked, looked at so often. */
const RETAINED_MAX = 500;
const RETAINED_MS = 10_000;
/** What is kept for this page in the broker: it shows the latest. */
const KEEP = 200;
/** Drawn so often at most, however much comes. */
const DRAWN_MS = 500;
const AGAIN_MS = 3_000;

interface Message {
  readonly routingKey: string;
  readonly spelling: 'dots' | 'slashes';
  readonly body?: unknown;
  readonly bodyForm?: string;
  readonly bodyBytes: number;
  readonly cut?: boolean;
}

interface Live {
  readonly tree: TopicTree;
  readonly dropped: number;
  readonly state: 'opening' | 'live' | 'away';
  readonly error: string;
}

/** A topic in MQTT's spelling, whoever published to it. */
const topicOf = ({ routingKey, spelling }: Message): string =>
  spelling === 'slashes' ? routingKey : topicOfKey(routingKey);

function textOf({ body, bodyForm, bodyBytes, cut }: Message): string {
  if (bodyForm === 'base64') return `${count(bodyBytes)} bytes that are no text`;
  return `${String(body ?? '')}${cut === true ? ' …' : ''}`;
}

function useTopics(vhost: string, filter: string): readonly [Live, () => void] {
  const begin = (): Live => ({ tree: new TopicTree(TOPICS_MAX), dropped: 0, state: 'opening', error: '' });
  const live = useRef(begin());
  const [, draw] = useState(0);
  const [round, setRound] = useState(0);
  // Begun anew when asked to.
  useEffect(() => {
    live.current = begin();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let end: (() => void) | undefined;
    let retainedToo = true;
    const change = (next: Partial<Live>): void => {
      live.current = { ...live.current, ...next };
      timer ??= setTimeout(() => {
        timer = undefined;
        draw((n) => n + 1);
      }, DRAWN_MS);
    };
    const open = (): void => {
      end = listen(path`/v1/vhosts/${vhost}/subscription`, {
        query: {
          exchange: 'amq.topic',
          key: filter,
          spelling: 'slashes',
          retained: retainedToo,
          keep: KEEP,
          bodyBytes: VALUE_BYTES,
        },
        onEvent({ kind, data }) {
          if (kind === 'message') {
            const message = data as Message;
            live.current.tree.add(topicOf(message), { atMs: Date.now(), text: textOf(message) });
            change({});
          } else if (kind === 'subscribed') {
            retainedToo = false;
            change({ state: 'live', error: '' });
          } else if (kind === 'dropped') {
            change({ dropped: live.current.dropped + (data as { count: number }).count });
          }
        },
        onEnd(error) {
          const refused = error !== undefined && error.status >= 400 && error.status < 500;
          change({ state: 'away', error: error?.message ?? 'The broker has ended the subscription.' });
          if (!refused) again = setTimeout(open, AGAIN_MS);
        },
      });
    };
    open();
    return () => {
      end?.();
      clearTimeout(timer);
      clearTimeout(again);
    };
  }, [vhost, filter, round]);
  return [live.current, () => setRound((n) => n + 1)];
}

export default function TopicsPage() {
  const { query } = usePlace();
  const choice = useVhost();
  const [vhost] = choice;
  const filter = query['filter'] ?? '#';
  const [typed, setTyped] = useState(filter);
  const [{ tree, dropped, state, error }, clear] = useTopics(vhost, filter);
  const kept = useAnswer<{ retained: readonly { key: string }[] }>(path`/v1/vhosts/${vhost}/retained`, {
    query: { limit: RETAINED_MAX },
    everyMs: RETAINED_MS,
  });
  const retained = new Set(kept.data?.retained.map(({ key }) => topicOfKey(key)));
  return (
    <>
      <PageHead
        title="Topics"
        sub={
          <Badge tone={state === 'live' ? 'good' : 'neutral'}>
            {state === 'live' ? 'live' : state === 'away' ? 'away' : 'connecting'}
          </Badge>
        }
      >
        <Button onClick={clear}>Begin anew</Button>
      </PageHead>
      {error !== '' && (
        <p class="trouble" role="alert">
          {error}
        </p>
      )}
      <Section
        title={`${shortCount(tree.root.topics)} topics, ${shortCount(tree.root.messages)} messages, what is retained among them`}
        aside={
          <form
            class="list-tools"
            onSubmit={(event) => {
              event.preventDefault();
              setQuery({ filter: typed });
            }}
          >
            <VhostChoice of={choice} />
            <TextField label="Filter" value={typed} onInput={setTyped} required />
            <Button submit>Show</Button>
          </form>
        }
      >
        {(dropped > 0 || tree.passedOver > 0) && (
          <p class="notice">
            {dropped > 0 && `${count(dropped)} messages came faster than they are shown, and were passed over. `}
            {tree.passedOver > 0 &&
              `${count(tree.passedOver)} are of topics that there is no room for: a narrower filter shows them.`}
          </p>
        )}
        {tree.root.children.size === 0 ? (
          <Empty>Nothing has come yet, and nothing is retained.</Empty>
        ) : (
          <Level of={tree.root} vhost={vhost} retained={retained} open />
        )}
      </Section>
    </>
  );
}

interface LevelProps {
  readonly of: TopicNode;
  readonly vhost: string;
  readonly retained: ReadonlySet<string>;
  readonly open: boolean;
}

function Level({ of, vhost, retained, open }: LevelProps) {
  const [shown, more] = level(of, LEVEL_MAX);
  return (
    <ul class="topics">
      {shown.map((node) => (
        <Topic key={node.name} of={node} vhost={vhost} retained={retained} open={open && shown.length === 1} />
      ))}
      {more > 0 && <li class="hint">and {count(more)} more on this level</li>}
    </ul>
  );
}

function Topic({ of: node, vhost, retained, open: openFirst }: LevelProps) {
  const [open, setOpen] = useState(openFirst);
  const { last, children } = node;
  const line = (
    <>
      <strong>{node.name === '' ? '(empty)' : node.name}</strong>{' '}
      {children.size > 0 && (
        <span class="hint">
          {shortCount(node.topics)} topics, {shortCount(node.messages)} messages
        </span>
      )}{' '}
      {last !== undefined && (
        <>
          <code class="topic-value">{last.text}</code> {retained.has(node.topic) && <Badge tone="info">retained</Badge>}{' '}
          <span class="hint">
            <Time atMs={last.atMs} />
          </span>
        </>
      )}
    </>
  );
  if (children.size === 0) {
    return (
      <li title={node.topic}>
        {line} <a href={hrefWith(['trace'], { address: node.topic, protocol: 'mqtt', vhost })}>routes</a>
      </li>
    );
  }
  return (
    <li title={node.topic}>
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary class="topic">{line}</summary>
        {/* Drawn when it is looked at: a tree of thousands is mostly closed. */}
        {open && <Level of={node} vhost={vhost} retained={retained} open={false} />}
      </details>
    </li>
  );
}
