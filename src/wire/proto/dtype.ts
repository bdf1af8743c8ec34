/** Numbers of the enum `DType` (protocol 4.1). */
export const DTYPE = { float32: 1, int64: 2, int32: 3, bfloat16: 4 } as const;
