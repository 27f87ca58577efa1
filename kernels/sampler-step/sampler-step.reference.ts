/**
 * One element of a flow-matching step in f64. On the path x = (1 - sigma) z0 + sigma eps the velocity eps - z0 is
 * dx/dsigma (Lipman et al. 2022, arXiv 2210.02747; Esser et al. 2024, arXiv 2403.03206), so Euler adds
 * (sigmaNext - sigma) v, and z0 = x - sigma v; re-noising puts z0 back on the path at sigmaNext with fresh noise (DMD2,
 * arXiv 2405.14867).
 *
 * @param velocity eps - z0
 */
export function stepElement(
  form: 'euler' | 'renoise',
  x: number,
  velocity: number,
  fresh: number,
  sigma: number,
  sigmaNext: number,
): number {
  if (form === 'euler') return x + (sigmaNext - sigma) * velocity;
  const clean = x - sigma * velocity;
  return sigmaNext === 0 ? clean : (1 - sigmaNext) * clean + sigmaNext * fresh;
}
