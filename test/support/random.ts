export { seededRandom, seedOf } from '../../kernels/case-random.ts';
