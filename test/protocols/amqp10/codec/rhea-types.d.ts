/** The codec of rhea 3, for which its package has no typings. */
declare module 'rhea/lib/types.js' {
  interface RheaTypes {
    Reader: new (bytes: Buffer) => { read(): unknown };
    Writer: new () => { write(value: unknown): void; toBuffer(): Buffer };
  }
  const types: RheaTypes;
  export default types;
}
