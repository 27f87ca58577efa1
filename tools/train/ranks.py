"""Several processes that train one model: each draws batches of its own, gradients are averaged, so the weights stay equal.

One thread a process: two processes of one thread are faster than one of two, whose threads wait for each other at every
operation. The processes meet once a step, over gloo, in one flat buffer.
"""

import subprocess
import sys

import torch
import torch.distributed as dist


class Ranks:
    """What a process knows of the others. With one rank nothing is started and nothing is exchanged."""

    def __init__(self, rank, count, meeting):
        """meeting: a file that all ranks can see; rank 0 starts the others with its own arguments."""
        self.rank, self.count, self.others = rank, count, []
        if count == 1:
            return
        if rank == 0:
            meeting.unlink(missing_ok=True)
            again = [sys.executable, "-m", "tools.train.train", *sys.argv[1:]]
            self.others = [subprocess.Popen([*again, "--rank", str(i)]) for i in range(1, count)]
        dist.init_process_group("gloo", init_method=f"file://{meeting.resolve()}", rank=rank, world_size=count)

    @property
    def first(self):
        return self.rank == 0

    @torch.no_grad()
    def average(self, parameters, used, stop):
        """Averages the gradients in place; returns rank 0's seconds and whether any rank wants to stop."""
        if self.count == 1:
            return used, stop
        grads = [p.grad for p in parameters if p.grad is not None]
        word = grads[0].new_tensor([used if self.first else 0.0, float(stop)])
        flat = torch.cat([word, *(g.flatten() for g in grads)]).cpu()
        dist.all_reduce(flat)
        at = 2
        for g in grads:
            g.copy_(flat[at : at + g.numel()].view_as(g) / self.count)
            at += g.numel()
        return flat[0].item(), flat[1].item() > 0

    def end(self):
        if self.count > 1:
            dist.destroy_process_group()
            for other in self.others:
                other.wait()
