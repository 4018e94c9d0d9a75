/** A body, looked at in any of the forms that it may be written in. */
import { useMemo, useState } from 'preact/hooks';
import { ask } from '../api/request.ts';
import { count, bytes as sized } from '../format.ts';
import { Button } from '../ui/basics.tsx';
import { toast } from '../ui/dialog.tsx';
import { FORMS, type Form, formOf, hexDump, treeOf } from './forms.ts';
import { type Node, Undecodable } from './node.ts';
import { Tree } from './tree.tsx';

const HEX_ROWS = 256;
const TEXT_SHOWN = 64 * 1024;

interface BodyProps {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the whole. */
  readonly length: number;
  readonly contentType: string | undefined;
  /** What the file is called that it is saved as. */
  readonly name: string;
  /** Where the whole of it is; left out: there is no more than this. */
  readonly whole?: string;
}

export function Body({ bytes, length, contentType, name, whole }: BodyProps) {
  const [working, setWorking] = useState(false);
  const [chosen, setChosen] = useState<Form | undefined>(undefined);
  const [all, setAll] = useState(false);
  const form = useMemo(() => chosen ?? formOf(bytes, contentType), [bytes, contentType, chosen]);
  const cut = bytes.length < length;
  return (
    <div class="body">
      <div class="list-tools">
        <fieldset class="tabs" aria-label="Show the body as">
          {(Object.keys(FORMS) as Form[]).map((one) => (
            <Button key={one} kind="quiet" pressed={one === form} onClick={() => setChosen(one)}>
              {FORMS[one]}
            </Button>
          ))}
        </fieldset>
        <span class="grow" />
        {cut && whole !== undefined ? (
          <Button
            disabled={working}
            title="As it was sent"
            onClick={() => {
              setWorking(true);
              saveWhole(whole, name)
                .catch((thrown: Error) => toast(thrown.message))
                .finally(() => setWorking(false));
            }}
          >
            {working ? `Downloading ${sized(length)} …` : `Download all ${sized(length)}`}
          </Button>
        ) : (
          <Button onClick={() => save(bytes, name)} title={cut ? 'The first part of it' : 'As it was sent'}>
            Download
          </Button>
        )}
      </div>
      {cut && <p class="notice warn">{`These are the first ${sized(bytes.length)} of ${sized(length)}.`}</p>}
      {length === 0 ? (
        <p class="empty">The body is empty.</p>
      ) : form === 'text' ? (
        <Folded text={new TextDecoder().decode(bytes)} max={all ? undefined : TEXT_SHOWN} onAll={() => setAll(true)} />
      ) : form === 'hex' ? (
        <Folded
          text={hexDump(bytes, all ? Number.MAX_SAFE_INTEGER : HEX_ROWS)}
          rest={all ? 0 : bytes.length - HEX_ROWS * 16}
          onAll={() => setAll(true)}
        />
      ) : (
        <Decoded form={form} bytes={bytes} />
      )}
    </div>
  );
}

function Folded({
  text,
  max,
  rest = 0,
  onAll,
}: {
  text: string;
  max?: number | undefined;
  rest?: number;
  onAll: () => void;
}) {
  const shown = max === undefined ? text : text.slice(0, max);
  const more =
    rest > 0
      ? `${count(rest)} bytes more`
      : text.length > shown.length
        ? `${count(text.length - shown.length)} characters more`
        : '';
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached */}
      <pre tabIndex={0}>{shown}</pre>
      {more !== '' && (
        <Button kind="quiet" onClick={onAll}>
          {more}
        </Button>
      )}
    </>
  );
}

function Decoded({ form, bytes }: { form: Exclude<Form, 'text' | 'hex'>; bytes: Uint8Array }) {
  const decoded = useMemo((): Node | Undecodable => {
    try {
      return treeOf(form, bytes);
    } catch (thrown) {
      if (thrown instanceof Undecodable) return thrown;
      throw thrown;
    }
  }, [form, bytes]);
  if (decoded instanceof Undecodable) return <p class="notice">{`This is no ${FORMS[form]}: ${decoded.message}.`}</p>;
  return (
    <>
      {form === 'protobuf' && (
        <p class="hint">Without its schema: fields by their numbers, and what their bytes look like.</p>
      )}
      <Tree of={decoded} key={form} />
    </>
  );
}

async function saveWhole(target: string, name: string): Promise<void> {
  const response = await ask(target, { headers: { accept: '*/*' } });
  saveBlob(await response.blob(), name);
}

function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  saveBlob(new Blob([bytes], { type: 'application/octet-stream' }), name);
}

function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, '_');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
