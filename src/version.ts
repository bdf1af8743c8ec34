/** Version of this package. A test holds it to package.json. */
export const VERSION = '0.1.0';

/** The official SDK whose protocol this one speaks: servers refuse what they take for an older one (protocol 2.1, 2.2). */
export const SPOKEN_SDK_VERSION = '0.25.0';
