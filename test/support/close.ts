export { describeMismatch } from '../../kernels/case-check.ts';
