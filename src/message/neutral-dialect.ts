/**
 * The dialect of messages that no protocol has brought: those that an operator or a program publishes. Their property bytes are the
 * neutral form itself, as JSON in which every value keeps its type.
 */
import type { Dialect } from './dialect.ts';
import { type Header, type Headers, NO_PROPERTIES, type Properties, type Value } from './properties.ts';

type Json = string | boolean | null | { readonly t: string; readonly v: unknown; readonly s?: number };

/** What is written: the properties without `headers`, and those as pairs. */
interface Written {
  readonly p: Record<string, unknown>;
  readonly h: readonly (readonly [string, Json])[];
}

export const NEUTRAL_DIALECT: Dialect = {
  id: 5,
  name: 'neutral',
  decode(view) {
    try {
      return decodeNeutral(view.props.toString('utf8', view.propsStart, view.propsEnd));
    } catch {
      return NO_PROPERTIES; // damage
    }
  },
};

/** Property bytes for `Draft.props`. `expiryMs` is the draft's to say. */
export function encodeNeutral({ headers, ...properties }: Properties): Buffer {
  const p: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || name === 'expiryMs' || name === 'lost') continue;
    if (typeof value === 'bigint') p[name] = { t: 'int64', v: String(value) };
    else p[name] = Buffer.isBuffer(value) ? { t: 'bytes', v: value.toString('base64') } : value;
  }
  const written: Written = { p, h: headers.map(({ name, value }) => [name, toJson(value)]) };
  return Buffer.from(JSON.stringify(written));
}

function decodeNeutral(text: string): Properties {
  const { p, h } = JSON.parse(text) as Written;
  const properties: Record<string, unknown> = { headers: h.map(([name, value]) => ({ name, value: fromJson(value) })) };
  for (const [name, value] of Object.entries(p)) {
    const { t, v } = (typeof value === 'object' && value !== null ? value : {}) as { t?: string; v?: string };
    properties[name] = t === 'int64' ? BigInt(v!) : t === 'bytes' ? Buffer.from(v!, 'base64') : value;
  }
  return properties as unknown as Properties;
}

function toJson(value: Value): Json {
  if (value === null || typeof value !== 'object') return value;
  switch (value.type) {
    case 'int64':
    case 'uint64':
    case 'timestamp':
      return { t: value.type, v: String(value.value) };
    case 'decimal':
      return { t: value.type, v: value.value, s: value.scale };
    case 'bytes':
      return { t: value.type, v: value.value.toString('base64') };
    case 'list':
      return { t: value.type, v: value.value.map(toJson) };
    case 'map':
      return { t: value.type, v: value.value.map(({ name, value: of }) => [name, toJson(of)]) };
    default:
      // What is no number, or endless, has no word in JSON.
      return { t: value.type, v: Number.isFinite(value.value) ? value.value : String(value.value) };
  }
}

function fromJson(json: Json): Value {
  if (json === null || typeof json !== 'object') return json;
  const { t, v, s } = json;
  switch (t) {
    case 'int64':
    case 'uint64':
    case 'timestamp':
      return { type: t, value: BigInt(v as string) };
    case 'decimal':
      return { type: t, value: v as number, scale: s ?? 0 };
    case 'bytes':
      return { type: t, value: Buffer.from(v as string, 'base64') };
    case 'list':
      return { type: t, value: (v as Json[]).map(fromJson) };
    case 'map':
      return {
        type: t,
        value: (v as [string, Json][]).map(([name, of]): Header => ({ name, value: fromJson(of) })) as Headers,
      };
    default:
      return { type: t as 'double', value: Number(v) };
  }
}
