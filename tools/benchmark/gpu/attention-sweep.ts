import type { DeviceFacts } from '../../../kernels/facts.ts';
import { planAttention, type AttentionOptions } from '../../../kernels/attention/attention.ts';
import type { BenchCase } from '../kernel-run.ts';
import { largeAttention } from './large-cases.ts';

/** Bytes of workgroup memory that a planner is shown, one after the other: less memory, smaller blocks of rows and keys. */
const STORAGE_KIB = [48, 32, 24, 16] as const;

/** Large attention in every variant, the matrix variant also with the smaller blocks that it lays out for less memory. */
export function attentionSweep(s: number, heads: number, d: number): BenchCase {
  const plain = largeAttention(s, heads, d);
  const options: AttentionOptions = { queryRows: s, keyRows: s, heads, headDim: d };
  const within = (facts: DeviceFacts, kib: number): DeviceFacts => ({
    ...facts,
    limits: {
      ...facts.limits,
      maxComputeWorkgroupStorageSize: Math.min(facts.limits.maxComputeWorkgroupStorageSize, kib * 1024),
    },
  });
  return {
    ...plain,
    variants: (facts) => {
      const names = plain.variants(facts);
      if (!names.includes('matrix')) return names;
      const seen = new Set([planAttention(facts, options, 'matrix').sources.join('\n')]);
      const smaller = STORAGE_KIB.filter((kib) => {
        if (!plain.variants(within(facts, kib)).includes('matrix')) return false;
        const text = planAttention(within(facts, kib), options, 'matrix').sources.join('\n');
        return !seen.has(text) && seen.add(text);
      });
      return [...names, ...smaller.map((kib) => `matrix in ${kib} KiB`)];
    },
    plan: (facts, variant) => {
      const kib = /^matrix in (\d+) KiB$/.exec(variant)?.[1];
      if (kib === undefined) return plain.plan(facts, variant);
      const plan = planAttention(within(facts, Number(kib)), options, 'matrix');
      return { ...plan, variant: `${plan.variant} in ${kib} KiB` };
    },
  };
}
