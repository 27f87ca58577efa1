import { expect, it } from 'vitest';
import { ALL_OP_CASES } from '../../../tools/benchmark/op-cases.ts';
import { allOpCases } from '../../support/ops.ts';

it('the list of ops is the folder of kernels', async () => {
  const found = await allOpCases();
  expect(ALL_OP_CASES.map(({ op }) => op)).toEqual(found.map(({ op }) => op));
  expect(ALL_OP_CASES.map(({ cases }) => cases.length)).toEqual(found.map(({ cases }) => cases.length));
});
