/** Every test runs without a network: a request that reaches the platform's fetch is a bug in the test. */
globalThis.fetch = () => {
  throw new Error('A test reached the network: inject a fetch (an emulator, or a scripted one)');
};
