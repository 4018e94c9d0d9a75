/** What the list of exchanges and the page of one have in common. */
import { useState } from 'preact/hooks';
import { ask, path } from '../api/request.ts';
import type { Rated } from '../api/shapes.ts';
import { useMay } from '../messages/access.ts';
import { go, href } from '../router.ts';
import { ActDialog } from '../ui/dialog.tsx';
import { CheckField, SelectField, TextField } from '../ui/fields.tsx';
import { VhostField } from '../ui/vhost.tsx';

export interface Exchange {
  readonly name: string;
  readonly vhost: string;
  readonly type: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly internal: boolean;
  readonly policy?: string | null;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly user_who_performed_action?: string;
  readonly message_stats?: { readonly publish_in_details?: Rated; readonly publish_out_details?: Rated };
}

export interface Binding {
  readonly source: string;
  readonly destination: string;
  readonly destination_type: 'queue' | 'exchange';
  readonly routing_key: string;
  readonly properties_key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The default exchange has no name, and one in addresses. */
export const inPath = (name: string): string => (name === '' ? 'amq.default' : name);
export const nameOf = (part: string): string => (part === 'amq.default' ? '' : part);
export const shownName = (name: string): string => (name === '' ? '(default)' : name);

/** It is there in every vhost, and cannot be deleted. */
export const predeclared = (name: string): boolean => name === '' || name.startsWith('amq.');

const TYPES = ['topic', 'direct', 'fanout', 'headers'] as const;

export function MakeExchange({ onClose }: { onClose: () => void }) {
  const [vhost, setVhost] = useState('/');
  const [name, setName] = useState('');
  const [type, setType] = useState<(typeof TYPES)[number]>('topic');
  const [durable, setDurable] = useState(true);
  const may = useMay(vhost, `exchange:${name}`, 'configure')?.configure !== false;
  return (
    <ActDialog
      title="Declare an exchange"
      word="Declare"
      disabled={name === '' || !may}
      onClose={onClose}
      act={async () => {
        await ask(path`/api/exchanges/${vhost}/${name}`, { method: 'PUT', body: { type, durable } });
        go(href('exchanges', vhost, name));
        return `${name} is there.`;
      }}
    >
      <div class="form">
        <VhostField value={vhost} onInput={setVhost} />
        <TextField
          label="Name"
          value={name}
          onInput={setName}
          required
          hint={name === '' || may ? undefined : 'Your permissions allow no exchange of this name'}
        />
        <SelectField label="Type" value={type} onInput={setType} of={TYPES} />
        <CheckField label="Durable" hint="It outlives a restart" value={durable} onInput={setDurable} />
      </div>
    </ActDialog>
  );
}
