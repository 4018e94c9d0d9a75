/** Which vhost a list shows, where the broker lists one at a time: the address has it, and the browser remembers the last. */

import { VhostField } from '../messages/vhosts.tsx';
import { setQuery, usePlace } from '../router.ts';

const KEY = 'entrepot.vhost';

export function useVhost(): readonly [vhost: string, choose: (vhost: string) => void] {
  const { query } = usePlace();
  const choose = (vhost: string): void => {
    localStorage.setItem(KEY, vhost);
    setQuery({ vhost, page: undefined });
  };
  return [query['vhost'] ?? localStorage.getItem(KEY) ?? '/', choose];
}

export function VhostChoice({ of: [vhost, choose] }: { of: ReturnType<typeof useVhost> }) {
  return <VhostField value={vhost} onInput={choose} />;
}
