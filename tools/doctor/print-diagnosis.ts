import type { DeviceFacts } from '../../kernels/facts.ts';
import { tierOf, type Diagnosis } from './diagnosis.ts';

const MIB = 1024 * 1024;

/** The diagnosis as lines for people. */
export function diagnosisLines(diagnosis: Diagnosis): string[] {
  const { device, facts, driver, memory } = diagnosis;
  const lines = [
    row('layerloom', `${diagnosis.version}, Node ${diagnosis.node}, ${diagnosis.platform}, webgpu ${diagnosis.dawn}`),
    row('memory', `${gibibytes(memory.totalBytes)}, ${gibibytes(memory.freeBytes)} free`),
    row('drivers', diagnosis.systemDrivers.join(', ') || 'the system has none'),
    row('cache', `${diagnosis.cacheFolder}${diagnosis.lavapipe ? `, with lavapipe ${diagnosis.lavapipe}` : ''}`),
    row('addon', diagnosis.addon === 'loaded' ? 'loaded' : `${diagnosis.addon} (speed only: everything works without)`),
  ];
  for (const { driver: name, reason } of diagnosis.refused) lines.push(row('passed over', `${name}: ${reason}`));
  if (!device || !facts || !driver) lines.push(row('device', `none. ${diagnosis.fault}`));
  else {
    const kind = device.isSoftware ? 'software driver' : 'GPU';
    lines.push(row('device', `${device.description || device.device || device.vendor} (${kind}, rung "${driver}")`));
    lines.push(row('tier', `${tierOf(facts)}: ${abilities(facts)}`));
    lines.push(row('limits', limits(facts)));
    lines.push(row('features', diagnosis.features.join(' ')));
  }
  for (const { op, case: name, variant, fault, durationMs } of diagnosis.kernels)
    lines.push(
      row('kernel', `${op} ${name} [${variant}]: ${fault ?? `ok, ${durationMs.toFixed(0)} ms with compiling`}`),
    );
  for (const sentence of diagnosis.advice) lines.push(row('advice', sentence));
  return lines;
}

function row(name: string, text: string): string {
  return `${name.padEnd(12)} ${text}`;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 / MIB).toFixed(1)} GiB`;
}

function abilities(facts: DeviceFacts): string {
  const sizes =
    facts.subgroupMinSize === facts.subgroupMaxSize
      ? `${facts.subgroupMinSize}`
      : `${facts.subgroupMinSize} to ${facts.subgroupMaxSize}`;
  const matrices = facts.matrixConfigs.map(
    ({ component, result, m, n, k }) => `${component}->${result} ${m}x${n}x${k}`,
  );
  return [
    facts.f16 ? 'f16' : 'no f16',
    facts.subgroups ? `subgroups of ${sizes}` : 'no subgroups',
    matrices.length > 0 ? `matrices ${matrices.join(', ')}` : 'no subgroup matrices',
  ].join('; ');
}

function limits({ limits: l }: DeviceFacts): string {
  return (
    `${Math.floor(l.maxStorageBufferBindingSize / MIB)} MiB a binding, ${Math.floor(l.maxBufferSize / MIB)} MiB a buffer, ` +
    `${l.maxStorageBuffersPerShaderStage} storage buffers, ${l.maxComputeInvocationsPerWorkgroup} invocations and ` +
    `${l.maxComputeWorkgroupStorageSize / 1024} KiB a workgroup`
  );
}
