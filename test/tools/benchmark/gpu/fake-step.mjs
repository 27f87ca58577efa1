// Stands in for run-step: how it ends is the step's name.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const string = { type: 'string' };
const { values } = parseArgs({ options: { step: string, out: string, limit: string } });
const write = (result) =>
  writeFileSync(join(values.out, `${String(values.step)}.json`), JSON.stringify({ step: values.step, ...result }));
const partial = { complete: false, fault: null, lines: [], data: ['half'] };
switch (values.step) {
  case 'right':
    write({ complete: true, fault: null, lines: ['a figure'], data: [1] });
    break;
  case 'wrong':
    write({ complete: true, fault: '1 of 2 kernels are wrong', lines: [], data: [] });
    break;
  case 'skips':
    write({ complete: true, fault: null, skipped: 'not carried: a peer', lines: [], data: null });
    break;
  case 'throws':
    write(partial);
    throw new Error('a fault of ours');
  case 'crashes':
    write(partial);
    process.kill(process.pid, 'SIGSEGV');
    break;
  case 'hangs':
    write(partial);
    setInterval(() => {}, 1000);
}
