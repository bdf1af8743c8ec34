import * as z from 'zod/mini';

/** An id or a path that is handed back to the server: one that is empty leads to something else, or nowhere. */
export const id = () => z.string().check(z.minLength(1));
