import { describe, expect, it } from 'vitest';
import { runCommand } from './command.ts';

const FOREVER = 'console.log(process.pid); setInterval(() => {}, 1_000); process.on("SIGTERM", () => {});';

describe('runCommand', () => {
  it('ends what goes on for ever when the signal is aborted, and rejects with its reason', async () => {
    const ending = new AbortController();
    const reason = new Error('no end');
    let pid = 0;
    const running = runCommand(process.execPath, ['-e', FOREVER], {
      signal: ending.signal,
      onOutput(stdout) {
        pid = Number(stdout);
        ending.abort(reason);
      },
    });
    await expect(running).rejects.toBe(reason);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('rejects where the signal was aborted before, and where there is no such program', async () => {
    const reason = new Error('too late');
    const signal = AbortSignal.abort(reason);
    await expect(runCommand(process.execPath, ['-e', FOREVER], { signal })).rejects.toBe(reason);
    await expect(runCommand('/no/such/program', [])).rejects.toThrow('ENOENT');
  });

  it('tells how a command ended whose signal is not aborted', async () => {
    const { signal } = new AbortController();
    const result = await runCommand(process.execPath, ['-e', 'process.exitCode = 3'], { signal });
    expect(result).toEqual({ code: 3, stdout: '', stderr: '' });
  });
});
