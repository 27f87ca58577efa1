// JavaScript and Dawn time of one denoise step of 60 blocks, on the null back end: what the CPU pays to keep a GPU busy.
//   npx tsx bench/encode-step.ts [--blocks N] [--repeats N] [--json FILE]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureEncode } from './encode-time.ts';

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '60' },
    repeats: { type: 'string', default: '200' },
    json: { type: 'string' },
  },
});
const report = await measureEncode(Number(values.blocks), Number(values.repeats));
const { step, dispatches, submits, bindGroups, arenaBytes, largeShape } = report;
console.log(`${report.blocks} blocks, null back end, Node ${report.node}, webgpu ${report.webgpu}`);
console.log(
  `one step, both passes of guidance: ${dispatches} dispatches in ${submits} submits, ${bindGroups} bind groups, arenas ${arenaBytes} bytes`,
);
const line = ({ p10, p50, p90 }: typeof step): string =>
  `${p50.toFixed(2)} ms (p10 ${p10.toFixed(2)}, p90 ${p90.toFixed(2)}), ${((p50 * 1000) / dispatches).toFixed(2)} us a dispatch`;
console.log(`encode + submit: ${line(step)}; processor time ${line(report.cpu)}`);
console.log(
  `one pass at the shape of the 20B model: ${largeShape.dispatches} dispatches (${largeShape.barriers} wait for an earlier one), ` +
    `temporaries ${largeShape.arenaBytes} bytes in ${largeShape.arenas} arenas, of which ${largeShape.peakLiveBytes} alive at once`,
);
if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
process.exit(0);
