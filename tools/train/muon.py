"""Muon for matrices and convolutions, AdamW for the rest, behind one object with one learning-rate factor."""

import torch

from .precision import fast_type


@torch.no_grad()
def orthogonalise(g, rounds=5):
    """The nearest semi-orthogonal matrix to g [n, m], by Newton-Schulz, in bf16 where that is fast; batched over leading dimensions."""
    x = g.to(fast_type(g.device.type))
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        a = x @ x.mT
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return (x.mT if tall else x).float()


class Optimizer:
    """matrices: list of parameters stepped by Muon (flattened to [out, rest]); others: by AdamW."""

    def __init__(self, matrices, others, lr_matrix, lr_other, decay=0.0, momentum=0.95, betas=(0.9, 0.98)):
        self.matrices, self.others = list(matrices), list(others)
        self.lr, self.decay, self.momentum = lr_matrix, decay, momentum
        self.buffers = [torch.zeros_like(p) for p in self.matrices]
        self.adam = torch.optim.AdamW(self.others, lr=lr_other, betas=betas, weight_decay=0.0, foreach=True)
        self.lr_other = lr_other
        self.groups = {}
        for i, p in enumerate(self.matrices):
            self.groups.setdefault(tuple(p.flatten(1).shape), []).append(i)

    @torch.no_grad()
    def step(self, factor=1.0, clip=1.0):
        """One step at `factor` times the learning rates, gradients clipped to a global norm; returns that norm."""
        norm = torch.nn.utils.clip_grad_norm_(self.matrices + self.others, clip)
        for group in self.adam.param_groups:
            group["lr"] = self.lr_other * factor
        self.adam.step()
        for shape, members in self.groups.items():
            looked, members = [], [i for i in members if self.matrices[i].grad is not None]
            if not members:
                continue
            for i in members:
                g = self.matrices[i].grad
                self.buffers[i].lerp_(g, 1 - self.momentum)
                looked.append(g.lerp(self.buffers[i], self.momentum).flatten(1))
            update = orthogonalise(torch.stack(looked))
            scale = 0.2 * max(shape) ** 0.5
            for i, u in zip(members, update):
                p = self.matrices[i]
                if self.decay:
                    p.mul_(1 - self.lr * factor * self.decay)
                p.add_(u.view_as(p), alpha=-self.lr * factor * scale)
        return float(norm)

    def zero_grad(self):
        for p in (*self.matrices, *self.others):
            p.grad = None

    def state_dict(self):
        return {"buffers": self.buffers, "adam": self.adam.state_dict()}

    def load_state_dict(self, state):
        for mine, saved in zip(self.buffers, state["buffers"]):
            mine.copy_(saved)
        self.adam.load_state_dict(state["adam"])
