/**
 * Exchanges, queues and bindings as a graph that is walked: one of them in the middle, what leads to it on the left, what it leads to on
 * the right. Only that part is asked for and drawn, so it is as quick with a hundred thousand queues.
 */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { rate, shortCount } from '../format.ts';
import type { PageProps } from '../pages.ts';
import { go, href } from '../router.ts';
import { Button, Empty, PageHead, Section, Trouble, Waiting } from '../ui/basics.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import type { Paged } from '../ui/list.tsx';
import { VhostField } from '../ui/vhost.tsx';
import { Graph, type GraphEdge, type GraphNode, nodeId } from './topology-graph.tsx';

interface Binding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

interface Bindings {
  readonly bindings: readonly Binding[];
  readonly total: number;
}

interface ExchangeAnswer {
  readonly type: string;
  readonly message_stats?: {
    readonly publish_in_details?: { readonly rate: number };
    readonly publish_out_details?: { readonly rate: number };
  };
}

interface QueueAnswer {
  readonly messages: number;
  readonly message_stats?: {
    readonly publish_details?: { readonly rate: number };
    readonly deliver_get_details?: { readonly rate: number };
  };
  readonly consumer_details?: readonly {
    readonly consumer_tag: string;
    readonly channel_details: { readonly connection_name?: string };
  }[];
}

/** So many are drawn on a side; the others are counted. */
const DRAWN_MAX = 24;
const EVERY_MS = 5_000;
/** What the default exchange is called: it has no name. */
const DEFAULT = '(default)';

/** `#/topology/VHOST/exchange|queue/NAME` */
export default function TopologyPage({ rest }: PageProps) {
  const [vhost, kind, name] = rest;
  if (vhost !== undefined && name !== undefined && kind === 'exchange')
    return <ExchangeView key={name} vhost={vhost} name={name} />;
  if (vhost !== undefined && name !== undefined && kind === 'queue')
    return <QueueView key={name} vhost={vhost} name={name} />;
  return <Beginning vhost={vhost ?? '/'} />;
}

function Beginning({ vhost }: { vhost: string }) {
  const exchanges = useAnswer<Paged<{ name: string; type: string }>>(path`/api/exchanges/${vhost}`, {
    query: { page: 1, page_size: 100, columns: 'name,type' },
  });
  const [kind, setKind] = useState<'exchange' | 'queue'>('exchange');
  const [name, setName] = useState('');
  return (
    <>
      <PageHead title="Topology" sub="Begin with an exchange or a queue, and walk from there." />
      <Section title="Where to begin">
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            go(href('topology', vhost, kind, name));
          }}
        >
          <VhostField value={vhost} onInput={(next) => go(href('topology', next))} />
          <SelectField label="What" value={kind} of={['exchange', 'queue']} onInput={setKind} />
          <TextField label="Name" value={name} onInput={setName} required />
          <div class="wide">
            <Button submit kind="primary">
              Show
            </Button>
          </div>
        </form>
      </Section>
      <Section title="Exchanges">
        <Trouble error={exchanges.error} />
        {exchanges.data === undefined ? (
          <Waiting lines={4} />
        ) : (
          <ul class="links">
            {exchanges.data.items.map((exchange) => (
              <li key={exchange.name}>
                <a href={href('topology', vhost, 'exchange', exchange.name || DEFAULT)}>{exchange.name || DEFAULT}</a>{' '}
                <span class="hint">{exchange.type}</span>
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  );
}

/** What a binding asks for, in a line. */
function label({ key, arguments: given }: Binding): string {
  const matched = Object.entries(given).map(([name, value]) => `${name}=${String(value)}`);
  return [key, ...matched].filter(Boolean).join(' ') || '(everything)';
}

/** Several bindings between two ends are one line. */
function edges(
  bindings: readonly Binding[],
  of: (binding: Binding) => readonly [from: string, to: string],
): GraphEdge[] {
  const grouped = Map.groupBy(bindings, (binding) => of(binding).join('\n'));
  return [...grouped].map(([ends, together]) => {
    const [from, to] = ends.split('\n') as [string, string];
    const texts = together.map(label);
    return { from, to, label: texts.length > 2 ? `${texts[0]} and ${texts.length - 1} more` : texts.join(', ') };
  });
}

const exchangeNode = (vhost: string, name: string): GraphNode => ({
  id: nodeId('exchange', name || DEFAULT),
  kind: 'exchange',
  name: name || DEFAULT,
  to: href('topology', vhost, 'exchange', name || DEFAULT),
});

const queueNode = (vhost: string, name: string): GraphNode => ({
  id: nodeId('queue', name),
  kind: 'queue',
  name,
  to: href('topology', vhost, 'queue', name),
});

const once = (nodes: readonly GraphNode[]): GraphNode[] => [...new Map(nodes.map((node) => [node.id, node])).values()];

function ExchangeView({ vhost, name }: { vhost: string; name: string }) {
  const bare = name === DEFAULT ? '' : name;
  const list = path`/v1/vhosts/${vhost}/bindings`;
  const exchange = useAnswer<ExchangeAnswer>(path`/api/exchanges/${vhost}/${name === DEFAULT ? 'amq.default' : name}`, {
    everyMs: EVERY_MS,
  });
  const out = useAnswer<Bindings>(list, { query: { source: bare, limit: DRAWN_MAX }, everyMs: EVERY_MS });
  const into = useAnswer<Bindings>(list, {
    query: { exchange: bare, limit: DRAWN_MAX },
    everyMs: EVERY_MS,
    off: bare === '',
  });
  const middle: GraphNode = { ...exchangeNode(vhost, bare), note: exchange.data?.type };
  const stats = exchange.data?.message_stats;
  const left = once((into.data?.bindings ?? []).map(({ source }) => exchangeNode(vhost, source)));
  const right = once(
    (out.data?.bindings ?? []).map(({ destination, destinationType }) =>
      (destinationType === 'queue' ? queueNode : exchangeNode)(vhost, destination),
    ),
  );
  return (
    <Shown
      vhost={vhost}
      title={name}
      error={exchange.error ?? out.error ?? into.error}
      waiting={out.data === undefined}
      of={{
        left,
        middle,
        right,
        edges: [
          ...edges(into.data?.bindings ?? [], ({ source }) => [nodeId('exchange', source || DEFAULT), middle.id]),
          ...edges(out.data?.bindings ?? [], ({ destination, destinationType }) => [
            middle.id,
            nodeId(destinationType, destination),
          ]),
        ],
        more: {
          left: (into.data?.total ?? 0) - (into.data?.bindings.length ?? 0),
          right: (out.data?.total ?? 0) - (out.data?.bindings.length ?? 0),
        },
        in: rate(stats?.publish_in_details?.rate ?? 0),
        out: rate(stats?.publish_out_details?.rate ?? 0),
      }}
    />
  );
}

function QueueView({ vhost, name }: { vhost: string; name: string }) {
  const queue = useAnswer<QueueAnswer>(path`/api/queues/${vhost}/${name}`, { everyMs: EVERY_MS });
  const into = useAnswer<Bindings>(path`/v1/vhosts/${vhost}/bindings`, {
    query: { queue: name, limit: DRAWN_MAX },
    everyMs: EVERY_MS,
  });
  const { data } = queue;
  const middle: GraphNode = { ...queueNode(vhost, name), note: data && `${shortCount(data.messages)} messages` };
  const consumers = (data?.consumer_details ?? []).map(
    ({ consumer_tag: tag, channel_details: channel }): GraphNode => ({
      id: nodeId('consumer', `${channel.connection_name ?? ''} ${tag}`),
      kind: 'consumer',
      name: tag,
      note: channel.connection_name,
    }),
  );
  const right = consumers.slice(0, DRAWN_MAX);
  return (
    <Shown
      vhost={vhost}
      title={name}
      error={queue.error ?? into.error}
      waiting={into.data === undefined || data === undefined}
      of={{
        left: once((into.data?.bindings ?? []).map(({ source }) => exchangeNode(vhost, source))),
        middle,
        right,
        edges: [
          ...edges(into.data?.bindings ?? [], ({ source }) => [nodeId('exchange', source || DEFAULT), middle.id]),
          ...right.map(({ id }) => ({ from: middle.id, to: id, label: '' })),
        ],
        more: {
          left: (into.data?.total ?? 0) - (into.data?.bindings.length ?? 0),
          right: consumers.length - right.length,
        },
        in: rate(data?.message_stats?.publish_details?.rate ?? 0),
        out: rate(data?.message_stats?.deliver_get_details?.rate ?? 0),
      }}
      page={href('queues', vhost, name)}
    />
  );
}

interface ShownProps {
  readonly vhost: string;
  readonly title: string;
  readonly error: Parameters<typeof Trouble>[0]['error'];
  readonly waiting: boolean;
  readonly of: Parameters<typeof Graph>[0];
  readonly page?: string;
}

function Shown({ vhost, title, error, waiting, of, page }: ShownProps) {
  return (
    <>
      <PageHead title={title} sub={<a href={href('topology', vhost)}>Topology of {vhost}</a>}>
        {page !== undefined && <a href={page}>To its page</a>}
      </PageHead>
      <Trouble error={error} />
      <section class="card">
        {error?.status === 404 ? (
          <Empty>There is none of this name any more.</Empty>
        ) : waiting ? (
          <Waiting lines={8} />
        ) : (
          <Graph {...of} />
        )}
      </section>
    </>
  );
}
