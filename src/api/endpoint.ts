/** Where a connection begins or ends. */

/** A network address and port. */
export interface Endpoint {
  /** In its plain form: `10.0.0.1`, `::1`. '' where it is not known. */
  readonly address: string;
  /** 0 where it is not known. */
  readonly port: number;
}
