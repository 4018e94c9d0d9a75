/** What pages there are: each is loaded when one first goes there. */
import type { ComponentType } from 'preact';

export interface PageProps {
  /** Behind the page's own word: `['/', 'orders']`. */
  readonly rest: readonly string[];
}

export interface PageEntry {
  readonly word: string;
  readonly title: string;
  /** Behind `g`: goes there from anywhere. */
  readonly key?: string;
  /** Tags of which the user needs one; undefined: whoever is signed in. */
  readonly tags?: readonly string[];
  readonly load: () => Promise<{ readonly default: ComponentType<PageProps> }>;
}

export interface PageGroup {
  readonly title: string;
  readonly pages: readonly PageEntry[];
}

export const GROUPS: readonly PageGroup[] = [
  {
    title: '',
    pages: [{ word: 'overview', title: 'Overview', key: 'o', load: () => import('./pages/overview.tsx') }],
  },
  {
    title: 'Messages',
    pages: [
      { word: 'queues', title: 'Queues', key: 'q', load: () => import('./pages/queue-pages.tsx') },
      { word: 'dead-letters', title: 'Dead letters', key: 'd', load: () => import('./pages/dead-letters.tsx') },
      { word: 'trace', title: 'Route and trace', key: 'r', load: () => import('./pages/trace.tsx') },
      { word: 'tail', title: 'Live tail', key: 'l', load: () => import('./pages/tail.tsx') },
    ],
  },
  {
    title: 'What there is',
    pages: [
      { word: 'exchanges', title: 'Exchanges', key: 'e', load: () => import('./pages/exchanges.tsx') },
      { word: 'connections', title: 'Connections', key: 'c', load: () => import('./pages/connections.tsx') },
      { word: 'consumers', title: 'Consumers', load: () => import('./pages/consumers.tsx') },
      {
        word: 'sessions',
        title: 'Sessions',
        key: 's',
        tags: ['monitoring'],
        load: () => import('./pages/sessions.tsx'),
      },
      { word: 'retained', title: 'Retained', key: 'n', load: () => import('./pages/retained.tsx') },
    ],
  },
  {
    title: 'Tools',
    pages: [
      { word: 'topology', title: 'Topology', key: 'y', load: () => import('./pages/topology.tsx') },
      { word: 'topics', title: 'Topics', key: 'm', load: () => import('./pages/topics.tsx') },
      { word: 'try', title: 'Try it', key: 't', load: () => import('./pages/try.tsx') },
    ],
  },
  {
    title: 'Administration',
    pages: [
      {
        word: 'users',
        title: 'Users',
        key: 'u',
        tags: ['administrator'],
        load: () => import('./pages/admin/users.tsx'),
      },
      { word: 'vhosts', title: 'Vhosts', key: 'v', load: () => import('./pages/admin/vhosts.tsx') },
      { word: 'policies', title: 'Policies', key: 'p', load: () => import('./pages/admin/policies.tsx') },
      {
        word: 'definitions',
        title: 'Definitions',
        tags: ['administrator'],
        load: () => import('./pages/admin/definitions.tsx'),
      },
      {
        word: 'listeners',
        title: 'Listeners',
        key: 'i',
        tags: ['monitoring'],
        load: () => import('./pages/admin/listeners.tsx'),
      },
      {
        word: 'audit',
        title: 'Audit log',
        key: 'a',
        tags: ['administrator'],
        load: () => import('./pages/admin/audit.tsx'),
      },
    ],
  },
];

export const PAGES: readonly PageEntry[] = GROUPS.flatMap(({ pages }) => pages);
