/** The list of queues, or one of them. */
import type { PageProps } from '../pages.ts';
import QueuePage from './queue.tsx';
import QueuesPage from './queues.tsx';

export default function QueuePages({ rest }: PageProps) {
  const [vhost, name] = rest;
  return vhost === undefined || name === undefined ? <QueuesPage /> : <QueuePage vhost={vhost} name={name} />;
}
