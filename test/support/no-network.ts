/** Every test runs without a network: a request that reaches the platform's fetch is a bug in the test. */
globalThis.fetch = (input) => {
  const url = input instanceof Request ? input.url : String(input);
  throw new Error(`A test reached the network at ${url}: inject a fetch (an emulator, or a scripted one)`);
};
