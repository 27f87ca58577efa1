import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { UsageError } from '../../runtime/errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { BenchFlags } from '../benchmark/bench-command.ts';
import type { BenchReport } from '../benchmark/report.ts';

/** `bench`: times kernels and workloads on this machine, checked first. */
export function register(program: Command): void {
  program
    .command('bench')
    .description('time kernels on this machine: each is checked against an f64 reference before it is timed')
    .argument('[op...]', 'ops to measure, e.g. matmul attention (default: all)')
    .option('--case <text>', 'only cases whose name has this text, of the tests too')
    .option('--all-variants', 'every variant that runs here, not only the one that the planner picks')
    .option('--with <file>', "a module with a variant of your own: see the package's examples/bench", collect, [])
    .option('--workloads <ids>', 'comma-separated C1 ... C6, G1 ... G8 instead of ops')
    .option('--peers [folder]', 'run other WebGPU libraries beside ours in workloads (set up by bench/peers/setup.sh)')
    .option('--rounds <n>', 'turns that each contestant of a workload gets', toCount, 4)
    .option('--seconds <s>', 'seconds of samples for each kernel', toPositive, 1)
    .option('--tuning <file>', 'let planners follow this tuning file')
    .option('--tune <file>', 'first find the fastest variants for this device, and write them to the file')
    .option('--tune-width <n>', 'width of the MMDiT block to tune for (default 3072 on a GPU, 768 on a CPU)', toCount)
    .option('--tune-tokens <list>', 'token counts to tune for, comma-separated', toCounts)
    .option('--tune-side <n>', 'side of the decoded picture to tune for (default 1024 on a GPU, 64 on a CPU)', toCount)
    .option('--json <file>', 'write the report as JSON')
    .option('--plots <folder>', 'write SVG plots')
    .option('--compare <file>', 'compare with an older report; exit code 1 if something is slower')
    .option('--list', 'list ops and their cases, and stop')
    .action(async (ops: string[], flags: BenchFlags) => {
      // Loaded here: other commands need neither the references of all ops nor tinybench.
      const { runBench, listCases } = await import('../benchmark/bench-command.ts');
      if (flags.list) return console.log(listCases(ops).join('\n'));
      const old = flags.compare === undefined ? undefined : await readReport(flags.compare);
      const { json } = flags;
      // After each workload too: a run with peers that is cut short leaves what it has.
      const report = await runBench(ops, flags, json === undefined ? undefined : (part) => writeJson(json, part));
      const { reportLines, reportPlots, comparison } = await import('../benchmark/bench-output.ts');
      console.log(reportLines(report).join('\n'));
      if (json !== undefined) writeJson(json, report);
      for (const { file, svg } of flags.plots === undefined ? [] : reportPlots(report))
        await write(join(flags.plots ?? '', file), svg);
      if (old) {
        const { lines, isSlower } = comparison(old, report);
        console.log(lines.join('\n'));
        if (isSlower) process.exitCode = EXIT.failed;
      }
      if (report.kernels.some(({ fault }) => fault !== null)) process.exitCode = EXIT.failed;
    });
}

async function readReport(file: string): Promise<BenchReport> {
  const { parseReport } = await import('../benchmark/read-report.ts');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`bench: --compare ${file} cannot be read.`, { cause });
  });
  return parseReport(text, file);
}

function writeJson(file: string, report: BenchReport): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function toPositive(value: string): number {
  const number = Number(value);
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError('must be a number above 0.');
  return number;
}

function toCount(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number of at least 1.');
  return number;
}

function toCounts(value: string): number[] {
  return value.split(',').map(toCount);
}
