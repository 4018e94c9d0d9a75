/**
 * One box for everything (`/`): the console's pages, and what the broker finds that is called so. It looks no further than a page of each kind, and
 * asks again when its typist pauses.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, askJson } from './api/request.ts';
import { count } from './format.ts';
import type { PageEntry } from './pages.ts';
import { go, href, hrefWith } from './router.ts';
import { Trouble } from './ui/basics.tsx';
import { Dialog } from './ui/dialog.tsx';
import './style/search.css';

type Kind = 'queue' | 'exchange' | 'connection' | 'session' | 'topic' | 'policy' | 'vhost' | 'user';

interface Found {
  readonly kind: Kind;
  readonly name: string;
  readonly vhost?: string;
  readonly protocol?: string;
  readonly about?: string;
}

interface Answer {
  readonly found: readonly Found[];
  readonly matching: readonly { readonly kind: Kind; readonly matching: number }[];
}

interface Choice {
  readonly to: string;
  readonly text: string;
  readonly about?: string | undefined;
}

interface Group {
  readonly title: string;
  readonly choices: readonly Choice[];
}

/** What makes a combobox of a field: the types of elements know none without a list of the browser's own. */
const comboboxOf = (open: boolean, current: number): object => ({
  ...{ role: 'combobox', 'aria-controls': 'search-found', 'aria-autocomplete': 'list', 'aria-expanded': open },
  'aria-activedescendant': current >= 0 ? `search-${current}` : undefined,
});
const TYPING_MS = 150;
const KINDS: readonly (readonly [Kind, string])[] = [
  ['queue', 'Queues'],
  ['exchange', 'Exchanges'],
  ['connection', 'Connections'],
  ['session', 'Sessions'],
  ['topic', 'Retained topics'],
  ['policy', 'Policies'],
  ['vhost', 'Vhosts'],
  ['user', 'Users'],
];
/** Lists over all vhosts, where the others are found. */
const LISTS: Partial<Record<Kind, string>> = { queue: 'queues', exchange: 'exchanges', connection: 'connections' };

/** Slashes and dots trade places in keys. */
const topicOf = (key: string): string => key.replaceAll(/[./]/g, (sign) => (sign === '.' ? '/' : '.'));

function choiceOf({ kind, name, vhost = '/', protocol = '', about }: Found): Choice {
  const within = vhost === '/' ? undefined : vhost;
  switch (kind) {
    case 'queue':
      return { to: href('queues', vhost, name), text: name, about: within };
    case 'exchange':
      return { to: href('exchanges', vhost, name), text: name, about: within };
    case 'connection':
      return { to: href('connections', name), text: name.split(' -> ')[0]!, about };
    case 'session':
      return { to: href('sessions', vhost, protocol, name), text: name, about: within };
    case 'topic':
      return { to: href('retained', vhost, name), text: topicOf(name), about: within };
    case 'policy':
      return { to: hrefWith(['policies'], { vhost }), text: name, about: within };
    case 'vhost':
      return { to: href('vhosts', name), text: name };
    case 'user':
      return { to: href('users', name), text: name };
  }
}

function groupsOf(text: string, pages: readonly PageEntry[], answer: Answer | undefined): readonly Group[] {
  const small = text.toLowerCase();
  const fitting = pages.filter(({ title }) => title.toLowerCase().includes(small));
  const groups: Group[] = [
    {
      title: 'Pages',
      choices: fitting.map(({ word, title, key }) => ({
        to: href(word),
        text: title,
        about: key === undefined ? undefined : `g ${key}`,
      })),
    },
  ];
  for (const [kind, title] of KINDS) {
    const found = (answer?.found ?? []).filter((one) => one.kind === kind);
    const more = (answer?.matching.find((one) => one.kind === kind)?.matching ?? 0) - found.length;
    const list = LISTS[kind];
    const others: readonly Choice[] =
      more > 0 && list !== undefined
        ? [{ to: hrefWith([list], { search: text }), text: `${count(more)} more`, about: 'in the list' }]
        : [];
    groups.push({ title, choices: [...found.map(choiceOf), ...others] });
  }
  if (text !== '') {
    const ways = [
      ['MQTT topic', { protocol: 'mqtt', address: text }],
      ['key of amq.topic', { protocol: 'amqp', address: 'amq.topic', key: text }],
    ] as const;
    groups.push({
      title: 'As an address',
      choices: ways.map(([as, query]) => ({
        to: hrefWith(['trace', '/'], query),
        text: `Where does «${text}» lead?`,
        about: `as an ${as}`.replace('an key', 'a key'),
      })),
    });
  }
  return groups.filter(({ choices }) => choices.length > 0);
}

export function SearchDialog({ pages, onClose }: { pages: readonly PageEntry[]; onClose: () => void }) {
  const [text, setText] = useState('');
  const [{ of, answer, error }, setAnswer] = useState<{
    of: string;
    answer?: Answer | undefined;
    error?: ApiError | undefined;
  }>({ of: '' });
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const wanted = text.trim();

  useEffect(() => {
    if (wanted === '') {
      setAnswer({ of: '' });
      return;
    }
    const request = new AbortController();
    const { signal } = request;
    const timer = setTimeout(() => {
      askJson<Answer>('/v1/search', { query: { text: wanted.slice(0, 255) }, signal }).then(
        (found) => setAnswer({ of: wanted, answer: found }),
        (thrown: unknown) => {
          if (signal.aborted) return;
          setAnswer({ of: wanted, error: thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)) });
        },
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      request.abort();
    };
  }, [wanted]);

  // What was found before stays until there is something newer: nothing jumps as one types on.
  const groups = groupsOf(wanted, pages, answer);
  const choices = groups.flatMap((group) => group.choices);
  const current = Math.min(at, choices.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [current, choices.length]);

  const pressed = (event: KeyboardEvent): void => {
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (move !== undefined) {
      event.preventDefault();
      setAt(Math.max(0, Math.min(choices.length - 1, current + move)));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const chosen = choices[current];
      if (chosen === undefined) return;
      onClose();
      go(chosen.to);
    }
  };
  let number = -1;
  return (
    <Dialog title="Search everything" onClose={onClose}>
      <div class="search-all">
        <input
          type="text"
          {...comboboxOf(choices.length > 0, current)}
          autofocus
          aria-label="Search queues, exchanges, clients, topics, pages …"
          placeholder="Queues, exchanges, clients, topics, pages …"
          autocomplete="off"
          spellcheck={false}
          maxLength={255}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={pressed}
        />
        <Trouble error={error} />
        <div id="search-found" class="search-found" role="listbox" aria-label="What was found" ref={list}>
          {groups.map(({ title, choices: within }) => (
            // biome-ignore lint/a11y/useSemanticElements: a group of options, not of fields
            <div role="group" aria-label={title} key={title}>
              <div class="search-kind" aria-hidden="true">
                {title}
              </div>
              {within.map(({ to, text: name, about }) => {
                number++;
                return (
                  <a
                    key={`${to} ${name} ${about ?? ''}`}
                    id={`search-${number}`}
                    role="option"
                    aria-selected={number === current}
                    tabIndex={-1}
                    href={to}
                    onClick={onClose}
                  >
                    <span class="search-name">{name}</span>
                    {about !== undefined && <span class="hint">{about}</span>}
                  </a>
                );
              })}
            </div>
          ))}
        </div>
        <p class="hint" role="status">
          {wanted === ''
            ? 'Type what it is called; ↑ ↓ choose, Enter goes there.'
            : of !== wanted
              ? 'Looking …'
              : `${count(answer?.matching.reduce((sum, one) => sum + one.matching, 0) ?? 0)} found in the broker`}
        </p>
      </div>
    </Dialog>
  );
}
