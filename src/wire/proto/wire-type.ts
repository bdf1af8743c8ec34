/** How a field's value is laid out, as its tag says. Groups (3 and 4) are not spoken. */
export const WIRE_TYPE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;
