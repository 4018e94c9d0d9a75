/** Messages copied, moved or removed: those that were chosen, or all that a search finds. */
import { useState } from 'preact/hooks';
import { askJson, path } from '../api/request.ts';
import { count } from '../format.ts';
import { ActDialog } from '../ui/dialog.tsx';
import { type Done, STOPPED } from './shapes.ts';
import { isTarget, NO_TARGET, TargetFields, targetBody } from './target.tsx';

export type Deed = 'copy' | 'move' | 'remove';
const WORDS: Readonly<Record<Deed, string>> = { copy: 'Copy', move: 'Move', remove: 'Remove' };
const DONE: Readonly<Record<Deed, string>> = { copy: 'copied', move: 'moved', remove: 'removed' };

/** Which messages. */
export interface Which {
  readonly positions?: readonly number[];
  readonly selector?: string | undefined;
  readonly text?: string | undefined;
}

interface RelocateProps {
  readonly vhost: string;
  readonly queue: string;
  readonly deed: Deed;
  readonly which: Which;
  readonly done: () => void;
  readonly onClose: () => void;
}

export function RelocateDialog({ vhost, queue, deed, which, done, onClose }: RelocateProps) {
  const [to, setTo] = useState(NO_TARGET);
  const [sofar, setSofar] = useState<{ done: number; scanned: number; of: number } | undefined>(undefined);
  const { positions, ...search } = which;
  const whole = positions === undefined && search.selector === undefined && search.text === undefined;
  const what =
    positions !== undefined
      ? positions.length === 1
        ? 'one message'
        : `${count(positions.length)} messages`
      : whole
        ? 'all messages that wait'
        : 'all messages that the search finds';
  const act = async (): Promise<string> => {
    const messages = path`/v1/vhosts/${vhost}/queues/${queue}/messages`;
    let from: string | null = positions === undefined ? 'oldest' : null;
    let total = 0;
    let scanned = 0;
    do {
      const given = { ...which, ...(from !== null && { from }) };
      const answer: Done =
        deed === 'remove'
          ? await askJson<Done>(messages, {
              method: 'DELETE',
              query: { ...search, positions: positions?.join(','), ...(from !== null && { from }) },
            })
          : await askJson<Done>(`${messages}/${deed}`, { method: 'POST', body: { ...given, to: targetBody(to) } });
      total += answer.done;
      scanned += answer.scanned;
      setSofar({ done: total, scanned, of: answer.of });
      if (answer.stopped !== null) {
        done();
        return `${count(total)} ${DONE[deed]}; the rest stays: ${STOPPED[answer.stopped]}.`;
      }
      from = positions !== undefined && total >= positions.length ? null : answer.next;
    } while (from !== null);
    done();
    return `${total === 1 ? 'One message' : `${count(total)} messages`} ${DONE[deed]}.`;
  };
  return (
    <ActDialog
      title={`${WORDS[deed]} ${what}`}
      word={WORDS[deed]}
      danger={deed === 'remove'}
      disabled={deed !== 'remove' && !isTarget(to)}
      act={act}
      onClose={onClose}
    >
      <p>
        {deed === 'remove'
          ? 'They are gone then: nothing becomes a dead letter.'
          : deed === 'copy'
            ? 'They stay where they are, too.'
            : 'Each is in one place at any time. What a consumer holds is left where it is.'}
      </p>
      {deed !== 'remove' && <TargetFields value={to} onInput={setTo} />}
      {sofar !== undefined && (
        <p role="status">{`${count(sofar.done)} ${DONE[deed]}, ${count(sofar.scanned)} looked at.`}</p>
      )}
    </ActDialog>
  );
}
