/** A tree of values, folded: what is not open is not drawn. */
import { useState } from 'preact/hooks';
import { count } from '../format.ts';
import { Button } from '../ui/basics.tsx';
import type { Node } from './node.ts';

const OPEN_LEVELS = 2;
const OPEN_MAX = 50;
const SHOWN = 200;

export function Tree({ of }: { of: Node }) {
  return (
    <div class="tree">
      <Branch node={of} level={0} />
    </div>
  );
}

function Branch({ name, node, level }: { name?: string; node: Node; level: number }) {
  const parts = node.kind === 'value' ? 0 : node.kind === 'list' ? node.items.length : node.entries.length;
  const [open, setOpen] = useState(level < OPEN_LEVELS && parts <= OPEN_MAX);
  const [shown, setShown] = useState(SHOWN);
  const label = name !== undefined && <span class="tree-name">{name}: </span>;
  const note = node.note !== undefined && <span class="tree-note"> {node.note}</span>;
  if (node.kind === 'value') {
    return (
      <div class="tree-leaf">
        {label}
        <span class={`tree-${node.of}`}>{node.of === 'text' ? JSON.stringify(node.text) : node.text}</span>
        {note}
      </div>
    );
  }
  const children: (readonly [string, Node])[] =
    node.kind === 'list'
      ? node.items.slice(0, shown).map((item, i) => [String(i), item] as const)
      : node.entries.slice(0, shown);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        {node.kind === 'list' ? `[ ${count(parts)} ]` : `{ ${count(parts)} }`}
        {note}
      </summary>
      {open && (
        <div class="tree-body">
          {children.map(([key, child], i) => (
            <Branch key={`${i} ${key}`} name={key} node={child} level={level + 1} />
          ))}
          {parts > shown && (
            <Button kind="quiet" onClick={() => setShown(shown + SHOWN)}>
              {`${count(parts - shown)} more`}
            </Button>
          )}
        </div>
      )}
    </details>
  );
}
