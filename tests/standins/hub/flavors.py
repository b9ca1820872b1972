"""The hardware that jobs run on, and its price."""

from __future__ import annotations

from dataclasses import dataclass

from tests.standins.openai.wire import Json


@dataclass(frozen=True, slots=True)
class Flavor:
    """One kind of machine.

    Attributes:
        price: US dollars an hour.
        gpu: the accelerator's model; empty where there is none.
        count: how many of them.
        vram: gigabytes of each.
    """

    name: str
    price: float
    gpu: str = ""
    count: int = 1
    vram: int = 0
    cpu: str = "2 vCPU"
    ram: str = "16 GB"

    def view(self) -> Json:
        a_minute = self.price / 60
        return {
            "name": self.name,
            "prettyName": self.name.replace("-", " ").title(),
            "cpu": self.cpu,
            "ram": self.ram,
            "ephemeralStorage": "50 GB",
            "accelerator": self._accelerator(),
            "unitCostMicroUSD": round(a_minute * 1e6),
            "unitCostUSD": round(a_minute, 6),
            "unitLabel": "minute",
        }

    def _accelerator(self) -> Json | None:
        if not self.gpu:
            return None
        return {
            "type": "gpu",
            "model": self.gpu,
            "quantity": str(self.count),
            "vram": f"{self.vram * self.count} GB",
            "manufacturer": "Nvidia",
        }


FLAVORS = (
    Flavor("cpu-basic", 0.01),
    Flavor("cpu-upgrade", 0.03, cpu="8 vCPU", ram="32 GB"),
    Flavor("t4-small", 0.40, "T4", 1, 16, "4 vCPU", "15 GB"),
    Flavor("t4-medium", 0.60, "T4", 1, 16, "8 vCPU", "30 GB"),
    Flavor("l4x1", 0.80, "L4", 1, 24, "8 vCPU", "30 GB"),
    Flavor("l4x4", 3.80, "L4", 4, 24, "48 vCPU", "186 GB"),
    Flavor("a10g-small", 1.00, "A10G", 1, 24, "4 vCPU", "15 GB"),
    Flavor("a10g-large", 1.50, "A10G", 1, 24, "12 vCPU", "46 GB"),
    Flavor("a10g-largex2", 3.00, "A10G", 2, 24, "24 vCPU", "92 GB"),
    Flavor("a10g-largex4", 5.00, "A10G", 4, 24, "48 vCPU", "184 GB"),
    Flavor("l40sx1", 1.80, "L40S", 1, 48, "8 vCPU", "62 GB"),
    Flavor("l40sx4", 8.30, "L40S", 4, 48, "48 vCPU", "382 GB"),
    Flavor("l40sx8", 23.50, "L40S", 8, 48, "192 vCPU", "1534 GB"),
    Flavor("a100-large", 2.50, "A100", 1, 80, "12 vCPU", "142 GB"),
    Flavor("a100x4", 10.00, "A100", 4, 80, "48 vCPU", "568 GB"),
    Flavor("a100x8", 20.00, "A100", 8, 80, "96 vCPU", "1136 GB"),
    Flavor("h200", 5.00, "H200", 1, 141, "23 vCPU", "256 GB"),
    Flavor("h200x2", 10.00, "H200", 2, 141, "46 vCPU", "512 GB"),
    Flavor("h200x4", 20.00, "H200", 4, 141, "92 vCPU", "1024 GB"),
    Flavor("h200x8", 40.00, "H200", 8, 141, "184 vCPU", "2048 GB"),
    Flavor("rtx-pro-6000", 2.75, "RTX PRO 6000", 1, 96, "23 vCPU", "256 GB"),
    Flavor("rtx-pro-6000x8", 22.00, "RTX PRO 6000", 8, 96, "184 vCPU", "2048 GB"),
)
