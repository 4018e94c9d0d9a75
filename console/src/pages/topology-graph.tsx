/** The drawing: three columns of boxes with lines between them. Each box is a link; the lines are told in words to who sees none. */
import { shortCount } from '../format.ts';

export interface GraphNode {
  readonly id: string;
  readonly kind: 'exchange' | 'queue' | 'consumer';
  readonly name: string;
  readonly note?: string | undefined;
  /** Where it leads; undefined: nowhere. */
  readonly to?: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

interface GraphProps {
  readonly left: readonly GraphNode[];
  readonly middle: GraphNode;
  readonly right: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Bindings that are not drawn. */
  readonly more: { readonly left: number; readonly right: number };
  /** What goes in and out of the one in the middle. */
  readonly in: string;
  readonly out: string;
}

export const nodeId = (kind: GraphNode['kind'], name: string): string => `${kind} ${name}`;

const WIDTH = 960;
const BOX = { width: 210, height: 44, gap: 18 };
const COLUMNS = [0, (WIDTH - BOX.width) / 2, WIDTH - BOX.width] as const;
const NAME_MAX = 25;
const LABEL_MAX = 22;
const MARGIN = 24;

const short = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text);

interface Placed {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
}

export function Graph({ left, middle, right, edges, more, in: into, out }: GraphProps) {
  const rows = Math.max(left.length, right.length, 1);
  const height = rows * (BOX.height + BOX.gap) + 2 * MARGIN;
  const column = (nodes: readonly GraphNode[], x: number): Placed[] => {
    const top = (height - nodes.length * (BOX.height + BOX.gap) + BOX.gap) / 2;
    return nodes.map((node, i) => ({ node, x, y: top + i * (BOX.height + BOX.gap) }));
  };
  // An exchange may lead back to where it comes from: it stands on both sides then.
  const lefts = new Map(column(left, COLUMNS[0]).map((placed) => [placed.node.id, placed]));
  const rights = new Map(column(right, COLUMNS[2]).map((placed) => [placed.node.id, placed]));
  // A side that nothing stands on takes no room.
  const from = left.length === 0 ? COLUMNS[1] - MARGIN : 0;
  const width = (right.length === 0 ? COLUMNS[1] + BOX.width + MARGIN : WIDTH) - from;
  const centre = column([middle], COLUMNS[1])[0]!;
  return (
    <figure class="graph">
      <svg
        viewBox={`${from} 0 ${width} ${height}`}
        style={{ minWidth: `${(width * 44) / WIDTH}rem`, maxWidth: `${width}px` }}
      >
        <title>{`What ${middle.name} is bound to`}</title>
        {edges.map(({ from, to, label }) => {
          const inwards = to === middle.id;
          const other = inwards ? lefts.get(from) : rights.get(to);
          if (other === undefined) return null;
          const [a, b] = inwards ? [other, centre] : [centre, other];
          return <EdgeLine key={`${from}>${to}`} a={a} b={b} label={label} towards={inwards ? a : b} />;
        })}
        {[...lefts.values(), centre, ...rights.values()].map((placed, i) => (
          <Box key={`${i} ${placed.node.id}`} {...placed} current={placed === centre} />
        ))}
        <text class="graph-rate" x={centre.x - 8} y={centre.y - 6} text-anchor="start">
          in {into} · out {out}
        </text>
      </svg>
      <figcaption class="hint">
        {more.left > 0 && `${shortCount(more.left)} more lead here. `}
        {more.right > 0 && `${shortCount(more.right)} more on the right are not drawn.`}
      </figcaption>
      <ul class="hidden">
        {edges.map(({ from, to, label }) => (
          <li key={`${from}>${to}`}>{`${from} to ${to}${label === '' ? '' : `: ${label}`}`}</li>
        ))}
      </ul>
    </figure>
  );
}

function Box({ node, x, y, current }: Placed & { current: boolean }) {
  const box = (
    <>
      {short(node.name, NAME_MAX) !== node.name && <title>{node.name}</title>}
      <rect x={x} y={y} width={BOX.width} height={BOX.height} rx={node.kind === 'exchange' ? 22 : 6} />
      <text x={x + BOX.width / 2} y={y + 19} text-anchor="middle">
        {short(node.name, NAME_MAX)}
      </text>
      <text class="graph-note" x={x + BOX.width / 2} y={y + 35} text-anchor="middle">
        {short(node.note ?? node.kind, NAME_MAX + 4)}
      </text>
    </>
  );
  const kind = `graph-node ${node.kind} ${current ? 'current' : ''}`;
  return node.to === undefined || current ? (
    <g class={kind}>{box}</g>
  ) : (
    <a class={kind} href={node.to}>
      {box}
    </a>
  );
}

function EdgeLine({ a, b, label, towards }: { a: Placed; b: Placed; label: string; towards: Placed }) {
  const [x1, y1] = [a.x + BOX.width, a.y + BOX.height / 2];
  const [x2, y2] = [b.x, b.y + BOX.height / 2];
  const bend = (x2 - x1) / 2;
  const inwards = towards === a;
  return (
    <g class="graph-edge">
      <path d={`M ${x1} ${y1} C ${x1 + bend} ${y1}, ${x2 - bend} ${y2}, ${x2} ${y2}`} />
      {label !== '' && (
        <text x={inwards ? x1 + 6 : x2 - 6} y={(inwards ? y1 : y2) - 5} text-anchor={inwards ? 'start' : 'end'}>
          <title>{label}</title>
          {short(label, LABEL_MAX)}
        </text>
      )}
    </g>
  );
}
