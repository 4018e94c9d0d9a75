/** A tree of MQTT topics as they come by, with the last value of each: so many at most, and what came after them is counted. */

export interface TopicNode {
  readonly name: string;
  readonly topic: string;
  readonly children: Map<string, TopicNode>;
  /** Topics below and including this that have had a message. */
  topics: number;
  /** Messages of this topic and of all below. */
  messages: number;
  /** The last of this topic itself; undefined: none came. */
  last: TopicValue | undefined;
}

export interface TopicValue {
  readonly atMs: number;
  readonly text: string;
}

export class TopicTree {
  readonly root: TopicNode = node('', '');
  /** Messages of topics that there was no room for. */
  passedOver = 0;
  private nodes = 0;
  private readonly nodesMax: number;

  constructor(nodesMax: number) {
    this.nodesMax = nodesMax;
  }

  add(topic: string, value: TopicValue): void {
    const path = this.pathTo(topic);
    if (path === undefined) {
      this.passedOver++;
      return;
    }
    const leaf = path.at(-1)!;
    const first = leaf.last === undefined;
    leaf.last = value;
    for (const one of path) {
      if (first) one.topics++;
      one.messages++;
    }
  }

  /** From the root on; undefined: there is no room for it. */
  private pathTo(topic: string): TopicNode[] | undefined {
    const names = topic.split('/');
    const path = [this.root];
    let at = this.root;
    let known = 0;
    for (; known < names.length; known++) {
      const next = at.children.get(names[known]!);
      if (next === undefined) break;
      path.push(next);
      at = next;
    }
    if (this.nodes + names.length - known > this.nodesMax) return undefined;
    for (; known < names.length; known++) {
      const name = names[known]!;
      const next = node(name, names.slice(0, known + 1).join('/'));
      at.children.set(name, next);
      this.nodes++;
      path.push(next);
      at = next;
    }
    return path;
  }
}

function node(name: string, topic: string): TopicNode {
  return { name, topic, children: new Map(), topics: 0, messages: 0, last: undefined };
}

/** Those of a level in the order of their names: so many, and how many there are besides. */
export function level(of: TopicNode, max: number): readonly [shown: readonly TopicNode[], more: number] {
  const all = [...of.children.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return [all.slice(0, max), Math.max(0, all.length - max)];
}

/** A key of `amq.topic`, its levels parted by dots, in MQTT's spelling: `/` and `.` trade places. */
export const topicOfKey = (key: string): string => key.replace(/[./]/g, (one) => (one === '.' ? '/' : '.'));
