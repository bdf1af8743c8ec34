/** How the result of an operation is put on the wire; made on demand, from the one result. */
export interface ResultEncoding<T> {
  /** What goes into a JSON body. */
  json(result: T): object;
  /** A protobuf message. Absent where the protocol knows JSON alone (3.5). */
  readonly protobuf?: ((result: T) => Uint8Array<ArrayBuffer>) | undefined;
}

/** Results that are worded as the protocol has them in JSON. */
export const PLAIN_JSON: ResultEncoding<object> = { json: (result) => result };
