/** Source, target and coordinator: the two ends of a link. [AMQP 1.0 §3.5, §4.5.1] */
import * as descriptors from './descriptors.ts';
import { DecodeFault, FieldFault } from './faults.ts';
import { FieldReader } from './field-reader.ts';
import { type AmqpValue, composite, symbol, symbolArray, uint } from './values.ts';

export type ExpiryPolicy = 'link-detach' | 'session-end' | 'connection-close' | 'never';
const EXPIRY_POLICIES: readonly string[] = ['link-detach', 'session-end', 'connection-close', 'never'];

/** How much of a terminus outlives its link: nothing, its settings, what is unsettled too. */
export type TerminusDurability = 0 | 1 | 2;

/** What both have. */
export interface Terminus {
  /** A text, nearly always; undefined: none. */
  readonly address?: AmqpValue | undefined;
  readonly durable: TerminusDurability;
  readonly expiryPolicy: ExpiryPolicy;
  /** Seconds that it outlives what its policy names. */
  readonly timeoutS: number;
  readonly dynamic: boolean;
  /** A map. */
  readonly dynamicNodeProperties?: AmqpValue | undefined;
  readonly capabilities: readonly string[];
}

export interface Source extends Terminus {
  readonly distributionMode?: string | undefined;
  /** A map from names to filters. */
  readonly filter?: AmqpValue | undefined;
  readonly defaultOutcome?: AmqpValue | undefined;
  readonly outcomes: readonly string[];
}

export type Target = Terminus;

export interface Coordinator {
  readonly coordinator: true;
  readonly capabilities: readonly string[];
}

export const PLAIN_TERMINUS: Terminus = {
  durable: 0,
  expiryPolicy: 'session-end',
  timeoutS: 0,
  dynamic: false,
  capabilities: [],
};

export const PLAIN_SOURCE: Source = { ...PLAIN_TERMINUS, outcomes: [] };

/** Reads the source in the next field; undefined: there is none. */
export function readSource(fields: FieldReader, buffer: Buffer): Source | undefined {
  const inner = described(fields, 'source', buffer);
  if (inner === undefined) return undefined;
  if (inner.code !== descriptors.SOURCE) throw new DecodeFault('source must be a source');
  const { reader } = inner;
  const terminus = readTerminus(reader.begin('source'));
  const source: Source = {
    ...terminus,
    distributionMode: reader.symbol('distribution-mode'),
    filter: reader.map('filter'),
    defaultOutcome: reader.any('default-outcome'),
    outcomes: reader.symbols('outcomes'),
    capabilities: reader.symbols('capabilities'),
  };
  reader.finish();
  return source;
}

/** Reads the target in the next field, which may be a transaction coordinator; undefined: there is none. */
export function readTarget(fields: FieldReader, buffer: Buffer): Target | Coordinator | undefined {
  const inner = described(fields, 'target', buffer);
  if (inner === undefined) return undefined;
  const { code, reader } = inner;
  if (code === descriptors.COORDINATOR) {
    const coordinator: Coordinator = {
      coordinator: true,
      capabilities: reader.begin('coordinator').symbols('capabilities'),
    };
    reader.finish();
    return coordinator;
  }
  if (code !== descriptors.TARGET) throw new DecodeFault('target must be a target or a coordinator');
  const target: Target = { ...readTerminus(reader.begin('target')), capabilities: reader.symbols('capabilities') };
  reader.finish();
  return target;
}

export function isCoordinator(target: Target | Coordinator): target is Coordinator {
  return 'coordinator' in target;
}

export function sourceValue(source: Source): AmqpValue {
  return composite(descriptors.SOURCE, [
    ...terminusValues(source),
    source.distributionMode === undefined ? null : symbol(source.distributionMode),
    source.filter ?? null,
    source.defaultOutcome ?? null,
    symbolArray(source.outcomes),
    symbolArray(source.capabilities),
  ]);
}

export function targetValue(target: Target | Coordinator): AmqpValue {
  if (isCoordinator(target)) return composite(descriptors.COORDINATOR, [symbolArray(target.capabilities)]);
  return composite(descriptors.TARGET, [...terminusValues(target), symbolArray(target.capabilities)]);
}

/** The fields that both begin with. */
function readTerminus(fields: FieldReader): Terminus {
  const address = fields.any('address');
  const durable = fields.uint('durable', 0);
  if (durable > 2) throw new FieldFault('durable', 'durable must be 0, 1 or 2');
  const expiryPolicy = fields.symbol('expiry-policy') ?? 'session-end';
  if (!EXPIRY_POLICIES.includes(expiryPolicy)) {
    throw new FieldFault('expiry-policy', `there is no expiry policy ${expiryPolicy}`);
  }
  return {
    address,
    durable: durable as TerminusDurability,
    expiryPolicy: expiryPolicy as ExpiryPolicy,
    timeoutS: fields.uint('timeout', 0),
    dynamic: fields.boolean('dynamic', false),
    dynamicNodeProperties: fields.map('dynamic-node-properties'),
    capabilities: [],
  };
}

function terminusValues(terminus: Terminus): AmqpValue[] {
  return [
    terminus.address ?? null,
    terminus.durable === 0 ? null : uint(terminus.durable),
    terminus.expiryPolicy === 'session-end' ? null : symbol(terminus.expiryPolicy),
    terminus.timeoutS === 0 ? null : uint(terminus.timeoutS),
    terminus.dynamic ? true : null,
    terminus.dynamicNodeProperties ?? null,
  ];
}

function described(
  fields: FieldReader,
  field: string,
  buffer: Buffer,
): { code: number; reader: FieldReader } | undefined {
  if (!fields.described(field)) return undefined;
  const reader = new FieldReader();
  reader.values.begin(buffer, fields.start, fields.end);
  return { code: descriptors.descriptorCode(reader.values.descriptor()), reader };
}
