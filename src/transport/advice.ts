/** What to do about an answer of this status, where there is something to be done. */
export function statusAdvice(path: string, status: number, said: string): string | undefined {
  if (status < 400) return 'Redirects are not followed with an API key; use the address itself as baseUrl';
  if (path.endsWith('/create_session') && status < 500 && /version/i.test(said))
    return 'Where it asks for a newer version of the official SDK, set sdkVersion to that';
  if (status === 404 || status === 405 || status === 409) return resourceAdvice(path, status, said);
  if (status >= 500 && status !== 501) return 'The server is in trouble: try again later';
  return ADVICE[status];
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'Check the API key; where another header is to carry it, set authScheme',
  402: 'Check the billing of the account',
  403: 'Ask whoever owns the account, or what this is about, for access',
  408: 'The server is in trouble: try again later',
  413: 'Send less at once: fewer data, or a smaller clientConfig.maxChunkBytes',
  429: 'Send less at once, or try again later',
  501: 'This server has no such route; is the base URL right?',
};

/** Advice about what is there, or is not. */
function resourceAdvice(path: string, status: number, said: string): string | undefined {
  if (status === 405 || isRouteless(said)) return 'This server has no such route; is the base URL right?';
  if (status === 409) {
    if (path.endsWith('/publish')) return 'It is so already: nothing is left to do';
    if (!/exist/i.test(said)) return undefined;
    if (path.endsWith('/save_weights')) return 'Save under another name, or with overwrite: true';
    return path.endsWith('/save_weights_for_sampler') ? 'Save under another name' : undefined;
  }
  if (path.endsWith('/retrieve_future'))
    return 'The server was restarted, or has dropped the result: submit it anew, in training from the last checkpoint';
  if (path.endsWith('/asample')) {
    return /checkpoint|weights/i.test(said)
      ? 'The weights to sample from are not there: is modelPath right?'
      : 'The server has lost the sampling session: create the client anew';
  }
  if (/\/(forward|forward_backward|optim_step|save_weights|save_weights_for_sampler|get_info)$/.test(path))
    return 'The server has lost the model: create a training client from the last checkpoint';
  return /\/checkpoints\//.test(path) ? 'listUserCheckpoints() has those that are there' : undefined;
}

/** What frameworks and web servers say of a path that leads nowhere. */
function isRouteless(said: string): boolean {
  return /^(404:? )?(page )?not found\.?$/i.test(said);
}

/** What to do where no answer came, or none to its end, by the platform's words. */
export function connectionAdvice(words: string, isAnswered: boolean): string {
  if (isAnswered) return 'Something cut it on the way: try again';
  if (/certificate|self.signed|CERT_|SSL|TLS/i.test(words))
    return 'The platform does not trust the certificate of the server: use one that it trusts (in Node, NODE_EXTRA_CA_CERTS adds yours)';
  if (/ENOTFOUND|EAI_AGAIN|failed to lookup|dns|name not resolved/i.test(words))
    return 'Is the name in baseUrl right, and is there a network?';
  if (/refused/i.test(words)) return 'Does the server run, and is baseUrl its address?';
  return 'Is baseUrl right? A proxy or a firewall may stand in between';
}
